/* See containers.h. */
#include "data/containers.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "data/inflate.h"

enum { OPEN_MAX_KEPT = 64, EXPECTED_BYTES = 32 << 20 };

dsb_status dsbi_containers_init(dsbi_containers *self, dsb_runtime *rt, const dsbi_origin *origin)
{
    *self = (dsbi_containers){.rt = rt, .root_fd = -1};
    if (origin->kind == DSBI_ORIGIN_FOLDER)
        return dsbi_open_folder(&self->root_fd, origin->where);
    return DSB_OK;
}

void dsbi_containers_close(dsbi_containers *self)
{
    for (size_t i = 0; i < self->n; i++) {
        int fd = (int)(uint32_t)atomic_load(&self->items[i].open) - 1;
        if (fd >= 0)
            close(fd);
        dsbi_free(self->rt, self->items[i].path);
    }
    dsbi_free(self->rt, self->items);
    if (self->root_fd >= 0)
        close(self->root_fd);
    *self = (dsbi_containers){.root_fd = -1};
}

static int open_file(const dsbi_containers *self, const char *path)
{
    int fd;
    do
        fd = self->root_fd >= 0 ? dsbi_open_beneath(self->root_fd, path, O_RDONLY)
                                : open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    while (fd < 0 && errno == EINTR);
    return fd;
}

static dsb_status refuse(const char *path, int error)
{
    return dsbi_fail(error == ENOENT ? DSB_E_NOTFOUND : DSB_E_IO, "%s: %s", path, strerror(error));
}

static dsb_status add(dsbi_containers *self, const char *path, const struct stat *facts)
{
    void *items = self->items;
    DSBI_TRY(dsbi_grow(self->rt, &items, &self->capacity, self->n + 1, sizeof *self->items));
    self->items = items;
    dsbi_container *item = &self->items[self->n];
    item->path = dsbi_strdup(self->rt, path);
    if (!item->path)
        return DSB_E_NOMEM;
    item->size_bytes = item->file_bytes = (uint64_t)facts->st_size;
    item->mtime_ns = (int64_t)facts->st_mtim.tv_sec * 1000000000 + facts->st_mtim.tv_nsec;
    item->is_unpacked = false;
    atomic_init(&item->open, 0);
    self->n++;
    return DSB_OK;
}

static dsb_status unpack(dsbi_containers *self, dsbi_container *item, const dsbi_packed *packed)
{
    int fd;
    DSBI_TRY(dsbi_fail_at(dsbi_unpack(self->rt, &fd, &item->size_bytes, packed), "%s", item->path));
    atomic_init(&item->open, (uint64_t)fd + 1);
    item->is_unpacked = true;
    return DSB_OK;
}

dsb_status dsbi_containers_add(dsbi_containers *self, const char *path, uint64_t max_bytes)
{
    int fd = open_file(self, path);
    if (fd < 0)
        return refuse(path, errno);
    struct stat facts;
    uint8_t head[DSBI_GZIP_HEAD];
    dsb_status status = fstat(fd, &facts) == 0 ? DSB_OK : refuse(path, errno);
    if (status == DSB_OK && !S_ISREG(facts.st_mode))
        status = dsbi_fail(DSB_E_IO, "%s: no regular file", path);
    if (status == DSB_OK)
        status = add(self, path, &facts);
    if (status == DSB_OK && pread(fd, head, sizeof head, 0) == (ssize_t)sizeof head &&
        dsbi_is_gzip(head, sizeof head))
        status = unpack(
            self, &self->items[self->n - 1],
            &(dsbi_packed){.fd = fd, .size = UINT64_MAX, .max_bytes = max_bytes, .is_gzip = true});
    close(fd);
    return status;
}

dsb_status dsbi_containers_add_packed(dsbi_containers *self, size_t from, uint64_t offset,
                                      uint64_t size, uint64_t max_bytes)
{
    const char *path = self->items[from].path;
    int fd = open_file(self, path);
    if (fd < 0)
        return refuse(path, errno);
    struct stat facts;
    dsb_status status = fstat(fd, &facts) == 0 ? DSB_OK : refuse(path, errno);
    if (status == DSB_OK)
        status = add(self, path, &facts);
    if (status == DSB_OK)
        status = unpack(
            self, &self->items[self->n - 1],
            &(dsbi_packed){.fd = fd, .offset = offset, .size = size, .max_bytes = max_bytes});
    close(fd);
    return status;
}

static const uint64_t READER = (uint64_t)1 << 32;

/* Closes one that nobody reads, if there is one. */
static void make_room(dsbi_containers *self)
{
    for (size_t tried = 0; tried < self->n; tried++) {
        dsbi_container *item = &self->items[atomic_fetch_add(&self->hand, 1) % self->n];
        uint64_t open = atomic_load(&item->open);
        if (open == 0 || open >= READER || item->is_unpacked)
            continue;
        if (atomic_compare_exchange_strong(&item->open, &open, 0)) {
            close((int)open - 1);
            atomic_fetch_sub(&self->n_open, 1);
            return;
        }
    }
}

/* The descriptor, which stays open until it is given back. `*is_kept` false: only the caller knows
 * it. */
static int borrow(dsbi_containers *self, dsbi_container *item, bool *is_kept)
{
    *is_kept = true;
    uint64_t open = atomic_load(&item->open);
    while (open != 0)
        if (atomic_compare_exchange_weak(&item->open, &open, open + READER))
            return (int)(uint32_t)open - 1;
    int fd = open_file(self, item->path);
    if (fd < 0)
        return fd;
    if (atomic_fetch_add(&self->n_open, 1) >= OPEN_MAX_KEPT)
        make_room(self);
    uint64_t none = 0;
    if (atomic_compare_exchange_strong(&item->open, &none, ((uint64_t)fd + 1) | READER))
        return fd;
    atomic_fetch_sub(&self->n_open, 1); /* another thread was first */
    *is_kept = false;
    return fd;
}

dsb_status dsbi_containers_read(dsbi_containers *self, size_t container, void *data, size_t size,
                                uint64_t offset)
{
    if (container >= self->n) /* an index may say anything */
        return dsbi_fail(DSB_E_FORMAT, "container %zu of %zu", container, self->n);
    dsbi_container *item = &self->items[container];
    bool is_kept;
    int fd = borrow(self, item, &is_kept);
    if (fd < 0)
        return refuse(item->path, errno);
    dsb_status status = dsbi_pread_all(fd, data, size, offset, item->path);
    if (is_kept)
        atomic_fetch_sub(&item->open, READER);
    else
        close(fd);
    return status;
}

void dsbi_containers_expect(dsbi_containers *self, size_t container)
{
    bool is_kept;
    if (container >= self->n)
        return;
    int fd = borrow(self, &self->items[container], &is_kept);
    if (fd < 0)
        return; /* reading it says why */
    (void)posix_fadvise(fd, 0, EXPECTED_BYTES, POSIX_FADV_WILLNEED);
    if (is_kept)
        atomic_fetch_sub(&self->items[container].open, READER);
    else
        close(fd);
}

const char *dsbi_containers_name(const dsbi_containers *self, size_t container)
{
    const char *path = self->items[container].path;
    return self->root_fd >= 0 || self->n == 1 ? dsbi_base_name(path) : path + strspn(path, "/");
}
