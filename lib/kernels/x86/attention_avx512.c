/* Softmax of attention. */
#include "kernels/kernels.h"
#include "kernels/x86/math_vec.h"

#include <math.h>

#include "kernels/template/real_f32.h"
#include "kernels/x86/attention_vec.inc"
