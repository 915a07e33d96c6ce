/* The specification of patch pooling, for float and for double. */
#include "kernels/kernels.h"

#include <math.h>

#define DSBI_ISA_SUFFIX generic
#include "kernels/template/real_f32.h"
#include "kernels/template/patches.inc"

#include "kernels/template/real_f64.h"
#include "kernels/template/patches.inc"
