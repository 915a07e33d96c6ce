/* See file.h. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include "base/memory.h"

static dsb_status io_fail(const char *path, const char *verb)
{
    int error = errno;
    dsb_status status = error == ENOENT || error == ENOTDIR ? DSB_E_NOTFOUND
                        : error == ENOMEM                   ? DSB_E_NOMEM
                                                            : DSB_E_IO;
    return dsbi_fail(status, "%s: cannot %s: %s", path, verb, strerror(error));
}

static int open_retry(int dir_fd, const char *path, int flags, mode_t mode)
{
    int fd;
    do
        fd = openat(dir_fd, path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    return fd;
}

/* Component by component, no link followed: for kernels without openat2. */
static int open_without_links(int root_fd, const char *path, int flags)
{
    int fd = root_fd;
    while (*path) {
        size_t length = strcspn(path, "/");
        char name[256];
        if (length >= sizeof name || length == 0) {
            errno = length ? ENAMETOOLONG : EINVAL;
            break;
        }
        memcpy(name, path, length);
        name[length] = '\0';
        bool last = path[length] == '\0';
        path += length + !last;
        if (strcmp(name, "..") == 0) {
            errno = EXDEV;
            break;
        }
        int next = open_retry(fd, name, (last ? flags : O_RDONLY | O_DIRECTORY) | O_NOFOLLOW, 0);
        if (next < 0)
            break;
        if (fd != root_fd)
            close(fd);
        fd = next;
        if (last)
            return fd;
    }
    int error = errno;
    if (fd != root_fd)
        close(fd);
    errno = error;
    return -1;
}

int dsbi_open_beneath(int root_fd, const char *path, int flags)
{
    if (path[0] == '\0' || path[0] == '/') {
        errno = EINVAL;
        return -1;
    }
    flags |= O_CLOEXEC;
    if (!(flags & O_PATH)) /* openat2 refuses flags that mean nothing */
        flags |= O_NONBLOCK | O_NOCTTY;
    struct open_how how = {
        .flags = (uint64_t)(unsigned)flags,
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    long fd;
    do
        fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
    while (fd < 0 && (errno == EINTR || errno == EAGAIN));
    if (fd < 0 && (errno == ENOSYS || errno == EPERM)) /* old kernel, or a sandbox's filter */
        return open_without_links(root_fd, path, flags);
    return (int)fd;
}

dsb_status dsbi_open_file(int *fd, uint64_t *size, const char *path)
{
    struct stat facts;
    dsb_status status = DSB_OK;
    *size = 0;
    *fd = open_retry(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (*fd < 0)
        return io_fail(path, "open");
    if (fstat(*fd, &facts) != 0)
        status = io_fail(path, "look at");
    else if (!S_ISREG(facts.st_mode))
        status = dsbi_fail(DSB_E_IO, "%s: not a regular file", path);
    else
        *size = (uint64_t)facts.st_size;
    if (status != DSB_OK) {
        close(*fd);
        *fd = -1;
    }
    return status;
}

/* Reads an open file to its end and closes it. */
static dsb_status read_open_file(dsb_runtime *rt, uint8_t **bytes, size_t *size, int fd,
                                 const char *path, size_t max_bytes)
{
    uint8_t *data = NULL;
    dsb_status status = DSB_OK;
    struct stat facts;
    if (fstat(fd, &facts) != 0) {
        status = io_fail(path, "look at");
        goto done;
    }
    if (!S_ISREG(facts.st_mode)) {
        status = dsbi_fail(DSB_E_IO, "%s: not a regular file", path);
        goto done;
    }
    if ((uint64_t)facts.st_size > max_bytes) {
        status = dsbi_fail(DSB_E_LIMIT, "%s: %lld bytes, at most %zu are read", path,
                           (long long)facts.st_size, max_bytes);
        goto done;
    }
    size_t expected = (size_t)facts.st_size, got = 0;
    data = dsbi_alloc(rt, expected + 1);
    if (!data) {
        status = dsbi_fail_at(DSB_E_NOMEM, "%s", path);
        goto done;
    }
    for (;;) { /* one byte more than expected, to notice a file that grows */
        const size_t asked = expected + 1 - got;
        ssize_t n = read(fd, data + got, asked);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            status = io_fail(path, "read");
            goto done;
        }
        if (n == 0)
            break;
        got += (size_t)n;
        if (got > expected) {
            status = dsbi_fail(DSB_E_IO, "%s: grew while it was read", path);
            goto done;
        }
        if (got == expected && (size_t)n < asked)
            break; /* a regular file gives less than asked for at its end only */
    }
    data[got] = '\0';
    *bytes = data;
    *size = got;
    data = NULL;
done:
    close(fd);
    dsbi_free(rt, data);
    return status;
}

dsb_status dsbi_file_read(dsb_runtime *rt, uint8_t **bytes, size_t *size, const char *path,
                          size_t max_bytes)
{
    *bytes = NULL;
    *size = 0;
    int fd = open_retry(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return io_fail(path, "open");
    return read_open_file(rt, bytes, size, fd, path, max_bytes);
}

dsb_status dsbi_file_read_beneath(dsb_runtime *rt, uint8_t **bytes, size_t *size, int root_fd,
                                  const char *path, size_t max_bytes)
{
    *bytes = NULL;
    *size = 0;
    int fd = dsbi_open_beneath(root_fd, path, O_RDONLY);
    if (fd < 0)
        return io_fail(path, "open");
    return read_open_file(rt, bytes, size, fd, path, max_bytes);
}

dsb_status dsbi_write_all(int fd, const void *data, size_t size, const char *path)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = write(fd, at, size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_fail(path, "write");
        at += n;
        size -= (size_t)n;
    }
    return DSB_OK;
}

dsb_status dsbi_pwrite_all(int fd, const void *data, size_t size, uint64_t offset, const char *path)
{
    const char *at = data;
    while (size > 0) {
        ssize_t n = pwrite(fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_fail(path, "write");
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return DSB_OK;
}

dsb_status dsbi_pread_all(int fd, void *data, size_t size, uint64_t offset, const char *path)
{
    char *at = data;
    while (size > 0) {
        ssize_t n = pread(fd, at, size, (off_t)offset);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return io_fail(path, "read");
        if (n == 0)
            return dsbi_fail(DSB_E_IO, "%s: ends at byte %llu, %zu more expected", path,
                             (unsigned long long)offset, size);
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return DSB_OK;
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
    int fd = open_retry(AT_FDCWD, folder ? scratch : ".", O_RDONLY | O_DIRECTORY, 0);
    if (fd < 0)
        return io_fail(path, "open the folder of");
    dsb_status status = DSB_OK;
    if (fsync_retry(fd) != 0 && errno != EINVAL && errno != EROFS && errno != ENOTSUP)
        status = io_fail(path, "sync the folder of");
    close(fd);
    return status;
}

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
        fd = open_retry(AT_FDCWD, name, flags | O_CREAT | O_EXCL, mode);
        if (fd < 0 && errno != EEXIST)
            break;
    }
    return fd;
}

dsb_status dsbi_stat_at(int root_fd, const char *path, uint64_t *size_bytes, int64_t *mtime_ns)
{
    struct stat facts;
    if (fstatat(root_fd, path, &facts, 0) != 0)
        return errno == ENOENT ? DSB_E_NOTFOUND : DSB_E_IO;
    *size_bytes = (uint64_t)facts.st_size;
    *mtime_ns = (int64_t)facts.st_mtim.tv_sec * 1000000000 + facts.st_mtim.tv_nsec;
    return DSB_OK;
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
    int fd = open_retry(AT_FDCWD, folder ? scratch : ".", O_TMPFILE | O_WRONLY, 0666);
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

void dsbi_new_file_begin(dsbi_new_file *file, dsb_runtime *rt, const char *path)
{
    *file = (dsbi_new_file){.rt = rt, .path = path, .folder = folder_length(path), .fd = -1};
    file->temporary = dsbi_alloc(rt, file->folder + SUFFIX_BYTES);
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
        file->status = io_fail(path, "create a temporary file beside");
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

dsb_status dsbi_new_file_end(dsbi_new_file *file)
{
    dsb_status status = file->status;
    if (status == DSB_OK && fsync_retry(file->fd) != 0)
        status = io_fail(file->path, "sync");
    if (status == DSB_OK && file->is_unnamed && link_unnamed(file) != 0)
        status = io_fail(file->path, "put the new file in place");
    /* a quota may speak up only when closing */
    if (file->fd >= 0 && close(file->fd) != 0 && errno != EINTR && status == DSB_OK &&
        !file->is_unnamed)
        status = io_fail(file->path, "close");
    if (status == DSB_OK && !file->is_unnamed && rename(file->temporary, file->path) != 0)
        status = io_fail(file->path, "put the new file in place");
    if (status != DSB_OK && file->fd >= 0 && !file->is_unnamed)
        unlink(file->temporary);
    if (status == DSB_OK)
        status = sync_folder(file->path, file->temporary, file->folder);
    dsbi_free(file->rt, file->temporary);
    return status;
}

dsb_status dsbi_file_write_atomic(dsb_runtime *rt, const char *path, const void *data, size_t size)
{
    dsbi_new_file file;
    dsbi_new_file_begin(&file, rt, path);
    dsbi_new_file_write(&file, data, size);
    return dsbi_new_file_end(&file);
}

dsb_status dsbi_make_dirs(dsb_runtime *rt, const char *path)
{
    if (path[0] == '\0')
        return dsbi_fail(DSB_E_INVALID, "a folder needs a name");
    char *copy = dsbi_strdup(rt, path);
    if (!copy)
        return DSB_E_NOMEM;
    dsb_status status = DSB_OK;
    for (char *at = copy + 1; status == DSB_OK; at++) {
        char c = *at;
        if (c != '/' && c != '\0')
            continue;
        *at = '\0';
        struct stat facts;
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            status = io_fail(copy, "make the folder");
        else if (stat(copy, &facts) != 0)
            status = io_fail(copy, "look at");
        else if (!S_ISDIR(facts.st_mode))
            status = dsbi_fail(DSB_E_IO, "%s: there, but not a folder", copy);
        *at = c;
        if (c == '\0')
            break;
    }
    dsbi_free(rt, copy);
    return status;
}

dsb_status dsbi_open_folder(int *fd, const char *path)
{
    *fd = open_retry(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    if (*fd >= 0)
        return DSB_OK;
    struct stat facts;
    if (errno == ENOTDIR && stat(path, &facts) == 0)
        return dsbi_fail(DSB_E_INVALID, "%s: not a folder", path);
    return io_fail(path, "open the folder");
}

dsb_status dsbi_open_unnamed(dsb_runtime *rt, int *fd, const char *folder)
{
    if (!folder)
        folder = "/tmp";
    *fd = open_retry(AT_FDCWD, folder, O_TMPFILE | O_RDWR | O_EXCL, 0600);
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
        status = io_fail(folder, "create a temporary file in");
    else
        unlink(name);
    dsbi_free(rt, name);
    return status;
}

double dsbi_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
