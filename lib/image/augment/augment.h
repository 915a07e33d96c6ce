/* Training augmentation of one prepared image, a function of (seed, sample number) alone: the same
 * sample gets the same crop whatever thread draws it.
 *
 *     dsbi_augment spec;
 *     DSBI_TRY(dsbi_augment_init(&spec, "randaug"));
 *     DSBI_TRY(dsbi_augment_apply(rt, out, &image, 64, &spec, seed, sample, NULL));
 *
 * The image may be larger than the output: more to crop from. Source of "randaug" and "full":
 * timm 0.3.2 transforms_imagenet_train as ConvNeXt calls it (Liu & He 2024, table 9). */
#ifndef DSBI_IMAGE_AUGMENT_H
#define DSBI_IMAGE_AUGMENT_H

#include <stdbool.h>
#include "base/rng.h"
#include "image/resize.h"

/* Where the [size, size] window comes from. */
typedef enum dsbi_window {
    DSBI_WINDOW_CENTRE, /* centre crop; images with a side below `size` are resized (squashed) */
    DSBI_WINDOW_RESIZED_CROP, /* random box, resized to the window */
    DSBI_WINDOW_SHIFT, /* centre crop moved by up to shift_px, borders reflected: no resize */
    DSBI_WINDOW_PAD,   /* anywhere in the image with shift_px zeros around: no resize */
} dsbi_window;

typedef struct dsbi_augment {
    dsbi_window window;
    double scale_min, scale_max;     /* RESIZED_CROP: area of the box / area of the image */
    double ratio_min, ratio_max;     /* RESIZED_CROP: width / height, drawn log-uniform */
    uint32_t shift_px;               /* SHIFT: largest move in each direction; PAD: zeros */
    dsbi_filter filter;              /* RESIZED_CROP and CENTRE: resampling */
    double flip_probability;         /* mirror left and right */
    uint32_t n_ops;                  /* RandAugment: operators drawn per image, 0 = off */
    double op_probability;           /* chance that a drawn operator is applied */
    double magnitude, magnitude_std; /* level ~ N(magnitude, std), clipped to [0, 10] */
} dsbi_augment;

/* Fills `spec` for a named policy: "none" (centre window), "shift" (window moved by up to 4 px,
 * flip 0.5), "pad" (window of the image padded with 4 px of zeros, flip 0.5: the usual one of
 * CIFAR, He et al. 2016, section 4.2), "crop" (area 0.08..1, aspect 3/4..4/3, bicubic, flip 0.5),
 * "randaug" (crop + RandAugment rand-m9-mstd0.5-inc1), "full" (the same; mixing images is the
 * trainer's part).
 * @return DSB_OK, DSB_E_NOTFOUND. */
dsb_status dsbi_augment_init(dsbi_augment *spec, const char *policy);

/* Whether anything is done to an image that has the size of the output. */
bool dsbi_augment_is_active(const dsbi_augment *spec);

/* out [size, size, 3]. `in` has 3 channels and is not changed. scratch may be NULL.
 * @return DSB_OK, DSB_E_INVALID (spec or image out of range), DSB_E_NOMEM. */
dsb_status dsbi_augment_apply(dsb_runtime *rt, uint8_t *out, const dsbi_image *in, uint32_t size,
                              const dsbi_augment *spec, uint64_t seed, uint64_t sample,
                              dsbi_scratch *scratch);

/* ---- the parts ---- */

/* What follows once the box of a random resized crop is drawn: `box` of `in` (NULL: all) is
 * resized, mirrored and changed by operators. The random numbers that are drawn are those after
 * dsbi_augment_draw_box. is_quick: with a box and a scratch, enlarge.h where it can. */
dsb_status dsbi_augment_finish_box(dsb_runtime *rt, uint8_t *out, const dsbi_region *in,
                                   const double box[4], uint32_t size, const dsbi_augment *spec,
                                   dsbi_rng *rng, bool is_quick, dsbi_scratch *scratch);

typedef struct dsbi_box {
    uint32_t x, y, width, height;
} dsbi_box;

/* Box of a random resized crop in a width x height image: 10 tries, then the centre box with the
 * aspect clamped to the range. */
dsbi_box dsbi_augment_draw_box(dsbi_rng *rng, const dsbi_augment *spec, uint32_t width,
                               uint32_t height);

/* out [size, size, 3] = the window of `in` whose corner is at (left, top), which may lie outside:
 * reflected without repeating the border (period 2 (n - 1)). */
void dsbi_augment_reflect_crop(uint8_t *out, const dsbi_image *in, uint32_t size, int64_t left,
                               int64_t top);

/* Likewise with zeros outside of `in`. */
void dsbi_augment_zero_crop(uint8_t *out, const dsbi_image *in, uint32_t size, int64_t left,
                            int64_t top);

/* RandAugment's operators, in timm's order of rand "inc". */
typedef enum dsbi_aug_op {
    DSBI_AUG_AUTOCONTRAST,
    DSBI_AUG_EQUALIZE,
    DSBI_AUG_INVERT,
    DSBI_AUG_ROTATE,       /* argument: degrees, counter-clockwise */
    DSBI_AUG_POSTERIZE,    /* bits kept */
    DSBI_AUG_SOLARIZE,     /* threshold, values at or above are inverted */
    DSBI_AUG_SOLARIZE_ADD, /* added to values below 128 */
    DSBI_AUG_COLOR,        /* enhancement factors, 1 = unchanged */
    DSBI_AUG_CONTRAST,
    DSBI_AUG_BRIGHTNESS,
    DSBI_AUG_SHARPNESS,
    DSBI_AUG_SHEAR_X, /* pixels per pixel */
    DSBI_AUG_SHEAR_Y,
    DSBI_AUG_TRANSLATE_X, /* fraction of the side */
    DSBI_AUG_TRANSLATE_Y,
    DSBI_N_AUG_OPS
} dsbi_aug_op;

typedef struct dsbi_aug_step {
    dsbi_aug_op op;
    bool applied;
    double argument; /* as the operator takes it: see dsbi_aug_op; 0 where it takes none */
} dsbi_aug_step;

/* Draws one of RandAugment's operators with its argument. */
dsbi_aug_step dsbi_augment_draw_op(dsbi_rng *rng, const dsbi_augment *spec);

/* Applies one operator to `rgb` [height, width, 3]; `scratch` has the same size. */
void dsbi_augment_apply_op(uint8_t *rgb, uint8_t *scratch, uint32_t width, uint32_t height,
                           dsbi_aug_op op, double argument);

#endif
