/* Conversion into files: a folder with a folder a class, or tar shards as WebDataset reads them. */
#include "data/convert.h"

#include <stdio.h>
#include <string.h>

enum { TAR_BLOCK = 512 };

/* ---- folder ---- */

static dsb_status write_image(const dsbi_converter *self, uint64_t i)
{
    char path[DSBI_CONVERT_PATH + 512];
    uint8_t *bytes;
    size_t size;
    const char *ending, *name = dsbi_convert_name(self, dsb_dataset_class(self->dataset, i));
    snprintf(path, sizeof path, "%s/%s", self->out, name);
    DSBI_TRY(dsbi_make_dirs(self->rt, path));
    DSBI_TRY(dsbi_convert_encode(self, &bytes, &size, &ending, i));
    snprintf(path, sizeof path, "%s/%s/%09llu.%s", self->out, name, (unsigned long long)i, ending);
    dsb_status status = dsbi_file_write_atomic(self->rt, path, bytes, size);
    dsbi_free(self->rt, bytes);
    return status;
}

/* The list keeps the numbers of the classes, whatever order their folders have by name. */
static dsb_status write_list(const dsbi_converter *self)
{
    char path[DSBI_CONVERT_PATH + 64];
    if (!dsbi_convert_has_classes(self))
        return DSB_OK;
    snprintf(path, sizeof path, "%s/classes.txt", self->out);
    return dsbi_convert_write_names(self, path, 0);
}

dsb_status dsbi_convert_folder(dsbi_converter *self)
{
    DSBI_TRY(dsbi_make_dirs(self->rt, self->out));
    for (uint64_t i = 0; i < self->dataset->entries.n; i++) {
        DSBI_TRY(write_image(self, i));
        DSBI_TRY(dsbi_convert_progress(self, i + 1));
    }
    return write_list(self);
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

static dsb_status put_sample(const dsbi_converter *self, dsbi_new_file *file, uint64_t i)
{
    uint8_t *bytes;
    size_t size;
    const char *ending;
    char name[64], label[16];
    DSBI_TRY(dsbi_convert_encode(self, &bytes, &size, &ending, i));
    snprintf(name, sizeof name, "%09llu.%s", (unsigned long long)i, ending);
    put_member(file, name, bytes, size);
    dsbi_free(self->rt, bytes);
    if (!dsbi_convert_has_classes(self))
        return file->status;
    snprintf(name, sizeof name, "%09llu.cls", (unsigned long long)i);
    int n = snprintf(label, sizeof label, "%u", dsb_dataset_class(self->dataset, i));
    put_member(file, name, label, (size_t)n);
    return file->status;
}

static dsb_status write_shard(const dsbi_converter *self, uint64_t shard)
{
    uint64_t n = self->dataset->entries.n, first = shard * self->opts.per_shard;
    char path[DSBI_CONVERT_PATH + 64];
    dsbi_new_file file;
    static const uint8_t end[2 * TAR_BLOCK];
    snprintf(path, sizeof path, "%s/%05llu.tar", self->out, (unsigned long long)shard);
    dsbi_new_file_begin(&file, self->rt, path);
    for (uint64_t i = first; file.status == DSB_OK && i < n && i < first + self->opts.per_shard;
         i++) {
        dsb_status status = put_sample(self, &file, i);
        if (status == DSB_OK)
            status = dsbi_convert_progress(self, i + 1);
        if (status != DSB_OK)
            dsbi_new_file_fail(&file, status);
    }
    dsbi_new_file_write(&file, end, sizeof end);
    return dsbi_new_file_end(&file);
}

dsb_status dsbi_convert_webdataset(dsbi_converter *self)
{
    DSBI_TRY(dsbi_make_dirs(self->rt, self->out));
    uint64_t n = self->dataset->entries.n;
    for (uint64_t shard = 0; shard * self->opts.per_shard < n; shard++)
        DSBI_TRY(write_shard(self, shard));
    return write_list(self);
}
