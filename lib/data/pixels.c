/* See pixels.h. Image g (numbered through all collections) has the place g * stride of a sparse
 * file; KEEP images carry their width and height in front. */
#include "data/pixels.h"

#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include "base/file.h"
#include "image/resize.h"

enum { NOT_STORED = 0, STORED = 1, HEAD_BYTES = 8 };

struct dsbi_pixels {
    atomic_size_t references;
    dsb_runtime *rt; /* retained */
    dsbi_collections collections;
    dsbi_pixels_spec spec;
    size_t capacity, stride;
    int fd;               /* -1: no store */
    atomic_bool is_full;  /* nothing more is written */
    atomic_uchar *states; /* [images] */
    uint64_t max_bytes;
    atomic_uint_fast64_t written, stored_count, decoded_count;
};

/* A file above this limit would end the process with SIGXFSZ. */
static bool exceeds_file_limit(uint64_t size)
{
    struct rlimit limit;
    return getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY &&
           size > limit.rlim_cur;
}

static void open_store(dsbi_pixels *self, const char *folder)
{
    uint64_t n = self->collections.first[self->collections.n];
    self->fd = -1;
    if (self->max_bytes == 0 || n == 0)
        return;
    if (exceeds_file_limit(n * self->stride)) {
        dsbi_log(self->rt, DSB_LOG_WARN, "data", "no pixel store: it would pass RLIMIT_FSIZE");
        return;
    }
    if (dsbi_open_unnamed(self->rt, &self->fd, folder ? folder : "/var/tmp") != DSB_OK) {
        dsbi_log(self->rt, DSB_LOG_WARN, "data", "no pixel store: %s", dsb_last_error());
        self->fd = -1;
    }
}

dsb_status dsbi_pixels_create(dsb_runtime *rt, dsbi_pixels **out,
                              const dsbi_collections *collections, const dsbi_pixels_spec *spec,
                              const char *folder, uint64_t max_bytes)
{
    *out = NULL;
    dsbi_pixels *self = dsbi_calloc(rt, 1, sizeof *self);
    if (!self)
        return DSB_E_NOMEM;
    atomic_init(&self->references, 1);
    self->rt = rt;
    dsbi_runtime_retain(rt);
    self->fd = -1;
    self->spec = *spec;
    self->max_bytes = max_bytes;
    bool keep = spec->mode == DSBI_PIXELS_KEEP;
    self->capacity = (size_t)spec->size * spec->size * (keep ? 6 : 3);
    self->stride = self->capacity + (keep ? HEAD_BYTES : 0);
    dsb_status status =
        dsbi_collections_init(rt, &self->collections, collections->datasets, collections->n);
    if (status == DSB_OK) {
        self->states =
            dsbi_calloc(rt, self->collections.first[self->collections.n], sizeof *self->states);
        status = self->states ? DSB_OK : DSB_E_NOMEM;
    }
    if (status != DSB_OK) {
        dsbi_pixels_free(self);
        return status;
    }
    open_store(self, folder);
    *out = self;
    return DSB_OK;
}

void dsbi_pixels_retain(dsbi_pixels *self)
{
    atomic_fetch_add(&self->references, 1);
}

void dsbi_pixels_free(dsbi_pixels *self)
{
    if (!self || atomic_fetch_sub(&self->references, 1) != 1)
        return;
    dsb_runtime *rt = self->rt;
    if (self->fd >= 0)
        close(self->fd);
    dsbi_collections_free(rt, &self->collections);
    dsbi_free(rt, self->states);
    dsbi_free(rt, self);
    dsbi_runtime_release(rt);
}

const dsbi_pixels_spec *dsbi_pixels_spec_of(const dsbi_pixels *self)
{
    return &self->spec;
}

size_t dsbi_pixels_capacity(const dsbi_pixels *self)
{
    return self->capacity;
}

/* Shorter side to `size` if it is longer, then the middle of what is beyond 2 * size. */
static dsb_status prepare_keep(dsb_runtime *rt, dsbi_image *out, const dsbi_image *in,
                               uint32_t size, dsbi_filter filter)
{
    uint32_t shorter = in->width < in->height ? in->width : in->height;
    uint64_t wide = in->width, high = in->height;
    if (shorter > size) {
        wide = (uint64_t)size * in->width / shorter;
        high = (uint64_t)size * in->height / shorter;
    }
    uint32_t width = (uint32_t)(wide > 2 * size ? 2 * size : wide);
    uint32_t height = (uint32_t)(high > 2 * size ? 2 * size : high);
    out->width = width;
    out->height = height;
    out->channels = 3;
    uint32_t x = (uint32_t)(wide - width) / 2, y = (uint32_t)(high - height) / 2;
    if (shorter <= size) {
        for (uint32_t row = 0; row < height; row++)
            memcpy(out->data + (size_t)row * width * 3,
                   in->data + ((size_t)(y + row) * in->width + x) * 3, (size_t)width * 3);
        return DSB_OK;
    }
    const dsbi_resize_window want = {(uint32_t)wide, (uint32_t)high, x, y, width, height, false};
    return dsbi_image_resize_window(rt, out->data, in, &want, NULL, filter);
}

static dsb_status decode(dsbi_pixels *self, dsbi_image *out, const dsb_dataset *dataset,
                         uint64_t image)
{
    const dsbi_pixels_spec *spec = &self->spec;
    const uint32_t needed = spec->resize > spec->size ? spec->resize : spec->size;
    dsbi_wish wish = {.min_side = spec->is_fast ? needed : 0, .is_upright = spec->is_upright};
    dsbi_image whole;
    DSBI_TRY(dsbi_dataset_decode_wish(dataset, self->rt, &whole, image, &wish));
    dsb_status status;
    if (spec->mode == DSBI_PIXELS_KEEP) {
        status = prepare_keep(self->rt, out, &whole, spec->size, spec->filter);
    } else {
        out->width = out->height = spec->size;
        out->channels = 3;
        status = dsbi_image_prepare_from(self->rt, out->data, &whole, spec->resize, spec->size,
                                         spec->mode, spec->filter);
    }
    dsbi_image_free(self->rt, &whole);
    dsbi_pixels_note_decoded(self);
    return dsbi_fail_at(status, "%s: %s", dataset->name, dsbi_dataset_path(dataset, image));
}

static dsb_status fetch(dsbi_pixels *self, dsbi_image *out, uint64_t place)
{
    uint32_t sides[2] = {self->spec.size, self->spec.size};
    uint64_t offset = place * self->stride;
    if (self->spec.mode == DSBI_PIXELS_KEEP) {
        DSBI_TRY(dsbi_pread_all(self->fd, sides, sizeof sides, offset, "pixel store"));
        offset += HEAD_BYTES;
    }
    size_t size = (size_t)sides[0] * sides[1] * 3;
    if (size > self->capacity)
        return dsbi_fail(DSB_E_INTERNAL, "pixel store: an image of %u x %u", sides[0], sides[1]);
    out->width = sides[0];
    out->height = sides[1];
    out->channels = 3;
    return dsbi_pread_all(self->fd, out->data, size, offset, "pixel store");
}

static void keep(dsbi_pixels *self, const dsbi_image *image, uint64_t place)
{
    if (self->fd < 0 || atomic_load_explicit(&self->is_full, memory_order_relaxed))
        return;
    size_t size = (size_t)image->width * image->height * 3;
    uint64_t offset = place * self->stride;
    dsb_status status = DSB_OK;
    if (atomic_fetch_add(&self->written, size) + size > self->max_bytes)
        status =
            dsbi_fail(DSB_E_LIMIT, "%llu bytes are its limit", (unsigned long long)self->max_bytes);
    if (status == DSB_OK && self->spec.mode == DSBI_PIXELS_KEEP) {
        const uint32_t sides[2] = {image->width, image->height};
        status = dsbi_pwrite_all(self->fd, sides, sizeof sides, offset, "pixel store");
        offset += HEAD_BYTES;
    }
    if (status == DSB_OK)
        status = dsbi_pwrite_all(self->fd, image->data, size, offset, "pixel store");
    if (status == DSB_OK)
        atomic_store_explicit(&self->states[place], STORED, memory_order_release);
    else if (!atomic_exchange(&self->is_full, true))
        dsbi_log(self->rt, DSB_LOG_WARN, "data",
                 "the pixel store takes no more images, the rest is decoded each time: %s",
                 dsb_last_error());
}

dsb_status dsbi_pixels_get(dsbi_pixels *self, dsbi_image *out, const dsb_dataset *dataset,
                           uint64_t image)
{
    size_t collection = 0;
    while (collection < self->collections.n && self->collections.datasets[collection] != dataset)
        collection++;
    if (collection == self->collections.n)
        return dsbi_fail(DSB_E_INVALID, "pixel store: %s is not one of its collections",
                         dataset->name);
    uint64_t place = self->collections.first[collection] + image;
    if (atomic_load_explicit(&self->states[place], memory_order_acquire) == STORED &&
        fetch(self, out, place) == DSB_OK) {
        atomic_fetch_add_explicit(&self->stored_count, 1, memory_order_relaxed);
        return DSB_OK;
    }
    DSBI_TRY(decode(self, out, dataset, image));
    keep(self, out, place);
    return DSB_OK;
}

void dsbi_pixels_note_decoded(dsbi_pixels *self)
{
    atomic_fetch_add_explicit(&self->decoded_count, 1, memory_order_relaxed);
}

uint64_t dsbi_pixels_stored_count(const dsbi_pixels *self)
{
    return atomic_load(&self->stored_count);
}

uint64_t dsbi_pixels_decoded_count(const dsbi_pixels *self)
{
    return atomic_load(&self->decoded_count);
}
