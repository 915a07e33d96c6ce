/* IDX, the format of MNIST, plain or gzip: 0 0 8 (u8) and the number of dimensions, their lengths
 * as big-endian u32, the bytes. Images are [N,H,W] (grey) or [N,H,W,3]; labels lie in a file of
 * their own. One file of images, or a folder of them. Source: yann.lecun.com/exdb/mnist. */
#include "data/pixel_arrays.h"
#include "data/inflate.h"
#include "data/labels.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { HEAD_BYTES = 20 };

static bool is_image_file(const char *name)
{
    return strstr(name, "images") && strstr(name, "idx");
}

static bool is_test_file(const char *name)
{
    return strstr(name, "test") || strncmp(name, "t10k", 4) == 0;
}

static int probe(const dsbi_origin *origin)
{
    if (origin->kind == DSBI_ORIGIN_FOLDER) {
        for (size_t i = 0; i < origin->n_files; i++)
            if (is_image_file(origin->files[i]))
                return 90;
        return 0;
    }
    if (origin->kind != DSBI_ORIGIN_FILES)
        return 0;
    const uint8_t *head = origin->head;
    if (origin->head_size >= HEAD_BYTES && memcmp(head, "\0\0\x08", 3) == 0 &&
        (head[3] == 3 || head[3] == 4))
        return 80;
    return dsbi_is_gzip(head, origin->head_size) && is_image_file(dsbi_base_name(origin->files[0]))
               ? 90
               : 0;
}

static dsb_status read_head(dsbi_arrays *self, dsbi_array *out, size_t c)
{
    uint64_t size = self->files.items[c].size_bytes, need;
    uint8_t head[HEAD_BYTES] = {0};
    size_t n_head = size < HEAD_BYTES ? (size_t)size : HEAD_BYTES;
    uint32_t dims[4] = {0};
    *out = (dsbi_array){0};
    DSBI_TRY(dsbi_containers_read(&self->files, c, head, n_head, 0));
    if (memcmp(head, "\0\0\x08", 3) != 0 || (head[3] != 3 && head[3] != 4))
        return dsbi_fail(
            DSB_E_FORMAT,
            "idx: begins with %02x %02x %02x %02x; images are 00 00 08 03 or 00 00 08 04", head[0],
            head[1], head[2], head[3]);
    for (size_t d = 0; d < head[3]; d++)
        dims[d] = (uint32_t)head[4 + 4 * d] << 24 | (uint32_t)head[5 + 4 * d] << 16 |
                  (uint32_t)head[6 + 4 * d] << 8 | head[7 + 4 * d];
    char layout[64];
    snprintf(layout, sizeof layout, "Y%uX%uC%u", dims[1], dims[2], head[3] == 3 ? 1 : dims[3]);
    dsb_status status = dsbi_layout_parse(&out->layout, layout);
    if (status != DSB_OK)
        return dsbi_fail(DSB_E_SHAPE, "idx: images of %u x %u x %u", dims[1], dims[2], dims[3]);
    out->n = dims[0];
    out->first = 4 + 4 * (uint64_t)head[3];
    if (__builtin_mul_overflow(out->n, out->layout.record_bytes, &need) || size < out->first ||
        need > size - out->first)
        return dsbi_fail(DSB_E_FORMAT, "idx: %u images of %llu bytes in a file of %llu", dims[0],
                         (unsigned long long)out->layout.record_bytes, (unsigned long long)size);
    return DSB_OK;
}

/* "a-images-idx3-ubyte.gz" -> "a-labels-idx1-ubyte.gz"; false if the words are not there. */
static bool labels_name(char *out, size_t capacity, const char *path)
{
    const char *name = dsbi_base_name(path), *images = strstr(name, "images");
    const char *idx = images ? strstr(images, "idx") : NULL;
    if (!idx || !idx[3])
        return false;
    int size = snprintf(out, capacity, "%.*slabels%.*sidx1%s", (int)(images - path), path,
                        (int)(idx - images - 6), images + 6, idx + 4);
    return size > 0 && (size_t)size < capacity;
}

/* Labels of array c, NULL if there are none: by option, or beside it, packed or not. */
static dsb_status read_labels(dsbi_listing *listing, const dsbi_arrays *self, size_t c,
                              const dsbi_origin *origin, uint32_t **labels)
{
    const char *path = dsbi_listing_option(listing, "labels");
    char name[4200], full[8400] = "";
    if (!path && labels_name(name, sizeof name - 4, self->files.items[c].path)) {
        const char *folder = origin->kind == DSBI_ORIGIN_FOLDER ? origin->where : "";
        snprintf(full, sizeof full, "%s%s%s", folder, *folder ? "/" : "", name);
        size_t size = strlen(full);
        if (access(full, R_OK) != 0 && dsbi_ends_with(full, ".gz"))
            full[size - 3] = '\0';
        else if (access(full, R_OK) != 0)
            memcpy(full + size, ".gz", 4);
        path = access(full, R_OK) == 0 ? full : NULL;
    }
    if (!path || strcmp(path, "none") == 0)
        return DSB_OK;
    DSBI_TRY(dsbi_listing_witness_file(listing, path));
    return dsbi_labels_read(dsbi_listing_runtime(listing), labels, self->items[c].n, path);
}

static dsb_status add_files(dsbi_listing *listing, dsbi_arrays *self, const dsbi_origin *origin)
{
    static const char *const words[] = {"all", "train", "test", NULL};
    size_t part;
    DSBI_TRY(dsbi_listing_choice(listing, &part, "split", words));
    for (size_t i = 0; i < origin->n_files; i++) {
        const char *name = dsbi_base_name(origin->files[i]);
        if (origin->kind == DSBI_ORIGIN_FOLDER && !is_image_file(name))
            continue;
        if (part && is_test_file(name) != (part == 2))
            continue;
        dsbi_array array;
        DSBI_TRY(dsbi_containers_add(&self->files, origin->files[i],
                                     dsbi_listing_opts(listing)->max_unpacked_bytes));
        DSBI_TRY(dsbi_fail_at(read_head(self, &array, self->files.n - 1), "%s", name));
        DSBI_TRY(dsbi_fail_at(dsbi_arrays_add(self, listing, &array), "%s", name));
    }
    if (self->n == 0)
        return dsbi_fail(DSB_E_NOTFOUND, "no IDX file of that part");
    if (self->n > 1 && dsbi_listing_option(listing, "labels"))
        return dsbi_fail(DSB_E_INVALID, "option labels: there are %zu files of images", self->n);
    return DSB_OK;
}

/* All labelled or none. */
static dsb_status read_all_labels(dsbi_listing *listing, const dsbi_arrays *self,
                                  const dsbi_origin *origin, uint32_t **labels)
{
    uint32_t n_classes = 0;
    for (size_t c = 0; c < self->n; c++) {
        DSBI_TRY(read_labels(listing, self, c, origin, &labels[c]));
        if (!labels[c] != !labels[0])
            return dsbi_fail(DSB_E_DATA, "%s has no labels beside it, another file has",
                             self->files.items[labels[0] ? c : 0].path);
        uint32_t n = labels[c] ? dsbi_labels_classes(labels[c], self->items[c].n) : 0;
        n_classes = n > n_classes ? n : n_classes;
    }
    return labels[0] ? dsbi_listing_classes(listing, n_classes, NULL) : DSB_OK;
}

static dsb_status idx_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                           const dsbi_origin *origin)
{
    dsbi_arrays *self;
    uint32_t **labels = NULL;
    DSBI_TRY(dsbi_arrays_create(rt, &self, origin));
    dsb_status status;
    DSBI_GO(add_files(listing, self, origin));
    labels = dsbi_calloc(rt, self->n, sizeof *labels);
    if (!labels) {
        status = DSB_E_NOMEM;
        goto done;
    }
    DSBI_GO(read_all_labels(listing, self, origin, labels));
    for (size_t c = 0; c < self->n; c++)
        DSBI_GO(
            dsbi_arrays_list(self, listing, c, dsbi_containers_name(&self->files, c), labels[c]));
done:
    for (size_t c = 0; labels && c < self->n; c++)
        dsbi_free(rt, labels[c]);
    dsbi_free(rt, labels);
    return dsbi_arrays_opened(rt, state, self, status, origin);
}

const dsbi_format dsbi_format_idx = {
    .name = "idx",
    .help = "FILE or FOLDER?split=train|test&labels=FILE&classes=FILE  IDX images as of MNIST, "
            "plain or "
            "gzip, labels beside them",
    .probe = probe,
    .open = idx_open,
    .close = dsbi_arrays_close,
    .reopen = dsbi_arrays_reopen,
    .decode = dsbi_arrays_decode,
};
