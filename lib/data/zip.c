/* See zip.h. */
#include "data/zip.h"

#include <string.h>
#include "data/inflate.h"
#include "data/names.h"

enum { END_BYTES = 22, END64_BYTES = 56, LOCATOR_BYTES = 20, MEMBER_BYTES = 46, LOCAL_BYTES = 30 };

static uint64_t le(const uint8_t *p, size_t n)
{
    uint64_t value = 0;
    for (size_t i = n; i-- > 0;)
        value = value << 8 | p[i];
    return value;
}

static dsb_status damaged(const char *what, uint64_t at)
{
    return dsbi_fail(DSB_E_FORMAT, "zip: %s at byte %llu", what, (unsigned long long)at);
}

/* ---- the end of the file ---- */

typedef struct directory {
    uint64_t n, size, at;
} directory;

static dsb_status read_end64(dsbi_containers *files, size_t c, uint64_t end_at, directory *out)
{
    uint8_t locator[LOCATOR_BYTES], end[END64_BYTES];
    if (end_at < LOCATOR_BYTES)
        return damaged("no place for the zip64 locator", end_at);
    DSBI_TRY(dsbi_containers_read(files, c, locator, sizeof locator, end_at - LOCATOR_BYTES));
    uint64_t at = le(locator + 8, 8);
    if (memcmp(locator, "PK\6\7", 4) != 0 || at > end_at || end_at - at < END64_BYTES)
        return damaged("no zip64 locator", end_at - LOCATOR_BYTES);
    DSBI_TRY(dsbi_containers_read(files, c, end, sizeof end, at));
    if (memcmp(end, "PK\6\6", 4) != 0)
        return damaged("no zip64 end", at);
    *out = (directory){.n = le(end + 32, 8), .size = le(end + 40, 8), .at = le(end + 48, 8)};
    return DSB_OK;
}

/* The end record is the last one whose comment reaches exactly to the end of the file. */
static dsb_status find_end(dsb_runtime *rt, dsbi_containers *files, size_t c, directory *out)
{
    uint64_t file_bytes = files->items[c].size_bytes;
    size_t size = file_bytes < END_BYTES + 65535 ? (size_t)file_bytes : END_BYTES + 65535;
    uint8_t *tail = dsbi_alloc(rt, size);
    if (!tail)
        return DSB_E_NOMEM;
    dsb_status status = dsbi_containers_read(files, c, tail, size, file_bytes - size);
    size_t at = size;
    for (size_t i = size < END_BYTES ? 0 : size - END_BYTES + 1; status == DSB_OK && i-- > 0;)
        if (memcmp(tail + i, "PK\5\6", 4) == 0 && le(tail + i + 20, 2) == size - i - END_BYTES) {
            at = i;
            break;
        }
    if (status == DSB_OK && at == size)
        status = dsbi_fail(DSB_E_FORMAT, "zip: no end record, the file was cut");
    if (status == DSB_OK) {
        const uint8_t *end = tail + at;
        uint64_t end_at = file_bytes - size + at;
        *out = (directory){.n = le(end + 10, 2), .size = le(end + 12, 4), .at = le(end + 16, 4)};
        if (out->n == 0xffff || out->size == 0xffffffff || out->at == 0xffffffff)
            status = read_end64(files, c, end_at, out);
        if (status == DSB_OK && (out->at > end_at || out->size > end_at - out->at))
            status = damaged("directory beyond the end", end_at);
    }
    dsbi_free(rt, tail);
    return status;
}

/* ---- members ---- */

/* Sizes and place above 4 GiB stand in extra field 1, in this order, those that need it. */
static dsb_status read_extra64(dsbi_zip_member *m, const uint8_t *extra, size_t size, uint64_t at)
{
    uint64_t *fields[] = {&m->size, &m->packed_size, &m->header_at};
    for (size_t i = 0; i + 4 <= size;) {
        size_t id = le(extra + i, 2), length = le(extra + i + 2, 2);
        if (length > size - i - 4)
            return damaged("extra field beyond its member", at);
        const uint8_t *p = extra + i + 4, *end = p + length;
        for (size_t f = 0; id == 1 && f < 3; f++)
            if (*fields[f] == 0xffffffff) {
                if (end - p < 8)
                    return damaged("zip64 field too short", at);
                *fields[f] = le(p, 8);
                p += 8;
            }
        i += 4 + length;
    }
    return DSB_OK;
}

static dsb_status add_member(dsb_runtime *rt, dsbi_zip *zip, const dsbi_zip_member *member,
                             const char *name, size_t size)
{
    if (memchr(name, 0, size) || size >= DSBI_NAME_MAX)
        return damaged("a name with a zero byte or too long", member->header_at);
    void *members = zip->members;
    DSBI_TRY(dsbi_grow(rt, &members, &zip->capacity, zip->n + 1, sizeof *zip->members));
    zip->members = members;
    dsbi_zip_member *out = &zip->members[zip->n];
    *out = *member;
    out->name = dsbi_alloc(rt, size + 1);
    if (!out->name)
        return DSB_E_NOMEM;
    memcpy(out->name, name, size);
    out->name[size] = '\0';
    zip->n++;
    return DSB_OK;
}

static dsb_status read_members(dsb_runtime *rt, dsbi_zip *zip, const directory *where,
                               const uint8_t *bytes)
{
    size_t size = (size_t)where->size, i = 0;
    for (uint64_t k = 0; k < where->n; k++) {
        const uint8_t *p = bytes + i;
        if (size - i < MEMBER_BYTES || memcmp(p, "PK\1\2", 4) != 0)
            return damaged("no member", where->at + i);
        size_t name = le(p + 28, 2), extra = le(p + 30, 2), comment = le(p + 32, 2);
        if (name + extra + comment > size - i - MEMBER_BYTES)
            return damaged("a member beyond the directory", where->at + i);
        dsbi_zip_member member = {.method = (uint32_t)le(p + 10, 2),
                                  .packed_size = le(p + 20, 4),
                                  .size = le(p + 24, 4),
                                  .header_at = le(p + 42, 4)};
        DSBI_TRY(read_extra64(&member, p + MEMBER_BYTES + name, extra, where->at + i));
        if (le(p + 8, 2) & 1)
            return dsbi_fail(DSB_E_UNSUPPORTED, "zip: an encrypted member");
        if (member.method != DSBI_ZIP_STORED && member.method != DSBI_ZIP_DEFLATED)
            return dsbi_fail(DSB_E_UNSUPPORTED, "zip: compression method %u", member.method);
        if (member.method == DSBI_ZIP_STORED && member.size != member.packed_size)
            return damaged("a stored member of two sizes", where->at + i);
        DSBI_TRY(add_member(rt, zip, &member, (const char *)p + MEMBER_BYTES, name));
        i += MEMBER_BYTES + name + extra + comment;
    }
    return DSB_OK;
}

dsb_status dsbi_zip_open(dsb_runtime *rt, dsbi_zip *out, dsbi_containers *files, size_t container)
{
    *out = (dsbi_zip){0};
    directory where;
    DSBI_TRY(find_end(rt, files, container, &where));
    if (where.n > DSBI_ZIP_MAX_MEMBERS || where.size > (uint64_t)64 << 20)
        return dsbi_fail(DSB_E_LIMIT, "zip: %llu members in a directory of %llu bytes",
                         (unsigned long long)where.n, (unsigned long long)where.size);
    uint8_t *bytes = dsbi_alloc(rt, (size_t)where.size);
    dsb_status status = bytes ? DSB_OK : DSB_E_NOMEM;
    if (status == DSB_OK)
        status = dsbi_containers_read(files, container, bytes, (size_t)where.size, where.at);
    if (status == DSB_OK)
        status = read_members(rt, out, &where, bytes);
    dsbi_free(rt, bytes);
    return status;
}

void dsbi_zip_free(dsb_runtime *rt, dsbi_zip *zip)
{
    for (size_t i = 0; i < zip->n; i++)
        dsbi_free(rt, zip->members[i].name);
    dsbi_free(rt, zip->members);
    *zip = (dsbi_zip){0};
}

dsb_status dsbi_zip_start(dsbi_containers *files, size_t container, const dsbi_zip_member *member,
                          uint64_t *start)
{
    uint64_t file_bytes = files->items[container].size_bytes;
    uint8_t p[LOCAL_BYTES];
    if (member->header_at > file_bytes || file_bytes - member->header_at < LOCAL_BYTES)
        return damaged("a member beyond the end", member->header_at);
    DSBI_TRY(dsbi_containers_read(files, container, p, sizeof p, member->header_at));
    if (memcmp(p, "PK\3\4", 4) != 0)
        return damaged("no local header", member->header_at);
    *start = member->header_at + LOCAL_BYTES + le(p + 26, 2) + le(p + 28, 2);
    if (*start > file_bytes || member->packed_size > file_bytes - *start)
        return damaged("a member beyond the end", member->header_at);
    return DSB_OK;
}

dsb_status dsbi_zip_peek(dsb_runtime *rt, dsbi_containers *files, size_t container,
                         const dsbi_zip_member *member, uint8_t *bytes, size_t *size)
{
    uint64_t start;
    DSBI_TRY(dsbi_zip_start(files, container, member, &start));
    if (member->method == DSBI_ZIP_STORED) {
        *size = member->size < *size ? (size_t)member->size : *size;
        return dsbi_containers_read(files, container, bytes, *size, start);
    }
    size_t packed = member->packed_size < *size ? (size_t)member->packed_size : *size;
    uint8_t *in = dsbi_alloc(rt, packed);
    if (!in)
        return DSB_E_NOMEM;
    dsb_status status = dsbi_containers_read(files, container, in, packed, start);
    if (status == DSB_OK)
        status = dsbi_inflate_head(rt, bytes, size, in, packed);
    dsbi_free(rt, in);
    return status;
}
