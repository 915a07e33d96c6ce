/* See augment.h: window, flip, RandAugment, in this order. */
#include "image/augment/augment.h"

#include <math.h>
#include <string.h>
#include "base/memory.h"
#include "base/runtime.h"
#include "image/enlarge.h"

enum { SHIFT_PX = 4 }; /* the usual pad of 4 at 32 px; no resampling traces */

dsb_status dsbi_augment_init(dsbi_augment *spec, const char *policy)
{
    *spec = (dsbi_augment){
        .window = DSBI_WINDOW_CENTRE,
        .scale_min = 0.08,
        .scale_max = 1.0,
        .ratio_min = 3.0 / 4.0,
        .ratio_max = 4.0 / 3.0,
        .filter = DSBI_RESIZE_BICUBIC,
        .op_probability = 0.5,
        .magnitude = 9.0,
        .magnitude_std = 0.5,
    };
    if (strcmp(policy, "none") == 0)
        return DSB_OK;
    spec->flip_probability = 0.5;
    if (strcmp(policy, "shift") == 0) {
        spec->window = DSBI_WINDOW_SHIFT;
        spec->shift_px = SHIFT_PX;
        return DSB_OK;
    }
    if (strcmp(policy, "pad") == 0) {
        spec->window = DSBI_WINDOW_PAD;
        spec->shift_px = SHIFT_PX;
        return DSB_OK;
    }
    spec->window = DSBI_WINDOW_RESIZED_CROP;
    if (strcmp(policy, "crop") == 0)
        return DSB_OK;
    spec->n_ops = 2;
    if (strcmp(policy, "randaug") == 0 || strcmp(policy, "full") == 0)
        return DSB_OK;
    return dsbi_fail(DSB_E_NOTFOUND,
                     "no augmentation \"%s\"; there are none, shift, pad, crop, randaug, full",
                     policy);
}

bool dsbi_augment_is_active(const dsbi_augment *spec)
{
    return spec->window != DSBI_WINDOW_CENTRE || spec->flip_probability > 0.0 || spec->n_ops > 0;
}

static dsb_status check(const dsbi_image *in, uint32_t size, const dsbi_augment *s)
{
    if (in->channels != 3 || in->width == 0 || in->height == 0 || size == 0)
        return dsbi_fail(DSB_E_INVALID, "augment: image %u x %u x %u, output %u", in->width,
                         in->height, in->channels, size);
    if (!(s->scale_min > 0.0 && s->scale_min <= s->scale_max && s->scale_max <= 1.0))
        return dsbi_fail(DSB_E_INVALID, "augment: area range %g..%g is not within (0, 1]",
                         s->scale_min, s->scale_max);
    if (!(s->ratio_min > 0.0 && s->ratio_min <= s->ratio_max && isfinite(s->ratio_max)))
        return dsbi_fail(DSB_E_INVALID, "augment: aspect range %g..%g", s->ratio_min, s->ratio_max);
    if (!(s->flip_probability >= 0.0 && s->flip_probability <= 1.0) ||
        !(s->op_probability >= 0.0 && s->op_probability <= 1.0))
        return dsbi_fail(DSB_E_INVALID, "augment: probabilities %g, %g", s->flip_probability,
                         s->op_probability);
    if (!(s->magnitude >= 0.0 && s->magnitude <= 10.0 && s->magnitude_std >= 0.0))
        return dsbi_fail(DSB_E_INVALID, "augment: magnitude %g +- %g is not in 0..10", s->magnitude,
                         s->magnitude_std);
    return DSB_OK;
}

static dsb_status resize_to(dsb_runtime *rt, uint8_t *out, const dsbi_image *in, uint32_t size,
                            dsbi_filter filter)
{
    size_t bytes = (size_t)size * size * 3;
    if (in->width == size && in->height == size) {
        memcpy(out, in->data, bytes);
        return DSB_OK;
    }
    dsbi_image resized;
    DSBI_TRY(dsbi_image_resize(rt, &resized, in, size, size, NULL, filter));
    memcpy(out, resized.data, bytes);
    dsbi_image_free(rt, &resized);
    return DSB_OK;
}

/* torchvision's RandomCrop(size, padding): left and top uniform over all places. */
static void padded_crop(uint8_t *out, const dsbi_image *in, uint32_t size, const dsbi_augment *spec,
                        dsbi_rng *rng)
{
    int64_t pad = spec->shift_px;
    uint64_t rows = (uint64_t)(in->height - size + 2 * pad + 1);
    uint64_t columns = (uint64_t)(in->width - size + 2 * pad + 1);
    int64_t top = (int64_t)dsbi_rng_below(rng, rows) - pad;
    int64_t left = (int64_t)dsbi_rng_below(rng, columns) - pad;
    dsbi_augment_zero_crop(out, in, size, left, top);
}

static dsb_status take_window(dsb_runtime *rt, uint8_t *out, const dsbi_image *in, uint32_t size,
                              const dsbi_augment *spec, dsbi_rng *rng)
{
    if (in->width < size || in->height < size) {
        if (spec->window != DSBI_WINDOW_CENTRE)
            return dsbi_fail(DSB_E_INVALID, "augment: image %u x %u is smaller than %u", in->width,
                             in->height, size);
        return resize_to(rt, out, in, size, spec->filter);
    }
    if (spec->window == DSBI_WINDOW_PAD) {
        padded_crop(out, in, size, spec, rng);
        return DSB_OK;
    }
    int64_t left = (in->width - size) / 2, top = (in->height - size) / 2;
    if (spec->window == DSBI_WINDOW_SHIFT) {
        uint64_t span = 2 * (uint64_t)spec->shift_px + 1;
        top += (int64_t)dsbi_rng_below(rng, span) - spec->shift_px;
        left += (int64_t)dsbi_rng_below(rng, span) - spec->shift_px;
    }
    dsbi_augment_reflect_crop(out, in, size, left, top);
    return DSB_OK;
}

static dsb_status rand_augment(dsb_runtime *rt, uint8_t *out, uint32_t size,
                               const dsbi_augment *spec, dsbi_rng *rng)
{
    uint8_t *scratch = NULL;
    for (uint32_t i = 0; i < spec->n_ops; i++) {
        dsbi_aug_step step = dsbi_augment_draw_op(rng, spec);
        if (!step.applied)
            continue;
        if (!scratch && !(scratch = dsbi_alloc(rt, (size_t)size * size * 3)))
            return DSB_E_NOMEM;
        dsbi_augment_apply_op(out, scratch, size, size, step.op, step.argument);
    }
    dsbi_free(rt, scratch);
    return DSB_OK;
}

static bool draw_flip(dsbi_rng *rng, const dsbi_augment *spec)
{
    return spec->flip_probability > 0.0 && dsbi_rng_uniform(rng) < spec->flip_probability;
}

dsb_status dsbi_augment_finish_box(dsb_runtime *rt, uint8_t *out, const dsbi_region *in,
                                   const double box[4], uint32_t size, const dsbi_augment *spec,
                                   dsbi_rng *rng, bool is_quick, dsbi_scratch *scratch)
{
    const dsbi_resize_window all = {size, size, 0, 0, size, size, draw_flip(rng, spec)};
    if (is_quick && spec->filter == DSBI_RESIZE_BILINEAR && dsbi_region_can_stretch(in, &all, box))
        DSBI_TRY(dsbi_region_stretch(rt, out, in, &all, box, scratch));
    else
        DSBI_TRY(dsbi_region_resize(rt, out, in, &all, box, spec->filter, scratch));
    return rand_augment(rt, out, size, spec, rng);
}

dsb_status dsbi_augment_apply(dsb_runtime *rt, uint8_t *out, const dsbi_image *in, uint32_t size,
                              const dsbi_augment *spec, uint64_t seed, uint64_t sample,
                              dsbi_scratch *scratch)
{
    DSBI_TRY(check(in, size, spec));
    dsbi_rng rng;
    dsbi_rng_init(&rng, seed, DSBI_RNG_AUGMENT, sample);
    if (spec->window == DSBI_WINDOW_RESIZED_CROP) { /* cut out first: nothing outside the box is
                                                       mixed in, as in torchvision */
        dsbi_box box = dsbi_augment_draw_box(&rng, spec, in->width, in->height);
        dsbi_region all = dsbi_region_of(in);
        dsbi_region cut = dsbi_region_crop(&all, box.x, box.y, box.width, box.height);
        return dsbi_augment_finish_box(rt, out, &cut, NULL, size, spec, &rng, false, scratch);
    }
    DSBI_TRY(take_window(rt, out, in, size, spec, &rng));
    if (draw_flip(&rng, spec))
        dsbi_image_flip_horizontal(&(dsbi_image){out, size, size, 3});
    return rand_augment(rt, out, size, spec, &rng);
}
