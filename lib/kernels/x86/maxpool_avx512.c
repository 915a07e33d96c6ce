/* The specification of max pooling once more, for the compiler to vectorise. */
#include "kernels/kernels.h"

#include <string.h>

#define DSBI_ISA_SUFFIX avx512
#include "kernels/template/real_f32.h"
#include "kernels/template/maxpool.inc"
