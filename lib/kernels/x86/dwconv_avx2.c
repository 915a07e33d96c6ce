/* Depthwise convolution; kernel sizes without a loop of their own take the specification. */
#include "kernels/kernels.h"
#include "kernels/x86/vec.h"

#include "kernels/template/real_f32.h"
#define DWCONV(op) static void FN(op##_any)
#include "kernels/template/dwconv.inc"
#include "kernels/x86/dwconv_vec.inc"
