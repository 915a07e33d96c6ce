/* What a spec points at, looked at once for all formats: a file, a folder, or nothing the file
 * system knows. Options ("?key=value&key=value") are cut off before. */
#ifndef DSBI_DATA_ORIGIN_H
#define DSBI_DATA_ORIGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/status.h"

enum { DSBI_ORIGIN_HEAD = 8192, DSBI_ORIGIN_MAX_FILES = 262144 };

typedef enum dsbi_origin_kind {
    DSBI_ORIGIN_NONE,   /* no such file or folder */
    DSBI_ORIGIN_FILES,  /* one file, or those a pattern stands for */
    DSBI_ORIGIN_FOLDER, /* a folder */
} dsbi_origin_kind;

typedef struct dsbi_origin {
    char *where; /* without options */
    dsbi_origin_kind kind;
    char *
        *files; /* FILES: paths to open. FOLDER: names of what is directly in it, in byte order;
                   folders, hidden names and those of images left out; none if there are too many */
    size_t n_files;
    size_t n_images;                /* FOLDER: left out for being named like images */
    size_t n_folders;               /* FOLDER: folders directly in it, hidden ones left out */
    uint8_t head[DSBI_ORIGIN_HEAD]; /* FILES: first bytes of the first */
    size_t head_size;
    uint64_t size_bytes; /* FILES: of the first */
} dsbi_origin;

/* `where` has `size` bytes. Not finding anything is no failure. DSB_E_NOMEM. */
dsb_status dsbi_origin_look(dsb_runtime *rt, dsbi_origin *out, const char *where, size_t size);
void dsbi_origin_free(dsb_runtime *rt, dsbi_origin *origin);

/* Last component of a path. */
const char *dsbi_base_name(const char *path);
/* Whether the path ends so, in small or capital letters. */
bool dsbi_ends_with(const char *path, const char *ending);
/* Whether somebody took it for an image: .jpg, .png ... */
bool dsbi_named_like_an_image(const char *path);

#endif
