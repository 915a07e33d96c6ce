/* dsbi_walk, see file.h. The names of a folder are read at once and sorted; a stack of such lists
 * takes the place of recursion. */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/memory.h"
#include "base/sort.h"
#include "base/text.h"

typedef struct listing {
    char *names;       /* NUL-ended, one behind the other */
    uint32_t *offsets; /* [n] into names, sorted by name */
    size_t n, next;
    size_t path_size; /* of the folder itself, with the slash at its end; 0 for the root */
} listing;

typedef struct walk {
    dsb_runtime *rt;
    int root_fd;
    uint32_t max_depth;
    dsbi_walk_fn fn;
    void *user;
    dsbi_text path;
    listing *stack;
    size_t depth, capacity; /* listings in use, allocated */
} walk;

static void listing_free(dsb_runtime *rt, listing *list)
{
    dsbi_free(rt, list->names);
    dsbi_free(rt, list->offsets);
    *list = (listing){0};
}

static int compare_names(const void *a, const void *b, void *user)
{
    const char *names = user;
    return strcmp(names + *(const uint32_t *)a, names + *(const uint32_t *)b);
}

/* What growing took too much is given back before the folder is visited. */
static dsb_status shrink(dsb_runtime *rt, listing *list, size_t capacity, const dsbi_text *names)
{
    list->names = dsbi_alloc(rt, names->size);
    if (!list->names)
        return DSB_E_NOMEM;
    if (names->size)
        memcpy(list->names, names->data, names->size);
    if (capacity == list->n)
        return DSB_OK;
    uint32_t *offsets =
        dsbi_realloc_array(rt, list->offsets, list->n, list->n, sizeof *list->offsets);
    if (!offsets)
        return DSB_E_NOMEM;
    list->offsets = offsets;
    return DSB_OK;
}

static dsb_status read_names(dsb_runtime *rt, listing *list, DIR *dir, int *error)
{
    dsbi_text names;
    dsbi_text_init(&names, rt);
    size_t capacity = 0;
    dsb_status status = DSB_OK;
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry)
            break;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        void *offsets = list->offsets;
        DSBI_GO(dsbi_grow(rt, &offsets, &capacity, list->n + 1, sizeof *list->offsets));
        list->offsets = offsets;
        if (names.size > UINT32_MAX) {
            status = dsbi_fail(DSB_E_LIMIT, "names of 4 GiB in one folder");
            goto done;
        }
        list->offsets[list->n++] = (uint32_t)names.size;
        dsbi_text_add_n(&names, entry->d_name, strlen(entry->d_name) + 1);
        DSBI_GO(names.status);
    }
    *error = errno;
    DSBI_GO(shrink(rt, list, capacity, &names));
    dsbi_sort(list->offsets, list->n, sizeof *list->offsets, compare_names, list->names);
done:
    dsbi_text_free(&names);
    return status;
}

/* Lists the folder at w->path onto the stack. `*error` is an errno if the folder cannot be read. */
static dsb_status enter(walk *w, int *error)
{
    *error = 0;
    void *stack = w->stack;
    DSBI_TRY(dsbi_grow(w->rt, &stack, &w->capacity, w->depth + 1, sizeof *w->stack));
    w->stack = stack;
    int flags = O_RDONLY | O_DIRECTORY;
    int fd = w->depth == 0 ? openat(w->root_fd, ".", flags | O_CLOEXEC)
                           : dsbi_open_beneath(w->root_fd, w->path.data, flags | O_NOFOLLOW);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        *error = errno;
        if (fd >= 0)
            close(fd);
        return DSB_OK;
    }
    listing *list = &w->stack[w->depth];
    *list = (listing){0};
    dsb_status status = read_names(w->rt, list, dir, error);
    closedir(dir);
    if (status != DSB_OK || *error) {
        listing_free(w->rt, list);
        return status;
    }
    if (w->depth > 0)
        dsbi_text_add(&w->path, "/");
    list->path_size = w->path.size;
    w->depth++;
    return w->path.status;
}

static int64_t time_of(const struct stat *facts)
{
    return (int64_t)facts->st_mtim.tv_sec * 1000000000 + facts->st_mtim.tv_nsec;
}

/* What a link stands for: a file below the root, else a link that is not followed. */
static void look_behind_link(const walk *w, dsbi_walk_entry *entry)
{
    entry->kind = DSBI_WALK_LINK;
    int fd = dsbi_open_beneath(w->root_fd, w->path.data, O_PATH);
    struct stat facts;
    if (fd < 0) {
        entry->error = errno;
        return;
    }
    if (fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode)) {
        entry->kind = DSBI_WALK_FILE;
        entry->size_bytes = (uint64_t)facts.st_size;
        entry->mtime_ns = time_of(&facts);
    }
    close(fd);
}

static void look(const walk *w, dsbi_walk_entry *entry)
{
    struct stat facts;
    if (fstatat(w->root_fd, w->path.data, &facts, AT_SYMLINK_NOFOLLOW) != 0) {
        entry->kind = DSBI_WALK_UNREADABLE;
        entry->error = errno;
    } else if (S_ISREG(facts.st_mode)) {
        entry->kind = DSBI_WALK_FILE;
        entry->size_bytes = (uint64_t)facts.st_size;
        entry->mtime_ns = time_of(&facts);
    } else if (S_ISDIR(facts.st_mode)) {
        entry->mtime_ns = time_of(&facts);
        entry->kind = w->depth > w->max_depth ? DSBI_WALK_TOO_DEEP : DSBI_WALK_FOLDER;
    } else if (S_ISLNK(facts.st_mode)) {
        look_behind_link(w, entry);
    } else {
        entry->kind = DSBI_WALK_SPECIAL;
    }
}

static dsb_status visit(walk *w, const char *name)
{
    dsbi_walk_entry entry = {.depth = (uint32_t)(w->depth - 1)};
    size_t folder = w->path.size;
    dsbi_text_add(&w->path, name);
    DSBI_TRY(w->path.status);
    entry.path = w->path.data;
    entry.name = w->path.data + folder;
    look(w, &entry);
    dsb_status status = w->fn(w->user, &entry);
    if (status != DSB_OK || entry.kind != DSBI_WALK_FOLDER)
        return status < 0 ? status : DSB_OK;
    int error;
    DSBI_TRY(enter(w, &error));
    if (error) {
        entry.kind = DSBI_WALK_UNREADABLE;
        entry.error = error;
        status = w->fn(w->user, &entry);
    }
    return status < 0 ? status : DSB_OK;
}

dsb_status dsbi_walk(dsb_runtime *rt, int root_fd, uint32_t max_depth, dsbi_walk_fn fn, void *user)
{
    walk w = {.rt = rt, .root_fd = root_fd, .max_depth = max_depth, .fn = fn, .user = user};
    dsbi_text_init(&w.path, rt);
    int error;
    dsb_status status = enter(&w, &error);
    if (status == DSB_OK && error)
        status = dsbi_fail(DSB_E_IO, "cannot list the folder: %s", strerror(error));
    while (status == DSB_OK && w.depth > 0) {
        listing *list = &w.stack[w.depth - 1];
        dsbi_text_truncate(&w.path, list->path_size);
        if (list->next < list->n) {
            status = visit(&w, list->names + list->offsets[list->next++]);
        } else {
            listing_free(rt, list);
            w.depth--;
        }
    }
    while (w.depth > 0)
        listing_free(rt, &w.stack[--w.depth]);
    dsbi_free(rt, w.stack);
    dsbi_text_free(&w.path);
    return status;
}
