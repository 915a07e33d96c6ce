/* dsb_model_save, dsb_model_load: a model's parameters as a safetensors file. Loading is all or
 * nothing: names, shapes and types are checked first, and the values are gathered aside, so that a
 * file that cannot be read to its end changes nothing. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/opts.h"
#include "nn/bind.h"
#include "nn/foreign.h"
#include "nn/positions.h"

#define MAX_KEYMAP ((size_t)64 << 20)

/* ---- out ---- */

typedef struct param_source {
    const dsb_model *model;
    const dsbi_param *param;
} param_source;

static void read_param(const void *user, float *out)
{
    const param_source *source = user;
    dsbi_param_read(source->param, source->model->math, source->model->params, out);
}

static dsb_status write_model(const dsb_model *model, const dsbi_st_sink *sink, uint32_t dtype)
{
    static const char *const metadata[] = {"format", "pt", NULL};
    const dsbi_graph *graph = model->graph;
    dsbi_st_source *sources = dsbi_alloc_array(model->rt, graph->n_params + 1, sizeof *sources);
    param_source *users = dsbi_alloc_array(model->rt, graph->n_params + 1, sizeof *users);
    dsb_status status = DSB_E_NOMEM;
    if (!sources || !users)
        goto done;
    for (size_t i = 0; i < graph->n_params; i++) {
        const dsbi_param *param = &graph->params[i];
        users[i] = (param_source){model, param};
        sources[i] = (dsbi_st_source){
            .name = param->name,
            .dtype = dtype == DSB_SAVE_BF16 ? DSBI_ST_BF16 : DSBI_ST_F32,
            .rank = param->rank,
            .dims = param->dims,
            .size = param->size,
            .read = read_param,
            .user = &users[i],
        };
    }
    status = dsbi_st_write(model->rt, sink, sources, graph->n_params, metadata);
done:
    dsbi_free(model->rt, sources);
    dsbi_free(model->rt, users);
    return status;
}

static void put_text(void *user, const void *bytes, size_t n_bytes)
{
    dsbi_text_add_n(user, bytes, n_bytes);
}

dsb_status dsbi_model_write(const dsb_model *model, dsbi_text *out, uint32_t dtype)
{
    const dsbi_st_sink sink = {put_text, out};
    DSBI_TRY(write_model(model, &sink, dtype));
    return out->status;
}

static void put_file(void *user, const void *bytes, size_t n_bytes)
{
    dsbi_new_file_write(user, bytes, n_bytes);
}

dsb_status dsb_model_save_as(const dsb_model *model, const char *path, uint32_t dtype)
{
    dsbi_clear_error();
    if (!model || !path)
        return dsbi_fail(DSB_E_INVALID, "dsb_model_save_as: NULL argument");
    if (dtype > DSB_SAVE_BF16)
        return dsbi_fail(DSB_E_INVALID, "dsb_model_save_as: dtype is %u, no such type", dtype);
    dsbi_new_file file;
    const dsbi_st_sink sink = {put_file, &file};
    dsbi_new_file_begin(&file, model->rt, path);
    if (file.status == DSB_OK)
        dsbi_new_file_fail(&file, write_model(model, &sink, dtype));
    return dsbi_new_file_end(&file);
}

dsb_status dsb_model_save(const dsb_model *model, const char *path)
{
    return dsb_model_save_as(model, path, DSB_SAVE_F32);
}

/* ---- in ---- */

static const dsb_load_opts defaults = {.struct_size = sizeof(dsb_load_opts)};

_Static_assert(offsetof(dsb_load_opts, reserved) + sizeof(uint32_t) == sizeof(dsb_load_opts),
               "no hole at the end of dsb_load_opts");

void dsb_load_opts_init(dsb_load_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

/* Position embeddings of another grid. */
static dsb_status read_positions(dsb_runtime *rt, const dsbi_param *param, float *values,
                                 const dsbi_safetensors *st, const dsbi_st_tensor *tensor)
{
    const size_t side = dsbi_positions_side(param, tensor->rank, tensor->dims);
    float *stored = dsbi_alloc_array(rt, (size_t)tensor->size, sizeof *stored);
    if (!stored)
        return DSB_E_NOMEM;
    dsb_status status = dsbi_st_read(st, tensor, stored);
    if (status == DSB_OK)
        status = dsbi_positions_resample(rt, param, values, stored, side);
    dsbi_free(rt, stored);
    return status;
}

/* Reads what fills a parameter into `values` and from there into `arena`. */
static dsb_status fill_param(void *arena, const dsb_model *model, const dsbi_param *param,
                             float *values, const dsbi_safetensors *st, const dsbi_binding *bound,
                             bool check_finite)
{
    if (bound->n == 1 && bound->parts[0]->size != param->size)
        DSBI_TRY(read_positions(model->rt, param, values, st, bound->parts[0]));
    else
        for (size_t k = 0; k < bound->n; k++)
            DSBI_TRY(dsbi_st_read(st, bound->parts[k], values + k * (param->size / bound->n)));
    for (size_t i = 0; check_finite && i < param->size; i++)
        if (!isfinite(values[i]))
            return dsbi_fail(DSB_E_NUMERIC, "%s holds %g", param->name, (double)values[i]);
    dsbi_param_write(param, model->math, arena, values);
    return DSB_OK;
}

static dsb_status fill(dsb_model *model, const dsbi_safetensors *st, const dsbi_binding *bound,
                       bool check_finite)
{
    const dsbi_graph *graph = model->graph;
    const size_t arena_bytes = graph->arena_size * model->math->item;
    size_t largest = 1;
    for (size_t i = 0; i < graph->n_params; i++)
        largest = graph->params[i].size > largest ? graph->params[i].size : largest;
    dsb_status status = DSB_OK;
    float *values = dsbi_alloc_array(model->rt, largest, sizeof *values);
    void *arena = values ? dsbi_alloc(model->rt, arena_bytes) : NULL;
    if (!arena)
        status = DSB_E_NOMEM;
    else
        memcpy(arena, model->params, arena_bytes);
    for (size_t i = 0; i < graph->n_params && status == DSB_OK; i++)
        if (bound[i].n > 0)
            status =
                fill_param(arena, model, &graph->params[i], values, st, &bound[i], check_finite);
    if (status == DSB_OK) {
        memcpy(model->params, arena, arena_bytes);
        model->version++;
    }
    dsbi_free(model->rt, arena);
    dsbi_free(model->rt, values);
    return status;
}

static dsb_status load(dsb_model *model, const dsbi_safetensors *st, const dsbi_json_value *keymap,
                       const dsb_load_opts *opts)
{
    dsbi_binding *bound = dsbi_alloc_array(model->rt, model->graph->n_params + 1, sizeof *bound);
    if (!bound)
        return DSB_E_NOMEM;
    dsb_status status = dsbi_bind(model->graph, bound, st, keymap, opts);
    if (status == DSB_OK)
        status = fill(model, st, bound, opts->check_finite);
    dsbi_free(model->rt, bound);
    return status;
}

dsb_status dsbi_model_take(dsb_model *model, const dsbi_safetensors *st,
                           const dsbi_json_value *keymap)
{
    return load(model, st, keymap, &defaults);
}

dsb_status dsbi_model_read(dsb_model *model, const uint8_t *bytes, size_t size, const char *keymap,
                           size_t keymap_size)
{
    dsbi_safetensors st;
    dsbi_json *map = NULL;
    DSBI_TRY(dsbi_st_parse(model->rt, &st, bytes, size));
    dsb_status status = DSB_OK;
    if (keymap)
        status = dsbi_fail_at(dsbi_json_parse(model->rt, &map, keymap, keymap_size), "key map");
    if (status == DSB_OK)
        status = dsbi_model_take(model, &st, dsbi_json_root(map));
    dsbi_json_free(map);
    dsbi_st_free(&st);
    return status;
}

static dsb_status read_keymap(dsb_runtime *rt, dsbi_json **map, const char *path)
{
    uint8_t *text;
    size_t size;
    DSBI_TRY(dsbi_file_read(rt, &text, &size, path, MAX_KEYMAP));
    const dsb_status status = dsbi_json_parse(rt, map, (const char *)text, size);
    dsbi_free(rt, text);
    return dsbi_fail_at(status, "%s", path);
}

/* A file that is no safetensors may be weights of another kind: then says which. */
static dsb_status name_the_format(dsb_status status, const char *path)
{
    uint8_t head[DSBI_FOREIGN_HEAD];
    char sentence[1024];
    uint64_t size;
    int fd;
    if (status != DSB_E_FORMAT)
        return status;
    snprintf(sentence, sizeof sentence, "%s", dsb_last_error());
    if (dsbi_open_file(&fd, &size, path) == DSB_OK) {
        const size_t n = size < sizeof head ? (size_t)size : sizeof head;
        if (dsbi_pread_all(fd, head, n, 0, path) == DSB_OK)
            status = dsbi_foreign_check(head, n, path);
        close(fd);
        if (status == DSB_E_UNSUPPORTED)
            return dsbi_fail_at(status, "%s", path);
    }
    return dsbi_fail_text(DSB_E_FORMAT, sentence);
}

/* An open weight file with its key map. */
typedef struct weight_file {
    dsb_load_opts opts;
    dsbi_safetensors st;
    dsbi_json *keymap; /* NULL without */
} weight_file;

static void close_weights(weight_file *file)
{
    dsbi_json_free(file->keymap);
    dsbi_st_free(&file->st);
}

static dsb_status open_weights(weight_file *file, dsb_runtime *rt, const char *path,
                               const dsb_load_opts *given)
{
    *file = (weight_file){.opts = defaults};
    DSBI_TRY(dsbi_opts_read(&file->opts, sizeof file->opts, given, "dsb_load_opts"));
    if (file->opts.reserved)
        return dsbi_fail(DSB_E_INVALID, "dsb_load_opts: reserved is not 0");
    DSBI_TRY(name_the_format(dsbi_st_open(rt, &file->st, path), path));
    const dsb_status status =
        file->opts.keymap ? read_keymap(rt, &file->keymap, file->opts.keymap) : DSB_OK;
    if (status != DSB_OK)
        close_weights(file);
    return status;
}

dsb_status dsb_model_load_with(dsb_model *model, const char *path, const dsb_load_opts *opts)
{
    dsbi_clear_error();
    if (!model || !path)
        return dsbi_fail(DSB_E_INVALID, "dsb_model_load: NULL argument");
    weight_file file;
    DSBI_TRY(open_weights(&file, model->rt, path, opts));
    const dsb_status status = load(model, &file.st, dsbi_json_root(file.keymap), &file.opts);
    close_weights(&file);
    return dsbi_fail_at(status, "%s", path);
}

/* Rows of the tensor that fills the weight of the last layer. */
static dsb_status find_outputs(const dsbi_graph *graph, uint64_t *outputs, dsbi_binding *bound,
                               const weight_file *file)
{
    const dsbi_node *last = &graph->nodes[graph->output];
    DSBI_TRY(dsbi_bind_names(graph, bound, &file->st, dsbi_json_root(file->keymap)));
    const dsbi_st_tensor *weight = last->n_params > 0 ? bound[last->params[0]].parts[0] : NULL;
    if (!weight || weight->rank == 0)
        return dsbi_fail(DSB_E_NOTFOUND, "no weight of the last layer, %s", last->name);
    *outputs = weight->dims[0];
    return DSB_OK;
}

dsb_status dsb_model_load_outputs(const dsb_model *model, uint64_t *outputs, const char *path,
                                  const dsb_load_opts *opts)
{
    dsbi_clear_error();
    if (!model || !outputs || !path)
        return dsbi_fail(DSB_E_INVALID, "dsb_model_load_outputs: NULL argument");
    weight_file file;
    *outputs = 0;
    DSBI_TRY(open_weights(&file, model->rt, path, opts));
    dsbi_binding *bound = dsbi_alloc_array(model->rt, model->graph->n_params + 1, sizeof *bound);
    const dsb_status status =
        bound ? find_outputs(model->graph, outputs, bound, &file) : DSB_E_NOMEM;
    dsbi_free(model->rt, bound);
    close_weights(&file);
    return dsbi_fail_at(status, "%s", path);
}

dsb_status dsb_model_load(dsb_model *model, const char *path)
{
    return dsb_model_load_with(model, path, NULL);
}
