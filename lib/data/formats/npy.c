/* A NumPy array of u8 images: [N,H,W,3], [N,H,W,1] or [N,H,W] (grey), [N,3,H,W] with layout=NCHW;
 * in C order. Labels come from a file of their own, one integer an image. */
#include "data/npy_array.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int probe(const dsbi_origin *origin)
{
    return origin->kind == DSBI_ORIGIN_FILES && origin->n_files == 1 && origin->head_size > 6 &&
                   memcmp(origin->head, "\x93NUMPY", 6) == 0
               ? 100
               : 0;
}

static dsb_status read_labels(dsbi_listing *listing, const dsbi_arrays *self, uint32_t **labels)
{
    char beside[4200];
    const char *file = self->files.items[0].path, *path = dsbi_listing_option(listing, "labels");
    dsbi_labels_beside(beside, sizeof beside, file, "labels", ".npy");
    if (!path && access(beside, R_OK) == 0)
        path = beside;
    if (!path || strcmp(path, "none") == 0)
        return DSB_OK;
    uint64_t n = self->items[0].n;
    DSBI_TRY(dsbi_listing_witness_file(listing, path));
    DSBI_TRY(dsbi_labels_read(dsbi_listing_runtime(listing), labels, n, path));
    dsbi_labels_beside(beside, sizeof beside, file, "classes", ".txt");
    return dsbi_listing_classes_beside(listing, dsbi_labels_classes(*labels, n), beside);
}

static dsb_status npy_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                           const dsbi_origin *origin)
{
    dsbi_arrays *self;
    uint32_t *labels = NULL;
    dsbi_array array;
    DSBI_TRY(dsbi_arrays_create(rt, &self, origin));
    dsb_status status;
    DSBI_GO(dsbi_containers_add(&self->files, origin->where,
                                dsbi_listing_opts(listing)->max_unpacked_bytes));
    DSBI_GO(
        dsbi_npy_array_read(listing, &array, &self->files, 0, 0, self->files.items[0].size_bytes));
    DSBI_GO(dsbi_arrays_add(self, listing, &array));
    DSBI_GO(read_labels(listing, self, &labels));
    status = dsbi_arrays_list(self, listing, 0, "", labels);
done:
    dsbi_free(rt, labels);
    return dsbi_arrays_opened(rt, state, self, status, origin);
}

const dsbi_format dsbi_format_npy = {
    .name = "npy",
    .help =
        "FILE.npy?labels=FILE&layout=NHWC|NCHW|NHW&classes=FILE  an array of u8 images, labels in "
        "a second array or a text",
    .probe = probe,
    .open = npy_open,
    .close = dsbi_arrays_close,
    .reopen = dsbi_arrays_reopen,
    .decode = dsbi_arrays_decode,
};
