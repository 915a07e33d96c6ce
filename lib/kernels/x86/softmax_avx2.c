/* The specification of softmax and cross-entropy once more, for the compiler to vectorise. */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#define DSBI_ISA_SUFFIX avx2
#include "kernels/template/real_f32.h"
#include "kernels/template/scalar_math.inc"
#include "kernels/template/softmax.inc"
