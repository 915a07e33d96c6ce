/* Matrix product tiles of 14 rows by 32 columns (f64: 16): 28 of 32 registers hold sums. */
#include "kernels/kernels.h"
#include "kernels/x86/vec.h"

#define ROWS 14
#define TILE_CASES                                                                                 \
    TILE_CASE(14)                                                                                  \
    TILE_CASE(13) TILE_CASE(12) TILE_CASE(11) TILE_CASE(10) TILE_CASE(9) TILE_CASE(8) TILE_CASE(7) \
        TILE_CASE(6) TILE_CASE(5) TILE_CASE(4) TILE_CASE(3) TILE_CASE(2) TILE_CASE(1)
#include "kernels/x86/gemm_vec.inc"
