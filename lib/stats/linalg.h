/* Small dense systems in double: for a few hundred unknowns, not for networks. Row-major. */
#ifndef DSBI_STATS_LINALG_H
#define DSBI_STATS_LINALG_H

#include <stddef.h>
#include "base/status.h"

/* Solves a x = b in place (a is destroyed, b becomes x), Gaussian elimination with partial
 * pivoting. DSB_E_NUMERIC if a is singular to working precision. */
dsb_status dsbi_solve(double *a, double *b, size_t n);
/* Singular values of a [n, n], descending; a is destroyed. One-sided Jacobi (Hestenes 1958). */
void dsbi_singular_values(double *value, double *a, size_t n);
/* Eigenvalues (any order) of a symmetric a [n, n], destroyed, and its eigenvectors as columns of
 * `vector` (NULL: not wanted). Cyclic Jacobi. */
void dsbi_symmetric_eigen(double *value, double *vector, double *a, size_t n);

#endif
