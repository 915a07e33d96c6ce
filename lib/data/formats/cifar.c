/* CIFAR-10 and CIFAR-100, binary version: records of 1 label byte (CIFAR-100: coarse, then fine)
 * and 3072 bytes, the red, green and blue plane of 32 x 32 pixels row by row. One file, or a folder
 * with the official files in it. Source: https://www.cs.toronto.edu/~kriz/cifar.html. */
#include "base/file.h"
#include "data/labels.h"
#include "data/listing.h"
#include "data/pixel_arrays.h"

#include <stdio.h>
#include <string.h>

enum { SIDE = 32, PLANE = SIDE * SIDE, PIXELS = 3 * PLANE, N_COARSE = 20, N_FINE = 100 };

typedef enum label_kind { LABEL_TEN, LABEL_FINE, LABEL_COARSE } label_kind;

static const uint32_t n_classes[] = {[LABEL_TEN] = 10, [LABEL_FINE] = 100, [LABEL_COARSE] = 20};
static const char *const name_files[] = {[LABEL_TEN] = "batches.meta.txt",
                                         [LABEL_FINE] = "fine_label_names.txt",
                                         [LABEL_COARSE] = "coarse_label_names.txt"};
static const char ten_names[] =
    "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n";

/* ---- which files ---- */

static bool is_ten_file(const char *name)
{
    return strcmp(name, "test_batch.bin") == 0 ||
           (strncmp(name, "data_batch_", 11) == 0 &&
            strcmp(name + 11 + (name[11] != '\0'), ".bin") == 0);
}

static bool is_hundred_file(const char *name)
{
    return strcmp(name, "train.bin") == 0 || strcmp(name, "test.bin") == 0;
}

static bool is_test_file(const char *name)
{
    return strncmp(name, "test", 4) == 0;
}

/* Whether the label bytes of the first two records are possible. */
static bool labels_fit(const dsbi_origin *origin, size_t record)
{
    for (size_t at = 0; at + 1 < origin->head_size; at += record) {
        const uint8_t *label = origin->head + at;
        if (record == 1 + PIXELS ? label[0] >= 10 : label[0] >= N_COARSE || label[1] >= N_FINE)
            return false;
    }
    return true;
}

static bool is_whole(const dsbi_origin *origin, size_t record)
{
    return origin->size_bytes > 0 && origin->size_bytes % record == 0 && labels_fit(origin, record);
}

static int probe(const dsbi_origin *origin)
{
    if (origin->kind == DSBI_ORIGIN_FOLDER) {
        for (size_t i = 0; i < origin->n_files; i++)
            if (is_ten_file(origin->files[i]))
                return 90;
        for (size_t i = 0; i + 1 < origin->n_files; i++) /* "test.bin" alone may be anything */
            if (strcmp(origin->files[i], "test.bin") == 0 &&
                strcmp(origin->files[i + 1], "train.bin") == 0)
                return 90;
        return 0;
    }
    if (origin->kind != DSBI_ORIGIN_FILES)
        return 0;
    if (is_ten_file(dsbi_base_name(origin->files[0])))
        return 90;
    return is_whole(origin, 1 + PIXELS) || is_whole(origin, 2 + PIXELS) ? 60 : 0;
}

/* ---- listing ---- */

static bool has_two_labels(const dsbi_origin *origin)
{
    for (size_t i = 0; i < origin->n_files; i++)
        if (is_ten_file(dsbi_base_name(origin->files[i])))
            return false;
    if (origin->kind == DSBI_ORIGIN_FOLDER || is_hundred_file(dsbi_base_name(origin->files[0])))
        return true;
    return !is_whole(origin, 1 + PIXELS) && is_whole(origin, 2 + PIXELS);
}

static dsb_status choose_kind(dsbi_listing *listing, const dsbi_origin *origin, label_kind *out)
{
    static const char *const words[] = {"", "fine", "coarse", NULL};
    size_t word;
    DSBI_TRY(dsbi_listing_choice(listing, &word, "label", words));
    bool is_hundred = has_two_labels(origin);
    if (word && !is_hundred)
        return dsbi_fail(DSB_E_INVALID, "option label: only CIFAR-100 has two labels");
    *out = !is_hundred ? LABEL_TEN : word == 2 ? LABEL_COARSE : LABEL_FINE;
    return DSB_OK;
}

static dsb_status list_record(dsbi_listing *listing, const dsbi_arrays *self, size_t container,
                              uint64_t record, const uint8_t *labels, label_kind kind)
{
    char path[4200];
    uint32_t label = labels[kind == LABEL_FINE];
    size_t n_labels = kind == LABEL_TEN ? 1 : 2;
    snprintf(path, sizeof path, "%s/%05llu", dsbi_containers_name(&self->files, container),
             (unsigned long long)record);
    if (label >= n_classes[kind]) {
        char message[80];
        snprintf(message, sizeof message, "label %u, 0 to %u are possible", label,
                 n_classes[kind] - 1);
        return dsbi_listing_leave_out(listing, path, DSB_CAUSE_DAMAGED, message);
    }
    return dsbi_listing_add(listing,
                            &(dsbi_member){.path = path,
                                           .locator = record * (n_labels + PIXELS) + n_labels,
                                           .size_bytes = PIXELS,
                                           .container = (uint32_t)container,
                                           .mtime_ns = self->files.items[container].mtime_ns,
                                           .class_id = label});
}

static dsb_status list_file(dsbi_listing *listing, dsbi_arrays *self, size_t container,
                            label_kind kind)
{
    size_t n_labels = kind == LABEL_TEN ? 1 : 2, stride = n_labels + PIXELS;
    uint64_t size = self->files.items[container].size_bytes;
    if (listing->is_mute)
        return DSB_OK;
    for (uint64_t r = 0; r < size / stride; r++) {
        uint8_t labels[2];
        DSBI_TRY(dsbi_containers_read(&self->files, container, labels, n_labels, r * stride));
        DSBI_TRY(list_record(listing, self, container, r, labels, kind));
    }
    if (size % stride == 0)
        return DSB_OK;
    char path[4200], message[80];
    snprintf(path, sizeof path, "%s/%05llu", dsbi_containers_name(&self->files, container),
             (unsigned long long)(size / stride));
    snprintf(message, sizeof message, "the file ends after %llu of the record's %zu bytes",
             (unsigned long long)(size % stride), stride);
    return dsbi_listing_leave_out(listing, path, DSB_CAUSE_DAMAGED, message);
}

static dsb_status add_files(dsbi_listing *listing, dsbi_arrays *self, const dsbi_origin *origin,
                            label_kind kind)
{
    static const char *const words[] = {"all", "train", "test", NULL};
    size_t part;
    dsbi_array array = {0}; /* labels are read while listing */
    DSBI_TRY(dsbi_listing_choice(listing, &part, "split", words));
    DSBI_TRY(dsbi_layout_parse(&array.layout, kind == LABEL_TEN ? "B1C3Y32X32" : "B2C3Y32X32"));
    for (size_t i = 0; i < origin->n_files; i++) {
        const char *name = dsbi_base_name(origin->files[i]);
        bool is_taken =
            origin->kind == DSBI_ORIGIN_FILES || is_ten_file(name) || is_hundred_file(name);
        if (!is_taken || (part != 0 && is_test_file(name) != (part == 2)))
            continue;
        DSBI_TRY(dsbi_containers_add(&self->files, origin->files[i],
                                     dsbi_listing_opts(listing)->max_unpacked_bytes));
        array.n = self->files.items[self->files.n - 1].size_bytes / array.layout.record_bytes;
        DSBI_TRY(dsbi_arrays_add(self, listing, &array));
    }
    if (self->n == 0)
        return dsbi_fail(DSB_E_NOTFOUND, "no CIFAR file of that part");
    return DSB_OK;
}

/* Names beside the files are taken if there are as many as classes. */
static dsb_status declare_classes(dsbi_listing *listing, const dsbi_origin *origin, label_kind kind)
{
    dsb_runtime *rt = dsbi_listing_runtime(listing);
    const char *file = origin->kind == DSBI_ORIGIN_FILES ? origin->files[0] : NULL;
    size_t length = file ? (size_t)(dsbi_base_name(file) - file) : strlen(origin->where) + 1;
    char path[4200];
    uint8_t *text = NULL;
    size_t size, n_lines = 0;
    if (file)
        snprintf(path, sizeof path, "%.*s%s", (int)length, file, name_files[kind]);
    else
        snprintf(path, sizeof path, "%s/%s", origin->where, name_files[kind]);
    if (dsbi_file_read(rt, &text, &size, path, 65536) == DSB_OK)
        for (size_t i = 0; i < size; i++)
            n_lines += text[i] == '\n' && i > 0 && text[i - 1] != '\n';
    dsbi_clear_error();
    const char *names = n_lines == n_classes[kind] ? (const char *)text
                        : kind == LABEL_TEN        ? ten_names
                                                   : NULL;
    dsb_status status = dsbi_listing_classes(listing, n_classes[kind], names);
    dsbi_free(rt, text);
    return status;
}

static dsb_status cifar_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                             const dsbi_origin *origin)
{
    dsbi_arrays *self;
    label_kind kind = LABEL_TEN;
    DSBI_TRY(dsbi_arrays_create(rt, &self, origin));
    dsb_status status;
    DSBI_GO(choose_kind(listing, origin, &kind));
    DSBI_GO(add_files(listing, self, origin, kind));
    DSBI_GO(declare_classes(listing, origin, kind));
    for (size_t c = 0; c < self->n; c++)
        DSBI_GO(list_file(listing, self, c, kind));
done:
    return dsbi_arrays_opened(rt, state, self, status, origin);
}

const dsbi_format dsbi_format_cifar = {
    .name = "cifar",
    .help = "FILE.bin or FOLDER?split=train|test&label=fine|coarse&classes=FILE  CIFAR-10 and "
            "CIFAR-100, binary version",
    .probe = probe,
    .open = cifar_open,
    .close = dsbi_arrays_close,
    .reopen = dsbi_arrays_reopen,
    .decode = dsbi_arrays_decode,
};
