/* A NumPy array of u8 images: [N,H,W,3], [N,H,W,1] or [N,H,W] (grey), [N,3,H,W] with layout=NCHW;
 * in C order. Labels come from a file of their own, one integer an image. */
#include "base/npy_header.h"
#include "data/containers.h"
#include "data/labels.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { MAX_SIDE = 65535 };

typedef struct array {
    dsbi_containers files;
    uint64_t n, offset; /* images, byte of the first */
    uint32_t width, height, channels;
    bool is_planar;
} array;

static int probe(const dsbi_origin *origin)
{
    return origin->kind == DSBI_ORIGIN_FILES && origin->head_size > 6 &&
                   memcmp(origin->head, "\x93NUMPY", 6) == 0
               ? 100
               : 0;
}

/* ---- shape ---- */

static dsb_status shape_fails(const dsbi_npy_header *h, const char *why)
{
    char shape[200] = "";
    for (size_t d = 0; d < h->n_dims; d++) {
        size_t used = strlen(shape);
        snprintf(shape + used, sizeof shape - used, "%s%zu", d ? "," : "", h->shape[d]);
    }
    return dsbi_fail(DSB_E_SHAPE,
                     "an array of [%s]%s; images are [N,H,W,3], [N,H,W,1], [N,H,W], or "
                     "[N,3,H,W] with ?layout=NCHW",
                     shape, why);
}

static dsb_status take_shape(array *self, const dsbi_npy_header *h, bool is_planar)
{
    if (h->n_dims != 4 && (h->n_dims != 3 || is_planar))
        return shape_fails(h, "");
    size_t at = is_planar ? 2 : 1, channels = h->n_dims == 3 ? 1 : h->shape[is_planar ? 1 : 3];
    if (channels != 1 && channels != 3)
        return shape_fails(h, " has no dimension of 1 or 3 channels where they are looked for");
    if (h->shape[at] < 1 || h->shape[at] > MAX_SIDE || h->shape[at + 1] < 1 ||
        h->shape[at + 1] > MAX_SIDE)
        return shape_fails(h, " has sides beyond 1 to 65535");
    self->n = h->shape[0];
    self->height = (uint32_t)h->shape[at];
    self->width = (uint32_t)h->shape[at + 1];
    self->channels = (uint32_t)channels;
    self->is_planar = is_planar;
    return DSB_OK;
}

static dsb_status read_shape(dsbi_listing *listing, array *self)
{
    static const char *const words[] = {"NHWC", "NCHW", "NHW", NULL};
    dsb_runtime *rt = dsbi_listing_runtime(listing);
    uint64_t file_bytes = self->files.items[0].size_bytes;
    size_t head = file_bytes < DSBI_NPY_MAX_HEADER ? (size_t)file_bytes : DSBI_NPY_MAX_HEADER;
    size_t layout;
    DSBI_TRY(dsbi_listing_choice(listing, &layout, "layout", words));
    uint8_t *bytes = dsbi_alloc(rt, head);
    if (!bytes)
        return DSB_E_NOMEM;
    dsbi_npy_header h;
    dsb_status status;
    DSBI_GO(dsbi_containers_read(&self->files, 0, bytes, head, 0));
    DSBI_GO(dsbi_npy_header_read(&h, bytes, head));
    if (h.kind != 'u' || h.item_bytes != 1)
        DSBI_GO(dsbi_fail(DSB_E_DTYPE, "npy: elements of type '%c%zu'; images are u8", h.kind,
                          h.item_bytes));
    if (h.fortran)
        DSBI_GO(dsbi_fail(DSB_E_UNSUPPORTED, "npy: Fortran order; images are in C order"));
    if (!dsbi_npy_fits(&h, file_bytes))
        DSBI_GO(dsbi_fail(DSB_E_FORMAT, "npy: the file of %llu bytes ends before its array",
                          (unsigned long long)file_bytes));
    DSBI_GO(take_shape(self, &h, layout == 1));
    self->offset = h.offset;
    uint64_t image = (uint64_t)self->width * self->height * self->channels;
    uint64_t limit = dsbi_listing_opts(listing)->max_file_bytes;
    if (image > limit)
        status = dsbi_fail(DSB_E_LIMIT, "images of %llu bytes, above the limit of %llu",
                           (unsigned long long)image, (unsigned long long)limit);
done:
    dsbi_free(rt, bytes);
    return status;
}

/* ---- labels ---- */

/* "x_data.npy", "x_images.npy" -> "x_labels.npy" beside it, if there is such a file. */
static bool labels_beside(char *out, size_t capacity, const char *path)
{
    static const char *const words[] = {"images", "data"};
    const char *name = dsbi_base_name(path);
    for (size_t w = 0; w < 2; w++) {
        const char *found = strstr(name, words[w]);
        if (!found)
            continue;
        int size = snprintf(out, capacity, "%.*slabels%s", (int)(found - path), path,
                            found + strlen(words[w]));
        if (size > 0 && (size_t)size < capacity && access(out, R_OK) == 0)
            return true;
    }
    return false;
}

static dsb_status read_labels(dsbi_listing *listing, const array *self, uint32_t **labels)
{
    char beside[4200];
    const char *path = dsbi_listing_option(listing, "labels");
    *labels = NULL;
    if (!path && labels_beside(beside, sizeof beside, self->files.items[0].path))
        path = beside;
    if (!path || strcmp(path, "none") == 0)
        return DSB_OK;
    DSBI_TRY(dsbi_labels_read(dsbi_listing_runtime(listing), labels, self->n, path));
    dsb_status status = dsbi_listing_classes(listing, dsbi_labels_classes(*labels, self->n), NULL);
    if (status != DSB_OK) {
        dsbi_free(dsbi_listing_runtime(listing), *labels);
        *labels = NULL;
    }
    return status;
}

static dsb_status list_all(dsbi_listing *listing, const array *self, const uint32_t *labels)
{
    uint64_t size = (uint64_t)self->width * self->height * self->channels;
    for (uint64_t i = 0; i < self->n; i++) {
        char path[32];
        snprintf(path, sizeof path, "%06llu", (unsigned long long)i);
        DSBI_TRY(dsbi_listing_add(listing, &(dsbi_member){.path = path,
                                                          .locator = self->offset + i * size,
                                                          .size_bytes = size,
                                                          .class_id = labels ? labels[i] : 0}));
    }
    return DSB_OK;
}

static void npy_close(dsb_runtime *rt, void *state)
{
    array *self = state;
    dsbi_containers_close(&self->files);
    dsbi_free(rt, self);
}

static dsb_status npy_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                           const dsbi_origin *origin)
{
    array *self = dsbi_calloc(rt, 1, sizeof *self);
    if (!self)
        return DSB_E_NOMEM;
    uint32_t *labels = NULL;
    dsb_status status;
    DSBI_GO(dsbi_containers_init(&self->files, rt, origin));
    DSBI_GO(dsbi_containers_add(&self->files, origin->where));
    DSBI_GO(read_shape(listing, self));
    DSBI_GO(read_labels(listing, self, &labels));
    status = list_all(listing, self, labels);
done:
    dsbi_free(rt, labels);
    if (status == DSB_OK) {
        *state = self;
        return DSB_OK;
    }
    npy_close(rt, self);
    return dsbi_fail_at(status, "%s", origin->where);
}

/* ---- pixels ---- */

static void spread(dsbi_image *out, const uint8_t *in, const array *self)
{
    size_t n = (size_t)self->width * self->height;
    size_t step = self->is_planar || self->channels == 1 ? 1 : 3;
    size_t plane = self->channels == 1 ? 0 : self->is_planar ? n : 1;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++)
            out->data[3 * i + c] = in[i * step + c * plane];
}

static dsb_status npy_decode(void *state, dsb_runtime *rt, dsbi_image *out, dsb_image_info *info,
                             const dsbi_member *member)
{
    array *self = state;
    bool is_direct = self->channels == 3 && !self->is_planar;
    DSBI_TRY(dsbi_image_alloc(rt, out, self->width, self->height, 3));
    size_t size = (size_t)self->width * self->height * self->channels;
    uint8_t *bytes = is_direct ? out->data : dsbi_alloc(rt, size);
    dsb_status status = bytes ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK)
        status = dsbi_containers_read(&self->files, 0, bytes, size, member->locator);
    if (status == DSB_OK && !is_direct)
        spread(out, bytes, self);
    if (!is_direct)
        dsbi_free(rt, bytes);
    if (status != DSB_OK)
        dsbi_image_free(rt, out);
    info->format = DSB_FORMAT_PIXELS;
    info->channels = self->channels;
    info->bit_depth = 8;
    info->colour = self->channels == 3 ? DSB_COLOUR_RGB : DSB_COLOUR_GREY;
    return status;
}

const dsbi_format dsbi_format_npy = {
    .name = "npy",
    .help =
        "FILE.npy?labels=FILE&layout=NHWC|NCHW|NHW&classes=FILE  an array of u8 images, labels in "
        "a second array or a text",
    .probe = probe,
    .open = npy_open,
    .close = npy_close,
    .decode = npy_decode,
};
