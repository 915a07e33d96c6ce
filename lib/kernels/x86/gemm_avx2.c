/* Matrix product tiles of 6 rows by 16 columns (f64: 8): 12 of 16 registers hold sums. */
#include "kernels/kernels.h"
#include "kernels/x86/vec.h"

#include <string.h>

#define ROWS 6
#include "kernels/x86/gemm_vec.inc"
