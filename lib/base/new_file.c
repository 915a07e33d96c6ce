/* Files that come into being whole (file.h): written without a name or under a temporary one,
 * synced, put in their place. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "base/file_inside.h"
#include "base/memory.h"

enum { SUFFIX_BYTES = 64 };

static void temporary_name(char name[SUFFIX_BYTES], int attempt)
{
    snprintf(name, SUFFIX_BYTES, ".dsbias-%ld-%d.tmp", (long)getpid(), attempt);
}

/* Writes a name that is not taken behind the first `folder` bytes of `name` and creates that file.
 */
static int create_temporary(char *name, size_t folder, int flags, mode_t mode)
{
    enum { ATTEMPTS = 1000 };
    int fd = -1;
    for (int attempt = 0; attempt < ATTEMPTS && fd < 0; attempt++) {
        temporary_name(name + folder, attempt);
        fd = dsbi_open_retry(AT_FDCWD, name, flags | O_CREAT | O_EXCL, mode);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

static int fsync_retry(int fd)
{
    int result;
    do
        result = fsync(fd);
    while (result != 0 && errno == EINTR);
    return result;
}

/* Folder part of a path: "" for the current one, else with the slash at its end. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* The rename is on disk only once the folder is. Some file systems cannot sync folders: EINVAL. */
static dsb_status sync_folder(const char *path, char *scratch, size_t folder)
{
    memcpy(scratch, path, folder);
    scratch[folder] = '\0';
    int fd = dsbi_open_retry(AT_FDCWD, folder ? scratch : ".", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return dsbi_io_fail(path, "open the folder of");
    dsb_status status = DSB_OK;
    if (fsync_retry(fd) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
        status = dsbi_io_fail(path, "sync the folder of");
    close(fd);
    return status;
}

/* "/proc/self/fd/N": how a file without a name is given one. */
static void descriptor_path(char name[SUFFIX_BYTES], int fd)
{
    snprintf(name, SUFFIX_BYTES, "/proc/self/fd/%d", fd);
}

/* A file that can be named later; -1 where the file system or the machine has no such thing. */
static int create_unnamed(char *scratch, size_t folder)
{
    char name[SUFFIX_BYTES];
    scratch[folder] = '\0';
    int fd = dsbi_open_retry(AT_FDCWD, folder ? scratch : ".", O_TMPFILE | O_WRONLY, 0666);
    if (fd < 0)
        return -1;
    descriptor_path(name, fd);
    if (access(name, F_OK) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Gives a file without a name its place. Where another one is, it goes beside it for a moment, for
 * links replace nothing. */
static int link_unnamed(const dsbi_new_file *file)
{
    enum { ATTEMPTS = 1000 };
    char from[SUFFIX_BYTES];
    descriptor_path(from, file->fd);
    int result = linkat(AT_FDCWD, from, AT_FDCWD, file->path, AT_SYMLINK_FOLLOW);
    if (result == 0 || errno != EEXIST)
        return result;
    for (int attempt = 0; attempt < ATTEMPTS && result != 0 && errno == EEXIST; attempt++) {
        temporary_name(file->temporary + file->folder, attempt);
        result = linkat(AT_FDCWD, from, AT_FDCWD, file->temporary, AT_SYMLINK_FOLLOW);
    }
    if (result != 0 || rename(file->temporary, file->path) == 0)
        return result;
    const int error = errno;
    unlink(file->temporary);
    errno = error;
    return -1;
}

/* Devices and pipes cannot be replaced, only written to. */
static bool is_special(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode);
}

/* What a link leads to is replaced and not the link (/dev/stdout may be one). A link to nothing is
 * itself. */
static void follow_link(dsbi_new_file *file)
{
    struct stat facts;
    if (lstat(file->path, &facts) != 0 || !S_ISLNK(facts.st_mode))
        return;
    file->target = dsbi_alloc(file->rt, PATH_MAX);
    if (!file->target)
        file->status = DSB_E_NOMEM;
    else if (realpath(file->path, file->target))
        file->path = file->target;
}

static void begin_beside(dsbi_new_file *file)
{
    const char *path = file->path;
    file->folder = folder_length(path);
    file->temporary = dsbi_alloc(file->rt, file->folder + SUFFIX_BYTES);
    if (!file->temporary) {
        file->status = DSB_E_NOMEM;
        return;
    }
    memcpy(file->temporary, path, file->folder);
    file->fd = create_unnamed(file->temporary, file->folder);
    file->is_unnamed = file->fd >= 0;
    if (!file->is_unnamed)
        file->fd = create_temporary(file->temporary, file->folder, O_WRONLY, 0666);
    if (file->fd < 0)
        file->status = dsbi_io_fail(path, "create a temporary file beside");
}

void dsbi_new_file_begin(dsbi_new_file *file, dsb_runtime *rt, const char *path)
{
    *file = (dsbi_new_file){.rt = rt, .path = path, .fd = -1};
    if (is_special(path)) {
        file->fd = dsbi_open_retry(AT_FDCWD, path, O_WRONLY | O_NOCTTY, 0);
        if (file->fd < 0)
            file->status = dsbi_io_fail(path, "open");
        return;
    }
    follow_link(file);
    if (file->status == DSB_OK)
        begin_beside(file);
}

void dsbi_new_file_write(dsbi_new_file *file, const void *data, size_t size)
{
    if (file->status == DSB_OK)
        file->status = dsbi_write_all(file->fd, data, size, file->path);
}

void dsbi_new_file_fail(dsbi_new_file *file, dsb_status status)
{
    if (file->status == DSB_OK)
        file->status = status;
}

/* The temporary file takes its place; its descriptor is closed. */
static dsb_status put_in_place(dsbi_new_file *file)
{
    dsb_status status = file->status;
    if (status == DSB_OK && fsync_retry(file->fd) != 0)
        status = dsbi_io_fail(file->path, "sync");
    if (status == DSB_OK && file->is_unnamed && link_unnamed(file) != 0)
        status = dsbi_io_fail(file->path, "put the new file in place");
    /* a quota may speak up only when closing */
    if (file->fd >= 0 && close(file->fd) != 0 && errno != EINTR && status == DSB_OK &&
        !file->is_unnamed)
        status = dsbi_io_fail(file->path, "close");
    if (file->is_unnamed || file->fd < 0)
        return status;
    if (status == DSB_OK && rename(file->temporary, file->path) != 0)
        status = dsbi_io_fail(file->path, "put the new file in place");
    if (status != DSB_OK)
        unlink(file->temporary);
    return status;
}

dsb_status dsbi_new_file_end(dsbi_new_file *file)
{
    dsb_status status;
    if (file->temporary) {
        status = put_in_place(file);
        if (status == DSB_OK)
            status = sync_folder(file->path, file->temporary, file->folder);
    } else {
        status = file->status;
        if (file->fd >= 0 && close(file->fd) != 0 && errno != EINTR && status == DSB_OK)
            status = dsbi_io_fail(file->path, "close");
    }
    dsbi_free(file->rt, file->temporary);
    dsbi_free(file->rt, file->target);
    return status;
}

dsb_status dsbi_file_write_atomic(dsb_runtime *rt, const char *path, const void *data, size_t size)
{
    dsbi_new_file file;
    dsbi_new_file_begin(&file, rt, path);
    dsbi_new_file_write(&file, data, size);
    return dsbi_new_file_end(&file);
}

dsb_status dsbi_open_unnamed(dsb_runtime *rt, int *fd, const char *folder)
{
    if (!folder)
        folder = "/tmp";
    *fd = dsbi_open_retry(AT_FDCWD, folder, O_TMPFILE | O_RDWR | O_EXCL, 0600);
    if (*fd >= 0)
        return DSB_OK;
    /* file systems without O_TMPFILE (EOPNOTSUPP, old EISDIR): a name, taken away at once */
    size_t length = strlen(folder);
    char *name = dsbi_alloc(rt, length + 1 + SUFFIX_BYTES);
    if (!name)
        return DSB_E_NOMEM;
    memcpy(name, folder, length);
    name[length] = '/';
    *fd = create_temporary(name, length + 1, O_RDWR, 0600);
    dsb_status status = DSB_OK;
    if (*fd < 0)
        status = dsbi_io_fail(folder, "create a temporary file in");
    else
        unlink(name);
    dsbi_free(rt, name);
    return status;
}
