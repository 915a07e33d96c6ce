/* GELU and exp. */
#include "kernels/kernels.h"
#include "kernels/x86/math_vec.h"

#include "kernels/template/real_f32.h"
#include "kernels/x86/gelu_vec.inc"
