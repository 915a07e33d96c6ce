/* The kernel table: one member per slot of kernels.def and element type, and of bytes.def, filled
 * for a CPU level.
 *
 *     const dsbi_kernels *kernels = dsbi_kernels_of(rt);
 *     kernels->add_f32(y, a, b, n);
 *
 * Kernels run on the calling thread, allocate nothing and cannot fail. The f32 members have a
 * variant per level, most f64 members are the specification compiled for double: a whole
 * network can run in f64 to check its gradients. */
#ifndef DSBI_KERNELS_KERNELS_H
#define DSBI_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/runtime.h"

#if defined(__x86_64__)
#define DSBI_ARCH_X86_64 1
#else
#define DSBI_ARCH_X86_64 0
#endif

enum { DSBI_GEMM_PAD = 64 };

/* What gemm_add brings into the second-level cache meanwhile: what the next call wants. */
typedef struct dsbi_gemm_next {
    const void *a; /* rows of columns, lda apart; columns 0: none */
    size_t lda, rows, columns;
    const void *b; /* laid out as this one's; NULL: this one again */
} dsbi_gemm_next;

/* A convolution in groups computes so many output channels at a time. Its strips of outputs reach
 * over the end of a line by up to GROUPCONV_STRIP - 1: x has the inputs of those too, and dy zeros.
 */
enum { GROUPCONV_LANES = 16, GROUPCONV_STRIP = 8 };
typedef struct dsbi_group_shape {
    size_t lines, width;  /* of the output */
    size_t group, stride; /* channels of a group; 1 or 2 */
    size_t x_line,
        x_step;    /* elements from a line, from a pixel to the next; step: LANES or group */
    size_t y_step; /* forward: lines are width pixels */
    size_t y_line; /* of dy, whose pixels are LANES elements */
} dsbi_group_shape;

/* Pieces of a convolution by Winograd that lie side by side in a line of pieces. Their 36 values
 * lie as v[point, piece, channel]. Columns under them that do not exist are 0 in x and dy, and left
 * out of y. */
enum { WINO_RUN = 8 };
typedef struct dsbi_wino_run {
    size_t pieces; /* 1 .. WINO_RUN */
    size_t side;   /* outputs of a piece in each direction: 4 or 2, of 3 or 5 taps */
    size_t n;      /* channels */
    size_t point,
        piece;    /* elements of v from one of the 36 to the next, from a piece to the next */
    size_t pixel; /* elements of x or y from a pixel to the next */
    size_t before, there; /* columns that are missing in front (x only), columns that exist */
} dsbi_wino_run;

/* Memory to be brought into the second-level cache meanwhile. */
enum { DSBI_FETCHES = 4 };
typedef struct dsbi_fetch {
    size_t n;
    const char *at[DSBI_FETCHES], *end[DSBI_FETCHES];
} dsbi_fetch;

/* prototypes: dsbi_add_f32_generic, dsbi_add_f32_avx2 ... */
#define VARIANT(op, isa, ISA)
#define VARIANT_F64(op, isa, ISA)

#define real float
#define KERNEL(op, result, params)            \
    typedef result dsbi_##op##_f32_fn params; \
    dsbi_##op##_f32_fn dsbi_##op##_f32_generic;
#include "kernels/kernels.def"
#undef KERNEL
#undef real

#define real double
#define KERNEL(op, result, params)            \
    typedef result dsbi_##op##_f64_fn params; \
    dsbi_##op##_f64_fn dsbi_##op##_f64_generic;
#include "kernels/kernels.def"
#undef KERNEL
#undef real

#undef VARIANT
#undef VARIANT_F64
#define KERNEL(op, result, params)
#define VARIANT(op, isa, ISA) dsbi_##op##_f32_fn dsbi_##op##_f32_##isa;
#define VARIANT_F64(op, isa, ISA) dsbi_##op##_f64_fn dsbi_##op##_f64_##isa;
#include "kernels/kernels.def"
#undef VARIANT_F64
#undef VARIANT
#undef KERNEL

#define KERNEL_U8(op, result, params)        \
    typedef result dsbi_##op##_u8_fn params; \
    dsbi_##op##_u8_fn dsbi_##op##_u8_generic;
#define VARIANT_U8(op, isa, ISA) dsbi_##op##_u8_fn dsbi_##op##_u8_##isa;
#include "kernels/bytes.def"
#undef VARIANT_U8
#undef KERNEL_U8

typedef struct dsbi_kernels {
    uint32_t isa; /* DSB_ISA_*: the level this table is for */
#define VARIANT_U8(op, isa, ISA)
#define KERNEL_U8(op, result, params) dsbi_##op##_u8_fn *op##_u8;
#include "kernels/bytes.def"
#undef KERNEL_U8
#undef VARIANT_U8
#define VARIANT(op, isa, ISA)
#define VARIANT_F64(op, isa, ISA)
#define KERNEL(op, result, params) \
    dsbi_##op##_f32_fn *op##_f32;  \
    dsbi_##op##_f64_fn *op##_f64;  \
    uint32_t op##_isa; /* level of the f32 variant chosen */
#include "kernels/kernels.def"
#undef KERNEL
#undef VARIANT_F64
#undef VARIANT
} dsbi_kernels;

/* The table of a level: immutable, shared, lives forever. A level this build has no kernels for
 * gives the next lower one. */
const dsbi_kernels *dsbi_kernels_for(uint32_t isa);
const dsbi_kernels *dsbi_kernels_of(const dsb_runtime *rt);

#endif
