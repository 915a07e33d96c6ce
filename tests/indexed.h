/* A collection of small pictures with an index beside it: 30 images in three class folders, one
 * file that is broken and one that is no image; all of an old date. */
#ifndef DSBI_TESTS_INDEXED_H
#define DSBI_TESTS_INDEXED_H

#include "pictures.h"

#include "data/dataset.h"

static inline void age(const char *name, const char *date)
{
    char command[1200];
    snprintf(command, sizeof command, "find '%s' -exec touch -h -d '%s' {} +", picture_path(name),
             date);
    ck_assert_int_eq(system(command), 0);
}

static inline const char *spec(const char *name)
{
    static char spec_text[1200];
    snprintf(spec_text, sizeof spec_text, "%s?index=%s", picture_path(name),
             picture_path("index.dsbx"));
    return spec_text;
}

static inline dsb_dataset *open_indexed(dsb_runtime *rt, const char *name, uint64_t n_read)
{
    dsb_dataset *dataset;
    ck_assert_ok(dsb_dataset_open(rt, &dataset, spec(name), NULL, NULL, NULL));
    ck_assert_uint_eq(dsb_dataset_read_count(dataset), n_read);
    return dataset;
}

static inline void make_set(dsb_runtime *rt, const char *name)
{
    char path[128];
    for (uint64_t i = 0; i < 30; i++) {
        snprintf(path, sizeof path, "%s/class%llu/%llu.jpg", name, (unsigned long long)i / 10,
                 (unsigned long long)i);
        write_picture(rt, path, 20, 16, i);
    }
    snprintf(path, sizeof path, "%s/class0/broken.jpg", name);
    write_bytes(rt, path, "\xff\xd8\xff", 3);
    snprintf(path, sizeof path, "%s/class1/notes.txt", name);
    write_bytes(rt, path, "x", 1);
    age(name, "2020-01-01");
}

#endif
