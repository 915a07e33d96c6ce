/* dsb_summary: the declaration as rows, with what the plans of a batch make of it. */
#include <stdio.h>
#include <string.h>
#include "base/json_write.h"
#include "base/opts.h"
#include "nn/nn.h"

#define MOST_BATCH ((uint64_t)65536)
enum { MOST_STRUCT = 65536, ALGORITHM_BYTES = 48 };

struct dsb_summary {
    dsb_model *model; /* retained */
    uint64_t batch;
    dsb_summary_row *rows;
    char (*algorithms)[ALGORITHM_BYTES]; /* of each row */
    dsb_summary_totals totals;
    dsbi_text json;
};

static uint64_t own_params(const dsbi_graph *graph, const dsbi_node *node)
{
    uint64_t n = 0;
    for (size_t p = 0; p < node->n_params; p++)
        n += graph->params[node->params[p]].buffer ? 0 : graph->params[node->params[p]].size;
    return n;
}

static void fill_rows(dsb_summary *s)
{
    const dsbi_graph *graph = s->model->graph;
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const dsbi_node *node = &graph->nodes[i];
        s->rows[i] = (dsb_summary_row){
            .struct_size = sizeof *s->rows,
            .name = node->name,
            .kind = node->layer->name,
            .algorithm = "folded",
            .height = node->out.h,
            .width = node->out.w,
            .channels = node->out.c,
            .parameters = own_params(graph, node),
            .macs = node->layer->macs ? node->layer->macs(node) : 0,
            .bytes = s->batch * dsbi_shape_size(node->out) * s->model->math->item,
        };
    }
}

/* What the plan runs carries the number of its declaration: "winograd 4x4 + relu". */
static void name_algorithms(dsb_summary *s, const dsbi_plan *plan)
{
    for (size_t i = 0; i < dsbi_plan_rows(plan); i++) {
        const dsbi_node *node = dsbi_plan_row_at(plan, i).node;
        const char *name = node->layer->algorithm ? node->layer->algorithm(node) : NULL;
        const char *fused = dsbi_fused_name(node);
        char *text = s->algorithms[node->id];
        snprintf(text, ALGORITHM_BYTES, "%s%s%s", name ? name : "", name && *fused ? " + " : "",
                 fused);
        s->rows[node->id].algorithm = text;
    }
}

/* Bytes of gradients that are arrays. */
static uint64_t array_gradients(const dsb_summary *s, const dsbi_plan *plan)
{
    const dsbi_graph *graph = s->model->graph;
    uint64_t n = 0;
    for (size_t i = 0; i < graph->n_params; i++)
        n += graph->params[i].buffer || dsbi_plan_factors(plan, i) ? 0 : graph->params[i].size;
    return n * s->model->math->item;
}

static dsb_status size_up(dsb_summary *s, bool training, uint64_t *bytes, uint64_t *unshared)
{
    dsb_model *model = s->model;
    const dsbi_plan_opts opts = {.batch = (size_t)s->batch,
                                 .training = training,
                                 .factors = training,
                                 .sizes_only = true,
                                 .math = model->math,
                                 .params = model->params,
                                 .version = &model->version};
    dsbi_plan *plan;
    DSBI_TRY(dsbi_plan_create_for(&plan, model->rt, model->graph, &opts));
    *bytes = dsbi_plan_bytes(plan);
    *unshared = dsbi_plan_bytes_unshared(plan);
    if (training) {
        name_algorithms(s, plan);
        s->totals.gradient_bytes = array_gradients(s, plan);
    }
    dsbi_plan_free(plan);
    return DSB_OK;
}

static dsb_status fill_totals(dsb_summary *s)
{
    const dsbi_graph *graph = s->model->graph;
    uint64_t all = 0;
    for (size_t i = 0; i < graph->n_params; i++)
        all += graph->params[i].size;
    s->totals = (dsb_summary_totals){
        .struct_size = sizeof s->totals,
        .parameters = graph->n_elements,
        .buffers = all - graph->n_elements,
        .macs = dsb_model_macs(s->model),
        .parameter_bytes = all * s->model->math->item,
    };
    DSBI_TRY(size_up(s, true, &s->totals.train_bytes, &s->totals.train_unshared_bytes));
    return size_up(s, false, &s->totals.infer_bytes, &s->totals.infer_unshared_bytes);
}

static void write_row(dsbi_json_writer *w, const dsb_summary_row *row)
{
    dsbi_json_begin_flat_object(w);
    dsbi_json_put_string(w, "name", row->name);
    dsbi_json_put_string(w, "kind", row->kind);
    dsbi_json_write_key(w, "output");
    dsbi_json_begin_flat_array(w);
    dsbi_json_write_uint(w, row->height);
    dsbi_json_write_uint(w, row->width);
    dsbi_json_write_uint(w, row->channels);
    dsbi_json_end_array(w);
    dsbi_json_put_uint(w, "parameters", row->parameters);
    dsbi_json_put_uint(w, "macs", row->macs);
    dsbi_json_put_uint(w, "bytes", row->bytes);
    dsbi_json_put_string(w, "algorithm", row->algorithm);
    dsbi_json_end_object(w);
}

static void write_json(dsb_summary *s)
{
    dsbi_json_writer w;
    const dsb_summary_totals *t = &s->totals;
    dsbi_json_writer_init(&w, &s->json, 2);
    dsbi_json_begin_object(&w);
    dsbi_json_put_string(&w, "model", dsb_model_spec(s->model));
    dsbi_json_put_uint(&w, "height", s->model->opts.height);
    dsbi_json_put_uint(&w, "width", s->model->opts.width);
    dsbi_json_put_uint(&w, "classes", s->model->opts.n_classes);
    dsbi_json_put_uint(&w, "batch", s->batch);
    dsbi_json_put_uint(&w, "parameters", t->parameters);
    dsbi_json_put_uint(&w, "buffers", t->buffers);
    dsbi_json_put_uint(&w, "macs", t->macs);
    dsbi_json_put_uint(&w, "parameter_bytes", t->parameter_bytes);
    dsbi_json_put_uint(&w, "gradient_bytes", t->gradient_bytes);
    dsbi_json_put_uint(&w, "train_bytes", t->train_bytes);
    dsbi_json_put_uint(&w, "train_unshared_bytes", t->train_unshared_bytes);
    dsbi_json_put_uint(&w, "infer_bytes", t->infer_bytes);
    dsbi_json_put_uint(&w, "infer_unshared_bytes", t->infer_unshared_bytes);
    dsbi_json_write_key(&w, "layers");
    dsbi_json_begin_array(&w);
    for (uint64_t i = 0; i < dsb_summary_row_count(s); i++)
        write_row(&w, &s->rows[i]);
    dsbi_json_end_array(&w);
    dsbi_json_end_object(&w);
    dsbi_text_add(&s->json, "\n");
}

static dsb_status fill(dsb_summary *s)
{
    s->rows = dsbi_calloc(s->model->rt, s->model->graph->n_nodes + 1, sizeof *s->rows);
    s->algorithms = dsbi_calloc(s->model->rt, s->model->graph->n_nodes + 1, ALGORITHM_BYTES);
    if (!s->rows || !s->algorithms)
        return DSB_E_NOMEM;
    fill_rows(s);
    DSBI_TRY(fill_totals(s));
    write_json(s);
    return s->json.status;
}

dsb_status dsb_summary_create(dsb_model *model, dsb_summary **out, uint64_t batch_size)
{
    dsbi_clear_error();
    if (!model || !out)
        return dsbi_fail(DSB_E_INVALID, "dsb_summary_create: NULL argument");
    *out = NULL;
    if (batch_size == 0 || batch_size > MOST_BATCH)
        return dsbi_fail(DSB_E_INVALID, "a batch of %llu images, not 1..%llu",
                         (unsigned long long)batch_size, (unsigned long long)MOST_BATCH);
    dsb_summary *s = dsbi_calloc(model->rt, 1, sizeof *s);
    if (!s)
        return DSB_E_NOMEM;
    dsbi_model_retain(model);
    s->model = model;
    s->batch = batch_size;
    dsbi_text_init(&s->json, model->rt);
    const dsb_status status = fill(s);
    if (status != DSB_OK) {
        dsb_summary_free(s);
        return status;
    }
    *out = s;
    return DSB_OK;
}

void dsb_summary_free(dsb_summary *s)
{
    if (!s)
        return;
    dsb_model *model = s->model;
    dsbi_text_free(&s->json);
    dsbi_free(model->rt, s->rows);
    dsbi_free(model->rt, s->algorithms);
    dsbi_free(model->rt, s);
    dsb_model_free(model);
}

uint64_t dsb_summary_row_count(const dsb_summary *s)
{
    return s->model->graph->n_nodes;
}

/* Copies as much as the caller's struct holds. */
static dsb_status copy_out(void *to, const void *from, size_t size, const char *what)
{
    uint64_t given = 0;
    if (to)
        memcpy(&given, to, sizeof given);
    if (given < sizeof given || given > MOST_STRUCT)
        return dsbi_fail(DSB_E_INVALID, "%s: struct_size is not set", what);
    dsbi_opts_fill(to, (size_t)given, from, size);
    return DSB_OK;
}

dsb_status dsb_summary_row_get(const dsb_summary *s, uint64_t i, dsb_summary_row *row)
{
    dsbi_clear_error();
    if (i >= dsb_summary_row_count(s))
        return dsbi_fail(DSB_E_INVALID, "row %llu of %llu", (unsigned long long)i,
                         (unsigned long long)dsb_summary_row_count(s));
    return copy_out(row, &s->rows[i], sizeof *row, "dsb_summary_row");
}

dsb_status dsb_summary_totals_get(const dsb_summary *s, dsb_summary_totals *totals)
{
    dsbi_clear_error();
    return copy_out(totals, &s->totals, sizeof *totals, "dsb_summary_totals");
}

const char *dsb_summary_json(const dsb_summary *s)
{
    return s->json.data;
}
