/* Histograms with bins that never change, so that any two can be laid over each other. */
#ifndef DSBI_DATA_HISTOGRAM_H
#define DSBI_DATA_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum dsbi_histogram_kind {
    DSBI_HISTOGRAM_WIDTH,
    DSBI_HISTOGRAM_HEIGHT,
    DSBI_HISTOGRAM_ASPECT, /* width / height */
    DSBI_HISTOGRAM_BYTES,
    DSBI_HISTOGRAM_QUALITY,
    DSBI_HISTOGRAM_BRIGHTNESS,
    DSBI_HISTOGRAM_CONTRAST,
    DSBI_HISTOGRAM_COLOURFULNESS,
    DSBI_N_HISTOGRAMS
};

enum { DSBI_HISTOGRAM_BINS = 32 };

typedef struct dsbi_histogram {
    uint64_t counts[DSBI_HISTOGRAM_BINS];
} dsbi_histogram;

/* Name in the summary, number of bins, and the bins' edges [n_bins + 1]: bin i holds
 * edges[i] <= x < edges[i + 1], the last one its upper edge too, which may be infinite. */
typedef struct dsbi_histogram_shape {
    const char *name;
    size_t n_bins;
    double edges[DSBI_HISTOGRAM_BINS + 1];
} dsbi_histogram_shape;

extern const dsbi_histogram_shape dsbi_histogram_shapes[DSBI_N_HISTOGRAMS];

/* Values outside of all bins count in the nearest. */
void dsbi_histogram_add(dsbi_histogram *self, enum dsbi_histogram_kind kind, double x);

#endif
