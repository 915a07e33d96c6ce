/* RandAugment: draw n of 15 operators with replacement, each applied with probability 1/2 at a
 * level drawn from N(9, 0.5) clipped to [0, 10]: the "rand-m9-mstd0.5-inc1" of timm 0.3.2, where
 * for the "inc" operators a higher level is always a stronger change.
 * Cubuk et al. 2020; timm/data/auto_augment.py (LEVEL_TO_ARG, _RAND_INCREASING_TRANSFORMS). */
#include "image/augment/augment.h"

#include <string.h>
#include "image/augment/pil_ops.h"

static const double max_level = 10.0;
static const uint8_t fill_colour[3] = {124, 116, 104}; /* ImageNet's mean colour, rounded */

static double random_sign(dsbi_rng *rng, double value)
{
    return dsbi_rng_uniform(rng) < 0.5 ? -value : value;
}

/* `v` = level / 10 in [0, 1]. Integer arguments truncate as Python's int(). */
static double level_to_argument(dsbi_rng *rng, dsbi_aug_op op, double v)
{
    switch (op) {
    case DSBI_AUG_AUTOCONTRAST:
    case DSBI_AUG_EQUALIZE:
    case DSBI_AUG_INVERT:
    case DSBI_N_AUG_OPS:
        break;
    case DSBI_AUG_ROTATE:
        return random_sign(rng, v * 30.0);
    case DSBI_AUG_POSTERIZE:
        return 4 - (int)(v * 4);
    case DSBI_AUG_SOLARIZE:
        return 256 - (int)(v * 256);
    case DSBI_AUG_SOLARIZE_ADD:
        return (int)(v * 110);
    case DSBI_AUG_COLOR:
    case DSBI_AUG_CONTRAST:
    case DSBI_AUG_BRIGHTNESS:
    case DSBI_AUG_SHARPNESS:
        return 1.0 + random_sign(rng, v * 0.9);
    case DSBI_AUG_SHEAR_X:
    case DSBI_AUG_SHEAR_Y:
        return random_sign(rng, v * 0.3);
    case DSBI_AUG_TRANSLATE_X:
    case DSBI_AUG_TRANSLATE_Y:
        return random_sign(rng, v * 0.45);
    }
    return 0.0;
}

dsbi_aug_step dsbi_augment_draw_op(dsbi_rng *rng, const dsbi_augment *spec)
{
    dsbi_aug_step step = {.op = (dsbi_aug_op)dsbi_rng_below(rng, DSBI_N_AUG_OPS)};
    step.applied = dsbi_rng_uniform(rng) < spec->op_probability;
    double level = spec->magnitude;
    if (spec->magnitude_std > 0.0)
        level += spec->magnitude_std * dsbi_rng_normal(rng);
    level = level < 0.0 ? 0.0 : level > max_level ? max_level : level;
    step.argument = level_to_argument(rng, step.op, level / max_level);
    return step;
}

static void apply_affine(uint8_t *rgb, uint8_t *scratch, uint32_t width, uint32_t height,
                         const double matrix[6])
{
    dsbi_pil_affine(scratch, rgb, width, height, matrix, fill_colour);
    memcpy(rgb, scratch, (size_t)width * height * 3);
}

static void apply_geometric(uint8_t *rgb, uint8_t *scratch, uint32_t width, uint32_t height,
                            dsbi_aug_op op, double argument)
{
    double matrix[6] = {1, 0, 0, 0, 1, 0};
    if (op == DSBI_AUG_ROTATE) {
        if (argument == 0.0)
            return;
        dsbi_pil_rotation(matrix, width, height, argument);
    } else if (op == DSBI_AUG_SHEAR_X)
        matrix[1] = argument;
    else if (op == DSBI_AUG_SHEAR_Y)
        matrix[3] = argument;
    else if (op == DSBI_AUG_TRANSLATE_X)
        matrix[2] = argument * width;
    else
        matrix[5] = argument * height;
    apply_affine(rgb, scratch, width, height, matrix);
}

void dsbi_augment_apply_op(uint8_t *rgb, uint8_t *scratch, uint32_t width, uint32_t height,
                           dsbi_aug_op op, double argument)
{
    size_t n_pixels = (size_t)width * height;
    switch (op) {
    case DSBI_AUG_AUTOCONTRAST:
        dsbi_pil_autocontrast(rgb, n_pixels);
        break;
    case DSBI_AUG_EQUALIZE:
        dsbi_pil_equalize(rgb, n_pixels);
        break;
    case DSBI_AUG_INVERT:
        dsbi_pil_invert(rgb, n_pixels);
        break;
    case DSBI_AUG_POSTERIZE:
        dsbi_pil_posterize(rgb, n_pixels, (uint32_t)argument);
        break;
    case DSBI_AUG_SOLARIZE:
        dsbi_pil_solarize(rgb, n_pixels, (uint32_t)argument);
        break;
    case DSBI_AUG_SOLARIZE_ADD:
        dsbi_pil_solarize_add(rgb, n_pixels, (uint32_t)argument);
        break;
    case DSBI_AUG_COLOR:
        dsbi_pil_color(rgb, n_pixels, argument);
        break;
    case DSBI_AUG_CONTRAST:
        dsbi_pil_contrast(rgb, n_pixels, argument);
        break;
    case DSBI_AUG_BRIGHTNESS:
        dsbi_pil_brightness(rgb, n_pixels, argument);
        break;
    case DSBI_AUG_SHARPNESS:
        dsbi_pil_sharpness(scratch, rgb, width, height, argument);
        memcpy(rgb, scratch, n_pixels * 3);
        break;
    case DSBI_AUG_ROTATE:
    case DSBI_AUG_SHEAR_X:
    case DSBI_AUG_SHEAR_Y:
    case DSBI_AUG_TRANSLATE_X:
    case DSBI_AUG_TRANSLATE_Y:
        apply_geometric(rgb, scratch, width, height, op, argument);
        break;
    case DSBI_N_AUG_OPS:
        break;
    }
}
