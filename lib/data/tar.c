/* See tar.h. */
#include "data/tar.h"

#include <string.h>

enum { NAME_AT = 0, SIZE_AT = 124, SUM_AT = 148, TYPE_AT = 156, MAGIC_AT = 257, PREFIX_AT = 345 };

void dsbi_tar_init(dsbi_tar *out, dsb_runtime *rt, dsbi_containers *files, size_t container)
{
    *out = (dsbi_tar){.files = files, .container = container};
    dsbi_text_init(&out->name, rt);
    dsbi_text_init(&out->long_name, rt);
}

void dsbi_tar_free(dsbi_tar *tar)
{
    dsbi_text_free(&tar->name);
    dsbi_text_free(&tar->long_name);
}

/* ---- numbers ---- */

/* Octal digits between spaces and NULs, or base 256 if the first bit is set. */
static bool read_number(const uint8_t *field, size_t size, uint64_t *out)
{
    *out = 0;
    if (field[0] & 0x80) {
        if (field[0] != 0x80) /* negative, or above 88 bits */
            return false;
        for (size_t i = 1; i < size; i++) {
            if (*out >> 56)
                return false;
            *out = *out << 8 | field[i];
        }
        return true;
    }
    size_t i = 0;
    while (i < size && field[i] == ' ')
        i++;
    for (; i < size && field[i] >= '0' && field[i] <= '7'; i++)
        *out = *out << 3 | (uint64_t)(field[i] - '0');
    for (; i < size; i++)
        if (field[i] != ' ' && field[i] != '\0')
            return false;
    return true;
}

/* Sum of the bytes, four at a time in fields of 16 bits, which 64 words do not fill. */
static uint32_t sum_bytes(const uint8_t *block)
{
    uint64_t fields = 0;
    for (size_t i = 0; i < DSBI_TAR_BLOCK; i += 8) {
        uint64_t word;
        memcpy(&word, block + i, 8);
        fields += (word & 0x00ff00ff00ff00ffu) + (word >> 8 & 0x00ff00ff00ff00ffu);
    }
    return (uint32_t)((fields & 0xffff) + (fields >> 16 & 0xffff) + (fields >> 32 & 0xffff) +
                      (fields >> 48));
}

bool dsbi_tar_is_header(const uint8_t *block)
{
    uint64_t stated;
    if (!read_number(block + SUM_AT, 8, &stated))
        return false;
    int64_t sum = sum_bytes(block) + 8 * ' ', n_high = 0;
    for (size_t i = SUM_AT; i < SUM_AT + 8; i++) /* counts as spaces */
        sum -= block[i];
    if (stated == (uint64_t)sum)
        return true;
    for (size_t i = 0; i < DSBI_TAR_BLOCK; i++) /* some writers added signed bytes */
        n_high += block[i] >= 0x80 && (i < SUM_AT || i >= SUM_AT + 8);
    return sum >= 256 * n_high && stated == (uint64_t)(sum - 256 * n_high);
}

static bool is_zero(const uint8_t *block)
{
    return block[0] == 0 && memcmp(block, block + 1, DSBI_TAR_BLOCK - 1) == 0;
}

static void reset(dsbi_text *text)
{
    text->size = 0;
    dsbi_text_add(text, "");
    if (text->capacity)
        text->data[0] = '\0';
}

/* ---- extra headers ---- */

static dsb_status damaged(dsbi_tar *tar, dsbi_tar_kind *kind, const char *what)
{
    dsbi_fail(DSB_E_FORMAT, "tar: %s at byte %llu", what, (unsigned long long)tar->header_at);
    *kind = DSBI_TAR_DAMAGED;
    return DSB_OK;
}

/* "LENGTH KEY=VALUE\n" records; path and size are of interest. */
static bool read_pax(dsbi_tar *tar, const char *text, size_t size)
{
    while (size > 0) {
        size_t length = 0, i = 0;
        for (; i < size && i < 9 && text[i] >= '0' && text[i] <= '9'; i++)
            length = length * 10 + (size_t)(text[i] - '0');
        if (i == 0 || i >= size || text[i] != ' ' || length <= i + 1 || length > size ||
            text[length - 1] != '\n')
            return false;
        const char *key = text + i + 1, *end = text + length - 1;
        const char *equals = memchr(key, '=', (size_t)(end - key));
        if (!equals)
            return false;
        size_t key_size = (size_t)(equals - key), value_size = (size_t)(end - equals - 1);
        if (key_size == 4 && memcmp(key, "path", 4) == 0) {
            reset(&tar->long_name);
            dsbi_text_add_n(&tar->long_name, equals + 1, value_size);
            tar->has_long_name = true;
        } else if (key_size == 4 && memcmp(key, "size", 4) == 0) {
            tar->long_size = 0;
            for (const char *p = equals + 1; p < end; p++) {
                if (*p < '0' || *p > '9' || tar->long_size > UINT64_MAX / 10 - 1)
                    return false;
                tar->long_size = tar->long_size * 10 + (uint64_t)(*p - '0');
            }
            tar->has_long_size = true;
        }
        text += length;
        size -= length;
    }
    return true;
}

/* A member that describes the next one. `*kind` is set only if it is damaged. */
static dsb_status read_extra(dsbi_tar *tar, char type, dsbi_tar_kind *kind)
{
    dsb_runtime *rt = tar->files->rt;
    if (tar->size > DSBI_TAR_MAX_EXTRA)
        return damaged(tar, kind, "an extra header above 1 MiB");
    char *bytes = dsbi_alloc(rt, (size_t)tar->size + 1);
    if (!bytes)
        return DSB_E_NOMEM;
    dsb_status status = DSB_OK;
    if (dsbi_containers_read(tar->files, tar->container, bytes, (size_t)tar->size, tar->data_at) !=
        DSB_OK) {
        *kind = DSBI_TAR_DAMAGED;
    } else if (type == 'L') {
        reset(&tar->long_name);
        dsbi_text_add_n(&tar->long_name, bytes, strnlen(bytes, (size_t)tar->size));
        tar->has_long_name = true;
    } else if (type == 'x' && !read_pax(tar, bytes, (size_t)tar->size)) {
        status = damaged(tar, kind, "a pax header that is none");
    }
    dsbi_free(rt, bytes);
    return status == DSB_OK ? tar->long_name.status : status;
}

/* ---- members ---- */

static void take_name(dsbi_tar *tar, const uint8_t *block)
{
    reset(&tar->name);
    if (tar->has_long_name) {
        dsbi_text_add_n(&tar->name, tar->long_name.data, tar->long_name.size);
        return;
    }
    const char *prefix = (const char *)block + PREFIX_AT;
    if (memcmp(block + MAGIC_AT, "ustar\0", 6) == 0 && prefix[0]) { /* not GNU's "ustar " */
        dsbi_text_add_n(&tar->name, prefix, strnlen(prefix, 155));
        dsbi_text_add(&tar->name, "/");
    }
    dsbi_text_add_n(&tar->name, (const char *)block, strnlen((const char *)block, 100));
}

static dsbi_tar_kind kind_of(char type)
{
    switch (type) {
    case '\0':
    case '0':
    case '7': /* contiguous */
        return DSBI_TAR_FILE;
    case '5':
        return DSBI_TAR_FOLDER;
    case '1':
    case '2':
        return DSBI_TAR_LINK;
    default:
        return DSBI_TAR_SPECIAL;
    }
}

/* The next header that is not zeros; *kind END where there is none. */
static dsb_status read_header(dsbi_tar *tar, uint8_t *block, dsbi_tar_kind *kind)
{
    uint64_t file_bytes = tar->files->items[tar->container].size_bytes;
    for (int zeros = 0; zeros < 2; zeros++, tar->at += DSBI_TAR_BLOCK) {
        tar->header_at = tar->at;
        *kind = DSBI_TAR_END;
        if (tar->at >= file_bytes)
            return DSB_OK;
        if (file_bytes - tar->at < DSBI_TAR_BLOCK)
            return damaged(tar, kind, "the file ends within a header");
        if (dsbi_containers_read(tar->files, tar->container, block, DSBI_TAR_BLOCK, tar->at) !=
            DSB_OK) {
            *kind = DSBI_TAR_DAMAGED;
            return DSB_OK;
        }
        if (is_zero(block))
            continue;
        if (!dsbi_tar_is_header(block))
            return damaged(tar, kind, "a wrong checksum");
        *kind = DSBI_TAR_FILE;
        return DSB_OK;
    }
    *kind = DSBI_TAR_END;
    return DSB_OK;
}

static dsb_status read_size(dsbi_tar *tar, const uint8_t *block, char type, dsbi_tar_kind *kind)
{
    uint64_t file_bytes = tar->files->items[tar->container].size_bytes;
    if (!read_number(block + SIZE_AT, 12, &tar->size))
        return damaged(tar, kind, "a size that is no number");
    if (tar->has_long_size && !strchr("LKxg", type))
        tar->size = tar->long_size;
    if (type >= '1' && type <= '6') /* links, devices, folders have no data */
        tar->size = 0;
    tar->data_at = tar->at + DSBI_TAR_BLOCK;
    if (tar->size > file_bytes || tar->data_at > file_bytes - tar->size)
        return damaged(tar, kind, "a member that reaches beyond the end of the file");
    tar->at = tar->data_at + (tar->size + DSBI_TAR_BLOCK - 1) / DSBI_TAR_BLOCK * DSBI_TAR_BLOCK;
    return DSB_OK;
}

dsb_status dsbi_tar_next(dsbi_tar *tar, dsbi_tar_kind *kind)
{
    uint8_t block[DSBI_TAR_BLOCK];
    tar->has_long_name = tar->has_long_size = false;
    for (;;) {
        reset(&tar->name);
        DSBI_TRY(read_header(tar, block, kind));
        if (*kind != DSBI_TAR_FILE)
            return DSB_OK;
        char type = (char)block[TYPE_AT];
        if (!strchr("LKxg", type) || !type)
            take_name(tar, block);
        DSBI_TRY(read_size(tar, block, type, kind));
        if (*kind == DSBI_TAR_DAMAGED)
            return tar->name.status;
        if (!type || !strchr("LKxg", type)) {
            *kind = kind_of(type);
            return tar->name.status;
        }
        DSBI_TRY(read_extra(tar, type, kind));
        if (*kind == DSBI_TAR_DAMAGED)
            return DSB_OK;
    }
}
