/* Files that live in memory, under the functions the library opens files with: a fuzz entry of a
 * file format then needs no system call, and a read beyond a mapping's last byte is seen. The
 * linker (--wrap, see CMakeLists.txt) leads open, stat, pread ... of the whole program through
 * here; what is not one of these files goes to the system as ever. One thread. */
#ifndef DSBI_TESTS_FUZZ_MEMORY_FILES_H
#define DSBI_TESTS_FUZZ_MEMORY_FILES_H

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY_FOLDER "/memory-files" /* nothing else is below it */
#define MEMORY_FILE MEMORY_FOLDER "/file"

enum { MEMORY_FD = 1 << 20, MEMORY_OPEN = 16, MEMORY_MODIFIED = 1000000000 };

/* What is in MEMORY_FILE; its bytes belong to who sets them. */
static struct {
    const uint8_t *bytes;
    size_t size;
} memory_file;

/* An open file: MEMORY_FILE, or an unnamed one that can be written. */
typedef struct memory_open {
    bool is_used, is_unnamed;
    uint8_t *written;
    size_t size, capacity, at;
} memory_open;

static memory_open memory_opens[MEMORY_OPEN];
static void *memory_map;

int __real_access(const char *path, int mode);
int __real_stat(const char *path, struct stat *facts);
int __real_fstat(int fd, struct stat *facts);
int __real_open(const char *path, int flags, ...);
int __real_openat(int folder, const char *path, int flags, ...);
int __real_close(int fd);
ssize_t __real_read(int fd, void *data, size_t size);
ssize_t __real_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __real_write(int fd, const void *data, size_t size);
ssize_t __real_pwrite(int fd, const void *data, size_t size, off_t offset);
void *__real_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __real_munmap(void *at, size_t size);

int __wrap_access(const char *path, int mode);
int __wrap_stat(const char *path, struct stat *facts);
int __wrap_fstat(int fd, struct stat *facts);
int __wrap_open(const char *path, int flags, ...);
int __wrap_openat(int folder, const char *path, int flags, ...);
int __wrap_close(int fd);
ssize_t __wrap_read(int fd, void *data, size_t size);
ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset);
ssize_t __wrap_write(int fd, const void *data, size_t size);
ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset);
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset);
int __wrap_munmap(void *at, size_t size);

static inline memory_open *memory_of(int fd)
{
    return fd >= MEMORY_FD && fd < MEMORY_FD + MEMORY_OPEN ? &memory_opens[fd - MEMORY_FD] : NULL;
}

static inline bool memory_is_below(const char *path)
{
    return strncmp(path, MEMORY_FOLDER, sizeof MEMORY_FOLDER - 1) == 0;
}

static inline const uint8_t *memory_bytes(const memory_open *file)
{
    return file->is_unnamed ? file->written : memory_file.bytes;
}

static inline size_t memory_size(const memory_open *file)
{
    return file->is_unnamed ? file->size : memory_file.size;
}

static inline int memory_fail(int error)
{
    errno = error;
    return -1;
}

static inline void memory_facts(struct stat *facts, size_t size)
{
    memset(facts, 0, sizeof *facts);
    facts->st_mode = S_IFREG | 0600;
    facts->st_nlink = 1;
    facts->st_size = (off_t)size;
    facts->st_mtim.tv_sec = MEMORY_MODIFIED;
}

int __wrap_access(const char *path, int mode)
{
    if (!memory_is_below(path))
        return __real_access(path, mode);
    return strcmp(path, MEMORY_FILE) == 0 ? 0 : memory_fail(ENOENT);
}

int __wrap_stat(const char *path, struct stat *facts)
{
    if (!memory_is_below(path))
        return __real_stat(path, facts);
    if (strcmp(path, MEMORY_FILE) != 0)
        return memory_fail(ENOENT);
    memory_facts(facts, memory_file.size);
    return 0;
}

int __wrap_fstat(int fd, struct stat *facts)
{
    const memory_open *file = memory_of(fd);
    if (!file)
        return __real_fstat(fd, facts);
    memory_facts(facts, memory_size(file));
    return 0;
}

static inline int memory_slot(bool is_unnamed)
{
    for (int i = 0; i < MEMORY_OPEN; i++)
        if (!memory_opens[i].is_used) {
            memory_opens[i] = (memory_open){.is_used = true, .is_unnamed = is_unnamed};
            return MEMORY_FD + i;
        }
    return memory_fail(EMFILE);
}

/* -2: none of ours. The folder itself opens as an empty file that nothing lies beneath. */
static inline int memory_try(const char *path, int flags)
{
    if ((flags & O_TMPFILE) == O_TMPFILE)
        return memory_slot(true);
    if (!memory_is_below(path))
        return -2;
    if (strcmp(path, MEMORY_FOLDER) == 0)
        return memory_slot(true);
    return strcmp(path, MEMORY_FILE) == 0 ? memory_slot(false) : memory_fail(ENOENT);
}

static inline mode_t memory_mode(int flags, va_list rest)
{
    return flags & (O_CREAT | __O_TMPFILE) ? va_arg(rest, mode_t) : 0;
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = memory_mode(flags, rest);
    va_end(rest);
    const int fd = memory_try(path, flags);
    return fd == -2 ? __real_open(path, flags, mode) : fd;
}

int __wrap_openat(int folder, const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = memory_mode(flags, rest);
    va_end(rest);
    const int fd = memory_try(path, flags);
    return fd == -2 ? __real_openat(folder, path, flags, mode) : fd;
}

int __wrap_close(int fd)
{
    memory_open *file = memory_of(fd);
    if (!file)
        return __real_close(fd);
    assert(file->is_used); /* closed twice */
    free(file->written);
    *file = (memory_open){0};
    return 0;
}

ssize_t __wrap_pread(int fd, void *data, size_t size, off_t offset)
{
    const memory_open *file = memory_of(fd);
    if (!file)
        return __real_pread(fd, data, size, offset);
    if (offset < 0)
        return memory_fail(EINVAL);
    const size_t all = memory_size(file);
    if ((uint64_t)offset >= all)
        return 0;
    if (size > all - (size_t)offset)
        size = all - (size_t)offset;
    memcpy(data, memory_bytes(file) + offset, size);
    return (ssize_t)size;
}

ssize_t __wrap_read(int fd, void *data, size_t size)
{
    memory_open *file = memory_of(fd);
    if (!file)
        return __real_read(fd, data, size);
    const ssize_t n = __wrap_pread(fd, data, size, (off_t)file->at);
    if (n > 0)
        file->at += (size_t)n;
    return n;
}

ssize_t __wrap_pwrite(int fd, const void *data, size_t size, off_t offset)
{
    memory_open *file = memory_of(fd);
    if (!file)
        return __real_pwrite(fd, data, size, offset);
    const size_t end = (size_t)offset + size;
    if (!file->is_unnamed || end > 1 << 26)
        return memory_fail(ENOSPC);
    if (end > file->capacity) {
        const size_t capacity = end < 4096 ? 4096 : 2 * end;
        uint8_t *grown = realloc(file->written, capacity);
        assert(grown);
        memset(grown + file->capacity, 0, capacity - file->capacity);
        file->written = grown;
        file->capacity = capacity;
    }
    memcpy(file->written + offset, data, size);
    if (end > file->size)
        file->size = end;
    return (ssize_t)size;
}

ssize_t __wrap_write(int fd, const void *data, size_t size)
{
    memory_open *file = memory_of(fd);
    if (!file)
        return __real_write(fd, data, size);
    const ssize_t n = __wrap_pwrite(fd, data, size, (off_t)file->at);
    if (n > 0)
        file->at += (size_t)n;
    return n;
}

/* One mapping at a time, of exactly the file's bytes. */
void *__wrap_mmap(void *at, size_t size, int protection, int flags, int fd, off_t offset)
{
    const memory_open *file = memory_of(fd);
    if (!file)
        return __real_mmap(at, size, protection, flags, fd, offset);
    assert(!memory_map && offset == 0 && size > 0 && size <= memory_size(file));
    if (posix_memalign(&memory_map, 4096, size) != 0)
        abort();
    memcpy(memory_map, memory_bytes(file), size);
    return memory_map;
}

int __wrap_munmap(void *at, size_t size)
{
    if (!at || at != memory_map)
        return __real_munmap(at, size);
    free(memory_map);
    memory_map = NULL;
    return 0;
}

#endif
