/* Built-in data: procedural scenes through cameras (lib/image/synthetic). An image is the JPEG file
 * the camera writes, made anew each time it is asked for; the kind of scene is its class folder. */
#include "data/format.h"

#include <string.h>
#include "image/synthetic/collection.h"

static int probe(const dsbi_origin *origin)
{
    return dsbi_synthetic_is_spec(origin->where) ? 100 : 0;
}

static void synthetic_close(dsb_runtime *rt, void *state)
{
    dsbi_synthetic_spec *self = state;
    dsbi_synthetic_spec_free(rt, self);
    dsbi_free(rt, self);
}

static dsb_status list_all(const dsbi_synthetic_spec *spec, dsbi_listing *listing)
{
    const char *name = dsbi_synthetic_camera(spec->camera);
    DSBI_TRY(dsbi_listing_name(listing, name, strlen(name)));
    for (uint64_t i = 0; i < spec->n_images; i++) {
        char path[DSBI_SYNTHETIC_NAME_BYTES];
        dsbi_synthetic_path(path, spec, i);
        DSBI_TRY(dsbi_listing_add(listing,
                                  &(dsbi_member){.path = path, .locator = spec->first_scene + i}));
    }
    return DSB_OK;
}

static dsb_status synthetic_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                                 const dsbi_origin *origin)
{
    dsbi_synthetic_spec *self = dsbi_alloc(rt, sizeof *self);
    if (!self)
        return DSB_E_NOMEM;
    dsb_status status = dsbi_synthetic_parse(rt, self, origin->where);
    if (status == DSB_OK)
        status = list_all(self, listing);
    if (status == DSB_OK)
        *state = self;
    else
        synthetic_close(rt, self);
    return status;
}

static dsb_status synthetic_read(void *state, dsb_runtime *rt, uint8_t **bytes, size_t *size,
                                 const dsbi_member *member, size_t max_bytes)
{
    const dsbi_synthetic_spec *self = state;
    DSBI_TRY(dsbi_synthetic_shoot(self->camera, rt, bytes, size, member->locator));
    if (*size <= max_bytes)
        return DSB_OK;
    size_t made = *size;
    dsbi_free(rt, *bytes);
    *bytes = NULL;
    *size = 0;
    return dsbi_fail(DSB_E_LIMIT, "synthetic: picture of %zu bytes, limit %zu", made, max_bytes);
}

const dsbi_format dsbi_format_synthetic = {
    .name = "synthetic",
    .help = "synthetic:CAMERA?n=500&seed=0&offset=0  built-in scenes through a camera: phone, "
            "webcam, scanner",
    .probe = probe,
    .open = synthetic_open,
    .close = synthetic_close,
    .read = synthetic_read,
};
