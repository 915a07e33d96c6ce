/* The specification of convolution in groups, for float and for double. */
#include "kernels/kernels.h"

#define DSBI_ISA_SUFFIX generic
#include "kernels/template/real_f32.h"
#define GROUPCONV(op) void FN(op)
#include "kernels/template/groupconv.inc"

#include "kernels/template/real_f64.h"
#include "kernels/template/groupconv.inc"
