/* dsb_dataset_convert: a collection written as another format. Images keep their bytes where they
 * are files and nothing is resized; pixels become PNG, which loses nothing. Every file is whole or
 * not there (base/file.h); what is written depends on the collection and the options alone. */
#include "data/convert.h"

#include <dirent.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>
#include "base/event.h"
#include "base/opts.h"

_Static_assert(offsetof(dsb_convert_opts, quality) + sizeof(uint32_t) == sizeof(dsb_convert_opts),
               "no hole at the end of dsb_convert_opts");

enum { MAX_SIDE = 4096 };

static const dsb_convert_opts defaults = {
    .struct_size = sizeof(dsb_convert_opts), .per_shard = 10000, .quality = 0};

void dsb_convert_opts_init(dsb_convert_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

dsb_status dsbi_convert_progress(const dsbi_converter *self, uint64_t i)
{
    enum { EVERY = 256 };
    if (i % EVERY && i < self->dataset->entries.n)
        return DSB_OK;
    return dsbi_event_send(self->fn, self->user, "convert", i, self->dataset->entries.n,
                           self->start, NAN, "");
}

/* ---- images ---- */

dsb_status dsbi_convert_decode(const dsbi_converter *self, dsbi_image *out, uint64_t i)
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
    return format == DSB_FORMAT_JPEG   ? "jpg"
           : format == DSB_FORMAT_PNM  ? "ppm"
           : format == DSB_FORMAT_BMP  ? "bmp"
           : format == DSB_FORMAT_WEBP ? "webp"
                                       : "png";
}

dsb_status dsbi_convert_encode(const dsbi_converter *self, uint8_t **bytes, size_t *size,
                               const char **ending, uint64_t i)
{
    const dsbi_entry *entry = dsbi_dataset_entry(self->dataset, i);
    if (self->opts.size == 0 && self->opts.quality == 0 && self->dataset->format->read) {
        *ending = ending_of(entry->format);
        return dsbi_dataset_read(self->dataset, self->rt, bytes, size, i);
    }
    dsbi_image image;
    DSBI_TRY(dsbi_convert_decode(self, &image, i));
    dsb_status status = self->opts.quality
                            ? dsbi_jpeg_encode(self->rt, bytes, size, &image,
                                               (int)self->opts.quality, self->opts.quality < 90)
                            : dsbi_png_encode(self->rt, bytes, size, &image);
    *ending = self->opts.quality ? "jpg" : "png";
    dsbi_image_free(self->rt, &image);
    return status;
}

/* ---- public ---- */

static const struct {
    const char *name;
    bool is_folder; /* OUT is one */
    dsb_status (*write)(dsbi_converter *self);
} targets[] = {{"folder", true, dsbi_convert_folder},
               {"webdataset", true, dsbi_convert_webdataset},
               {"npy", false, dsbi_convert_npy},
               {"cifar", false, dsbi_convert_cifar}};

/* A folder that holds something already would mix old images with new ones. */
static dsb_status check_empty(const char *folder)
{
    DIR *dir = opendir(folder);
    if (!dir)
        return DSB_OK; /* making it says what is wrong */
    const struct dirent *entry;
    do
        entry = readdir(dir);
    while (entry && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0));
    dsb_status status =
        entry
            ? dsbi_fail(DSB_E_INVALID, "%s is not empty: convert writes into a new folder", folder)
            : DSB_OK;
    closedir(dir);
    return status;
}

/* A collection cannot be written over itself: it is read while it is written. */
static dsb_status check_other(const dsbi_converter *self)
{
    struct stat a, b;
    char *where = dsbi_dataset_where_path(self->dataset);
    if (!where)
        return DSB_E_NOMEM;
    bool same = stat(where, &a) == 0 && stat(self->out, &b) == 0 && a.st_dev == b.st_dev &&
                a.st_ino == b.st_ino;
    dsbi_free(self->rt, where);
    return same ? dsbi_fail(DSB_E_INVALID, "%s is the collection itself", self->out) : DSB_OK;
}

static dsb_status check_opts(const dsb_convert_opts *opts)
{
    if (opts->size > MAX_SIDE || opts->quality > 100 || opts->per_shard == 0)
        return dsbi_fail(DSB_E_INVALID,
                         "dsb_convert_opts: size %u (0..4096), quality %u (0..100), per_shard %llu "
                         "(1 and above)",
                         opts->size, opts->quality, (unsigned long long)opts->per_shard);
    return DSB_OK;
}

dsb_status dsb_dataset_convert(dsb_runtime *rt, const dsb_dataset *dataset, const char *to,
                               const char *out, const dsb_convert_opts *given, dsb_event_fn fn,
                               void *user)
{
    dsbi_clear_error();
    if (!rt || !dataset || !to || !out || !*out)
        return dsbi_fail(DSB_E_INVALID, "dsb_dataset_convert: an argument is NULL or empty");
    dsbi_converter self = {.rt = rt,
                           .dataset = dataset,
                           .opts = defaults,
                           .out = out,
                           .fn = fn,
                           .user = user,
                           .start = dsbi_now()};
    DSBI_TRY(dsbi_opts_read(&self.opts, sizeof self.opts, given, "dsb_convert_opts"));
    DSBI_TRY(check_opts(&self.opts));
    if (strlen(out) >= DSBI_CONVERT_PATH)
        return dsbi_fail(DSB_E_LIMIT, "a path of %zu bytes", strlen(out));
    size_t t = 0, n_targets = sizeof targets / sizeof targets[0];
    while (t < n_targets && strcmp(targets[t].name, to) != 0)
        t++;
    if (t == n_targets)
        return dsbi_fail(DSB_E_NOTFOUND,
                         "nothing is written as \"%s\": folder, webdataset, npy, cifar", to);
    DSBI_TRY(check_other(&self));
    if (targets[t].is_folder)
        DSBI_TRY(check_empty(out));
    dsb_status status = dsbi_convert_names(&self, strcmp(to, "folder") == 0);
    if (status == DSB_OK)
        status = targets[t].write(&self);
    dsbi_name_set_free(rt, &self.names);
    dsbi_names_free(rt, &self.name_pool);
    return status;
}
