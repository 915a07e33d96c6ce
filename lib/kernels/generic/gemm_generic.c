/* Matrix product tiles in plain C, in vectors of 16 bytes, which every machine of
 * 64 bits has;
 * products are rounded before they are added, on every machine. */
#include "kernels/kernels.h"
#include "kernels/template/unroll.h"

#include <string.h>

#define DSBI_ISA_SUFFIX generic
#define ROWS 6
enum { CHAINS = 12 };

typedef float lanes_f32 __attribute__((vector_size(16)));
typedef double lanes_f64 __attribute__((vector_size(16)));

#include "kernels/template/real_f32.h"
#define LANES 4
#define VEC lanes_f32
#define VEC_FN(op) op##_f32
#include "kernels/generic/lanes.inc"
#include "kernels/template/gemm.inc"
#include "kernels/template/winograd_products.inc"
#include "kernels/template/peak.inc"
#undef LANES
#undef VEC
#undef VEC_FN

#include "kernels/template/real_f64.h"
#define LANES 2
#define VEC lanes_f64
#define VEC_FN(op) op##_f64
#include "kernels/generic/lanes.inc"
#include "kernels/template/gemm.inc"
#include "kernels/template/winograd_products.inc"
#include "kernels/template/peak.inc"
