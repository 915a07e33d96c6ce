/* Random resized crops straight from the image files: the box is drawn once the header is known, so
 * that with is_fast no more is decoded than the box needs. */
#ifndef DSBI_DATA_CROPS_H
#define DSBI_DATA_CROPS_H

#include "data/dataset.h"
#include "image/augment/augment.h"

typedef struct dsbi_crop_job {
    dsb_runtime *rt;
    const dsbi_augment *augment; /* of window RESIZED_CROP */
    uint64_t seed, sample;       /* all that the random numbers depend on */
    uint8_t *out;                /* [size, size, 3] */
    uint32_t size;
    bool is_fast, is_upright;
    dsbi_scratch *pixels, *resizing;
    dsbi_rng rng;
} dsbi_crop_job;

/* A dsbi_feed_make_fn; `user` is the job. */
dsb_status dsbi_crop_make(void *user, const dsb_dataset *dataset, uint64_t image);

#endif
