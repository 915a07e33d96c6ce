/* Files: read whole under a cap, write so that a reader sees the old or the new file and nothing
 * between, make folders, list a tree. Every descriptor is O_CLOEXEC; EINTR and short counts are
 * dealt with; messages name the path. */
#ifndef DSBI_BASE_FILE_H
#define DSBI_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include "base/status.h"

/* The whole file into memory that is yours (dsbi_free); one NUL follows the `size` bytes. Regular
 * files only. DSB_E_NOTFOUND, DSB_E_IO, DSB_E_LIMIT above `max_bytes`, DSB_E_NOMEM. */
dsb_status dsbi_file_read(dsb_runtime *rt, uint8_t **bytes, size_t *size, const char *path,
                          size_t max_bytes);
/* The same for a name below an open folder, which the path cannot leave: see dsbi_open_beneath. */
dsb_status dsbi_file_read_beneath(dsb_runtime *rt, uint8_t **bytes, size_t *size, int root_fd,
                                  const char *path, size_t max_bytes);

/* A regular file opened for dsbi_pread_all, and its size at that moment. Close it. */
dsb_status dsbi_open_file(int *fd, uint64_t *size, const char *path);

/* Temporary file in the same folder, fsync, rename, fsync of the folder. On failure the old file is
 * as it was and the temporary one is gone. Where the file system can, the temporary file has no
 * name until it is whole, so that a killed writer leaves nothing behind. Where `path` is a link,
 * what it leads to is replaced; a device or a pipe is written to as it is. */
dsb_status dsbi_file_write_atomic(dsb_runtime *rt, const char *path, const void *data, size_t size);

/* The same, piece by piece. The status is sticky: write freely, end always; end returns it. */
typedef struct dsbi_new_file {
    dsb_runtime *rt;
    const char *path; /* borrowed until the end */
    char *target;     /* NULL, or what the link at `path` leads to */
    char *temporary;  /* NULL: a device or a pipe, written to as it is */
    size_t folder;    /* bytes of its folder's name */
    int fd;
    bool is_unnamed; /* O_TMPFILE: gone with its descriptor until it is linked */
    dsb_status status;
} dsbi_new_file;
void dsbi_new_file_begin(dsbi_new_file *file, dsb_runtime *rt, const char *path);
void dsbi_new_file_write(dsbi_new_file *file, const void *data, size_t size);
/* Gives up: the old file stays, end returns `status`. */
void dsbi_new_file_fail(dsbi_new_file *file, dsb_status status);
dsb_status dsbi_new_file_end(dsbi_new_file *file);

/* All bytes or a failure; `path` is for the message. */
dsb_status dsbi_write_all(int fd, const void *data, size_t size, const char *path);
dsb_status dsbi_pwrite_all(int fd, const void *data, size_t size, uint64_t offset,
                           const char *path);
/* All bytes; the file ending before is DSB_E_IO. */
dsb_status dsbi_pread_all(int fd, void *data, size_t size, uint64_t offset, const char *path);

/* mkdir -p. */
dsb_status dsbi_make_dirs(dsb_runtime *rt, const char *path);

/* An open folder. DSB_E_NOTFOUND, DSB_E_INVALID if it is no folder, DSB_E_IO. */
dsb_status dsbi_open_folder(int *fd, const char *path);

/* Opens a relative path below `root_fd` for reading. Symbolic links are followed only as far as
 * they stay below it, and not at all on kernels before 5.6. Never blocks on a FIFO. Returns the
 * descriptor or -1 with errno: EXDEV or ELOOP for a link that is refused. */
int dsbi_open_beneath(int root_fd, const char *path, int flags);

/* Size and time of change of what lies there, links followed; nothing is opened. DSB_E_NOTFOUND,
 * DSB_E_IO, without a sentence. */
dsb_status dsbi_stat_at(int root_fd, const char *path, uint64_t *size_bytes, int64_t *mtime_ns);

/* A file without a name in `folder` (NULL: TMPDIR is not asked, "/tmp"), gone with its descriptor.
 */
dsb_status dsbi_open_unnamed(dsb_runtime *rt, int *fd, const char *folder);

/* Seconds of a clock that never goes back. */
double dsbi_now(void);

/* What a walk finds. */
typedef enum dsbi_walk_kind {
    DSBI_WALK_FILE,       /* a regular file, or a link to one below the root */
    DSBI_WALK_FOLDER,     /* a folder; return DSBI_WALK_SKIP to leave it out */
    DSBI_WALK_LINK,       /* a symbolic link that is not followed */
    DSBI_WALK_SPECIAL,    /* FIFO, socket, device */
    DSBI_WALK_UNREADABLE, /* a folder or file that cannot be looked at: `error` says why */
    DSBI_WALK_TOO_DEEP,   /* a folder below `max_depth`, not entered */
} dsbi_walk_kind;

typedef struct dsbi_walk_entry {
    const char *path; /* relative to the root, '/' between, never with "." or ".." */
    const char *name; /* last component of `path` */
    dsbi_walk_kind kind;
    uint32_t depth; /* 0: directly below the root */
    uint64_t size_bytes;
    int64_t mtime_ns; /* of a file or folder: when it changed last */
    int error;        /* errno of UNREADABLE, else 0 */
} dsbi_walk_entry;

#define DSBI_WALK_SKIP 1 /* returned for a folder: do not enter it */

/* Negative ends the walk with that status. */
typedef dsb_status (*dsbi_walk_fn)(void *user, const dsbi_walk_entry *entry);

/* Everything below `root_fd`: names in byte order within a folder, a folder's contents right behind
 * it. Links to folders are never entered, so that no cycle and no way out exists. One descriptor is
 * open at a time. */
dsb_status dsbi_walk(dsb_runtime *rt, int root_fd, uint32_t max_depth, dsbi_walk_fn fn, void *user);

#endif
