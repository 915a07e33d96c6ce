/* dsb_model_save, dsb_model_load: a model's parameters as a safetensors file. Loading is all or
 * nothing: names and shapes are checked before the first number is written. */
#include <string.h>
#include "base/file.h"
#include "nn/nn.h"
#include "nn/safetensors.h"

#define MAX_FILE ((size_t)1 << 36)
enum { LISTED = 8 };

typedef struct param_source {
    const dsb_model *model;
    const dsbi_param *param;
} param_source;

static void read_param(const void *user, float *out)
{
    const param_source *source = user;
    dsbi_param_read(source->param, source->model->math, source->model->params, out);
}

dsb_status dsbi_model_write(const dsb_model *model, dsbi_text *out)
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
        sources[i] = (dsbi_st_source){param->name, param->rank, param->dims,
                                      param->size, read_param,  &users[i]};
    }
    dsbi_st_write(out, sources, graph->n_params, metadata);
    status = out->status;
done:
    dsbi_free(model->rt, sources);
    dsbi_free(model->rt, users);
    return status;
}

dsb_status dsb_model_save(const dsb_model *model, const char *path)
{
    dsbi_clear_error();
    if (!model || !path)
        return dsbi_fail(DSB_E_INVALID, "dsb_model_save: NULL argument");
    dsbi_text file;
    dsbi_text_init(&file, model->rt);
    dsb_status status = dsbi_model_write(model, &file);
    if (status == DSB_OK)
        status = dsbi_file_write_atomic(model->rt, path, file.data, file.size);
    dsbi_text_free(&file);
    return status;
}

static bool same_shape(const dsbi_param *param, const dsbi_st_tensor *tensor)
{
    if (param->rank != tensor->rank)
        return false;
    for (size_t d = 0; d < param->rank; d++)
        if (param->dims[d] != tensor->dims[d])
            return false;
    return true;
}

static void add_shape(dsbi_text *text, const dsbi_param *param, const dsbi_st_tensor *tensor)
{
    dsbi_text_printf(text, " %s is [", param->name);
    for (size_t d = 0; d < tensor->rank; d++)
        dsbi_text_printf(text, d ? ",%llu" : "%llu", (unsigned long long)tensor->dims[d]);
    dsbi_text_add(text, "], expected [");
    for (size_t d = 0; d < param->rank; d++)
        dsbi_text_printf(text, d ? ",%zu" : "%zu", param->dims[d]);
    dsbi_text_add(text, "]");
}

static bool is_param(const dsbi_graph *graph, const dsbi_st_tensor *tensor)
{
    for (size_t i = 0; i < graph->n_params; i++)
        if (strlen(graph->params[i].name) == tensor->name_size &&
            memcmp(graph->params[i].name, tensor->name, tensor->name_size) == 0)
            return true;
    return false;
}

/* Extra tensors: only worth looking for when the counts differ. */
static size_t list_extra(dsbi_text *text, const dsbi_graph *graph, const dsbi_safetensors *st)
{
    size_t extra = 0;
    for (size_t i = 0; i < st->n && extra <= LISTED; i++)
        if (!is_param(graph, &st->tensors[st->by_name[i]]) && extra++ < LISTED)
            dsbi_text_printf(text, " %s", st->tensors[st->by_name[i]].name);
    return extra;
}

/* Every parameter must be there with its shape, and nothing else. */
static dsb_status compare(const dsbi_graph *graph, const dsbi_safetensors *st)
{
    dsbi_text missing, misshapen, extra;
    dsbi_text_init(&missing, graph->rt);
    dsbi_text_init(&misshapen, graph->rt);
    dsbi_text_init(&extra, graph->rt);
    size_t n_missing = 0, n_misshapen = 0;
    for (size_t i = 0; i < graph->n_params; i++) {
        const dsbi_param *param = &graph->params[i];
        const dsbi_st_tensor *tensor = dsbi_st_find(st, param->name);
        if (!tensor && n_missing++ < LISTED)
            dsbi_text_printf(&missing, " %s", param->name);
        if (tensor && !same_shape(param, tensor) && n_misshapen++ < LISTED)
            add_shape(&misshapen, param, tensor);
    }
    const size_t n_extra = st->n + n_missing > graph->n_params ? list_extra(&extra, graph, st) : 0;
    dsb_status status = DSB_OK;
    if (n_missing > 0 || n_extra > 0)
        status = dsbi_fail(DSB_E_NOTFOUND, "weights of another model: %zu missing:%s; extra:%s%s",
                           n_missing, missing.data, extra.data, n_extra > LISTED ? " ..." : "");
    else if (n_misshapen > 0)
        status = dsbi_fail(DSB_E_SHAPE, "weights of another model: %zu of other shape:%s",
                           n_misshapen, misshapen.data);
    dsbi_text_free(&missing);
    dsbi_text_free(&misshapen);
    dsbi_text_free(&extra);
    return status;
}

static dsb_status copy_in(dsb_model *model, const dsbi_safetensors *st)
{
    const dsbi_graph *graph = model->graph;
    size_t largest = 1;
    for (size_t i = 0; i < graph->n_params; i++)
        largest = graph->params[i].size > largest ? graph->params[i].size : largest;
    float *values = dsbi_alloc_array(model->rt, largest, sizeof *values);
    if (!values)
        return DSB_E_NOMEM;
    dsb_status status = DSB_OK;
    /* twice: dtypes are refused before anything is overwritten */
    for (int write = 0; write < 2 && status == DSB_OK; write++)
        for (size_t i = 0; i < graph->n_params && status == DSB_OK; i++) {
            const dsbi_param *param = &graph->params[i];
            status = dsbi_st_read(st, dsbi_st_find(st, param->name), values);
            if (status == DSB_OK && write)
                dsbi_param_write(param, model->math, model->params, values);
        }
    dsbi_free(model->rt, values);
    return status;
}

dsb_status dsbi_model_read(dsb_model *model, const uint8_t *bytes, size_t size)
{
    dsbi_safetensors st;
    DSBI_TRY(dsbi_st_parse(model->rt, &st, bytes, size));
    dsb_status status = compare(model->graph, &st);
    if (status == DSB_OK)
        status = copy_in(model, &st);
    dsbi_st_free(&st);
    return status;
}

dsb_status dsb_model_load(dsb_model *model, const char *path)
{
    dsbi_clear_error();
    if (!model || !path)
        return dsbi_fail(DSB_E_INVALID, "dsb_model_load: NULL argument");
    uint8_t *bytes;
    size_t size;
    DSBI_TRY(dsbi_file_read(model->rt, &bytes, &size, path, MAX_FILE));
    const dsb_status status = dsbi_model_read(model, bytes, size);
    dsbi_free(model->rt, bytes);
    return dsbi_fail_at(status, "%s", path);
}
