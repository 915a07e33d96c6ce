/* Body of the dataset formats' fuzz entries: the bytes are a file in memory, opened as a
 * collection of one format. It is refused with a sentence, or every image in it can be asked for,
 * and no memory is left behind. */
#ifndef DSBI_TESTS_FUZZ_DATASET_H
#define DSBI_TESTS_FUZZ_DATASET_H

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include "dsbias/dsbias.h"
#include "fuzz.h"
#include "memory_files.h"

static inline dsb_runtime *fuzz_runtime(void)
{
    static dsb_runtime *rt;
    if (rt)
        return rt;
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = 1;
    if (dsb_runtime_create(&rt, &opts) != DSB_OK)
        abort();
    return rt;
}

static inline void fuzz_images(dsb_dataset *dataset)
{
    uint64_t n = dsb_dataset_count(dataset);
    for (uint64_t i = 0; i < n && i < 4; i++) {
        dsb_image *image;
        assert(dsb_dataset_path(dataset, i));
        assert(dsb_dataset_class(dataset, i) < dsb_dataset_class_count(dataset));
        dsb_status status = dsb_dataset_image(dataset, i, &image);
        assert(status == DSB_OK || dsb_last_error()[0] != '\0');
        dsb_image_free(image);
    }
}

/* `options` as in a spec: "format=npz". */
static inline int fuzz_dataset(const uint8_t *data, size_t size, const char *options)
{
    dsb_runtime *rt = fuzz_runtime();
    uint64_t before = dsb_runtime_memory(rt);
    memory_file.bytes = data;
    memory_file.size = size;
    char spec[200];
    snprintf(spec, sizeof spec, MEMORY_FILE "?%s", options);
    dsb_dataset_opts opts;
    dsb_dataset_opts_init(&opts, sizeof opts);
    opts.max_file_bytes = 1 << 16; /* small, so that runs are fast */
    opts.max_unpacked_bytes = 1 << 12;
    dsb_dataset *dataset;
    dsb_status status = dsb_dataset_open(rt, &dataset, spec, &opts, NULL, NULL);
    assert(status <= 0);
    assert((status == DSB_OK) == (dsb_last_error()[0] == '\0'));
    if (status == DSB_OK)
        fuzz_images(dataset);
    dsb_dataset_free(dataset);
    assert(dsb_runtime_memory(rt) == before);
    return 0;
}

#endif
