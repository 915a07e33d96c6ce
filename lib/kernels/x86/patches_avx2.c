/* The specification of patch pooling once more, for the compiler to vectorise. */
#include "kernels/kernels.h"

#include <math.h>

#define DSBI_ISA_SUFFIX avx2
#include "kernels/template/real_f32.h"
#include "kernels/template/patches.inc"
