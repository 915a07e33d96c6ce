/* See stream.h. */
#include "bias/stream.h"

#include <math.h>
#include "base/file.h"
#include "base/pool.h"
#include "image/image.h"

typedef struct fill {
    const dsbi_view *view;
    uint32_t part;
    uint64_t first;
    uint8_t *images;
    uint32_t *labels;
    uint64_t *items;
} fill;

static dsb_status fill_one(void *user, size_t task, size_t worker)
{
    const fill *f = user;
    (void)worker;
    dsb_runtime *rt = f->view->rt;
    uint32_t size = f->view->size;
    uint64_t k = dsbi_balanced_item(f->view->split, f->part, f->first + task);
    dsbi_item item = dsbi_split_item(f->view->split, f->part, k);
    f->labels[task] = item.label;
    f->items[task] = k;
    dsbi_image image = {0};
    DSBI_TRY(dsbi_dataset_decode(item.dataset, rt, &image, item.image));
    dsb_status status = dsbi_image_prepare(rt, f->images + task * size * size * 3, &image, size,
                                           DSBI_PREPARE_CENTRE_CROP, DSBI_RESIZE_BICUBIC);
    dsbi_image_free(rt, &image);
    return status;
}

dsb_status dsbi_blocks_run(const dsbi_view *view, const char *stage, uint32_t part, uint64_t most,
                           dsbi_block_fn fn, void *user)
{
    dsb_runtime *rt = view->rt;
    uint64_t size = dsb_split_size(view->split, part), total = size < most ? size : most;
    size_t image_bytes = (size_t)view->size * view->size * 3;
    double start = dsbi_now();
    fill f = {.view = view, .part = part};
    f.images = dsbi_alloc_array(rt, DSBI_BLOCK_IMAGES, image_bytes);
    f.labels = dsbi_alloc_array(rt, DSBI_BLOCK_IMAGES, sizeof *f.labels);
    f.items = dsbi_alloc_array(rt, DSBI_BLOCK_IMAGES, sizeof *f.items);
    dsb_status status = f.images && f.labels && f.items ? DSB_OK : DSB_E_NOMEM;
    while (status == DSB_OK && f.first < total) {
        uint64_t left = total - f.first;
        size_t n = left < DSBI_BLOCK_IMAGES ? (size_t)left : DSBI_BLOCK_IMAGES;
        dsbi_block block = {f.images, f.labels, f.items, f.first, n};
        DSBI_GO(dsbi_parallel(rt, n, fill_one, &f));
        DSBI_GO(fn(user, &block));
        f.first += n;
        DSBI_GO(dsbi_view_event(view, stage, f.first, total, dsbi_now() - start, NAN, ""));
    }
done:
    dsbi_free(rt, f.images);
    dsbi_free(rt, f.labels);
    dsbi_free(rt, f.items);
    return status;
}
