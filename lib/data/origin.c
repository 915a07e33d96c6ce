/* See origin.h. */
#include "data/origin.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/sort.h"
#include "data/pattern.h"

const char *dsbi_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

bool dsbi_ends_with(const char *path, const char *ending)
{
    size_t size = strlen(path), n = strlen(ending);
    return size >= n && strcasecmp(path + size - n, ending) == 0;
}

bool dsbi_named_like_an_image(const char *path)
{
    static const char *const endings[] = {
        "jpg",  "jpeg", "jpe",  "jfif", "jif", "pjpeg", "png",  "apng", "ppm",
        "pgm",  "pbm",  "pnm",  "bmp",  "dib", "gif",   "webp", "tif",  "tiff",
        "heic", "heif", "avif", "jxl",  "jp2", "j2k",   "ico",  "tga",  "psd",
    };
    const char *dot = strrchr(path, '.');
    if (!dot || strchr(dot, '/'))
        return false;
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++)
        if (strcasecmp(dot + 1, endings[i]) == 0)
            return true;
    return false;
}

static dsb_status add_file(dsb_runtime *rt, dsbi_origin *origin, size_t *capacity, const char *path)
{
    void *files = origin->files;
    DSBI_TRY(dsbi_grow(rt, &files, capacity, origin->n_files + 1, sizeof *origin->files));
    origin->files = files;
    origin->files[origin->n_files] = dsbi_strdup(rt, path);
    return origin->files[origin->n_files++] ? DSB_OK : DSB_E_NOMEM;
}

static void free_files(dsb_runtime *rt, dsbi_origin *origin)
{
    for (size_t i = 0; i < origin->n_files; i++)
        dsbi_free(rt, origin->files[i]);
    dsbi_free(rt, origin->files);
    origin->files = NULL;
    origin->n_files = 0;
}

static bool is_folder(DIR *dir, const struct dirent *entry)
{
    struct stat facts;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type == DT_DIR;
    return fstatat(dirfd(dir), entry->d_name, &facts, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISDIR(facts.st_mode);
}

static int compare_names(const void *a, const void *b, void *user)
{
    (void)user;
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static dsb_status look_into_folder(dsb_runtime *rt, dsbi_origin *origin)
{
    DIR *dir = opendir(origin->where);
    if (!dir)
        return DSB_OK; /* who opens it will say why */
    size_t capacity = 0;
    dsb_status status = DSB_OK;
    const struct dirent *entry;
    while (status == DSB_OK && (entry = readdir(dir)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (is_folder(dir, entry)) {
            origin->n_folders++;
        } else if (dsbi_named_like_an_image(entry->d_name)) {
            origin->n_images++;
        } else if (origin->n_files == DSBI_ORIGIN_MAX_FILES) {
            free_files(rt, origin);
            break;
        } else {
            status = add_file(rt, origin, &capacity, entry->d_name);
        }
    }
    closedir(dir);
    dsbi_sort(origin->files, origin->n_files, sizeof *origin->files, compare_names, NULL);
    return status;
}

static dsb_status look_into_first(dsbi_origin *origin)
{
    struct stat facts;
    int fd = open(origin->files[0], O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return DSB_OK; /* who opens it will say why */
    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) {
        ssize_t n = pread(fd, origin->head, sizeof origin->head, 0);
        origin->head_size = n > 0 ? (size_t)n : 0;
        origin->size_bytes = (uint64_t)facts.st_size;
    }
    close(fd);
    return DSB_OK;
}

typedef struct matches {
    dsb_runtime *rt;
    dsbi_origin *origin;
    size_t capacity;
} matches;

static dsb_status add_match(void *user, const char *path)
{
    matches *self = user;
    return add_file(self->rt, self->origin, &self->capacity, path);
}

static dsb_status look_into_pattern(dsb_runtime *rt, dsbi_origin *origin)
{
    matches found = {.rt = rt, .origin = origin};
    DSBI_TRY(dsbi_pattern_expand(origin->where, add_match, &found));
    if (origin->n_files == 0)
        return DSB_OK;
    origin->kind = DSBI_ORIGIN_FILES;
    return look_into_first(origin);
}

static dsb_status look_into_file(dsb_runtime *rt, dsbi_origin *origin)
{
    size_t capacity = 0;
    origin->kind = DSBI_ORIGIN_FILES;
    DSBI_TRY(add_file(rt, origin, &capacity, origin->where));
    return look_into_first(origin);
}

dsb_status dsbi_origin_look(dsb_runtime *rt, dsbi_origin *out, const char *where, size_t size)
{
    *out = (dsbi_origin){0};
    out->where = dsbi_alloc(rt, size + 1);
    if (!out->where)
        return DSB_E_NOMEM;
    memcpy(out->where, where, size);
    out->where[size] = '\0';
    struct stat facts;
    dsb_status status = DSB_OK;
    if (stat(out->where, &facts) != 0 && dsbi_is_pattern(out->where)) {
        status = look_into_pattern(rt, out);
    } else if (stat(out->where, &facts) == 0 && S_ISDIR(facts.st_mode)) {
        out->kind = DSBI_ORIGIN_FOLDER;
        status = look_into_folder(rt, out);
    } else if (stat(out->where, &facts) == 0 && S_ISREG(facts.st_mode)) {
        status = look_into_file(rt, out);
    }
    if (status != DSB_OK)
        dsbi_origin_free(rt, out);
    return status;
}

void dsbi_origin_free(dsb_runtime *rt, dsbi_origin *origin)
{
    free_files(rt, origin);
    dsbi_free(rt, origin->where);
    *origin = (dsbi_origin){0};
}
