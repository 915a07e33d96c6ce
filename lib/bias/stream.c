/* See stream.h. */
#include "bias/stream.h"

#include <math.h>
#include "base/file.h"
#include "base/pool.h"
#include "data/feed.h"

typedef struct fill {
    const dsbi_view *view;
    dsbi_feed *feed;
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
    uint32_t size = f->view->size;
    uint64_t k = dsbi_balanced_item(f->view->split, f->part, f->first + task);
    f->labels[task] = dsbi_split_item(f->view->split, f->part, k).label;
    f->items[task] = k;
    dsbi_image image = {.data = f->images + task * size * size * 3};
    return dsbi_feed_get(f->feed, &image, k, NULL);
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
    if (status == DSB_OK)
        status = dsbi_feed_create(rt, &f.feed, view->split, part, view->pixels);
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
    dsbi_feed_free(f.feed);
    dsbi_free(rt, f.images);
    dsbi_free(rt, f.labels);
    dsbi_free(rt, f.items);
    return status;
}
