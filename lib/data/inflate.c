/* See inflate.h. */
#include "data/inflate.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"

#ifdef DSBI_HAVE_ZLIB
#include <zlib.h>

enum {
    CHUNK = 1 << 17,
    FREE_BYTES = 64 << 20, /* unpacked before the ratio is asked for */
    MAX_RATIO = 512,       /* deflate reaches 1032:1, on nothing but zeros */
};

typedef struct unpacker {
    dsb_runtime *rt;
    const dsbi_packed *from;
    int out_fd;
    uint64_t taken, given; /* packed bytes read, unpacked bytes written */
    uint8_t *in, *out;     /* [CHUNK] each */
    z_stream stream;
} unpacker;

static void *zlib_alloc(void *user, unsigned n, unsigned item_bytes)
{
    return dsbi_alloc_array(user, n, item_bytes);
}

static void zlib_free(void *user, void *pointer)
{
    dsbi_free(user, pointer);
}

/* Fills the input; avail_in stays 0 at the end of what is packed. */
static dsb_status refill(unpacker *self)
{
    uint64_t left = self->from->size - self->taken;
    size_t wanted = left < CHUNK ? (size_t)left : CHUNK;
    ssize_t n;
    do
        n = pread(self->from->fd, self->in, wanted, (off_t)(self->from->offset + self->taken));
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return dsbi_fail(DSB_E_IO, "cannot read: %s", strerror(errno));
    self->taken += (uint64_t)n;
    self->stream.next_in = self->in;
    self->stream.avail_in = (unsigned)n;
    return DSB_OK;
}

static dsb_status drain(unpacker *self)
{
    size_t n = CHUNK - self->stream.avail_out;
    if (n > self->from->max_bytes - self->given)
        return dsbi_fail(DSB_E_LIMIT, "unpacks to more than %llu bytes",
                         (unsigned long long)self->from->max_bytes);
    DSBI_TRY(dsbi_write_all(self->out_fd, self->out, n, "unpacked copy"));
    self->given += n;
    if (self->given > FREE_BYTES && self->given / MAX_RATIO > self->taken)
        return dsbi_fail(DSB_E_LIMIT, "%llu packed bytes unpack to more than %llu: a bomb",
                         (unsigned long long)self->taken, (unsigned long long)self->given);
    self->stream.next_out = self->out;
    self->stream.avail_out = CHUNK;
    return DSB_OK;
}

/* One gzip member or deflate stream after the other. */
static dsb_status run(unpacker *self)
{
    z_stream *z = &self->stream;
    bool is_inside = true;
    for (;;) {
        if (z->avail_in == 0)
            DSBI_TRY(refill(self));
        if (z->avail_in == 0) /* the end */
            return is_inside ? dsbi_fail(DSB_E_FORMAT, "packed data end too early after %llu bytes",
                                         (unsigned long long)self->taken)
                             : DSB_OK;
        if (!is_inside) { /* zeros may pad the last member */
            if (!self->from->is_gzip || *z->next_in != 0x1f)
                return DSB_OK;
            if (inflateReset(z) != Z_OK)
                return dsbi_fail(DSB_E_INTERNAL, "zlib: cannot start again");
            is_inside = true;
        }
        int code = inflate(z, Z_NO_FLUSH);
        if (code == Z_MEM_ERROR)
            return DSB_E_NOMEM;
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
            return dsbi_fail(DSB_E_FORMAT, "packed data are damaged before byte %llu: %s",
                             (unsigned long long)(self->taken - z->avail_in),
                             z->msg ? z->msg : "no reason given");
        DSBI_TRY(drain(self));
        is_inside = code != Z_STREAM_END;
    }
}

static dsb_status unpack(dsb_runtime *rt, int out_fd, uint64_t *size, const dsbi_packed *packed)
{
    unpacker self = {.rt = rt, .from = packed, .out_fd = out_fd};
    self.stream = (z_stream){.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = rt};
    self.in = dsbi_alloc(rt, CHUNK);
    self.out = dsbi_alloc(rt, CHUNK);
    dsb_status status = DSB_E_NOMEM;
    if (self.in && self.out &&
        inflateInit2(&self.stream, packed->is_gzip ? 16 + MAX_WBITS : -MAX_WBITS) == Z_OK) {
        self.stream.next_out = self.out;
        self.stream.avail_out = CHUNK;
        status = run(&self);
        inflateEnd(&self.stream);
    }
    dsbi_free(rt, self.in);
    dsbi_free(rt, self.out);
    *size = self.given;
    return status;
}

dsb_status dsbi_inflate_head(dsb_runtime *rt, uint8_t *out, size_t *size, const uint8_t *in,
                             size_t in_bytes)
{
    z_stream z = {.zalloc = zlib_alloc, .zfree = zlib_free, .opaque = rt};
    z.next_in = (uint8_t *)(uintptr_t)in; /* zlib reads only */
    z.avail_in = (unsigned)in_bytes;
    z.next_out = out;
    z.avail_out = (unsigned)*size;
    if (inflateInit2(&z, -MAX_WBITS) != Z_OK)
        return DSB_E_NOMEM;
    int code = inflate(&z, Z_SYNC_FLUSH);
    *size -= z.avail_out;
    inflateEnd(&z);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
        return dsbi_fail(DSB_E_FORMAT, "packed data are damaged at their start");
    return DSB_OK;
}
#else
dsb_status dsbi_inflate_head(dsb_runtime *rt, uint8_t *out, size_t *size, const uint8_t *in,
                             size_t in_bytes)
{
    (void)rt;
    (void)out;
    (void)in;
    (void)in_bytes;
    *size = 0;
    return dsbi_fail(DSB_E_UNSUPPORTED, "packed data: the library was built without zlib");
}

static dsb_status unpack(dsb_runtime *rt, int out_fd, uint64_t *size, const dsbi_packed *packed)
{
    (void)rt;
    (void)out_fd;
    (void)packed;
    *size = 0;
    return dsbi_fail(DSB_E_UNSUPPORTED, "packed data: the library was built without zlib");
}
#endif

dsb_status dsbi_unpack(dsb_runtime *rt, int *out_fd, uint64_t *size, const dsbi_packed *packed)
{
    int fd;
    *out_fd = -1;
    DSBI_TRY(dsbi_open_unnamed(rt, &fd, "/var/tmp"));
    dsb_status status = unpack(rt, fd, size, packed);
    if (status != DSB_OK)
        close(fd);
    else
        *out_fd = fd;
    return status;
}

dsb_status dsbi_file_read_unpacked(dsb_runtime *rt, uint8_t **bytes, size_t *size, const char *path,
                                   size_t max_bytes)
{
    DSBI_TRY(dsbi_file_read(rt, bytes, size, path, max_bytes));
    if (!dsbi_is_gzip(*bytes, *size))
        return DSB_OK;
    dsbi_free(rt, *bytes);
    *bytes = NULL;
    int in = open(path, O_RDONLY | O_CLOEXEC), out = -1;
    if (in < 0)
        return dsbi_fail(DSB_E_IO, "%s: %s", path, strerror(errno));
    uint64_t unpacked;
    dsbi_packed packed = {
        .fd = in, .size = UINT64_MAX, .max_bytes = max_bytes - 1, .is_gzip = true};
    dsb_status status = dsbi_unpack(rt, &out, &unpacked, &packed);
    close(in);
    if (status != DSB_OK)
        return dsbi_fail_at(status, "%s", path);
    *bytes = dsbi_alloc(rt, (size_t)unpacked + 1);
    status = *bytes ? dsbi_pread_all(out, *bytes, (size_t)unpacked, 0, path) : DSB_E_NOMEM;
    close(out);
    if (status != DSB_OK) {
        dsbi_free(rt, *bytes);
        *bytes = NULL;
        return status;
    }
    (*bytes)[unpacked] = '\0';
    *size = (size_t)unpacked;
    return DSB_OK;
}
