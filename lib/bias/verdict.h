/* From the headline's confusion matrix and scores to numbers with intervals and one plain sentence.
 */
#ifndef DSBI_BIAS_VERDICT_H
#define DSBI_BIAS_VERDICT_H

#include "base/runtime.h"

enum { DSBI_N_DIFFERENCES = 3 };

typedef struct dsbi_verdict {
    uint64_t n, correct;
    double accuracy, ci[2], chance, p_value; /* Wilson; exact binomial, one-sided */
    double margin_z, margin_p;               /* both margins fixed */
    double tv, tv_lower; /* N-way total variation: (N A - 1) / (N - 1); for N = 2 it is 2 A - 1 */
    double mutual_bits, mutual_lower; /* log2 N - cross-entropy, and its one-sided 95 % limit */
    double differences[DSBI_N_DIFFERENCES]; /* 0.01, 0.02, 0.05 above chance */
    uint64_t needed[DSBI_N_DIFFERENCES];    /* test images in all for power 0.8 at alpha 0.05 */
    double detectable; /* smallest difference above chance that this test set sees with power 0.8 */
    const char *level; /* "none", "weak", "clear", "strong", "too_small" */
    char sentence[400];
} dsbi_verdict;

/* @param confusion [n_classes, n_classes], rows truth.
 * @param probabilities [n, n_classes] calibrated, of the test images; labels [n]. */
dsb_status dsbi_verdict_make(dsbi_verdict *out, const uint64_t *confusion, size_t n_classes,
                             const float *probabilities, const uint32_t *labels, size_t n);

#endif
