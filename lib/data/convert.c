/* dsb_dataset_convert: a collection written as another format. Images keep their bytes where they
 * are files and nothing is resized; pixels become PNG, which loses nothing. Every file is whole or
 * not there (base/file.h); what is written depends on the collection and the options alone. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include "base/event.h"
#include "base/file.h"
#include "base/opts.h"
#include "base/text.h"
#include "data/dataset.h"

_Static_assert(offsetof(dsb_convert_opts, quality) + sizeof(uint32_t) == sizeof(dsb_convert_opts),
               "no hole at the end of dsb_convert_opts");

enum { MAX_SIDE = 4096, CIFAR_SIDE = 32, TAR_BLOCK = 512, PATH_BYTES = 4096 };

static const dsb_convert_opts defaults = {
    .struct_size = sizeof(dsb_convert_opts), .per_shard = 10000, .quality = 0};

void dsb_convert_opts_init(dsb_convert_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

typedef struct converter {
    dsb_runtime *rt;
    const dsb_dataset *dataset;
    dsb_convert_opts opts;
    const char *out;
    dsb_event_fn fn;
    void *user;
    double start;
} converter;

static dsb_status progress(const converter *self, uint64_t i)
{
    enum { EVERY = 256 };
    if (i % EVERY && i < self->dataset->entries.n)
        return DSB_OK;
    return dsbi_event_send(self->fn, self->user, "convert", i, self->dataset->entries.n,
                           self->start, NAN, "");
}

/* ---- images ---- */

static dsb_status decode(const converter *self, dsbi_image *out, uint64_t i)
{
    DSBI_TRY(dsbi_dataset_decode(self->dataset, self->rt, out, i));
    if (self->opts.size == 0)
        return DSB_OK;
    dsbi_image square;
    dsb_status status = dsbi_image_alloc(self->rt, &square, self->opts.size, self->opts.size, 3);
    if (status == DSB_OK)
        status = dsbi_image_prepare(self->rt, square.data, out, self->opts.size,
                                    DSBI_PREPARE_CENTRE_CROP, DSBI_RESIZE_BICUBIC);
    dsbi_image_free(self->rt, out);
    if (status == DSB_OK)
        *out = square;
    else
        dsbi_image_free(self->rt, &square);
    return status;
}

static const char *ending_of(uint32_t format)
{
    return format == DSB_FORMAT_JPEG  ? "jpg"
           : format == DSB_FORMAT_PNM ? "ppm"
           : format == DSB_FORMAT_BMP ? "bmp"
                                      : "png";
}

/* The image as a file: its own bytes, or made from its pixels. `*bytes` is the caller's. */
static dsb_status encode(const converter *self, uint8_t **bytes, size_t *size, const char **ending,
                         uint64_t i)
{
    const dsbi_entry *entry = dsbi_dataset_entry(self->dataset, i);
    if (self->opts.size == 0 && self->opts.quality == 0 && self->dataset->format->read) {
        *ending = ending_of(entry->format);
        return dsbi_dataset_read(self->dataset, self->rt, bytes, size, i);
    }
    dsbi_image image;
    DSBI_TRY(decode(self, &image, i));
    dsb_status status = self->opts.quality
                            ? dsbi_jpeg_encode(self->rt, bytes, size, &image,
                                               (int)self->opts.quality, self->opts.quality < 90)
                            : dsbi_png_encode(self->rt, bytes, size, &image);
    *ending = self->opts.quality ? "jpg" : "png";
    dsbi_image_free(self->rt, &image);
    return status;
}

/* ---- folder ---- */

/* A class name as the name of a folder. */
static void folder_name(char *out, size_t capacity, const char *name)
{
    snprintf(out, capacity, "%.200s", *name ? name : "unlabelled");
    for (char *p = out; *p; p++)
        if (*p == '/' || (uint8_t)*p < 0x20 || (p == out && *p == '.'))
            *p = '_';
}

static dsb_status write_folder(const converter *self)
{
    for (uint64_t i = 0; i < self->dataset->entries.n; i++) {
        char name[256], path[PATH_BYTES + 512];
        uint8_t *bytes;
        size_t size;
        const char *ending;
        folder_name(name, sizeof name,
                    dsb_dataset_class_name(self->dataset, dsb_dataset_class(self->dataset, i)));
        snprintf(path, sizeof path, "%s/%s", self->out, name);
        DSBI_TRY(dsbi_make_dirs(self->rt, path));
        DSBI_TRY(encode(self, &bytes, &size, &ending, i));
        snprintf(path, sizeof path, "%s/%s/%09llu.%s", self->out, name, (unsigned long long)i,
                 ending);
        dsb_status status = dsbi_file_write_atomic(self->rt, path, bytes, size);
        dsbi_free(self->rt, bytes);
        DSBI_TRY(status);
        DSBI_TRY(progress(self, i + 1));
    }
    return DSB_OK;
}

/* ---- tar shards ---- */

/* A ustar header with nothing of this machine in it. */
static void put_member(dsbi_new_file *file, const char *name, const void *data, size_t size)
{
    uint8_t block[TAR_BLOCK] = {0};
    char number[32];
    snprintf((char *)block, 100, "%s", name);
    memcpy(block + 100,
           "0000444\0"
           "0000000\0"
           "0000000\0",
           24);       /* mode, owner, group */
    if (size >> 33) { /* above 8 GiB: base 256 */
        block[124] = 0x80;
        for (size_t i = 0; i < 8; i++)
            block[135 - i] = (uint8_t)(size >> 8 * i);
    } else {
        snprintf(number, sizeof number, "%011llo", (unsigned long long)size);
        memcpy(block + 124, number, 11);
    }
    memcpy(block + 136, "00000000000", 11); /* time */
    memset(block + 148, ' ', 8);
    block[156] = '0';
    memcpy(block + 257,
           "ustar\0"
           "00",
           8);
    unsigned sum = 0;
    for (size_t i = 0; i < TAR_BLOCK; i++)
        sum += block[i];
    snprintf(number, sizeof number, "%06o", sum);
    memcpy(block + 148, number, 7);
    static const uint8_t zeros[TAR_BLOCK];
    dsbi_new_file_write(file, block, sizeof block);
    dsbi_new_file_write(file, data, size);
    dsbi_new_file_write(file, zeros, (TAR_BLOCK - size % TAR_BLOCK) % TAR_BLOCK);
}

static dsb_status put_sample(const converter *self, dsbi_new_file *file, uint64_t i)
{
    uint8_t *bytes;
    size_t size;
    const char *ending;
    char name[64], label[16];
    DSBI_TRY(encode(self, &bytes, &size, &ending, i));
    snprintf(name, sizeof name, "%09llu.%s", (unsigned long long)i, ending);
    put_member(file, name, bytes, size);
    dsbi_free(self->rt, bytes);
    snprintf(name, sizeof name, "%09llu.cls", (unsigned long long)i);
    int n = snprintf(label, sizeof label, "%u", dsb_dataset_class(self->dataset, i));
    put_member(file, name, label, (size_t)n);
    return file->status;
}

static dsb_status write_shard(const converter *self, uint64_t shard)
{
    uint64_t n = self->dataset->entries.n, first = shard * self->opts.per_shard;
    char path[PATH_BYTES + 64];
    dsbi_new_file file;
    static const uint8_t end[2 * TAR_BLOCK];
    snprintf(path, sizeof path, "%s/%05llu.tar", self->out, (unsigned long long)shard);
    dsbi_new_file_begin(&file, self->rt, path);
    for (uint64_t i = first; file.status == DSB_OK && i < n && i < first + self->opts.per_shard;
         i++) {
        dsb_status status = put_sample(self, &file, i);
        if (status == DSB_OK)
            status = progress(self, i + 1);
        if (status != DSB_OK)
            dsbi_new_file_fail(&file, status);
    }
    dsbi_new_file_write(&file, end, sizeof end);
    return dsbi_new_file_end(&file);
}

/* One name a line, as option classes=FILE reads them. */
static dsb_status write_class_names(const converter *self, const char *folder, const char *name)
{
    dsbi_text text;
    char path[PATH_BYTES + 64];
    dsbi_text_init(&text, self->rt);
    for (uint32_t c = 0; c < dsb_dataset_class_count(self->dataset); c++) {
        const char *word = dsb_dataset_class_name(self->dataset, c);
        dsbi_text_add(&text, *word ? word : "unlabelled");
        dsbi_text_add(&text, "\n");
    }
    snprintf(path, sizeof path, "%s%s%s", folder, *folder ? "/" : "", name);
    dsb_status status = text.status;
    if (status == DSB_OK)
        status = dsbi_file_write_atomic(self->rt, path, text.data, text.size);
    dsbi_text_free(&text);
    return status;
}

static dsb_status write_shards(const converter *self)
{
    DSBI_TRY(dsbi_make_dirs(self->rt, self->out));
    uint64_t n = self->dataset->entries.n;
    for (uint64_t shard = 0; shard * self->opts.per_shard < n; shard++)
        DSBI_TRY(write_shard(self, shard));
    return write_class_names(self, self->out, "classes.txt");
}

/* ---- arrays ---- */

/* All images are of one size, or resized to one. */
static dsb_status common_size(const converter *self, uint32_t *width, uint32_t *height)
{
    const dsb_dataset *d = self->dataset;
    *width = *height = self->opts.size;
    if (self->opts.size)
        return DSB_OK;
    const dsbi_entry *first = d->entries.n ? dsbi_dataset_entry(d, 0) : NULL;
    for (uint64_t i = 1; i < d->entries.n; i++) {
        const dsbi_entry *entry = dsbi_dataset_entry(d, i);
        if (entry->width != first->width || entry->height != first->height)
            return dsbi_fail(DSB_E_SHAPE,
                             "%s: images of %u x %u and of %u x %u: an array needs a size for all",
                             d->name, first->width, first->height, entry->width, entry->height);
    }
    *width = first ? first->width : 1;
    *height = first ? first->height : 1;
    return DSB_OK;
}

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

/* "x.npy" -> "x_labels.npy"; a name with "images" or "data" -> "labels" there, as format npy looks.
 */
static void labels_path(char *out, size_t capacity, const char *path)
{
    const char *name = dsbi_base_name(path), *found = strstr(name, "images");
    size_t word = 6;
    if (!found) {
        found = strstr(name, "data");
        word = 4;
    }
    if (found)
        snprintf(out, capacity, "%.*slabels%s", (int)(found - path), path, found + word);
    else
        snprintf(out, capacity, "%.*s_labels.npy",
                 (int)(strlen(path) - (dsbi_ends_with(path, ".npy") ? 4 : 0)), path);
}

static dsb_status write_npy_labels(const converter *self)
{
    char path[PATH_BYTES + 64], shape[64];
    uint64_t n = self->dataset->entries.n;
    dsbi_new_file file;
    labels_path(path, sizeof path, self->out);
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

static dsb_status write_npy(const converter *self)
{
    uint32_t width, height;
    uint64_t n = self->dataset->entries.n;
    char shape[96];
    dsbi_new_file file;
    DSBI_TRY(common_size(self, &width, &height));
    dsbi_new_file_begin(&file, self->rt, self->out);
    snprintf(shape, sizeof shape, "(%llu, %u, %u, 3)", (unsigned long long)n, height, width);
    put_npy_header(&file, "|u1", shape);
    for (uint64_t i = 0; file.status == DSB_OK && i < n; i++) {
        dsbi_image image;
        dsb_status status = decode(self, &image, i);
        if (status == DSB_OK)
            dsbi_new_file_write(&file, image.data, (size_t)width * height * 3);
        dsbi_image_free(self->rt, &image);
        if (status == DSB_OK)
            status = progress(self, i + 1);
        if (status != DSB_OK)
            dsbi_new_file_fail(&file, status);
    }
    DSBI_TRY(dsbi_new_file_end(&file));
    return write_npy_labels(self);
}

static dsb_status put_cifar_record(const converter *self, dsbi_new_file *file, uint64_t i)
{
    enum { PLANE = CIFAR_SIDE * CIFAR_SIDE };
    uint8_t record[1 + 3 * PLANE];
    dsbi_image image;
    DSBI_TRY(decode(self, &image, i));
    record[0] = (uint8_t)dsb_dataset_class(self->dataset, i);
    for (size_t p = 0; p < PLANE; p++)
        for (size_t c = 0; c < 3; c++)
            record[1 + c * PLANE + p] = image.data[3 * p + c];
    dsbi_image_free(self->rt, &image);
    dsbi_new_file_write(file, record, sizeof record);
    return file->status;
}

static dsb_status write_cifar(const converter *self)
{
    uint32_t width, height;
    DSBI_TRY(common_size(self, &width, &height));
    if (width != CIFAR_SIDE || height != CIFAR_SIDE)
        return dsbi_fail(DSB_E_SHAPE, "%s: images of %u x %u, CIFAR has 32 x 32: ask for size 32",
                         self->dataset->name, width, height);
    if (dsb_dataset_class_count(self->dataset) > 10)
        return dsbi_fail(DSB_E_LIMIT, "%s: %u classes, CIFAR-10 has 10", self->dataset->name,
                         dsb_dataset_class_count(self->dataset));
    dsbi_new_file file;
    dsbi_new_file_begin(&file, self->rt, self->out);
    for (uint64_t i = 0; file.status == DSB_OK && i < self->dataset->entries.n; i++) {
        dsb_status status = put_cifar_record(self, &file, i);
        if (status == DSB_OK)
            status = progress(self, i + 1);
        if (status != DSB_OK)
            dsbi_new_file_fail(&file, status);
    }
    return dsbi_new_file_end(&file);
}

/* ---- public ---- */

static const struct {
    const char *name;
    dsb_status (*write)(const converter *self);
} targets[] = {{"folder", write_folder},
               {"webdataset", write_shards},
               {"npy", write_npy},
               {"cifar", write_cifar}};

dsb_status dsb_dataset_convert(dsb_runtime *rt, const dsb_dataset *dataset, const char *to,
                               const char *out, const dsb_convert_opts *given, dsb_event_fn fn,
                               void *user)
{
    dsbi_clear_error();
    if (!rt || !dataset || !to || !out || !*out)
        return dsbi_fail(DSB_E_INVALID, "dsb_dataset_convert: an argument is NULL or empty");
    converter self = {.rt = rt,
                      .dataset = dataset,
                      .opts = defaults,
                      .out = out,
                      .fn = fn,
                      .user = user,
                      .start = dsbi_now()};
    DSBI_TRY(dsbi_opts_read(&self.opts, sizeof self.opts, given, "dsb_convert_opts"));
    if (self.opts.size > MAX_SIDE || self.opts.quality > 100 || self.opts.per_shard == 0)
        return dsbi_fail(DSB_E_INVALID,
                         "dsb_convert_opts: size %u (0..4096), quality %u (0..100), per_shard %llu "
                         "(1 and above)",
                         self.opts.size, self.opts.quality,
                         (unsigned long long)self.opts.per_shard);
    if (strlen(out) >= PATH_BYTES)
        return dsbi_fail(DSB_E_LIMIT, "a path of %zu bytes", strlen(out));
    for (size_t t = 0; t < sizeof targets / sizeof targets[0]; t++)
        if (strcmp(targets[t].name, to) == 0)
            return targets[t].write(&self);
    return dsbi_fail(DSB_E_NOTFOUND, "nothing is written as \"%s\": folder, webdataset, npy, cifar",
                     to);
}
