/* Convolution in groups. */
#include "kernels/kernels.h"
#include "kernels/x86/vec.h"

#include "kernels/template/real_f32.h"
#include "kernels/x86/groupconv_vec.inc"
