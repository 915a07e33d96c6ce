/* See crops.h. */
#include "data/crops.h"

static void choose(void *user, uint32_t width, uint32_t height, dsbi_cut *cut)
{
    dsbi_crop_job *job = user;
    const dsbi_box box = dsbi_augment_draw_box(&job->rng, job->augment, width, height);
    *cut = (dsbi_cut){.x = box.x,
                      .y = box.y,
                      .width = box.width,
                      .height = box.height,
                      .min_width = job->is_fast ? job->size : 0,
                      .min_height = job->is_fast ? job->size : 0,
                      .is_checked = !job->is_fast,
                      .scale = 1};
}

/* Where [from, from + length) of the whole image lies in what was decoded: `low` whole pixels to
 * its hull, which has `n`, and begin..end within the hull. */
static void locate(uint32_t from, uint32_t length, uint32_t scale, uint32_t at, uint32_t in_size,
                   uint32_t *low, uint32_t *n, double *begin, double *end)
{
    const double x0 = (double)from / scale - at;
    double x1 = ((double)from + length) / scale - at;
    x1 = x1 > in_size ? in_size : x1;
    *low = (uint32_t)x0;
    uint32_t high = (uint32_t)x1;
    high += high < x1;
    *n = high - *low;
    *begin = x0 - *low;
    *end = x1 - *low;
}

static dsb_status finish(dsbi_crop_job *job, const dsbi_image *image, const dsbi_cut *cut)
{
    uint32_t x, y, width, height;
    double box[4];
    locate(cut->x, cut->width, cut->scale, cut->at_x, image->width, &x, &width, &box[0], &box[2]);
    locate(cut->y, cut->height, cut->scale, cut->at_y, image->height, &y, &height, &box[1],
           &box[3]);
    const dsbi_region all = dsbi_region_of(image);
    const dsbi_region view = dsbi_region_crop(&all, x, y, width, height);
    return dsbi_augment_finish_box(job->rt, job->out, &view, box, job->size, job->augment,
                                   &job->rng, job->is_fast, job->resizing);
}

dsb_status dsbi_crop_make(void *user, const dsb_dataset *dataset, uint64_t image)
{
    dsbi_crop_job *job = user;
    dsbi_wish wish = {
        .choose = choose, .user = job, .is_upright = job->is_upright, .pixels = job->pixels};
    dsbi_image decoded;
    dsbi_rng_init(&job->rng, job->seed, DSBI_RNG_AUGMENT, job->sample);
    DSBI_TRY(dsbi_dataset_decode_wish(dataset, job->rt, &decoded, image, &wish));
    dsb_status status = finish(job, &decoded, &wish.cut);
    dsbi_image_release(job->rt, &decoded, job->pixels);
    return status;
}
