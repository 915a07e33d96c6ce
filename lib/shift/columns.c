/* Columns and the choice of a reader. */
#include "shift/columns.h"

#include <math.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"

void dsbi_columns_init(dsbi_columns *columns, dsb_runtime *rt)
{
    *columns = (dsbi_columns){.rt = rt};
}

void dsbi_columns_free(dsbi_columns *columns)
{
    for (size_t i = 0; i < columns->n; i++) {
        dsbi_free(columns->rt, columns->item[i].name);
        dsbi_free(columns->rt, columns->item[i].source);
        dsbi_free(columns->rt, columns->item[i].value);
        dsbi_free(columns->rt, columns->item[i].matrix);
    }
    dsbi_free(columns->rt, columns->item);
    *columns = (dsbi_columns){.rt = columns->rt};
}

dsbi_column *dsbi_columns_add(dsbi_columns *columns, const char *name, size_t n)
{
    if (columns->n >= DSBI_COLUMNS_MAX) {
        dsbi_fail(DSB_E_LIMIT, "more than %d columns", DSBI_COLUMNS_MAX);
        return NULL;
    }
    void *list = columns->item;
    if (dsbi_grow(columns->rt, &list, &columns->capacity, columns->n + 1, sizeof *columns->item) !=
        DSB_OK)
        return NULL;
    columns->item = list;
    dsbi_column *c = &columns->item[columns->n];
    *c = (dsbi_column){.n = n, .whole = true};
    c->name = dsbi_strdup(columns->rt, name);
    c->value = dsbi_alloc_array(columns->rt, n + 1, sizeof *c->value);
    if (!c->name || !c->value) {
        dsbi_free(columns->rt, c->name);
        dsbi_free(columns->rt, c->value);
        return NULL;
    }
    for (size_t i = 0; i < n; i++)
        c->value[i] = NAN;
    columns->n++;
    return c;
}

dsbi_column *dsbi_columns_find(const dsbi_columns *columns, const char *const *names)
{
    for (; *names; names++)
        for (size_t i = 0; i < columns->n; i++)
            if (strcasecmp(columns->item[i].name, *names) == 0)
                return &columns->item[i];
    return NULL;
}

dsb_status dsbi_columns_not_numbers(const dsbi_column *column, const dsbi_words *words)
{
    for (size_t i = 0; i < column->n; i++) {
        const char *word = isnan(column->value[i]) ? "" : words->word[(size_t)column->value[i]];
        if (word[strspn(word, "+-.0123456789eE")] != '\0')
            return dsbi_fail(DSB_E_DATA, "column '%s' is not numbers: row %zu holds '%.40s'",
                             column->name, i + 1, word);
    }
    return dsbi_fail(DSB_E_DATA, "column '%s' is not numbers", column->name);
}

dsb_status dsbi_columns_parse(dsbi_columns *out, dsbi_words *words, const uint8_t *bytes,
                              size_t size)
{
    size_t at = size >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    while (at < size && memchr(" \t\r\n", bytes[at], 4))
        at++;
    if (at == size)
        return dsbi_fail(DSB_E_DATA, "the file is empty");
    if (size >= 6 && memcmp(bytes, "\x93NUMPY", 6) == 0)
        return dsbi_columns_parse_npy(out, bytes, size);
    if (bytes[at] == '[' || bytes[at] == '{')
        return dsbi_columns_parse_json(out, words, bytes, size);
    if (memchr(bytes, 0, size))
        return dsbi_fail(DSB_E_FORMAT, "byte %zu is zero: neither npy nor JSON nor text",
                         (size_t)((const uint8_t *)memchr(bytes, 0, size) - bytes));
    return dsbi_columns_parse_csv(out, words, bytes, size);
}

/* Name of a model from its file: "a/b/resnet_predictions.json" -> "resnet". */
static void stem_of(char *out, size_t size, const char *path)
{
    static const char *const tails[] = {"_predictions", "-predictions", "_preds", "_pred", NULL};
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t length = strlen(name);
    const char *dot = strrchr(name, '.');
    if (dot && dot != name)
        length = (size_t)(dot - name);
    for (const char *const *t = tails; *t; t++) {
        size_t tail = strlen(*t);
        if (length > tail && memcmp(name + length - tail, *t, tail) == 0) {
            length -= tail;
            break;
        }
    }
    if (length >= size)
        length = size - 1;
    memcpy(out, name, length);
    out[length] = '\0';
}

/* A table of one model among the files of a folder (index, label, prediction): its predictions. */
static void keep_predictions(dsbi_columns *out, size_t first)
{
    static const char *const names[] = {"prediction", "predictions", "pred", "predicted", NULL};
    size_t keep = first;
    for (size_t i = first; i < out->n; i++)
        for (const char *const *n = names; *n; n++)
            if (strcasecmp(out->item[i].name, *n) == 0)
                keep = i + 1;
    if (keep == first)
        return;
    dsbi_column kept = out->item[keep - 1];
    for (size_t i = first; i < out->n; i++)
        if (i != keep - 1) {
            dsbi_free(out->rt, out->item[i].name);
            dsbi_free(out->rt, out->item[i].source);
            dsbi_free(out->rt, out->item[i].value);
            dsbi_free(out->rt, out->item[i].matrix);
        }
    kept.name[0] = '\0';
    out->item[first] = kept;
    out->n = first + 1;
}

static dsb_status name_them(dsbi_columns *out, size_t first, const char *path)
{
    char stem[512];
    stem_of(stem, sizeof stem, path);
    for (size_t i = first; i < out->n; i++)
        if (out->item[i].name[0] == '\0') {
            char *name = dsbi_strdup(out->rt, stem);
            if (!name)
                return DSB_E_NOMEM;
            dsbi_free(out->rt, out->item[i].name);
            out->item[i].name = name;
        }
    return DSB_OK;
}

typedef struct folder_job {
    dsbi_columns *out;
    dsbi_words *words;
    int fd;
    const char *root;
    size_t files;
} folder_job;

static dsb_status take_file(void *user, const dsbi_walk_entry *entry)
{
    folder_job *job = user;
    if (entry->name[0] == '.')
        return entry->kind == DSBI_WALK_FOLDER ? DSBI_WALK_SKIP : DSB_OK;
    if (entry->kind == DSBI_WALK_FOLDER)
        return DSBI_WALK_SKIP;
    if (entry->kind != DSBI_WALK_FILE)
        return dsbi_fail(DSB_E_IO, "%s/%s: not a readable regular file", job->root, entry->path);
    uint8_t *bytes = NULL;
    size_t size, first = job->out->n;
    dsb_status status = dsbi_file_read_beneath(job->out->rt, &bytes, &size, job->fd, entry->path,
                                               DSBI_COLUMNS_MAX_BYTES);
    if (status == DSB_OK)
        status = dsbi_columns_parse(job->out, job->words, bytes, size);
    dsbi_free(job->out->rt, bytes);
    if (status == DSB_OK) {
        keep_predictions(job->out, first);
        status = name_them(job->out, first, entry->path);
    }
    for (size_t i = first; status == DSB_OK && i < job->out->n; i++) {
        job->out->item[i].source = dsbi_strdup(job->out->rt, entry->path);
        if (!job->out->item[i].source)
            status = DSB_E_NOMEM;
    }
    job->files++;
    return dsbi_fail_at(status, "%s/%s", job->root, entry->path);
}

dsb_status dsbi_columns_read(dsbi_columns *out, dsbi_words *words, const char *path)
{
    struct stat about;
    dsb_status status;
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
        folder_job job = {out, words, -1, path, 0};
        DSBI_TRY(dsbi_open_folder(&job.fd, path));
        status = dsbi_walk(out->rt, job.fd, 1, take_file, &job);
        close(job.fd);
        if (status == DSB_OK && job.files == 0)
            status = dsbi_fail(DSB_E_DATA, "%s: the folder holds no files", path);
        return status;
    }
    uint8_t *bytes = NULL;
    size_t size, first = out->n;
    DSBI_TRY(dsbi_file_read(out->rt, &bytes, &size, path, DSBI_COLUMNS_MAX_BYTES));
    status = dsbi_fail_at(dsbi_columns_parse(out, words, bytes, size), "%s", path);
    dsbi_free(out->rt, bytes);
    if (status == DSB_OK)
        status = name_them(out, first, path);
    return status;
}
