/* How the images of a collection are distributed: sizes, shapes, qualities, and of a sample the
 * light and colour of their pixels. Part of the data summary (inventory.c). */
#ifndef DSBI_DATA_SURVEY_H
#define DSBI_DATA_SURVEY_H

#include "base/json_write.h"
#include "data/duplicates.h"
#include "data/histogram.h"

/* Of one image's pixels. */
typedef struct dsbi_light {
    double brightness;    /* mean luma, 0..255 */
    double contrast;      /* standard deviation of the luma */
    double colourfulness; /* Hasler and Suesstrunk 2003, equation for M^(3) */
    double colour[3];     /* means of red, green, blue */
    bool is_grey;         /* red, green and blue are the same everywhere */
} dsbi_light;

void dsbi_light_of(dsbi_light *out, const dsbi_image *image);

typedef struct dsbi_survey {
    dsbi_histogram histograms[DSBI_N_HISTOGRAMS];
    uint64_t n_measured, n_failed, n_grey;
    dsbi_light mean; /* over the images measured */
    dsbi_light deviation;
} dsbi_survey;

typedef struct dsbi_surveys {
    dsbi_survey *items; /* [n] */
    size_t n;
} dsbi_surveys;

dsb_status dsbi_surveys_make(dsb_runtime *rt, dsbi_surveys *out, const dsb_dataset *const *datasets,
                             size_t n, const dsb_survey_opts *opts, dsb_event_fn fn, void *user);
void dsbi_surveys_free(dsb_runtime *rt, dsbi_surveys *surveys);

/* Members "histograms" and, where pixels were measured, "pixels" of collection d. Bins that are
 * empty in all collections are left out at both ends, so that all have the same ones. */
void dsbi_surveys_write(dsbi_json_writer *w, const dsbi_surveys *surveys, size_t d);

#endif
