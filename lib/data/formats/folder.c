/* A folder of image files, read recursively. What a file is, its content says later; here hidden
 * names, links that lead away and special files are left out. Files are opened below the folder's
 * descriptor, so that nothing outside it can be read whatever happens to links meanwhile. */
#include "base/file.h"
#include "data/format.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct folder {
    int fd;
} folder;

static int probe(const dsbi_origin *origin)
{
    return origin->kind == DSBI_ORIGIN_FOLDER ? 50 : origin->kind == DSBI_ORIGIN_NONE ? 1 : 0;
}

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
    dsbi_listing *listing = user;
    if (entry->name[0] == '.') {
        bool is_folder = entry->kind == DSBI_WALK_FOLDER;
        DSBI_TRY(leave_out(listing, entry, DSB_CAUSE_HIDDEN,
                           is_folder ? "hidden folder, not entered" : "hidden file"));
        return is_folder ? DSBI_WALK_SKIP : DSB_OK;
    }
    switch (entry->kind) {
    case DSBI_WALK_FILE:
        return dsbi_listing_add(
            listing, &(dsbi_member){.path = entry->path, .size_bytes = entry->size_bytes});
    case DSBI_WALK_FOLDER:
        return DSB_OK;
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

static void folder_close(dsb_runtime *rt, void *state)
{
    folder *self = state;
    close(self->fd);
    dsbi_free(rt, self);
}

static dsb_status folder_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                              const dsbi_origin *origin)
{
    int fd;
    DSBI_TRY(dsbi_open_folder(&fd, origin->where));
    folder *self = dsbi_alloc(rt, sizeof *self);
    if (!self) {
        close(fd);
        return DSB_E_NOMEM;
    }
    self->fd = fd;
    dsb_status status = dsbi_walk(rt, fd, dsbi_listing_opts(listing)->max_depth, visit, listing);
    if (status != DSB_OK) {
        folder_close(rt, self);
        return dsbi_fail_at(status, "%s", origin->where);
    }
    *state = self;
    return DSB_OK;
}

static dsb_status folder_read(void *state, dsb_runtime *rt, uint8_t **bytes, size_t *size,
                              const dsbi_member *member, size_t max_bytes)
{
    const folder *self = state;
    return dsbi_file_read_beneath(rt, bytes, size, self->fd, member->path, max_bytes);
}

static dsb_status folder_peek(void *state, uint8_t *bytes, size_t *size, const dsbi_member *member)
{
    const folder *self = state;
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

const dsbi_format dsbi_format_folder = {
    .name = "folder",
    .help = "PATH  a folder of image files, read recursively, told by content",
    .probe = probe,
    .open = folder_open,
    .close = folder_close,
    .read = folder_read,
    .peek = folder_peek,
};
