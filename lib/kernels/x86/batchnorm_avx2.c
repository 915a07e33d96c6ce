/* The specification of batch norm once more, for the compiler to vectorise. */
#include "kernels/kernels.h"

#define DSBI_ISA_SUFFIX avx2
#include "kernels/template/real_f32.h"
#include "kernels/template/batchnorm.inc"
