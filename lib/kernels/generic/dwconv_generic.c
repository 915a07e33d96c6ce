/* The specification of depthwise convolution, for float and for double. */
#include "kernels/kernels.h"

#define DSBI_ISA_SUFFIX generic
#include "kernels/template/real_f32.h"
#define DWCONV(op) void FN(op)
#include "kernels/template/dwconv.inc"

#include "kernels/template/real_f64.h"
#include "kernels/template/dwconv.inc"
