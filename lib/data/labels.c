/* See labels.h. */
#include "data/labels.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/npy_header.h"
#include "data/inflate.h"

enum { MAX_LIST_BYTES = 4 << 20 };

/* A label is at most 8 bytes or a line of digits; headers and empty lines besides. */
enum { LABEL_BYTES = 24, LABEL_HEAD = 1 << 20 };
static const size_t MAX_LABEL_BYTES = (size_t)4 << 30;

static dsb_status wrong_count(uint64_t found, uint64_t needed)
{
    return dsbi_fail(DSB_E_DATA, "%llu labels for %llu images", (unsigned long long)found,
                     (unsigned long long)needed);
}

dsb_status dsbi_labels_from_npy(uint32_t *labels, uint64_t n, const uint8_t *bytes, size_t size)
{
    dsbi_npy_header h;
    DSBI_TRY(dsbi_npy_header_read(&h, bytes, size));
    bool is_column = h.n_dims == 1 || (h.n_dims == 2 && h.shape[1] == 1);
    if (h.kind == 'f' || h.kind == 'b' || !is_column)
        return dsbi_fail(DSB_E_DTYPE, "npy: labels are one column of integers");
    if (!dsbi_npy_fits(&h, size))
        return dsbi_fail(DSB_E_FORMAT, "npy: the file ends before its %zu elements", h.shape[0]);
    if (h.shape[0] != n)
        return wrong_count(h.shape[0], n);
    for (uint64_t i = 0; i < n; i++) {
        int64_t label = dsbi_npy_integer(&h, bytes + h.offset + i * h.item_bytes);
        if (label < 0 || label >= DSBI_MAX_CLASSES)
            return dsbi_fail(DSB_E_FORMAT, "label %lld at %llu, 0 to %d are possible",
                             (long long)label, (unsigned long long)i, DSBI_MAX_CLASSES - 1);
        labels[i] = (uint32_t)label;
    }
    return DSB_OK;
}

/* IDX: 0 0 8 (u8) 1 (dimension), the count as a big-endian u32, a byte each. */
static dsb_status from_idx(uint32_t *labels, uint64_t n, const uint8_t *bytes, size_t size)
{
    if (size < 8 || memcmp(bytes, "\0\0\x08\x01", 4) != 0)
        return dsbi_fail(DSB_E_FORMAT, "idx: labels are one dimension of u8");
    uint64_t found = 0;
    for (size_t i = 4; i < 8; i++)
        found = found << 8 | bytes[i];
    if (found > size - 8)
        return dsbi_fail(DSB_E_FORMAT, "idx: the file ends before its %llu elements",
                         (unsigned long long)found);
    if (found != n)
        return wrong_count(found, n);
    for (uint64_t i = 0; i < n; i++)
        labels[i] = bytes[8 + i];
    return DSB_OK;
}

/* A line without its end; false at the end of the text. */
static bool next_line(const char **at, const char *end, const char **line, size_t *size)
{
    if (*at >= end)
        return false;
    const char *stop = memchr(*at, '\n', (size_t)(end - *at));
    if (!stop)
        stop = end;
    *line = *at;
    *size = (size_t)(stop - *at);
    if (*size > 0 && (*line)[*size - 1] == '\r')
        --*size;
    *at = stop < end ? stop + 1 : end;
    return true;
}

static dsb_status from_text(uint32_t *labels, uint64_t n, const char *text, size_t size)
{
    const char *at = text, *end = text + size, *line;
    size_t length;
    uint64_t found = 0, number = 0;
    while (next_line(&at, end, &line, &length)) {
        number++;
        if (length == 0)
            continue;
        uint32_t label = 0;
        size_t i = 0;
        while (i < length && i < 6 && line[i] >= '0' && line[i] <= '9')
            label = label * 10 + (uint32_t)(line[i++] - '0');
        if (i < length || label >= DSBI_MAX_CLASSES)
            return dsbi_fail(DSB_E_FORMAT, "line %llu is no class number of 0 to %d",
                             (unsigned long long)number, DSBI_MAX_CLASSES - 1);
        if (found < n)
            labels[found] = label;
        found++;
    }
    return found == n ? DSB_OK : wrong_count(found, n);
}

dsb_status dsbi_labels_read(dsb_runtime *rt, uint32_t **labels, uint64_t n, const char *path)
{
    uint8_t *bytes;
    size_t size;
    *labels = NULL;
    uint64_t most = n < MAX_LABEL_BYTES / LABEL_BYTES ? LABEL_HEAD + n * LABEL_BYTES : UINT64_MAX;
    DSBI_TRY(dsbi_file_read_unpacked(rt, &bytes, &size, path,
                                     most < MAX_LABEL_BYTES ? (size_t)most : MAX_LABEL_BYTES));
    uint32_t *out = dsbi_alloc_array(rt, n, sizeof *out);
    dsb_status status = DSB_E_NOMEM;
    if (out && size > 0 && bytes[0] == 0x93)
        status = dsbi_labels_from_npy(out, n, bytes, size);
    else if (out && size > 0 && bytes[0] == 0)
        status = from_idx(out, n, bytes, size);
    else if (out)
        status = from_text(out, n, (const char *)bytes, size);
    dsbi_free(rt, bytes);
    if (status != DSB_OK) {
        dsbi_free(rt, out);
        return dsbi_fail_at(status, "%s", path);
    }
    *labels = out;
    return DSB_OK;
}

uint32_t dsbi_labels_classes(const uint32_t *labels, uint64_t n)
{
    uint32_t classes = 0;
    for (uint64_t i = 0; i < n; i++)
        classes = labels[i] >= classes ? labels[i] + 1 : classes;
    return classes;
}

static dsb_status by_lines(dsbi_listing *listing, uint32_t n, const char *text, size_t size)
{
    const char *at = text, *end = text + size, *line;
    size_t length;
    uint32_t found = 0;
    while (next_line(&at, end, &line, &length)) {
        if (length == 0)
            continue;
        if (++found > DSBI_MAX_CLASSES)
            return dsbi_fail(DSB_E_LIMIT, "more than %d classes", DSBI_MAX_CLASSES);
        DSBI_TRY(dsbi_listing_class(listing, line, length));
    }
    if (found < n)
        return dsbi_fail(DSB_E_DATA, "%u class names, labels need %u", found, n);
    return DSB_OK;
}

static dsb_status by_numbers(dsbi_listing *listing, uint32_t n)
{
    for (uint32_t c = 0; c < n; c++) {
        char name[16];
        int size = snprintf(name, sizeof name, "%u", c);
        DSBI_TRY(dsbi_listing_class(listing, name, (size_t)size));
    }
    return DSB_OK;
}

dsb_status dsbi_listing_classes(dsbi_listing *listing, uint32_t n, const char *text)
{
    dsb_runtime *rt = dsbi_listing_runtime(listing);
    const char *path = dsbi_listing_option(listing, "classes");
    dsbi_listing_labelled(listing);
    if (!path)
        return text ? by_lines(listing, n, text, strlen(text)) : by_numbers(listing, n);
    uint8_t *bytes;
    size_t size;
    DSBI_TRY(dsbi_listing_witness_file(listing, path));
    DSBI_TRY(dsbi_file_read(rt, &bytes, &size, path, MAX_LIST_BYTES));
    dsb_status status = by_lines(listing, n, (const char *)bytes, size);
    dsbi_free(rt, bytes);
    return dsbi_fail_at(status, "%s", path);
}

static uint64_t count_lines(const char *text, size_t size)
{
    const char *at = text, *end = text + size, *line;
    size_t length;
    uint64_t n = 0;
    while (next_line(&at, end, &line, &length))
        n += length > 0;
    return n;
}

/* Not through a link that leads out of the folder, and nothing but a regular file. */
static dsb_status read_beside(dsb_runtime *rt, uint8_t **text, size_t *size, const char *path)
{
    const char *name = dsbi_base_name(path);
    char *folder = dsbi_strdup(rt, path);
    int fd;
    *text = NULL;
    if (!folder)
        return DSB_E_NOMEM;
    folder[name - path] = '\0';
    dsb_status status = dsbi_open_folder(&fd, *folder ? folder : ".");
    if (status == DSB_OK) {
        status = dsbi_file_read_beneath(rt, text, size, fd, name, MAX_LIST_BYTES);
        close(fd);
    }
    dsbi_free(rt, folder);
    return status;
}

dsb_status dsbi_listing_list_beside(dsbi_listing *listing, char **text, uint32_t n_least,
                                    const char *path)
{
    uint8_t *bytes;
    size_t size;
    *text = NULL;
    DSBI_TRY(dsbi_listing_witness_file(listing, path));
    dsb_status status = read_beside(dsbi_listing_runtime(listing), &bytes, &size, path);
    uint64_t n = status == DSB_OK ? count_lines((const char *)bytes, size) : 0;
    bool is_text = status == DSB_OK && strlen((const char *)bytes) == size;
    if (is_text && n > 0 && n >= n_least && n <= DSBI_MAX_CLASSES)
        *text = (char *)bytes;
    else
        dsbi_free(dsbi_listing_runtime(listing), bytes);
    if (status == DSB_E_NOMEM)
        return status;
    dsbi_clear_error(); /* no file, no names */
    return DSB_OK;
}

dsb_status dsbi_listing_classes_beside(dsbi_listing *listing, uint32_t n, const char *beside)
{
    char *text = NULL;
    if (!dsbi_listing_option(listing, "classes"))
        DSBI_TRY(dsbi_listing_list_beside(listing, &text, n, beside));
    dsb_status status = dsbi_listing_classes(listing, n, text);
    dsbi_free(dsbi_listing_runtime(listing), text);
    return status;
}

void dsbi_labels_beside(char *out, size_t capacity, const char *path, const char *word,
                        const char *ending)
{
    const char *name = dsbi_base_name(path), *found = strstr(name, "images");
    size_t replaced = 6, stem = strlen(path) - (dsbi_ends_with(path, ".npy") ? 4 : 0);
    if (!found) {
        found = strstr(name, "data");
        replaced = 4;
    }
    if (found && (size_t)(found - path) + replaced <= stem) {
        const char *rest = found + replaced;
        snprintf(out, capacity, "%.*s%s%.*s%s", (int)(found - path), path, word,
                 (int)(path + stem - rest), rest, ending);
    } else {
        snprintf(out, capacity, "%.*s_%s%s", (int)stem, path, word, ending);
    }
}
