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
#include "base/file_inside.h"
#include "base/memory.h"

dsb_status dsbi_io_fail(const char *path, const char *verb)
{
    int error = errno;
    dsb_status status = error == ENOENT || error == ENOTDIR ? DSB_E_NOTFOUND
                        : error == ENOMEM                   ? DSB_E_NOMEM
                                                            : DSB_E_IO;
    return dsbi_fail(status, "%s: cannot %s: %s", path, verb, strerror(error));
}

int dsbi_open_retry(int dir_fd, const char *path, int flags, mode_t mode)
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
        int next =
            dsbi_open_retry(fd, name, (last ? flags : O_RDONLY | O_DIRECTORY) | O_NOFOLLOW, 0);
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
    *fd = dsbi_open_retry(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (*fd < 0)
        return dsbi_io_fail(path, "open");
    if (fstat(*fd, &facts) != 0)
        status = dsbi_io_fail(path, "look at");
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
        status = dsbi_io_fail(path, "look at");
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
            status = dsbi_io_fail(path, "read");
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
    int fd = dsbi_open_retry(AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
    if (fd < 0)
        return dsbi_io_fail(path, "open");
    return read_open_file(rt, bytes, size, fd, path, max_bytes);
}

dsb_status dsbi_file_read_beneath(dsb_runtime *rt, uint8_t **bytes, size_t *size, int root_fd,
                                  const char *path, size_t max_bytes)
{
    *bytes = NULL;
    *size = 0;
    int fd = dsbi_open_beneath(root_fd, path, O_RDONLY);
    if (fd < 0)
        return dsbi_io_fail(path, "open");
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
            return dsbi_io_fail(path, "write");
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
            return dsbi_io_fail(path, "write");
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
            return dsbi_io_fail(path, "read");
        if (n == 0)
            return dsbi_fail(DSB_E_IO, "%s: ends at byte %llu, %zu more expected", path,
                             (unsigned long long)offset, size);
        at += n;
        size -= (size_t)n;
        offset += (uint64_t)n;
    }
    return DSB_OK;
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
            status = dsbi_io_fail(copy, "make the folder");
        else if (stat(copy, &facts) != 0)
            status = dsbi_io_fail(copy, "look at");
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
    *fd = dsbi_open_retry(AT_FDCWD, path, O_RDONLY | O_DIRECTORY, 0);
    if (*fd >= 0)
        return DSB_OK;
    struct stat facts;
    if (errno == ENOTDIR && stat(path, &facts) == 0)
        return dsbi_fail(DSB_E_INVALID, "%s: not a folder", path);
    return dsbi_io_fail(path, "open the folder");
}

double dsbi_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}
