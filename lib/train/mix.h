/* Mixing the images of a batch: mixup (Zhang et al. 2018) and CutMix (Yun et al. 2019) as timm
 * 0.3.2 does in mode "batch": one lambda a batch, the partner of image i is image n - 1 - i.
 * Works on the u8 pixels (mixup rounds to the nearest integer, as timm's FastCollateMixup), so the
 * network normalises mixed and plain images by the same path. */
#ifndef DSBI_TRAIN_MIX_H
#define DSBI_TRAIN_MIX_H

#include <stddef.h>
#include <stdint.h>

typedef struct dsbi_mix_opts {
    double mixup_alpha, cutmix_alpha; /* Beta(alpha, alpha) of lambda; 0 = off */
    double probability;               /* that a batch is mixed at all */
    double switch_probability;        /* CutMix rather than mixup, where both are on */
} dsbi_mix_opts;

/* What happens to one batch. */
typedef struct dsbi_mix {
    uint32_t kind;           /* DSBI_MIX_* */
    uint32_t x0, y0, x1, y1; /* CutMix: box, [x0, x1) x [y0, y1) */
    double lambda;           /* weight of an image's own label; CutMix: 1 - box area / image area */
} dsbi_mix;

enum { DSBI_MIX_NONE, DSBI_MIX_MIXUP, DSBI_MIX_CUTMIX };

/* A function of (seed, step). */
dsbi_mix dsbi_mix_draw(const dsbi_mix_opts *opts, uint64_t seed, uint64_t step, uint32_t width,
                       uint32_t height);

/* An image [height, width, 3] and its partner, in place; the middle one of an odd batch is its own.
 * Mixup: round(lambda a + (1 - lambda) b) in f32. */
void dsbi_mix_pair(const dsbi_mix *mix, uint8_t *a, uint8_t *b, uint32_t width, uint32_t height);

/* target [n_classes] = lambda t(own) + (1 - lambda) t(other), where t is one hot with smoothing:
 * off = smoothing / n_classes, on = 1 - smoothing + off. own, other < n_classes. */
void dsbi_mix_target(const dsbi_mix *mix, float *target, uint32_t own, uint32_t other,
                     size_t n_classes, double smoothing);

#endif
