/* See npy_array.h. */
#include "data/npy_array.h"

#include <stdio.h>
#include <string.h>

enum { MAX_SIDE = 65535 };

static dsb_status shape_fails(const dsbi_npy_header *h, const char *why)
{
    char shape[200] = "";
    for (size_t d = 0; d < h->n_dims; d++) {
        size_t used = strlen(shape);
        snprintf(shape + used, sizeof shape - used, "%s%zu", d ? "," : "", h->shape[d]);
    }
    return dsbi_fail(DSB_E_SHAPE,
                     "an array of [%s]%s; images are [N,H,W,3], [N,H,W,1], [N,H,W], or [N,3,H,W] "
                     "with ?layout=NCHW",
                     shape, why);
}

static dsb_status take_shape(dsbi_array *out, const dsbi_npy_header *h, bool is_planar)
{
    if (h->n_dims != 4 && (h->n_dims != 3 || is_planar))
        return shape_fails(h, "");
    size_t at = is_planar ? 2 : 1, channels = h->n_dims == 3 ? 1 : h->shape[is_planar ? 1 : 3];
    if (channels != 1 && channels != 3)
        return shape_fails(h, " has no dimension of 1 or 3 channels where they are looked for");
    if (h->shape[at] < 1 || h->shape[at] > MAX_SIDE || h->shape[at + 1] < 1 ||
        h->shape[at + 1] > MAX_SIDE)
        return shape_fails(h, " has sides beyond 1 to 65535");
    char layout[64];
    if (is_planar)
        snprintf(layout, sizeof layout, "C%zuY%zuX%zu", channels, h->shape[at], h->shape[at + 1]);
    else
        snprintf(layout, sizeof layout, "Y%zuX%zuC%zu", h->shape[at], h->shape[at + 1], channels);
    out->n = h->shape[0];
    return dsbi_layout_parse(&out->layout, layout);
}

static dsb_status check_header(const dsbi_npy_header *h, uint64_t size)
{
    if (h->kind != 'u' || h->item_bytes != 1)
        return dsbi_fail(DSB_E_DTYPE, "npy: elements of type '%c%zu'; images are u8", h->kind,
                         h->item_bytes);
    if (h->fortran)
        return dsbi_fail(DSB_E_UNSUPPORTED, "npy: Fortran order; images are in C order");
    if (!dsbi_npy_fits(h, size))
        return dsbi_fail(DSB_E_FORMAT, "npy: the file of %llu bytes ends before its array",
                         (unsigned long long)size);
    return DSB_OK;
}

dsb_status dsbi_npy_array_read(dsbi_listing *listing, dsbi_array *out, dsbi_containers *files,
                               size_t container, uint64_t offset, uint64_t size)
{
    static const char *const words[] = {"NHWC", "NCHW", "NHW", NULL};
    dsb_runtime *rt = dsbi_listing_runtime(listing);
    size_t head = size < DSBI_NPY_MAX_HEADER ? (size_t)size : DSBI_NPY_MAX_HEADER, layout;
    *out = (dsbi_array){0};
    DSBI_TRY(dsbi_listing_choice(listing, &layout, "layout", words));
    uint8_t *bytes = dsbi_alloc(rt, head);
    if (!bytes)
        return DSB_E_NOMEM;
    dsbi_npy_header h;
    dsb_status status;
    DSBI_GO(dsbi_containers_read(files, container, bytes, head, offset));
    DSBI_GO(dsbi_npy_header_read(&h, bytes, head));
    DSBI_GO(check_header(&h, size));
    status = take_shape(out, &h, layout == 1);
    out->first = offset + h.offset;
done:
    dsbi_free(rt, bytes);
    return status;
}
