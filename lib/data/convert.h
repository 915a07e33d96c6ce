/* Inside of dsb_dataset_convert: what the writers of all formats share. */
#ifndef DSBI_DATA_CONVERT_H
#define DSBI_DATA_CONVERT_H

#include "base/file.h"
#include "data/dataset.h"

enum { DSBI_CONVERT_PATH = 4096 };

typedef struct dsbi_converter {
    dsb_runtime *rt;
    const dsb_dataset *dataset;
    dsb_convert_opts opts;
    const char *out;
    dsb_event_fn fn;
    void *user;
    double start;
    dsbi_names name_pool; /* class names as they are written, one a class */
    dsbi_name_set names;
} dsbi_converter;

/* ---- convert.c: images ---- */

/* Sends progress now and then. */
dsb_status dsbi_convert_progress(const dsbi_converter *self, uint64_t i);
/* Pixels, resized if that is asked for. */
dsb_status dsbi_convert_decode(const dsbi_converter *self, dsbi_image *out, uint64_t i);
/* The image as a file: its own bytes, or made from its pixels. `*bytes` is the caller's. */
dsb_status dsbi_convert_encode(const dsbi_converter *self, uint8_t **bytes, size_t *size,
                               const char **ending, uint64_t i);

/* ---- convert_names.c: classes ---- */

/* Class names that stand on a line of their own and differ from each other; `as_folders`: that are
 * names of folders, too. */
dsb_status dsbi_convert_names(dsbi_converter *self, bool as_folders);
const char *dsbi_convert_name(const dsbi_converter *self, uint32_t class_id);
/* Whether there are classes at all: labels, or folders. */
bool dsbi_convert_has_classes(const dsbi_converter *self);
/* One name a line, at least `n_least` lines: numbers where there are fewer classes. */
dsb_status dsbi_convert_write_names(const dsbi_converter *self, const char *path, uint32_t n_least);

/* ---- one writer a format ---- */

dsb_status dsbi_convert_folder(dsbi_converter *self);     /* convert_files.c */
dsb_status dsbi_convert_webdataset(dsbi_converter *self); /* convert_files.c */
dsb_status dsbi_convert_npy(dsbi_converter *self);        /* convert_arrays.c */
dsb_status dsbi_convert_cifar(dsbi_converter *self);      /* convert_arrays.c */

#endif
