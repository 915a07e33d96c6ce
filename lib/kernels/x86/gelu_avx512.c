/* The specification of GELU and exp once more, for the compiler to vectorise. */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#define DSBI_ISA_SUFFIX avx512
#include "kernels/template/real_f32.h"
#include "kernels/template/scalar_math.inc"
#include "kernels/template/gelu.inc"
