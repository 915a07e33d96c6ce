/* What near duplicates are found by: a 64-bit perceptual hash and a small picture of each image.
 *
 * The image is reduced to 32 x 32 grey pixels, antialiased and without its aspect ratio. The hash
 * is a bit for each of the 64 lowest frequencies of its cosine transform but the mean: whether it
 * lies above their median (Zauner 2010, "pHash"). The small picture is 16 x 16, its mean taken away
 * and its length made 1, in steps of 1/127 of its largest value: the distance of two is 1 -
 * correlation, which neither brightness nor contrast changes. */
#ifndef DSBI_DATA_NEAR_HASH_H
#define DSBI_DATA_NEAR_HASH_H

#include "image/image.h"

enum { DSBI_NEAR_SIDE = 16, DSBI_NEAR_PIXELS = DSBI_NEAR_SIDE * DSBI_NEAR_SIDE };

typedef struct dsbi_near_print {
    uint64_t hash;
    float scale;                     /* 1 / length of `pixels`; 0: one colour only */
    uint32_t mean;                   /* grey level of the whole, 0..255 */
    int8_t pixels[DSBI_NEAR_PIXELS]; /* centred */
} dsbi_near_print;

dsb_status dsbi_near_print_of(dsb_runtime *rt, dsbi_near_print *out, const dsbi_image *image);

/* 1 - correlation, 0..2. Two of one colour: 0 if their levels differ by 2 at most, else 2. */
float dsbi_near_distance(const dsbi_near_print *a, const dsbi_near_print *b);

#endif
