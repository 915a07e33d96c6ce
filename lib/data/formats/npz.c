/* NumPy's .npz: a zip of .npy arrays, stored or deflated, of which one holds images and one may
 * hold labels. Options images=KEY and labels=KEY name them; otherwise the images are the one u8
 * array of three or more dimensions (of that part, with split=train|test), the labels the one
 * column of integers of the same length. */
#include "data/npy_array.h"
#include "data/zip.h"

#include <stdio.h>
#include <string.h>

static int probe(const dsbi_origin *origin)
{
    bool is_zip = origin->kind == DSBI_ORIGIN_FILES && origin->head_size >= 4 &&
                  memcmp(origin->head, "PK\3\4", 4) == 0;
    return is_zip && dsbi_ends_with(origin->files[0], ".npz") ? 90 : 0;
}

/* A member as bytes of a container: in place if it is stored, unpacked otherwise. */
typedef struct view {
    size_t container;
    uint64_t offset, size;
} view;

static dsb_status open_view(dsbi_arrays *self, const dsbi_zip_member *member, uint64_t max_bytes,
                            view *out)
{
    uint64_t start;
    DSBI_TRY(dsbi_zip_start(&self->files, 0, member, &start));
    *out = (view){0, start, member->size};
    if (member->method == DSBI_ZIP_STORED)
        return DSB_OK;
    if (member->size > max_bytes)
        return dsbi_fail(DSB_E_LIMIT, "%s: unpacks to %llu bytes, above the limit of %llu",
                         member->name, (unsigned long long)member->size,
                         (unsigned long long)max_bytes);
    DSBI_TRY(dsbi_containers_add_packed(&self->files, 0, start, member->packed_size, member->size));
    *out = (view){self->files.n - 1, 0, self->files.items[self->files.n - 1].size_bytes};
    return DSB_OK;
}

/* The array's header, which for a packed member means its first bytes only. */
static dsb_status peek_header(dsbi_arrays *self, const dsbi_zip_member *member,
                              dsbi_npy_header *out)
{
    dsb_runtime *rt = self->files.rt;
    uint8_t *bytes = dsbi_alloc(rt, DSBI_NPY_MAX_HEADER);
    size_t size = DSBI_NPY_MAX_HEADER;
    if (!bytes)
        return DSB_E_NOMEM;
    dsb_status status = dsbi_zip_peek(rt, &self->files, 0, member, bytes, &size);
    if (status == DSB_OK)
        status = dsbi_npy_header_read(out, bytes, size);
    dsbi_free(rt, bytes);
    return status;
}

static bool is_named(const dsbi_zip_member *member, const char *key)
{
    size_t size = strlen(key);
    return strncmp(member->name, key, size) == 0 &&
           (member->name[size] == '\0' || strcmp(member->name + size, ".npy") == 0);
}

static bool is_of_part(const dsbi_zip_member *member, size_t part)
{
    return part == 0 || strstr(member->name, part == 1 ? "train" : "test") != NULL;
}

/* What is looked for: images (n 0), or labels of n images. */
typedef struct wish {
    const char *option;
    uint64_t n;
    size_t part;
} wish;

static bool suits(const dsbi_npy_header *h, const wish *w)
{
    if (w->n == 0)
        return h->kind == 'u' && h->item_bytes == 1 && h->n_dims >= 3 && h->n_dims <= 4;
    return (h->kind == 'u' || h->kind == 'i') && h->shape[0] == w->n &&
           (h->n_dims == 1 || (h->n_dims == 2 && h->shape[1] == 1));
}

/* *out NULL: there is none. Two are a question for the caller. */
static dsb_status find_member(dsbi_listing *listing, dsbi_arrays *self, const dsbi_zip *zip,
                              const wish *w, const dsbi_zip_member **out)
{
    const char *key = dsbi_listing_option(listing, w->option);
    *out = NULL;
    if (key && w->n && strcmp(key, "none") == 0)
        return DSB_OK;
    for (size_t i = 0; i < zip->n; i++) {
        const dsbi_zip_member *member = &zip->members[i];
        dsbi_npy_header h;
        if (key ? !is_named(member, key) : !is_of_part(member, w->part))
            continue;
        dsb_status status = key ? DSB_OK : peek_header(self, member, &h);
        if (status == DSB_E_NOMEM)
            return status;
        if (!key && (status != DSB_OK || !suits(&h, w)))
            continue;
        if (*out)
            return dsbi_fail(DSB_E_INVALID, "%s and %s may both be it: add %s=NAME%s", (*out)->name,
                             member->name, w->option,
                             w->part ? "" : " or split=train or split=test");
        *out = member;
    }
    dsbi_clear_error();
    if (!*out && (key || w->n == 0))
        return dsbi_fail(DSB_E_NOTFOUND,
                         key ? "no array \"%s\" in it" : "no array of u8 images in it%s",
                         key ? key : "");
    return DSB_OK;
}

static dsb_status read_labels(dsbi_listing *listing, dsbi_arrays *self,
                              const dsbi_zip_member *member, uint64_t n, uint32_t **labels)
{
    enum { MAX_LABEL_BYTES = 1 << 30 };
    dsb_runtime *rt = self->files.rt;
    view at;
    DSBI_TRY(open_view(self, member, MAX_LABEL_BYTES, &at));
    if (at.size > MAX_LABEL_BYTES)
        return dsbi_fail(DSB_E_LIMIT, "%s: labels of %llu bytes", member->name,
                         (unsigned long long)at.size);
    *labels = dsbi_alloc_array(rt, n, sizeof **labels);
    uint8_t *bytes = dsbi_alloc(rt, (size_t)at.size);
    dsb_status status = *labels && bytes ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK)
        status =
            dsbi_containers_read(&self->files, at.container, bytes, (size_t)at.size, at.offset);
    if (status == DSB_OK)
        status = dsbi_fail_at(dsbi_labels_from_npy(*labels, n, bytes, (size_t)at.size), "%s",
                              member->name);
    dsbi_free(rt, bytes);
    return status == DSB_OK ? dsbi_listing_classes(listing, dsbi_labels_classes(*labels, n), NULL)
                            : status;
}

static dsb_status open_images(dsbi_listing *listing, dsbi_arrays *self, const dsbi_zip *zip,
                              size_t *part, size_t *container)
{
    static const char *const words[] = {"all", "train", "test", NULL};
    const dsbi_zip_member *member;
    dsbi_array array;
    view at;
    DSBI_TRY(dsbi_listing_choice(listing, part, "split", words));
    DSBI_TRY(find_member(listing, self, zip, &(wish){"images", 0, *part}, &member));
    DSBI_TRY(open_view(self, member, dsbi_listing_opts(listing)->max_unpacked_bytes, &at));
    DSBI_TRY(dsbi_fail_at(
        dsbi_npy_array_read(listing, &array, &self->files, at.container, at.offset, at.size), "%s",
        member->name));
    *container = at.container;
    return dsbi_arrays_add(self, listing, &array);
}

static dsb_status npz_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                           const dsbi_origin *origin)
{
    dsbi_arrays *self;
    dsbi_zip zip = {0};
    uint32_t *labels = NULL;
    const dsbi_zip_member *member;
    size_t part, container;
    DSBI_TRY(dsbi_arrays_create(rt, &self, origin));
    dsb_status status;
    DSBI_GO(dsbi_containers_add(&self->files, origin->where, 1));
    DSBI_GO(dsbi_zip_open(rt, &zip, &self->files, 0));
    DSBI_GO(open_images(listing, self, &zip, &part, &container));
    uint64_t n = self->items[container].n;
    DSBI_GO(n ? find_member(listing, self, &zip, &(wish){"labels", n, part}, &member) : DSB_OK);
    if (n && member)
        DSBI_GO(read_labels(listing, self, member, n, &labels));
    status = dsbi_arrays_list(self, listing, container, "", labels);
done:
    dsbi_zip_free(rt, &zip);
    dsbi_free(rt, labels);
    return dsbi_arrays_opened(rt, state, self, status, origin);
}

const dsbi_format dsbi_format_npz = {
    .name = "npz",
    .help =
        "FILE.npz?images=KEY&labels=KEY&split=train|test&layout=NHWC|NCHW|NHW&classes=FILE  NumPy "
        "arrays in a zip, stored or deflated",
    .probe = probe,
    .open = npz_open,
    .close = dsbi_arrays_close,
    .reopen = dsbi_arrays_reopen,
    .decode = dsbi_arrays_decode,
};
