/* Records of equal size without any header that says so (STL-10, Tiny Images): the caller states
 * the layout. Several files, by pattern, are read one behind the other. */
#include "data/pixel_arrays.h"
#include "data/labels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int probe(const dsbi_origin *origin)
{
    (void)origin;
    return 0; /* format=raw asks for it */
}

static dsb_status read_header_bytes(dsbi_listing *listing, uint64_t *out)
{
    const char *text = dsbi_listing_option(listing, "header");
    char *end = NULL;
    *out = text ? strtoull(text, &end, 10) : 0;
    if (text && (*text < '0' || *text > '9' || *end || strlen(text) > 15))
        return dsbi_fail(DSB_E_INVALID, "option header=%s: a number of bytes", text);
    return DSB_OK;
}

static dsb_status add_files(dsbi_listing *listing, dsbi_arrays *self, const dsbi_origin *origin)
{
    const char *layout = dsbi_listing_option(listing, "layout");
    dsbi_array array = {0};
    if (!layout)
        return dsbi_fail(DSB_E_INVALID,
                         "format raw needs option layout, as in ?format=raw&layout=L1C3Y32X32");
    DSBI_TRY(dsbi_layout_parse(&array.layout, layout));
    DSBI_TRY(read_header_bytes(listing, &array.first));
    for (size_t i = 0; i < origin->n_files; i++) {
        DSBI_TRY(dsbi_containers_add(&self->files, origin->files[i],
                                     dsbi_listing_opts(listing)->max_unpacked_bytes));
        uint64_t size = self->files.items[i].size_bytes;
        uint64_t body = size > array.first ? size - array.first : 0;
        array.n = body / array.layout.record_bytes;
        if (size < array.first || body % array.layout.record_bytes)
            return dsbi_fail(
                DSB_E_FORMAT, "%s: %llu bytes are no header of %llu and whole records of %llu",
                origin->files[i], (unsigned long long)size, (unsigned long long)array.first,
                (unsigned long long)array.layout.record_bytes);
        DSBI_TRY(dsbi_arrays_add(self, listing, &array));
    }
    return DSB_OK;
}

/* From the records, or from a file for all of them. */
static dsb_status read_labels(dsbi_listing *listing, dsbi_arrays *self, uint64_t n,
                              uint32_t **labels)
{
    dsb_runtime *rt = dsbi_listing_runtime(listing);
    const char *path = dsbi_listing_option(listing, "labels");
    uint64_t at = self->items[0].layout.label_at;
    if (path) {
        DSBI_TRY(dsbi_listing_witness_file(listing, path));
        return dsbi_labels_read(rt, labels, n, path);
    }
    if (at == UINT64_MAX)
        return DSB_OK;
    *labels = dsbi_alloc_array(rt, n, sizeof **labels);
    if (!*labels)
        return DSB_E_NOMEM;
    uint64_t k = 0;
    for (size_t c = 0; c < self->n; c++)
        for (uint64_t i = 0; i < self->items[c].n; i++) {
            const dsbi_array *array = &self->items[c];
            uint8_t label;
            DSBI_TRY(dsbi_containers_read(&self->files, c, &label, 1,
                                          array->first + i * array->layout.record_bytes + at));
            (*labels)[k++] = label;
        }
    return DSB_OK;
}

static dsb_status list_all(dsbi_listing *listing, dsbi_arrays *self, const uint32_t *labels)
{
    for (size_t c = 0; c < self->n; c++) {
        DSBI_TRY(dsbi_arrays_list(self, listing, c, dsbi_containers_name(&self->files, c), labels));
        labels = labels ? labels + self->items[c].n : NULL;
    }
    return DSB_OK;
}

static dsb_status raw_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                           const dsbi_origin *origin)
{
    if (origin->kind != DSBI_ORIGIN_FILES)
        return dsbi_fail(DSB_E_INVALID, "%s: no file, which format raw reads", origin->where);
    dsbi_arrays *self;
    uint32_t *labels = NULL;
    uint64_t n = 0;
    DSBI_TRY(dsbi_arrays_create(rt, &self, origin));
    dsb_status status;
    DSBI_GO(add_files(listing, self, origin));
    for (size_t c = 0; c < self->n; c++)
        n += self->items[c].n;
    DSBI_GO(read_labels(listing, self, n, &labels));
    if (labels)
        DSBI_GO(dsbi_listing_classes(listing, dsbi_labels_classes(labels, n), NULL));
    status = list_all(listing, self, labels);
done:
    dsbi_free(rt, labels);
    return dsbi_arrays_opened(rt, state, self, status, origin);
}

const dsbi_format dsbi_format_raw = {
    .name = "raw",
    .help =
        "FILE?format=raw&layout=L1C3Y32X32&header=BYTES&labels=FILE&classes=FILE  records of equal "
        "size, layout in the order of storage",
    .probe = probe,
    .open = raw_open,
    .close = dsbi_arrays_close,
    .reopen = dsbi_arrays_reopen,
    .decode = dsbi_arrays_decode,
};
