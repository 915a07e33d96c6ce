/* The specification of elementwise kernels and sums, for float and for double. */
#include "kernels/kernels.h"

#define DSBI_ISA_SUFFIX generic
#include "kernels/template/real_f32.h"
#include "kernels/template/elementwise.inc"

#include "kernels/template/real_f64.h"
#include "kernels/template/elementwise.inc"
