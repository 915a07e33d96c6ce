/* The specification once more, for the compiler to vectorise: memory-bound, nothing to gain by
 * hand. */
#include "kernels/kernels.h"

#define DSBI_ISA_SUFFIX avx2
#include "kernels/template/real_f32.h"
#include "kernels/template/elementwise.inc"
