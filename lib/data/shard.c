/* See shard.h. Members of a sample stand together and share their name up to the first dot of its
 * last part. Source: webdataset/tariterators.py, group_by_keys. */
#include "data/shard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include "base/json.h"
#include "data/tar.h"
#include "dsbias/data.h"

enum { MAX_NAME = 4096, MAX_LABEL_BYTES = 64, MAX_JSON_BYTES = 16 << 20, MAX_WORD = 4096 };

typedef struct reader {
    dsb_runtime *rt;
    dsbi_shard *out;
    dsbi_containers *files;
    size_t container;
    const dsbi_shard_wish *wish;
    char key[MAX_NAME]; /* of the sample that is being read */
    size_t n_members;   /* of it, 0: none is */
    bool has_image;
    char image_path[2 * MAX_NAME];
    dsbi_shard_item now;
} reader;

/* ---- items ---- */

static dsb_status add_text(reader *self, uint64_t *out, const char *text, size_t size)
{
    return dsbi_names_add(self->rt, &self->out->names, out, text, size);
}

static dsb_status add_item(reader *self, dsbi_shard_item *item, const char *path)
{
    dsbi_shard *out = self->out;
    void *items = out->items;
    DSBI_TRY(dsbi_grow(self->rt, &items, &out->capacity, out->n + 1, sizeof *out->items));
    out->items = items;
    DSBI_TRY(add_text(self, &item->path, path, strlen(path)));
    out->items[out->n++] = *item;
    return DSB_OK;
}

static dsb_status leave_out(reader *self, const char *name, uint32_t cause, const char *message)
{
    char path[2 * MAX_NAME];
    dsbi_shard_item item = {.cause = cause};
    snprintf(path, sizeof path, "%s%s%s", dsbi_containers_name(self->files, self->container),
             *name ? "/" : "", name);
    DSBI_TRY(add_text(self, &item.message, message, strlen(message)));
    return add_item(self, &item, path);
}

/* Ends the sample. */
static dsb_status flush(reader *self)
{
    if (self->n_members == 0)
        return DSB_OK;
    self->n_members = 0;
    if (!self->has_image)
        return leave_out(self, self->key, DSB_CAUSE_OTHER, "no image in the sample");
    return add_item(self, &self->now, self->image_path);
}

/* ---- labels and groups ---- */

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
        self->now.label = label;
    return DSB_OK;
}

static dsb_status take_label(reader *self, const dsbi_json_value *value)
{
    size_t size;
    const char *word = dsbi_json_string(value, &size);
    if (word && size < MAX_WORD)
        return add_text(self, &self->now.word, word, size);
    uint64_t number;
    if (dsbi_json_uint64(value, &number))
        self->now.label = number;
    return DSB_OK;
}

static dsb_status take_group(reader *self, const dsbi_json_value *value)
{
    char digits[24];
    size_t size;
    uint64_t number;
    const char *word = dsbi_json_string(value, &size);
    if (!word && dsbi_json_uint64(value, &number)) {
        size = (size_t)snprintf(digits, sizeof digits, "%llu", (unsigned long long)number);
        word = digits;
    }
    return word && size < MAX_WORD ? add_text(self, &self->now.group, word, size) : DSB_OK;
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
    const dsbi_json_value *root = status == DSB_OK ? dsbi_json_root(doc) : NULL;
    if (root && self->wish->label_key)
        status = take_label(self, dsbi_json_get(root, self->wish->label_key));
    if (root && status == DSB_OK && self->wish->group_key)
        status = take_group(self, dsbi_json_get(root, self->wish->group_key));
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
    const char *wanted = self->wish->image_suffix;
    if (wanted && strcasecmp(suffix, wanted) != 0)
        return DSB_OK; /* an image of the sample that is not asked for */
    if (self->has_image) {
        const char *first = strrchr(self->image_path, '/');
        first = strchr(first ? first : self->image_path, '.');
        bool is_same = first && strcasecmp(first + 1, suffix) == 0;
        return leave_out(self, name, is_same ? DSB_CAUSE_DAMAGED : DSB_CAUSE_OTHER,
                         is_same ? "a second member of this name in its sample"
                                 : "its sample has another image, option image=SUFFIX chooses");
    }
    const char *shard = dsbi_containers_name(self->files, self->container);
    int size = snprintf(self->image_path, sizeof self->image_path, "%s/%s", shard, name);
    if (size < 0 || (size_t)size >= sizeof self->image_path)
        return leave_out(self, name, DSB_CAUSE_LIMIT, "path too long");
    self->now.name_at = (uint32_t)strlen(shard) + 1;
    self->now.offset = tar->data_at;
    self->now.size = tar->size;
    self->has_image = true;
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
    if (self->n_members == 0 || strncmp(self->key, name, key) != 0 || self->key[key]) {
        DSBI_TRY(flush(self));
        memcpy(self->key, name, key);
        self->key[key] = '\0';
        self->has_image = false;
        self->now = (dsbi_shard_item){
            .label = DSBI_SHARD_NONE, .word = DSBI_SHARD_NONE, .group = DSBI_SHARD_NONE};
    }
    self->n_members++;
    const char *suffix = dot + 1;
    if (dsbi_named_like_an_image(name))
        return take_image(self, tar, name, suffix);
    if (self->wish->cls && strcasecmp(suffix, "cls") == 0)
        return read_cls(self, tar);
    if ((self->wish->label_key || self->wish->group_key) && strcasecmp(suffix, "json") == 0)
        return read_json(self, tar);
    return DSB_OK;
}

static dsb_status read_members(reader *self)
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

dsb_status dsbi_shard_read(dsb_runtime *rt, dsbi_shard *out, dsbi_containers *files,
                           size_t container, const dsbi_shard_wish *wish)
{
    *out = (dsbi_shard){0};
    reader *self = dsbi_calloc(rt, 1, sizeof *self);
    if (!self)
        return DSB_E_NOMEM;
    self->rt = rt;
    self->out = out;
    self->files = files;
    self->container = container;
    self->wish = wish;
    dsb_status status = read_members(self);
    dsbi_free(rt, self);
    return status;
}

void dsbi_shard_free(dsb_runtime *rt, dsbi_shard *shard)
{
    dsbi_names_free(rt, &shard->names);
    dsbi_free(rt, shard->items);
    *shard = (dsbi_shard){0};
}
