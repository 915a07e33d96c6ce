/* See pixel_arrays.h. */
#include "data/pixel_arrays.h"

#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "data/index_file.h"
#include "data/listing.h"

enum { MAX_SIDE = 65535 };

/* ---- layout ---- */

static dsb_status wrong(const char *text, const char *at, const char *why)
{
    return dsbi_fail(DSB_E_INVALID, "layout \"%s\" at character %zu: %s", text,
                     (size_t)(at - text) + 1, why);
}

/* A letter and its length. */
static dsb_status next_part(const char *text, const char **at, char *letter, uint64_t *length)
{
    *letter = **at;
    if (!strchr("YXCLB", *letter))
        return wrong(text, *at, "one of Y, X, C, L, B is expected");
    const char *p = *at + 1;
    for (*length = 0; *p >= '0' && *p <= '9' && *length < 1000000000; p++)
        *length = *length * 10 + (uint64_t)(*p - '0');
    if (*length == 0 || *length >= 1000000000)
        return wrong(text, *at, "a length of 1 and above has to follow");
    *at = p;
    return DSB_OK;
}

/* Lengths of dimensions, slowest first, to steps. */
static dsb_status place_dimensions(dsbi_layout *out, const char *text, const char *letters,
                                   const uint64_t *lengths, size_t n)
{
    uint64_t step = 1;
    for (size_t d = n; d-- > 0;) {
        bool is_channel = letters[d] == 'C';
        uint64_t *steps = is_channel          ? &out->step_c
                          : letters[d] == 'X' ? &out->step_x
                                              : &out->step_y;
        uint32_t *side = is_channel          ? &out->channels
                         : letters[d] == 'X' ? &out->width
                                             : &out->height;
        if (*side)
            return wrong(text, text, "a dimension is named twice");
        if (is_channel ? lengths[d] != 1 && lengths[d] != 3 : lengths[d] > MAX_SIDE)
            return wrong(text, text, is_channel ? "1 or 3 channels" : "sides of 1 to 65535");
        *side = (uint32_t)lengths[d];
        *steps = step;
        step *= lengths[d];
    }
    if (!out->width || !out->height)
        return wrong(text, text, "Y and X are needed");
    if (out->channels <= 1) { /* grey: one byte gives all three */
        out->channels = 1;
        out->step_c = 0;
    }
    return DSB_OK;
}

dsb_status dsbi_layout_parse(dsbi_layout *out, const char *text)
{
    *out = (dsbi_layout){.label_at = UINT64_MAX};
    char letters[3];
    uint64_t lengths[3], before = 0, behind = 0, label = 0;
    size_t n = 0, n_labels = 0;
    bool is_label_behind = false;
    for (const char *at = text; *at;) {
        const char *start = at;
        char letter;
        uint64_t length = 0;
        DSBI_TRY(next_part(text, &at, &letter, &length));
        if (letter != 'L' && letter != 'B') {
            if (n == 3 || behind)
                return wrong(text, start, "Y, X and C stand together, each once");
            letters[n] = letter;
            lengths[n++] = length;
            continue;
        }
        if (letter == 'L') {
            if (length != 1 || n_labels++)
                return wrong(text, start, "a record has one label, of one byte");
            is_label_behind = n > 0;
            label = n ? behind : before;
        }
        *(n ? &behind : &before) += length;
    }
    DSBI_TRY(place_dimensions(out, text, letters, lengths, n));
    uint64_t pixels = dsbi_layout_pixel_bytes(out);
    out->pixels_at = before;
    out->record_bytes = before + pixels + behind;
    if (n_labels)
        out->label_at = is_label_behind ? before + pixels + label : label;
    return DSB_OK;
}

uint64_t dsbi_layout_pixel_bytes(const dsbi_layout *layout)
{
    return (uint64_t)layout->width * layout->height * layout->channels;
}

/* ---- arrays ---- */

dsb_status dsbi_arrays_create(dsb_runtime *rt, dsbi_arrays **out, const dsbi_origin *origin)
{
    *out = NULL;
    dsbi_arrays *self = dsbi_calloc(rt, 1, sizeof *self);
    if (!self)
        return DSB_E_NOMEM;
    dsb_status status = dsbi_containers_init(&self->files, rt, origin);
    if (status != DSB_OK) {
        dsbi_arrays_close(rt, self);
        return status;
    }
    *out = self;
    return DSB_OK;
}

/* The newest container, and its folder with the first. */
static dsb_status add_witness(const dsbi_arrays *self, dsbi_listing *listing)
{
    const dsbi_container *item = &self->files.items[self->files.n - 1];
    if (self->files.root_fd < 0)
        return dsbi_listing_witness(listing, DSBI_WITNESS_FILE, item->path, item->file_bytes,
                                    item->mtime_ns);
    char path[8300];
    uint64_t size;
    int64_t mtime_ns;
    const dsb_dataset *dataset = listing->dataset;
    int length = snprintf(path, sizeof path, "%.*s/%s", (int)dataset->where_path, dataset->where,
                          item->path);
    if (length < 0 || (size_t)length >= sizeof path)
        return dsbi_fail(DSB_E_LIMIT, "path too long");
    if (self->n == 0)
        DSBI_TRY(dsbi_listing_witness(
            listing, DSBI_WITNESS_FOLDER, "", 0,
            dsbi_stat_at(self->files.root_fd, ".", &size, &mtime_ns) == DSB_OK ? mtime_ns : -1));
    return dsbi_listing_witness(listing, DSBI_WITNESS_FILE, path, item->file_bytes, item->mtime_ns);
}

dsb_status dsbi_arrays_add(dsbi_arrays *self, dsbi_listing *listing, const dsbi_array *array)
{
    DSBI_TRY(add_witness(self, listing));
    uint64_t bytes = dsbi_layout_pixel_bytes(&array->layout);
    uint64_t limit = dsbi_listing_opts(listing)->max_file_bytes;
    if (bytes > limit)
        return dsbi_fail(DSB_E_LIMIT, "images of %llu bytes, above the limit of %llu",
                         (unsigned long long)bytes, (unsigned long long)limit);
    void *items = self->items;
    DSBI_TRY(
        dsbi_grow(self->files.rt, &items, &self->capacity, self->files.n, sizeof *self->items));
    self->items = items;
    for (size_t c = self->n; c + 1 < self->files.n; c++)
        self->items[c] = (dsbi_array){0}; /* holds no images */
    self->items[self->files.n - 1] = *array;
    self->n = self->files.n;
    return DSB_OK;
}

dsb_status dsbi_arrays_list(dsbi_arrays *self, dsbi_listing *listing, size_t c, const char *prefix,
                            const uint32_t *labels)
{
    const dsbi_array *array = &self->items[c];
    if (listing->is_mute)
        return DSB_OK;
    dsbi_member member = {.size_bytes = dsbi_layout_pixel_bytes(&array->layout),
                          .mtime_ns = self->files.items[c].mtime_ns,
                          .container = (uint32_t)c,
                          .class_path = ""};
    for (uint64_t i = 0; i < array->n; i++) {
        char path[4200];
        snprintf(path, sizeof path, "%s%s%0*llu", prefix, *prefix ? "/" : "", *prefix ? 5 : 6,
                 (unsigned long long)i);
        member.path = path;
        member.locator = array->first + i * array->layout.record_bytes + array->layout.pixels_at;
        member.class_id = labels ? labels[i] : 0;
        DSBI_TRY(dsbi_listing_add(listing, &member));
    }
    return DSB_OK;
}

/* No number of the index may lead out of the arrays. */
static dsb_status check_entries(const dsbi_arrays *self, const dsb_dataset *dataset)
{
    for (uint64_t i = 0; i < dataset->entries.n; i++) {
        uint32_t c = dsbi_dataset_entry(dataset, i)->container;
        if (c >= self->n || self->items[c].layout.record_bytes == 0)
            return dsbi_fail(DSB_E_FORMAT, "image %llu lies in no array", (unsigned long long)i);
    }
    return DSB_OK;
}

dsb_status dsbi_arrays_reopen(dsb_runtime *rt, void **state, const dsb_dataset *dataset)
{
    DSBI_TRY(dsbi_dataset_open_mute(rt, state, dataset));
    dsb_status status = check_entries(*state, dataset);
    if (status != DSB_OK)
        dsbi_arrays_close(rt, *state);
    return status;
}

void dsbi_arrays_close(dsb_runtime *rt, void *state)
{
    dsbi_arrays *self = state;
    dsbi_containers_close(&self->files);
    dsbi_free(rt, self->items);
    dsbi_free(rt, self);
}

dsb_status dsbi_arrays_opened(dsb_runtime *rt, void **state, dsbi_arrays *self, dsb_status status,
                              const dsbi_origin *origin)
{
    if (status == DSB_OK)
        *state = self;
    else
        dsbi_arrays_close(rt, self);
    return dsbi_fail_at(status, "%s", origin->where);
}

static void spread(dsbi_image *out, const uint8_t *in, const dsbi_layout *layout)
{
    const size_t step_x = layout->step_x, step_c = layout->step_c;
    uint8_t *to = out->data;
    for (uint32_t y = 0; y < layout->height; y++) {
        const uint8_t *from = in + y * layout->step_y;
        for (uint32_t x = 0; x < layout->width; x++, from += step_x, to += 3) {
            to[0] = from[0];
            to[1] = from[step_c];
            to[2] = from[2 * step_c];
        }
    }
}

dsb_status dsbi_arrays_decode(void *state, dsb_runtime *rt, dsbi_image *out, dsb_image_info *info,
                              const dsbi_member *member)
{
    dsbi_arrays *self = state;
    const dsbi_layout *layout = &self->items[member->container].layout;
    size_t size = (size_t)dsbi_layout_pixel_bytes(layout);
    bool is_direct =
        layout->step_c == 1 && layout->step_x == 3 && layout->step_y == 3u * layout->width;
    DSBI_TRY(dsbi_image_alloc(rt, out, layout->width, layout->height, 3));
    uint8_t *bytes = is_direct ? out->data : dsbi_alloc(rt, size);
    dsb_status status = bytes ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK)
        status =
            dsbi_containers_read(&self->files, member->container, bytes, size, member->locator);
    if (status == DSB_OK && !is_direct)
        spread(out, bytes, layout);
    if (!is_direct)
        dsbi_free(rt, bytes);
    if (status != DSB_OK)
        dsbi_image_free(rt, out);
    info->format = DSB_FORMAT_PIXELS;
    info->channels = layout->channels;
    info->bit_depth = 8;
    info->colour = layout->channels == 3 ? DSB_COLOUR_RGB : DSB_COLOUR_GREY;
    return status;
}
