/* WebDataset: tar shards whose members of one sample stand together and share their name up to the
 * first dot of its last part: "000012.jpg", "000012.cls", "000012.json". The image is the sample's
 * first member named like one; the label is the number in .cls, or what option label=KEY finds in
 * .json. Images are read where they lie: a member is a shard, an offset and a size, so any order
 * over all shards is as good as any other. Source: webdataset/tariterators.py, group_by_keys. */
#include "base/json.h"
#include "data/index_file.h"
#include "data/inflate.h"
#include "data/labels.h"
#include "data/listing.h"
#include "data/tar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

enum { MAX_NAME = 4096, MAX_LABEL_BYTES = 64, MAX_JSON_BYTES = 16 << 20 };

/* ---- which files ---- */

static bool is_shard_name(const char *name)
{
    return dsbi_ends_with(name, ".tar") || dsbi_ends_with(name, ".tgz") ||
           dsbi_ends_with(name, ".tar.gz");
}

static int probe(const dsbi_origin *origin)
{
    if (origin->kind == DSBI_ORIGIN_FOLDER) {
        for (size_t i = 0; origin->n_images == 0 && i < origin->n_files; i++)
            if (is_shard_name(origin->files[i]))
                return 80;
        return 0;
    }
    if (origin->kind != DSBI_ORIGIN_FILES)
        return 0;
    if (origin->head_size >= DSBI_TAR_BLOCK && origin->head[0] && dsbi_tar_is_header(origin->head))
        return 95;
    bool is_packed =
        dsbi_is_gzip(origin->head, origin->head_size) || origin->head_size == 0 || !origin->head[0];
    return is_packed && is_shard_name(origin->files[0]) ? 85 : 0;
}

/* ---- samples ---- */

typedef enum label_mode {
    LABEL_OPEN, /* the first sample with an image decides */
    LABEL_NONE, /* folders within the shard are classes */
    LABEL_CLS,  /* .cls */
    LABEL_JSON, /* a number or a word in .json */
} label_mode;

typedef struct sample {
    char key[MAX_NAME]; /* "" before the first */
    char image_path[2 * MAX_NAME];
    size_t image_name_at; /* where the name within the shard begins */
    uint64_t offset, size;
    bool has_image, has_label;
    uint32_t label;
    size_t n_members;
} sample;

typedef struct reader {
    dsb_runtime *rt;
    dsbi_listing *listing;
    dsbi_containers *files;
    const char *image_suffix, *label_key; /* options, NULL */
    label_mode mode;
    bool has_words, has_list; /* labels are words; classes are declared by a list */
    uint32_t n_classes;
    dsbi_names words;
    dsbi_name_set word_set;
    size_t container;
    sample now;
} reader;

static dsb_status leave_out(reader *self, const char *name, uint32_t cause, const char *message)
{
    char path[2 * MAX_NAME];
    snprintf(path, sizeof path, "%s%s%s", dsbi_containers_name(self->files, self->container),
             *name ? "/" : "", name);
    return dsbi_listing_leave_out(self->listing, path, cause, message);
}

static dsb_status flush(reader *self)
{
    sample *s = &self->now;
    if (s->n_members == 0)
        return DSB_OK;
    s->n_members = 0;
    if (!s->has_image)
        return leave_out(self, s->key, DSB_CAUSE_OTHER, "no image in the sample");
    if (self->mode == LABEL_OPEN)
        self->mode = s->has_label ? LABEL_CLS : LABEL_NONE;
    if (self->mode != LABEL_NONE) {
        dsbi_listing_labelled(self->listing);
        if (!s->has_label)
            return leave_out(self, s->image_path + s->image_name_at, DSB_CAUSE_DAMAGED,
                             "its sample has no label, others have one");
    }
    return dsbi_listing_add(self->listing,
                            &(dsbi_member){.path = s->image_path,
                                           .class_path = s->image_path + s->image_name_at,
                                           .locator = s->offset,
                                           .size_bytes = s->size,
                                           .container = (uint32_t)self->container,
                                           .mtime_ns = self->files->items[self->container].mtime_ns,
                                           .class_id = s->label});
}

/* ---- labels ---- */

static void take_number(reader *self, uint64_t label)
{
    if (label >= DSBI_MAX_CLASSES)
        return; /* the sample stays without one */
    self->now.label = (uint32_t)label;
    self->now.has_label = true;
    if (label >= self->n_classes)
        self->n_classes = (uint32_t)label + 1;
}

static dsb_status take_word(reader *self, const char *word, size_t size)
{
    size_t before = self->word_set.n;
    uint32_t number;
    if (before >= DSBI_MAX_CLASSES)
        return DSB_OK;
    DSBI_TRY(dsbi_name_set_add(self->rt, &self->word_set, &self->words, &number, word, size));
    self->has_words = true;
    if (!self->has_list || number < self->n_classes)
        take_number(self, number);
    return DSB_OK;
}

static dsb_status read_cls(reader *self, const dsbi_tar *tar)
{
    char text[MAX_LABEL_BYTES + 1], *end;
    if (tar->size > MAX_LABEL_BYTES)
        return DSB_OK;
    if (dsbi_containers_read(self->files, self->container, text, (size_t)tar->size, tar->data_at) !=
        DSB_OK)
        return DSB_OK;
    text[tar->size] = '\0';
    const char *digits = text + strspn(text, " \t\r\n");
    if (*digits < '0' || *digits > '9')
        return DSB_OK;
    unsigned long long label = strtoull(digits, &end, 10);
    if (end[strspn(end, " \t\r\n")] == '\0')
        take_number(self, label);
    return DSB_OK;
}

static dsb_status read_json(reader *self, const dsbi_tar *tar)
{
    if (tar->size > MAX_JSON_BYTES)
        return DSB_OK;
    char *text = dsbi_alloc(self->rt, (size_t)tar->size);
    if (!text)
        return DSB_E_NOMEM;
    dsbi_json *doc = NULL;
    dsb_status status =
        dsbi_containers_read(self->files, self->container, text, (size_t)tar->size, tar->data_at);
    if (status == DSB_OK)
        status = dsbi_json_parse(self->rt, &doc, text, (size_t)tar->size);
    dsbi_free(self->rt, text);
    if (status == DSB_OK) {
        const dsbi_json_value *value = dsbi_json_get(dsbi_json_root(doc), self->label_key);
        uint64_t number;
        size_t size;
        const char *word = dsbi_json_string(value, &size);
        if (dsbi_json_uint64(value, &number) && !self->has_words)
            take_number(self, number);
        else if (word && size < DSBI_NAME_MAX)
            status = take_word(self, word, size);
    }
    dsbi_json_free(doc);
    return status == DSB_E_NOMEM ? status : DSB_OK; /* a broken .json is a sample without a label */
}

/* ---- members ---- */

/* NULL if the name is one to trust; shards come from programs, whose names need nothing of this. */
static const char *name_defect(const dsbi_text *name)
{
    const char *text = name->data;
    if (name->size == 0)
        return "a member without a name";
    if (memchr(text, 0, name->size))
        return "a name with a zero byte";
    if (name->size >= MAX_NAME)
        return "a name above 4095 bytes";
    for (size_t i = 0; i < name->size;) {
        size_t step = dsbi_utf8_length((const uint8_t *)text + i, name->size - i);
        if (step == 0)
            return "a name that is no UTF-8";
        if ((uint8_t)text[i] < 0x20 || text[i] == 0x7f)
            return "a name with a control character";
        if (text[i] == '<' || text[i] == '>')
            return "a name with markup";
        i += step;
    }
    if (text[0] == '/')
        return "a name that leaves the shard";
    for (const char *part = text; part; part = strchr(part, '/')) {
        part += *part == '/';
        if (strncmp(part, "..", 2) == 0 && (part[2] == '/' || part[2] == '\0'))
            return "a name that leaves the shard";
    }
    return NULL;
}

static dsb_status take_image(reader *self, const dsbi_tar *tar, const char *name,
                             const char *suffix)
{
    sample *s = &self->now;
    if (self->image_suffix && strcasecmp(suffix, self->image_suffix) != 0)
        return DSB_OK; /* an image of the sample that is not asked for */
    if (s->has_image) {
        const char *first = strrchr(s->image_path, '/');
        first = strchr(first ? first : s->image_path, '.');
        bool is_same = first && strcasecmp(first + 1, suffix) == 0;
        return leave_out(self, name, is_same ? DSB_CAUSE_DAMAGED : DSB_CAUSE_OTHER,
                         is_same ? "a second member of this name in its sample"
                                 : "its sample has another image, option image=SUFFIX chooses");
    }
    const char *shard = dsbi_containers_name(self->files, self->container);
    int size = snprintf(s->image_path, sizeof s->image_path, "%s/%s", shard, name);
    if (size < 0 || (size_t)size >= sizeof s->image_path)
        return leave_out(self, name, DSB_CAUSE_LIMIT, "path too long");
    s->image_name_at = strlen(shard) + 1;
    s->offset = tar->data_at;
    s->size = tar->size;
    s->has_image = true;
    return DSB_OK;
}

static dsb_status take_file(reader *self, const dsbi_tar *tar)
{
    const char *name = tar->name.data, *base = dsbi_base_name(name), *dot = strchr(base, '.');
    const char *defect = name_defect(&tar->name);
    if (defect)
        return leave_out(self, name, DSB_CAUSE_DAMAGED, defect);
    if (strncmp(base, "__", 2) == 0 || !dot || dot == base)
        return leave_out(self, name, dot == base ? DSB_CAUSE_HIDDEN : DSB_CAUSE_OTHER,
                         "no member of a sample by its name");
    size_t key = (size_t)(dot - name);
    sample *s = &self->now;
    if (s->n_members == 0 || strncmp(s->key, name, key) != 0 || s->key[key]) {
        DSBI_TRY(flush(self));
        memcpy(s->key, name, key);
        s->key[key] = '\0';
        s->has_image = s->has_label = false;
        s->label = 0;
    }
    s->n_members++;
    const char *suffix = dot + 1;
    if (dsbi_named_like_an_image(name))
        return take_image(self, tar, name, suffix);
    if (strcasecmp(suffix, "cls") == 0 && (self->mode == LABEL_OPEN || self->mode == LABEL_CLS))
        return read_cls(self, tar);
    if (strcasecmp(suffix, "json") == 0 && self->mode == LABEL_JSON)
        return read_json(self, tar);
    return DSB_OK;
}

static dsb_status list_shard(reader *self)
{
    dsbi_tar tar;
    dsbi_tar_kind kind = DSBI_TAR_FILE;
    dsbi_tar_init(&tar, self->rt, self->files, self->container);
    dsb_status status = DSB_OK;
    while (status == DSB_OK && (status = dsbi_tar_next(&tar, &kind)) == DSB_OK) {
        if (kind == DSBI_TAR_END || kind == DSBI_TAR_DAMAGED)
            break;
        if (kind == DSBI_TAR_FILE)
            status = take_file(self, &tar);
        else if (kind == DSBI_TAR_LINK)
            status = leave_out(self, tar.name.data, DSB_CAUSE_LINK, "link within a shard");
        else if (kind == DSBI_TAR_SPECIAL)
            status = leave_out(self, tar.name.data, DSB_CAUSE_SPECIAL, "neither file nor folder");
    }
    if (status == DSB_OK && kind == DSBI_TAR_DAMAGED) {
        char message[512];
        snprintf(message, sizeof message, "%s; nothing behind it is read", dsb_last_error());
        status = leave_out(self, name_defect(&tar.name) ? "" : tar.name.data, DSB_CAUSE_DAMAGED,
                           message);
    }
    dsbi_tar_free(&tar);
    return status == DSB_OK ? flush(self) : status; /* a sample ends with its shard */
}

/* ---- opening ---- */

static dsb_status add_shards(dsbi_listing *listing, dsbi_containers *files,
                             const dsbi_origin *origin)
{
    for (size_t i = 0; i < origin->n_files; i++) {
        const char *path = origin->files[i];
        if (origin->kind == DSBI_ORIGIN_FOLDER && !is_shard_name(path))
            continue;
        dsb_status status =
            dsbi_containers_add(files, path, dsbi_listing_opts(listing)->max_unpacked_bytes);
        if (status == DSB_E_FORMAT || status == DSB_E_LIMIT) { /* packed, and damaged */
            char message[512];
            snprintf(message, sizeof message, "%s", dsb_last_error());
            files->items[files->n - 1].size_bytes = 0; /* stays, without members */
            status = dsbi_listing_leave_out(
                listing, path, status == DSB_E_LIMIT ? DSB_CAUSE_LIMIT : DSB_CAUSE_DAMAGED,
                message);
        }
        DSBI_TRY(status);
    }
    struct stat facts;
    if (origin->kind == DSBI_ORIGIN_FOLDER)
        DSBI_TRY(dsbi_listing_witness(listing, DSBI_WITNESS_FOLDER, "", 0,
                                      fstat(files->root_fd, &facts) == 0
                                          ? (int64_t)facts.st_mtim.tv_sec * 1000000000 +
                                                facts.st_mtim.tv_nsec
                                          : -1));
    for (size_t c = 0; c < files->n; c++)
        DSBI_TRY(dsbi_listing_witness(listing, DSBI_WITNESS_CONTAINER, files->items[c].path,
                                      files->items[c].file_bytes, files->items[c].mtime_ns));
    return files->n ? DSB_OK : dsbi_fail(DSB_E_NOTFOUND, "no tar shard in it");
}

/* With a class list, words are looked up in it. */
static dsb_status begin_labels(reader *self)
{
    self->image_suffix = dsbi_listing_option(self->listing, "image");
    self->label_key = dsbi_listing_option(self->listing, "label");
    if (self->label_key)
        self->mode = strcmp(self->label_key, "none") == 0 ? LABEL_NONE : LABEL_JSON;
    if (self->mode != LABEL_JSON || !dsbi_listing_option(self->listing, "classes"))
        return DSB_OK;
    DSBI_TRY(dsbi_listing_classes(self->listing, 0, NULL));
    const dsb_dataset *dataset = self->listing->dataset;
    for (uint32_t c = 0; c < dataset->strata.n; c++) {
        const char *word = dsb_dataset_class_name(dataset, c);
        uint32_t number;
        DSBI_TRY(dsbi_name_set_add(self->rt, &self->word_set, &self->words, &number, word,
                                   strlen(word)));
    }
    self->has_list = true;
    self->n_classes = (uint32_t)dataset->strata.n;
    return DSB_OK;
}

static dsb_status end_labels(reader *self)
{
    if (self->mode != LABEL_CLS && self->mode != LABEL_JSON)
        return DSB_OK;
    if (self->has_list)
        return self->n_classes > self->listing->dataset->strata.n
                   ? dsbi_fail(DSB_E_DATA, "%zu class names, labels need %u",
                               self->listing->dataset->strata.n, self->n_classes)
                   : DSB_OK;
    if (!self->has_words)
        return dsbi_listing_classes(self->listing, self->n_classes, NULL);
    for (size_t w = 0; w < self->word_set.n; w++) {
        const char *word = dsbi_names_get(&self->words, self->word_set.names[w]);
        DSBI_TRY(dsbi_listing_class(self->listing, word, strlen(word)));
    }
    return DSB_OK;
}

static void webdataset_close(dsb_runtime *rt, void *state)
{
    dsbi_containers *files = state;
    dsbi_containers_close(files);
    dsbi_free(rt, files);
}

static dsb_status webdataset_open(dsb_runtime *rt, void **state, dsbi_listing *listing,
                                  const dsbi_origin *origin)
{
    dsbi_containers *files = dsbi_calloc(rt, 1, sizeof *files);
    reader *self = dsbi_calloc(rt, 1, sizeof *self);
    dsb_status status = DSB_E_NOMEM;
    if (!files || !self)
        goto done;
    *self = (reader){.rt = rt, .listing = listing, .files = files};
    DSBI_GO(dsbi_containers_init(files, rt, origin));
    DSBI_GO(add_shards(listing, files, origin));
    DSBI_GO(begin_labels(self));
    for (; self->container < files->n; self->container++)
        DSBI_GO(list_shard(self));
    status = end_labels(self);
done:
    if (self) {
        dsbi_name_set_free(rt, &self->word_set);
        dsbi_names_free(rt, &self->words);
    }
    dsbi_free(rt, self);
    if (status == DSB_OK)
        *state = files;
    else if (files && files->rt)
        webdataset_close(rt, files);
    else
        dsbi_free(rt, files);
    return dsbi_fail_at(status, "%s", origin->where);
}

/* The shards are in the index, as witnesses in their order. */
static dsb_status webdataset_reopen(dsb_runtime *rt, void **state, const dsb_dataset *dataset)
{
    dsbi_origin origin = {.where = dsbi_dataset_where_path(dataset)};
    dsbi_containers *files = dsbi_calloc(rt, 1, sizeof *files);
    const dsbi_witnesses *list = &dataset->witnesses;
    dsb_status status = origin.where && files ? DSB_OK : DSB_E_NOMEM;
    bool is_folder = list->n > 0 && list->items[0].kind == DSBI_WITNESS_FOLDER;
    origin.kind = is_folder ? DSBI_ORIGIN_FOLDER : DSBI_ORIGIN_FILES;
    if (status == DSB_OK)
        status = dsbi_containers_init(files, rt, &origin);
    for (size_t i = 0; status == DSB_OK && i < list->n; i++)
        if (list->items[i].kind == DSBI_WITNESS_CONTAINER)
            status =
                dsbi_containers_add(files, dsbi_names_get(&dataset->names, list->items[i].path),
                                    dataset->opts.max_unpacked_bytes);
    dsbi_free(rt, origin.where);
    if (status == DSB_OK)
        *state = files;
    else if (files && files->rt)
        webdataset_close(rt, files);
    else
        dsbi_free(rt, files);
    return status;
}

/* ---- reading ---- */

static dsb_status webdataset_read(void *state, dsb_runtime *rt, uint8_t **bytes, size_t *size,
                                  const dsbi_member *member, size_t max_bytes)
{
    *bytes = NULL;
    *size = 0;
    if (member->size_bytes > max_bytes)
        return dsbi_fail(DSB_E_LIMIT, "%llu bytes, above the limit of %zu",
                         (unsigned long long)member->size_bytes, max_bytes);
    size_t n = (size_t)member->size_bytes;
    uint8_t *out = dsbi_alloc(rt, n + 1);
    if (!out)
        return DSB_E_NOMEM;
    dsb_status status = dsbi_containers_read(state, member->container, out, n, member->locator);
    if (status != DSB_OK) {
        dsbi_free(rt, out);
        return status;
    }
    out[n] = '\0';
    *bytes = out;
    *size = n;
    return DSB_OK;
}

static dsb_status webdataset_peek(void *state, uint8_t *bytes, size_t *size,
                                  const dsbi_member *member)
{
    if (member->size_bytes < *size)
        *size = (size_t)member->size_bytes;
    return dsbi_containers_read(state, member->container, bytes, *size, member->locator);
}

const dsbi_format dsbi_format_webdataset = {
    .name = "webdataset",
    .help =
        "SHARD.tar, shards/{00000..00099}.tar, 'shards/*.tar' or FOLDER?image=SUFFIX&label=KEY|none"
        "&classes=FILE  tar shards, plain or gzip, samples grouped by name",
    .probe = probe,
    .open = webdataset_open,
    .close = webdataset_close,
    .reopen = webdataset_reopen,
    .read = webdataset_read,
    .peek = webdataset_peek,
};
