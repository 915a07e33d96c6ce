/* The specification of batch norm, for float and for double. */
#include "kernels/kernels.h"

#define DSBI_ISA_SUFFIX generic
#include "kernels/template/real_f32.h"
#include "kernels/template/batchnorm.inc"

#include "kernels/template/real_f64.h"
#include "kernels/template/batchnorm.inc"
