/* Conversion into arrays: NumPy, with labels and class names beside, and CIFAR records. */
#include "data/convert.h"

#include <stdio.h>
#include <string.h>
#include "data/labels.h"

enum { CIFAR_SIDE = 32, PLANE = CIFAR_SIDE * CIFAR_SIDE };

/* What goes into one array. */
typedef struct array_writer {
    const dsbi_converter *self;
    dsbi_new_file file;
    uint32_t width, height; /* of every image */
    bool is_grey;           /* one channel: all images are stored so */
    bool is_hundred;        /* CIFAR-100: a coarse label, which is 0, before the fine one */
} array_writer;

/* All images are of one size, or resized to one. */
static dsb_status find_size(array_writer *w)
{
    const dsb_dataset *d = w->self->dataset;
    const dsbi_entry *first = d->entries.n ? dsbi_dataset_entry(d, 0) : NULL;
    w->is_grey = first != NULL;
    for (uint64_t i = 0; i < d->entries.n; i++) {
        const dsbi_entry *entry = dsbi_dataset_entry(d, i);
        w->is_grey = w->is_grey && entry->colour == DSB_COLOUR_GREY;
        if (w->self->opts.size || (entry->width == first->width && entry->height == first->height))
            continue;
        return dsbi_fail(DSB_E_SHAPE,
                         "%s: images of %u x %u and of %u x %u: an array needs a size for all",
                         d->name, first->width, first->height, entry->width, entry->height);
    }
    w->width = w->self->opts.size ? w->self->opts.size : first ? first->width : 1;
    w->height = w->self->opts.size ? w->self->opts.size : first ? first->height : 1;
    return DSB_OK;
}

/* Pixels of image i, of the size all have: a file may have changed since it was scanned. */
static dsb_status decode_sized(const array_writer *w, dsbi_image *out, uint64_t i)
{
    DSBI_TRY(dsbi_convert_decode(w->self, out, i));
    if (out->width == w->width && out->height == w->height)
        return DSB_OK;
    dsb_status status = dsbi_fail(DSB_E_SHAPE, "%s: %s: %u x %u pixels now, %u x %u when scanned",
                                  w->self->dataset->name, dsbi_dataset_path(w->self->dataset, i),
                                  out->width, out->height, w->width, w->height);
    dsbi_image_free(w->self->rt, out);
    return status;
}

typedef dsb_status (*put_fn)(array_writer *w, uint64_t i);

static dsb_status put_all(array_writer *w, put_fn put)
{
    for (uint64_t i = 0; w->file.status == DSB_OK && i < w->self->dataset->entries.n; i++) {
        dsb_status status = put(w, i);
        if (status == DSB_OK)
            status = dsbi_convert_progress(w->self, i + 1);
        if (status != DSB_OK)
            dsbi_new_file_fail(&w->file, status);
    }
    return dsbi_new_file_end(&w->file);
}

/* ---- NumPy ---- */

static void put_npy_header(dsbi_new_file *file, const char *descr, const char *shape)
{
    char head[256];
    int n = snprintf(head + 10, sizeof head - 10,
                     "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
    size_t size = (size_t)(10 + n + 1 + 63) / 64 * 64;
    memcpy(head, "\x93NUMPY\x01\0", 8);
    head[8] = (char)((size - 10) & 0xff);
    head[9] = (char)((size - 10) >> 8);
    memset(head + 10 + n, ' ', size - 10 - (size_t)n);
    head[size - 1] = '\n';
    dsbi_new_file_write(file, head, size);
}

/* The first channel where all are the same; a file that is no longer grey is refused. */
static dsb_status squeeze(const array_writer *w, dsbi_image *image, uint64_t i)
{
    size_t n = (size_t)w->width * w->height;
    for (size_t p = 0; p < n; p++) {
        const uint8_t *rgb = image->data + 3 * p;
        if (rgb[0] != rgb[1] || rgb[1] != rgb[2])
            return dsbi_fail(DSB_E_SHAPE, "%s: %s: colour now, grey when scanned",
                             w->self->dataset->name, dsbi_dataset_path(w->self->dataset, i));
        image->data[p] = rgb[0];
    }
    return DSB_OK;
}

static dsb_status put_image(array_writer *w, uint64_t i)
{
    dsbi_image image;
    DSBI_TRY(decode_sized(w, &image, i));
    dsb_status status = w->is_grey ? squeeze(w, &image, i) : DSB_OK;
    if (status == DSB_OK)
        dsbi_new_file_write(&w->file, image.data,
                            (size_t)w->width * w->height * (w->is_grey ? 1 : 3));
    dsbi_image_free(w->self->rt, &image);
    return status == DSB_OK ? w->file.status : status;
}

static dsb_status write_labels(const dsbi_converter *self)
{
    char path[DSBI_CONVERT_PATH + 64], shape[64];
    uint64_t n = self->dataset->entries.n;
    dsbi_new_file file;
    dsbi_labels_beside(path, sizeof path, self->out, "labels", ".npy");
    dsbi_new_file_begin(&file, self->rt, path);
    snprintf(shape, sizeof shape, "(%llu,)", (unsigned long long)n);
    put_npy_header(&file, "<i4", shape);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t label = dsb_dataset_class(self->dataset, i);
        uint8_t bytes[4] = {(uint8_t)label, (uint8_t)(label >> 8), (uint8_t)(label >> 16),
                            (uint8_t)(label >> 24)};
        dsbi_new_file_write(&file, bytes, sizeof bytes);
    }
    return dsbi_new_file_end(&file);
}

dsb_status dsbi_convert_npy(dsbi_converter *self)
{
    array_writer w = {.self = self};
    char shape[96], path[DSBI_CONVERT_PATH + 64];
    DSBI_TRY(find_size(&w));
    dsbi_new_file_begin(&w.file, self->rt, self->out);
    snprintf(shape, sizeof shape, "(%llu, %u, %u%s)", (unsigned long long)self->dataset->entries.n,
             w.height, w.width, w.is_grey ? "" : ", 3");
    put_npy_header(&w.file, "|u1", shape);
    DSBI_TRY(put_all(&w, put_image));
    DSBI_TRY(write_labels(self));
    dsbi_labels_beside(path, sizeof path, self->out, "classes", ".txt");
    return dsbi_convert_write_names(self, path, 0);
}

/* ---- CIFAR ---- */

static dsb_status put_record(array_writer *w, uint64_t i)
{
    uint8_t record[2 + 3 * PLANE] = {0};
    size_t n_labels = w->is_hundred ? 2 : 1;
    dsbi_image image;
    DSBI_TRY(decode_sized(w, &image, i));
    record[n_labels - 1] = (uint8_t)dsb_dataset_class(w->self->dataset, i);
    for (size_t p = 0; p < PLANE; p++)
        for (size_t c = 0; c < 3; c++)
            record[n_labels + c * PLANE + p] = image.data[3 * p + c];
    dsbi_image_free(w->self->rt, &image);
    dsbi_new_file_write(&w->file, record, n_labels + 3 * PLANE);
    return w->file.status;
}

/* The names lie beside the records, in one file for all of a folder: not over other names. */
static dsb_status check_names(const dsbi_converter *self, const char *path, uint32_t n)
{
    uint8_t *text;
    size_t size;
    if (dsbi_file_read(self->rt, &text, &size, path, 1 << 20) != DSB_OK) {
        dsbi_clear_error(); /* there is none, or it cannot be replaced: writing says so */
        return DSB_OK;
    }
    const char *at = (const char *)text;
    bool same = true;
    for (uint32_t c = 0; same && c < n; c++) {
        char number[16];
        snprintf(number, sizeof number, "%u", c);
        const char *name = c < self->names.n ? dsbi_convert_name(self, c) : number;
        size_t length = strlen(name);
        same = strncmp(at, name, length) == 0 && at[length] == '\n';
        at += same ? length + 1 : 0;
    }
    dsbi_free(self->rt, text);
    return same ? DSB_OK
                : dsbi_fail(DSB_E_INVALID, "%s names other classes: write into another folder",
                            path);
}

dsb_status dsbi_convert_cifar(dsbi_converter *self)
{
    array_writer w = {.self = self};
    char names[DSBI_CONVERT_PATH + 64];
    const uint32_t n_classes = dsb_dataset_class_count(self->dataset);
    DSBI_TRY(find_size(&w));
    if (w.width != CIFAR_SIDE || w.height != CIFAR_SIDE)
        return dsbi_fail(DSB_E_SHAPE, "%s: images of %u x %u, CIFAR has 32 x 32: ask for size 32",
                         self->dataset->name, w.width, w.height);
    if (n_classes > 100)
        return dsbi_fail(DSB_E_LIMIT, "%s: %u classes, CIFAR has 10 or 100", self->dataset->name,
                         n_classes);
    w.is_hundred = n_classes > 10;
    const uint32_t n_names = w.is_hundred ? 100 : 10;
    snprintf(names, sizeof names, "%.*s%s", (int)(dsbi_base_name(self->out) - self->out), self->out,
             w.is_hundred ? "fine_label_names.txt" : "batches.meta.txt");
    if (dsbi_convert_has_classes(self))
        DSBI_TRY(check_names(self, names, n_names));
    dsbi_new_file_begin(&w.file, self->rt, self->out);
    DSBI_TRY(put_all(&w, put_record));
    return dsbi_convert_has_classes(self) ? dsbi_convert_write_names(self, names, n_names) : DSB_OK;
}
