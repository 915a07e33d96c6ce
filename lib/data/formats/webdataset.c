/* WebDataset: tar shards whose members of one sample stand together: "000012.jpg", "000012.cls",
 * "000012.json" (shard.h). The image is the sample's first member named like one; the label is the
 * number in .cls, or what option label=KEY finds in .json. Images are read where they lie: a member
 * is a shard, an offset and a size, so any order over all shards is as good as any other.
 *
 * Some shards at a time are listed, each by a thread, put together in their order, and scanned
 * while their bytes are still in memory: a collection is read from disk once. */
#include "base/pool.h"
#include "data/index_file.h"
#include "data/inflate.h"
#include "data/labels.h"
#include "data/listing.h"
#include "data/shard.h"
#include "data/tar.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { AT_ONCE = 16 }; /* shards; does not depend on the threads: the order of notes does on it */

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

/* ---- labels ---- */

typedef enum label_mode {
    LABEL_OPEN, /* the first sample with an image decides */
    LABEL_NONE, /* folders within the shard are classes */
    LABEL_CLS,  /* .cls */
    LABEL_JSON, /* a number or a word in .json */
} label_mode;

typedef struct reader {
    dsb_runtime *rt;
    dsbi_listing *listing;
    dsbi_containers *files;
    const dsbi_origin *origin;
    dsbi_shard_wish wish;
    label_mode mode;
    bool has_words, has_list; /* labels are words; classes are declared by a list */
    uint32_t n_classes;
    dsbi_names words;
    dsbi_name_set word_set;
    size_t first; /* shard of task 0 */
    dsbi_shard shards[AT_ONCE];
} reader;

static bool take_number(reader *self, uint64_t label, uint32_t *out)
{
    if (label >= DSBI_MAX_CLASSES) /* also none at all */
        return false;
    *out = (uint32_t)label;
    if (label >= self->n_classes)
        self->n_classes = (uint32_t)label + 1;
    return true;
}

static dsb_status take_word(reader *self, const char *word, uint32_t *out, bool *has_label)
{
    uint32_t number;
    if (self->word_set.n >= DSBI_MAX_CLASSES)
        return DSB_OK;
    DSBI_TRY(
        dsbi_name_set_add(self->rt, &self->word_set, &self->words, &number, word, strlen(word)));
    self->has_words = true;
    if (!self->has_list || number < self->n_classes)
        *has_label = take_number(self, number, out);
    return DSB_OK;
}

static dsb_status take_label(reader *self, const dsbi_shard *shard, const dsbi_shard_item *item,
                             uint32_t *out, bool *has_label)
{
    *has_label = false;
    if (item->word != DSBI_SHARD_NONE)
        return take_word(self, dsbi_names_get(&shard->names, item->word), out, has_label);
    if (!self->has_words)
        *has_label = take_number(self, item->label, out);
    return DSB_OK;
}

/* ---- shards ---- */

static dsb_status put_item(reader *self, size_t container, const dsbi_shard *shard,
                           const dsbi_shard_item *item)
{
    const char *path = dsbi_names_get(&shard->names, item->path);
    if (item->cause)
        return dsbi_listing_leave_out(self->listing, path, item->cause,
                                      dsbi_names_get(&shard->names, item->message));
    dsbi_member member = {.path = path,
                          .class_path = path + item->name_at,
                          .locator = item->offset,
                          .size_bytes = item->size,
                          .container = (uint32_t)container,
                          .mtime_ns = self->files->items[container].mtime_ns};
    if (item->group != DSBI_SHARD_NONE)
        member.group = dsbi_names_get(&shard->names, item->group);
    bool has_label = false;
    if (self->mode != LABEL_NONE)
        DSBI_TRY(take_label(self, shard, item, &member.class_id, &has_label));
    if (self->mode == LABEL_OPEN)
        self->mode = has_label ? LABEL_CLS : LABEL_NONE;
    if (self->mode != LABEL_NONE) {
        dsbi_listing_labelled(self->listing);
        if (!has_label)
            return dsbi_listing_leave_out(self->listing, path, DSB_CAUSE_DAMAGED,
                                          "its sample has no label, others have one");
    }
    return dsbi_listing_add(self->listing, &member);
}

static dsb_status shard_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    reader *self = user;
    return dsbi_shard_read(self->rt, &self->shards[task], self->files, self->first + task,
                           &self->wish);
}

static dsb_status list_shards(reader *self, const dsbi_format *format)
{
    size_t n = self->files->n;
    for (; self->first < n; self->first += AT_ONCE) {
        size_t now = n - self->first < AT_ONCE ? n - self->first : AT_ONCE;
        self->wish.cls = self->mode == LABEL_OPEN || self->mode == LABEL_CLS;
        dsb_status status = dsbi_parallel(self->rt, now, shard_task, self);
        for (size_t k = 0; k < now; k++) {
            dsbi_shard *shard = &self->shards[k];
            for (size_t i = 0; status == DSB_OK && i < shard->n; i++)
                status = put_item(self, self->first + k, shard, &shard->items[i]);
            dsbi_shard_free(self->rt, shard);
        }
        DSBI_TRY(status);
        for (size_t c = self->first + now; c < n && c < self->first + now + AT_ONCE; c++)
            dsbi_containers_expect(self->files, c);
        DSBI_TRY(dsbi_listing_scan(self->listing, format, self->files));
    }
    return DSB_OK;
}

/* ---- opening ---- */

extern const dsbi_format dsbi_format_webdataset;

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
    const char *key = dsbi_listing_option(self->listing, "label");
    bool has_list = dsbi_listing_option(self->listing, "classes") != NULL;
    self->wish.image_suffix = dsbi_listing_option(self->listing, "image");
    if (!self->listing->groups_by_path)
        self->wish.group_key = dsbi_listing_option(self->listing, "group");
    if (key)
        self->mode = strcmp(key, "none") == 0 ? LABEL_NONE : LABEL_JSON;
    if (self->mode == LABEL_JSON)
        self->wish.label_key = key;
    if (self->mode == LABEL_NONE && has_list)
        return dsbi_fail(DSB_E_INVALID, "option classes: there are no labels to name");
    if (self->mode != LABEL_JSON || !has_list)
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

/* "classes.txt" in the folder of the shards, as dsb_dataset_convert writes it. */
static void list_beside(char *out, size_t capacity, const dsbi_origin *origin)
{
    const char *folder = origin->kind == DSBI_ORIGIN_FOLDER ? origin->where : origin->files[0];
    size_t size = origin->kind == DSBI_ORIGIN_FOLDER ? strlen(folder)
                                                     : (size_t)(dsbi_base_name(folder) - folder);
    snprintf(out, capacity, "%.*s%sclasses.txt", (int)size, folder,
             size && folder[size - 1] != '/' ? "/" : "");
}

static dsb_status end_labels(reader *self)
{
    if (self->mode != LABEL_CLS && self->mode != LABEL_JSON)
        return dsbi_listing_option(self->listing, "classes")
                   ? dsbi_fail(DSB_E_INVALID, "option classes: there are no labels to name")
                   : DSB_OK;
    if (self->has_list)
        return self->n_classes > self->listing->dataset->strata.n
                   ? dsbi_fail(DSB_E_DATA, "%zu class names, labels need %u",
                               self->listing->dataset->strata.n, self->n_classes)
                   : DSB_OK;
    if (!self->has_words) {
        char beside[4200];
        list_beside(beside, sizeof beside, self->origin);
        return dsbi_listing_classes_beside(self->listing, self->n_classes, beside);
    }
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
    *self = (reader){.rt = rt, .listing = listing, .files = files, .origin = origin};
    DSBI_GO(dsbi_containers_init(files, rt, origin));
    DSBI_GO(add_shards(listing, files, origin));
    DSBI_GO(begin_labels(self));
    DSBI_GO(dsbi_listing_origin_name(listing, origin));
    DSBI_GO(list_shards(self, &dsbi_format_webdataset));
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
        "&classes=FILE&group=KEY  tar shards, plain or gzip, samples grouped by name",
    .probe = probe,
    .open = webdataset_open,
    .close = webdataset_close,
    .reopen = webdataset_reopen,
    .read = webdataset_read,
    .peek = webdataset_peek,
};
