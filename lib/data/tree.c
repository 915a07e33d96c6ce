/* See tree.h. Files are opened below the folder's descriptor, so that nothing outside it can be
 * read whatever happens to links meanwhile. */
#include "data/tree.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "data/index_file.h"

typedef struct tree {
    int fd;
} tree;

typedef struct walk {
    dsbi_listing *listing;
    dsbi_tree_fn fn;
    void *user;
} walk;

static dsb_status leave_out(dsbi_listing *listing, const dsbi_walk_entry *entry, uint32_t cause,
                            const char *message)
{
    char sentence[200];
    if (entry->error)
        snprintf(sentence, sizeof sentence, "%s: %s", message, strerror(entry->error));
    else
        snprintf(sentence, sizeof sentence, "%s", message);
    return dsbi_listing_leave_out(listing, entry->path, cause, sentence);
}

static dsb_status visit(void *user, const dsbi_walk_entry *entry)
{
    const walk *self = user;
    dsbi_listing *listing = self->listing;
    if (entry->name[0] == '.') {
        bool is_folder = entry->kind == DSBI_WALK_FOLDER;
        DSBI_TRY(leave_out(listing, entry, DSB_CAUSE_HIDDEN,
                           is_folder ? "hidden folder, not entered" : "hidden file"));
        return is_folder ? DSBI_WALK_SKIP : DSB_OK;
    }
    switch (entry->kind) {
    case DSBI_WALK_FILE:
        return self->fn(self->user, listing, entry);
    case DSBI_WALK_FOLDER:
        return dsbi_listing_witness(listing, DSBI_WITNESS_FOLDER, entry->path, 0, entry->mtime_ns);
    case DSBI_WALK_LINK:
        return leave_out(listing, entry, DSB_CAUSE_LINK,
                         entry->error == EXDEV || entry->error == ELOOP
                             ? "symbolic link that leaves the folder or turns in a circle"
                         : entry->error ? "symbolic link that cannot be followed"
                                        : "symbolic link to something that is no file");
    case DSBI_WALK_SPECIAL:
        return leave_out(listing, entry, DSB_CAUSE_SPECIAL, "neither file nor folder");
    case DSBI_WALK_TOO_DEEP:
        return leave_out(listing, entry, DSB_CAUSE_DEPTH, "folder too deep, not entered");
    case DSBI_WALK_UNREADABLE:
        return leave_out(listing, entry, DSB_CAUSE_FOLDER, "cannot be looked at");
    }
    return DSB_OK;
}

void dsbi_tree_close(dsb_runtime *rt, void *state)
{
    tree *self = state;
    close(self->fd);
    dsbi_free(rt, self);
}

dsb_status dsbi_tree_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                          const dsbi_origin *origin, dsbi_tree_fn fn, void *user)
{
    int fd;
    DSBI_TRY(dsbi_open_folder(&fd, origin->where));
    tree *self = dsbi_alloc(rt, sizeof *self);
    if (!self) {
        close(fd);
        return DSB_E_NOMEM;
    }
    self->fd = fd;
    walk job = {listing, fn, user};
    struct stat facts;
    int64_t mtime_ns = fstat(fd, &facts) == 0
                           ? (int64_t)facts.st_mtim.tv_sec * 1000000000 + facts.st_mtim.tv_nsec
                           : -1;
    dsb_status status = dsbi_listing_witness(listing, DSBI_WITNESS_FOLDER, "", 0, mtime_ns);
    if (status == DSB_OK)
        status = dsbi_walk(rt, fd, dsbi_listing_opts(listing)->max_depth, visit, &job);
    if (status != DSB_OK) {
        dsbi_tree_close(rt, self);
        return dsbi_fail_at(status, "%s", origin->where);
    }
    *state = self;
    return DSB_OK;
}

dsb_status dsbi_tree_reopen(dsb_runtime *rt, void **state, const dsb_dataset *dataset)
{
    char *path = dsbi_dataset_where_path(dataset);
    if (!path)
        return DSB_E_NOMEM;
    tree *self = dsbi_alloc(rt, sizeof *self);
    dsb_status status = self ? dsbi_open_folder(&self->fd, path) : DSB_E_NOMEM;
    dsbi_free(rt, path);
    if (status == DSB_OK)
        *state = self;
    else
        dsbi_free(rt, self);
    return status;
}

dsb_status dsbi_tree_stat(void *state, const char *path, uint64_t *size_bytes, int64_t *mtime_ns)
{
    const tree *self = state;
    return dsbi_stat_at(self->fd, path, size_bytes, mtime_ns);
}

dsb_status dsbi_tree_read(void *state, dsb_runtime *rt, uint8_t **bytes, size_t *size,
                          const dsbi_member *member, size_t max_bytes)
{
    const tree *self = state;
    return dsbi_file_read_beneath(rt, bytes, size, self->fd, member->path, max_bytes);
}

dsb_status dsbi_tree_peek(void *state, uint8_t *bytes, size_t *size, const dsbi_member *member)
{
    const tree *self = state;
    int fd = dsbi_open_beneath(self->fd, member->path, O_RDONLY);
    ssize_t n = -1;
    if (fd >= 0) {
        do
            n = read(fd, bytes, *size);
        while (n < 0 && errno == EINTR);
    }
    int error = errno;
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return dsbi_fail(DSB_E_IO, "cannot read: %s", strerror(error));
    *size = (size_t)n;
    return DSB_OK;
}
