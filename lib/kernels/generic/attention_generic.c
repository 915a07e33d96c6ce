/* The specification of the softmax of attention, for float and for double. */
#include "kernels/kernels.h"

#include <math.h>
#include <string.h>

#define DSBI_ISA_SUFFIX generic
#include "kernels/template/real_f32.h"
#include "kernels/template/scalar_math.inc"
#include "kernels/template/attention.inc"

#include "kernels/template/real_f64.h"
#include "kernels/template/scalar_math.inc"
#include "kernels/template/attention.inc"
