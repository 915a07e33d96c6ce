/* A list of images: CSV (or TSV) with a header line, or a JSON object a line. Columns, or keys:
 * path (also file, filename, image), and if wanted label (also class), dataset, group. Paths are
 * below the list's own folder and cannot leave it. Labels are whole numbers, or words numbered in
 * byte order.
 */
#include "base/csv_read.h"
#include "base/file.h"
#include "base/json.h"
#include "base/sort.h"
#include "data/labels.h"
#include "data/listing.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static const size_t MAX_MANIFEST_BYTES = (size_t)1 << 30;

enum { N_PATH_NAMES = 4, N_LABEL_NAMES = 2 };
static const char *const path_names[N_PATH_NAMES] = {"path", "file", "filename", "image"};
static const char *const label_names[N_LABEL_NAMES] = {"label", "class"};

/* ---- rows ---- */

typedef struct row {
    uint64_t path, label; /* in the name pool; the label's number among the words */
    uint64_t group;       /* in the name pool, UINT64_MAX: none */
} row;

typedef struct manifest {
    dsb_runtime *rt;
    int fd; /* of the list's folder */
} manifest;

typedef struct reader {
    dsb_runtime *rt;
    const char *dataset; /* option: only rows of it */
    const char *group;   /* column of groups, NULL: none */
    bool needs_group;    /* that column was asked for */
    row *rows;
    size_t n, capacity;
    dsbi_names names;
    dsbi_name_set words;
    bool has_labels;
} reader;

static size_t find_name(const char *const *names, size_t n, char *const *fields, size_t n_fields)
{
    for (size_t k = 0; k < n; k++)
        for (size_t i = 0; i < n_fields; i++)
            if (strcasecmp(names[k], fields[i]) == 0)
                return i;
    return SIZE_MAX;
}

static dsb_status add_row(reader *self, const char *path, const char *label, const char *group,
                          size_t line)
{
    if (!path || !*path)
        return dsbi_fail(DSB_E_FORMAT, "line %zu has no path", line);
    if (self->n > 0 && self->has_labels != (label != NULL))
        return dsbi_fail(DSB_E_FORMAT, "line %zu has %s label, others have %s", line,
                         label ? "a" : "no", label ? "none" : "one");
    self->has_labels = label != NULL;
    void *rows = self->rows;
    DSBI_TRY(dsbi_grow(self->rt, &rows, &self->capacity, self->n + 1, sizeof *self->rows));
    self->rows = rows;
    row *r = &self->rows[self->n];
    uint32_t number = 0;
    DSBI_TRY(dsbi_names_add(self->rt, &self->names, &r->path, path, strlen(path)));
    if (label)
        DSBI_TRY(
            dsbi_name_set_add(self->rt, &self->words, &self->names, &number, label, strlen(label)));
    r->label = number;
    r->group = UINT64_MAX;
    if (group && *group)
        DSBI_TRY(dsbi_names_add(self->rt, &self->names, &r->group, group, strlen(group)));
    self->n++;
    return DSB_OK;
}

static dsb_status read_csv(reader *self, char *text, size_t size)
{
    dsbi_csv_reader csv;
    dsbi_csv_reader_init(&csv, text, size);
    DSBI_TRY(dsbi_csv_read(&csv));
    static const char *const dataset_name[] = {"dataset"};
    size_t n_columns = csv.n, path = find_name(path_names, N_PATH_NAMES, csv.fields, csv.n);
    size_t label = find_name(label_names, N_LABEL_NAMES, csv.fields, csv.n);
    size_t dataset = find_name(dataset_name, 1, csv.fields, csv.n);
    size_t group = self->group ? find_name(&self->group, 1, csv.fields, csv.n) : SIZE_MAX;
    if (path == SIZE_MAX)
        return dsbi_fail(DSB_E_FORMAT, "the first line names no column path");
    if (self->dataset && dataset == SIZE_MAX)
        return dsbi_fail(DSB_E_INVALID, "option dataset: the first line names no such column");
    if (self->needs_group && group == SIZE_MAX)
        return dsbi_fail(DSB_E_INVALID, "option group: the first line names no column %s",
                         self->group);
    for (;;) {
        DSBI_TRY(dsbi_csv_read(&csv));
        if (csv.n == 0)
            return DSB_OK;
        if (csv.n != n_columns)
            return dsbi_fail(DSB_E_FORMAT, "line %zu has %zu fields, the first has %zu", csv.line,
                             csv.n, n_columns);
        if (!self->dataset || strcmp(csv.fields[dataset], self->dataset) == 0)
            DSBI_TRY(add_row(self, csv.fields[path], label == SIZE_MAX ? NULL : csv.fields[label],
                             group == SIZE_MAX ? NULL : csv.fields[group], csv.line));
    }
}

static const dsbi_json_value *find_key(const dsbi_json_value *object, const char *const *names,
                                       size_t n)
{
    const dsbi_json_value *value = NULL;
    for (size_t k = 0; k < n && !value; k++)
        value = dsbi_json_get(object, names[k]);
    return value;
}

/* A word, or a whole number as one; NULL for anything else. `digits` [24]. */
static const char *word_of(const dsbi_json_value *value, char *digits)
{
    uint64_t number;
    if (!dsbi_json_uint64(value, &number))
        return dsbi_json_string(value, NULL);
    snprintf(digits, 24, "%llu", (unsigned long long)number);
    return digits;
}

static dsb_status read_object(reader *self, const dsbi_json_value *object, size_t line)
{
    const char *dataset = dsbi_json_string(dsbi_json_get(object, "dataset"), NULL);
    if (self->dataset && (!dataset || strcmp(dataset, self->dataset) != 0))
        return DSB_OK;
    size_t size = 0;
    const char *path = dsbi_json_string(find_key(object, path_names, N_PATH_NAMES), &size);
    if (!path || strlen(path) != size)
        return dsbi_fail(DSB_E_FORMAT, "line %zu has no path", line);
    char digits[2][24];
    const char *label = word_of(find_key(object, label_names, N_LABEL_NAMES), digits[0]);
    const char *group = self->group ? word_of(dsbi_json_get(object, self->group), digits[1]) : NULL;
    return add_row(self, path, label, group, line);
}

static dsb_status read_jsonl(reader *self, const char *text, size_t size)
{
    const char *end = text + size;
    for (size_t line = 1; text < end; line++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));
        stop = stop ? stop : end;
        if (strspn(text, " \t\r") < (size_t)(stop - text)) {
            dsbi_json *doc;
            DSBI_TRY(dsbi_fail_at(dsbi_json_parse(self->rt, &doc, text, (size_t)(stop - text)),
                                  "line %zu", line));
            dsb_status status = read_object(self, dsbi_json_root(doc), line);
            dsbi_json_free(doc);
            DSBI_TRY(status);
        }
        text = stop + 1;
    }
    return DSB_OK;
}

/* ---- labels ---- */

static bool to_number(const char *word, uint32_t *out)
{
    size_t digits = strspn(word, "0123456789");
    if (digits == 0 || digits > 5 || word[digits])
        return false;
    for (*out = 0; *word; word++)
        *out = *out * 10 + (uint32_t)(*word - '0');
    return *out < DSBI_MAX_CLASSES;
}

typedef struct word_order {
    const char *word;
    uint32_t number;
} word_order;

static int compare_words(const void *a, const void *b, void *user)
{
    (void)user;
    return strcmp(((const word_order *)a)->word, ((const word_order *)b)->word);
}

/* ids [words.n]: class of each word. All numbers: themselves; else by the class list, else by rank.
 */
static dsb_status number_words(reader *self, dsbi_listing *listing, uint32_t *ids)
{
    bool are_numbers = true;
    uint32_t n_classes = 0;
    for (size_t w = 0; w < self->words.n; w++) {
        are_numbers =
            are_numbers && to_number(dsbi_names_get(&self->names, self->words.names[w]), &ids[w]);
        n_classes = are_numbers && ids[w] >= n_classes ? ids[w] + 1 : n_classes;
    }
    if (are_numbers)
        return dsbi_listing_classes(listing, n_classes, NULL);
    word_order *order = dsbi_alloc_array(self->rt, self->words.n, sizeof *order);
    if (!order)
        return DSB_E_NOMEM;
    for (size_t w = 0; w < self->words.n; w++)
        order[w] = (word_order){dsbi_names_get(&self->names, self->words.names[w]), (uint32_t)w};
    dsbi_sort(order, self->words.n, sizeof *order, compare_words, NULL);
    dsb_status status = DSB_OK;
    bool has_list = dsbi_listing_option(listing, "classes") != NULL;
    if (has_list)
        DSBI_GO(dsbi_listing_classes(listing, 0, NULL));
    dsbi_listing_labelled(listing);
    for (size_t w = 0; w < self->words.n; w++) {
        uint32_t c = (uint32_t)w, n = (uint32_t)listing->dataset->strata.n;
        if (!has_list)
            DSBI_GO(dsbi_listing_class(listing, order[w].word, strlen(order[w].word)));
        for (c = has_list ? 0 : c; has_list && c < n; c++)
            if (strcmp(dsb_dataset_class_name(listing->dataset, c), order[w].word) == 0)
                break;
        ids[order[w].number] = has_list && c == n ? UINT32_MAX : c;
    }
done:
    dsbi_free(self->rt, order);
    return status;
}

/* ---- opening ---- */

static const char *group_of(const reader *self, size_t i)
{
    uint64_t group = self->rows[i].group;
    return group == UINT64_MAX ? NULL : dsbi_names_get(&self->names, group);
}

static dsb_status list_rows(reader *self, dsbi_listing *listing, int root_fd)
{
    uint32_t *ids = dsbi_alloc_array(self->rt, self->words.n + 1, sizeof *ids);
    dsb_status status = ids ? DSB_OK : DSB_E_NOMEM;
    if (ids && self->has_labels)
        status = number_words(self, listing, ids);
    for (size_t i = 0; status == DSB_OK && i < self->n; i++) {
        const char *path = dsbi_names_get(&self->names, self->rows[i].path);
        uint32_t class_id = self->has_labels ? ids[self->rows[i].label] : 0;
        struct stat facts;
        if (class_id == UINT32_MAX) {
            status = dsbi_listing_leave_out(listing, path, DSB_CAUSE_OTHER,
                                            "its label is not in the class list");
            continue;
        }
        int fd = dsbi_open_beneath(root_fd, path, O_RDONLY);
        bool is_file = fd >= 0 && fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
        if (fd >= 0)
            close(fd);
        if (is_file)
            status = dsbi_listing_add(
                listing, &(dsbi_member){.path = path,
                                        .size_bytes = (uint64_t)facts.st_size,
                                        .mtime_ns = (int64_t)facts.st_mtim.tv_sec * 1000000000 +
                                                    facts.st_mtim.tv_nsec,
                                        .class_id = class_id,
                                        .group = group_of(self, i)});
        else
            status = dsbi_listing_leave_out(listing, path, DSB_CAUSE_UNREADABLE,
                                            "no file of this name below the list's folder");
    }
    dsbi_free(self->rt, ids);
    return status;
}

static dsb_status read_rows(reader *self, const char *path)
{
    uint8_t *bytes;
    size_t size;
    DSBI_TRY(dsbi_file_read(self->rt, &bytes, &size, path, MAX_MANIFEST_BYTES));
    dsb_status status = size && bytes[0] == '{' ? read_jsonl(self, (const char *)bytes, size)
                                                : read_csv(self, (char *)bytes, size);
    dsbi_free(self->rt, bytes);
    return status;
}

static dsb_status open_folder_of(dsb_runtime *rt, int *fd, const char *path)
{
    char *folder = dsbi_strdup(rt, path);
    if (!folder)
        return DSB_E_NOMEM;
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    dsb_status status = dsbi_open_folder(fd, slash ? folder : ".");
    dsbi_free(rt, folder);
    return status;
}

static void manifest_close(dsb_runtime *rt, void *state)
{
    manifest *self = state;
    close(self->fd);
    dsbi_free(rt, self);
}

static dsb_status manifest_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                                const dsbi_origin *origin)
{
    reader rows = {.rt = rt, .dataset = dsbi_listing_option(listing, "dataset")};
    rows.group = listing->groups_by_path ? NULL : dsbi_listing_option(listing, "group");
    rows.needs_group = rows.group != NULL;
    if (!rows.group)
        rows.group = "group";
    else if (strcmp(rows.group, "none") == 0)
        rows.group = NULL, rows.needs_group = false;
    manifest *self = dsbi_alloc(rt, sizeof *self);
    if (!self)
        return DSB_E_NOMEM;
    *self = (manifest){rt, -1};
    dsb_status status;
    DSBI_GO(open_folder_of(rt, &self->fd, origin->where));
    DSBI_GO(dsbi_listing_witness_file(listing, origin->where));
    DSBI_GO(read_rows(&rows, origin->where));
    status = list_rows(&rows, listing, self->fd);
done:
    dsbi_free(rt, rows.rows);
    dsbi_name_set_free(rt, &rows.words);
    dsbi_names_free(rt, &rows.names);
    if (status == DSB_OK)
        *state = self;
    else if (self->fd >= 0)
        manifest_close(rt, self);
    else
        dsbi_free(rt, self);
    return dsbi_fail_at(status, "%s", origin->where);
}

static dsb_status manifest_reopen(dsb_runtime *rt, void **state, const dsb_dataset *dataset)
{
    char *path = dsbi_dataset_where_path(dataset);
    manifest *self = dsbi_alloc(rt, sizeof *self);
    dsb_status status = path && self ? open_folder_of(rt, &self->fd, path) : DSB_E_NOMEM;
    dsbi_free(rt, path);
    if (status == DSB_OK) {
        self->rt = rt;
        *state = self;
    } else {
        dsbi_free(rt, self);
    }
    return status;
}

static dsb_status manifest_stat(void *state, const char *path, uint64_t *size_bytes,
                                int64_t *mtime_ns)
{
    const manifest *self = state;
    return dsbi_stat_at(self->fd, path, size_bytes, mtime_ns);
}

static dsb_status manifest_read(void *state, dsb_runtime *rt, uint8_t **bytes, size_t *size,
                                const dsbi_member *member, size_t max_bytes)
{
    const manifest *self = state;
    return dsbi_file_read_beneath(rt, bytes, size, self->fd, member->path, max_bytes);
}

/* A header line with a column for paths, or an object with a key for them. */
static int probe(const dsbi_origin *origin)
{
    static const char *const endings[] = {".csv", ".tsv", ".jsonl", ".ndjson"};
    if (origin->kind != DSBI_ORIGIN_FILES || origin->n_files != 1)
        return 0;
    for (size_t e = 0; e < sizeof endings / sizeof endings[0]; e++)
        if (dsbi_ends_with(origin->files[0], endings[e]))
            return 70;
    return 0;
}

const dsbi_format dsbi_format_manifest = {
    .name = "manifest",
    .help = "FILE.csv or FILE.jsonl?dataset=NAME&classes=FILE&group=COLUMN  a list of image files: "
            "path, label, dataset, group",
    .probe = probe,
    .open = manifest_open,
    .close = manifest_close,
    .reopen = manifest_reopen,
    .stat = manifest_stat,
    .read = manifest_read,
};
