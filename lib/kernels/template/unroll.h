/* DSBI_UNROLL in front of a loop with a constant count: its arrays become registers. */
#ifndef DSBI_KERNELS_UNROLL_H
#define DSBI_KERNELS_UNROLL_H

#if defined(__clang__)
#define DSBI_UNROLL _Pragma("clang loop unroll(full)")
#else
#define DSBI_UNROLL _Pragma("GCC unroll 64")
#endif

#endif
