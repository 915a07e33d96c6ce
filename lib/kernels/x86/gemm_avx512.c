/* Matrix product tiles of 14 rows by 32 columns (f64: 16): 28 of 32 registers hold sums. */
#include "kernels/kernels.h"
#include "kernels/x86/vec.h"

#include <string.h>

#define ROWS 14
#include "kernels/x86/gemm_vec.inc"
