/* dsb_model: a graph, its parameters, predictions. */
#include <stdio.h>
#include <string.h>
#include "base/opts.h"
#include "nn/nn.h"

enum { PREDICT_BATCH = 64, CIFAR_SIDE = 32, CIFAR_CLASSES = 10 };

_Static_assert(offsetof(dsb_model_opts, layer_scale) + sizeof(float) == sizeof(dsb_model_opts),
               "no hole at the end of dsb_model_opts");

static const dsb_model_opts defaults = {
    .struct_size = sizeof(dsb_model_opts),
    .n_classes = 1000,
    .height = 224,
    .width = 224,
    .precision = DSB_PRECISION_F32,
    .mean = {0.485f, 0.456f, 0.406f},
    .std = {0.229f, 0.224f, 0.225f},
    .drop_path = -1,
    .layer_scale = -1,
};

void dsb_model_opts_init(dsb_model_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

dsb_status dsb_model_opts_init_for(dsb_model_opts *opts, size_t size, const char *name)
{
    dsbi_spec spec;
    if (!opts || !name)
        return dsbi_fail(DSB_E_INVALID, "dsb_model_opts_init_for: opts or name is NULL");
    dsb_model_opts own = defaults;
    DSBI_TRY(dsbi_spec_parse(&spec, name));
    if (dsbi_spec_for_cifar(&spec)) {
        own.height = own.width = CIFAR_SIDE;
        own.n_classes = CIFAR_CLASSES;
    }
    dsbi_opts_fill(opts, size, &own, sizeof own);
    return DSB_OK;
}

static const char *name_at(uint64_t i, uint64_t *count)
{
    uint64_t n = 0;
    const char *found = NULL;
    for (const dsbi_family *const *f = dsbi_family_table; *f; f++)
        for (const dsbi_preset *p = (*f)->presets; p->name; p++)
            if (n++ == i)
                found = p->name;
    *count = n;
    return found;
}

uint64_t dsb_model_count(void)
{
    uint64_t count;
    name_at(0, &count);
    return count;
}

const char *dsb_model_name(uint64_t i)
{
    uint64_t count;
    return name_at(i, &count);
}

dsb_status dsbi_model_opts_read(dsb_model_opts *opts, const dsb_model_opts *given)
{
    *opts = defaults;
    DSBI_TRY(dsbi_opts_read(opts, sizeof *opts, given, "dsb_model_opts"));
    if (opts->n_classes == 0 || opts->n_classes > 1u << 24)
        return dsbi_fail(DSB_E_INVALID, "a model of %u classes", opts->n_classes);
    if (opts->precision > DSB_PRECISION_F64)
        return dsbi_fail(DSB_E_INVALID, "precision is %u, no such precision", opts->precision);
    if (!(opts->drop_path < 1))
        return dsbi_fail(DSB_E_INVALID, "drop_path is %g, must be below 1",
                         (double)opts->drop_path);
    for (int c = 0; c < 3; c++)
        if (!(opts->std[c] >= 1e-6f && opts->std[c] <= 1000) ||
            !(opts->mean[c] >= -1000 && opts->mean[c] <= 1000))
            return dsbi_fail(DSB_E_INVALID,
                             "channel %d has mean %g and deviation %g, not -1000..1000 "
                             "and 1e-6..1000",
                             c, (double)opts->mean[c], (double)opts->std[c]);
    return DSB_OK;
}

static dsb_status read_spec(dsbi_spec *spec, const char *name, const dsb_model_opts *opts)
{
    char text[32];
    DSBI_TRY(dsbi_spec_parse(spec, name));
    if (opts->drop_path >= 0) {
        snprintf(text, sizeof text, "%.9g", (double)opts->drop_path);
        DSBI_TRY(dsbi_spec_set(spec, "drop_path", text));
    }
    if (opts->layer_scale >= 0) {
        snprintf(text, sizeof text, "%.9g", (double)opts->layer_scale);
        DSBI_TRY(dsbi_spec_set(spec, "layer_scale", text));
    }
    return DSB_OK;
}

static dsb_status build_graph(dsb_runtime *rt, dsbi_graph **graph, const char *name,
                              const dsb_model_opts *opts)
{
    dsbi_spec spec;
    DSBI_TRY(read_spec(&spec, name, opts));
    dsbi_builder b;
    const dsbi_shape image = {opts->height, opts->width, 3};
    DSBI_TRY(dsbi_builder_init(&b, rt, image, opts->n_classes));
    spec.family->build(&b, &spec);
    dsb_status status = dsbi_graph_finish(&b, graph);
    if (status == DSB_E_SHAPE)
        return dsbi_fail_at(status, "%s on images of %u x %u pixels", name, opts->height,
                            opts->width);
    DSBI_TRY(status);
    status = dsbi_spec_check(&spec);
    if (status != DSB_OK) {
        dsbi_graph_free(*graph);
        *graph = NULL;
    }
    return status;
}

static dsb_status fill(dsb_model *model, const char *name)
{
    model->spec = dsbi_strdup(model->rt, name);
    if (!model->spec)
        return DSB_E_NOMEM;
    dsbi_graph_set_pixels(model->graph, model->opts.mean, model->opts.std);
    model->math = model->opts.precision == DSB_PRECISION_F64 ? &dsbi_math_f64 : &dsbi_math_f32;
    model->params = dsbi_calloc(model->rt, model->graph->arena_size + 1, model->math->item);
    if (!model->params)
        return DSB_E_NOMEM;
    return dsbi_init_params(model->rt, model->graph, model->math, model->params, model->opts.seed);
}

dsb_status dsbi_model_of_graph(dsb_runtime *rt, dsb_model **out, dsbi_graph *graph,
                               const dsb_model_opts *opts, const char *name)
{
    dsb_model *model = dsbi_calloc(rt, 1, sizeof *model);
    if (!model) {
        dsbi_graph_free(graph);
        return DSB_E_NOMEM;
    }
    dsbi_runtime_retain(rt);
    model->rt = rt;
    model->opts = *opts;
    model->graph = graph;
    atomic_init(&model->references, 1);
    dsbi_text_init(&model->summary, rt);
    const dsb_status status = fill(model, name);
    if (status != DSB_OK) {
        dsb_model_free(model);
        return status;
    }
    *out = model;
    return DSB_OK;
}

dsb_status dsb_model_create(dsb_runtime *rt, dsb_model **out, const char *name,
                            const dsb_model_opts *given)
{
    dsbi_clear_error();
    if (!out || !rt || !name)
        return dsbi_fail(DSB_E_INVALID, "dsb_model_create: NULL argument");
    *out = NULL;
    dsb_model_opts opts;
    dsbi_graph *graph;
    DSBI_TRY(dsbi_model_opts_read(&opts, given));
    DSBI_TRY(build_graph(rt, &graph, name, &opts));
    return dsbi_model_of_graph(rt, out, graph, &opts, name);
}

void dsbi_model_retain(dsb_model *model)
{
    atomic_fetch_add(&model->references, 1);
}

void dsb_model_free(dsb_model *model)
{
    if (!model || atomic_fetch_sub(&model->references, 1) != 1)
        return;
    dsb_runtime *rt = model->rt;
    dsbi_plan_free(model->predict);
    dsbi_plan_free(model->learn);
    dsbi_graph_free(model->graph);
    dsbi_text_free(&model->summary);
    dsbi_free(rt, model->params);
    dsbi_free(rt, model->spec);
    dsbi_free(rt, model);
    dsbi_runtime_release(rt);
}

const char *dsb_model_spec(const dsb_model *model)
{
    return model->spec;
}

uint64_t dsb_model_size(const dsb_model *model)
{
    return model->graph->n_elements;
}

uint64_t dsb_model_macs(const dsb_model *model)
{
    uint64_t macs = 0;
    for (size_t i = 0; i < model->graph->n_nodes; i++) {
        const dsbi_node *node = &model->graph->nodes[i];
        macs += node->layer->macs ? node->layer->macs(node) : 0;
    }
    return macs;
}

uint64_t dsb_model_param_count(const dsb_model *model)
{
    return model->graph->n_params;
}

const char *dsb_model_param_name(const dsb_model *model, uint64_t i)
{
    return i < model->graph->n_params ? model->graph->params[i].name : NULL;
}

uint64_t dsb_model_param_dims(const dsb_model *model, uint64_t i, uint64_t out[4])
{
    if (i >= model->graph->n_params)
        return 0;
    const dsbi_param *param = &model->graph->params[i];
    for (size_t d = 0; d < param->rank; d++)
        out[d] = param->dims[d];
    return param->rank;
}

uint32_t dsb_model_param_is_buffer(const dsb_model *model, uint64_t i)
{
    return i < model->graph->n_params && model->graph->params[i].buffer;
}

dsb_status dsbi_model_check_param(const dsb_model *model, uint64_t i, uint64_t n)
{
    if (i >= model->graph->n_params)
        return dsbi_fail(DSB_E_INVALID, "parameter %llu of %zu", (unsigned long long)i,
                         model->graph->n_params);
    const dsbi_param *param = &model->graph->params[i];
    if (n != param->size)
        return dsbi_fail(DSB_E_SHAPE, "%s has %zu numbers, not %llu", param->name, param->size,
                         (unsigned long long)n);
    return DSB_OK;
}

dsb_status dsb_model_param_get(const dsb_model *model, float *out, uint64_t n, uint64_t i)
{
    dsbi_clear_error();
    DSBI_TRY(dsbi_model_check_param(model, i, n));
    dsbi_param_read(&model->graph->params[i], model->math, model->params, out);
    return DSB_OK;
}

dsb_status dsb_model_param_set(dsb_model *model, uint64_t i, const float *values, uint64_t n)
{
    dsbi_clear_error();
    DSBI_TRY(dsbi_model_check_param(model, i, n));
    dsbi_param_write(&model->graph->params[i], model->math, model->params, values);
    model->version++;
    return DSB_OK;
}

dsb_status dsbi_plan_create(dsb_model *model, dsbi_plan **out, size_t batch, bool training)
{
    const dsbi_plan_opts opts = {.batch = batch,
                                 .training = training,
                                 .math = model->math,
                                 .seed = model->opts.seed,
                                 .params = model->params,
                                 .version = &model->version};
    return dsbi_plan_create_for(out, model->rt, model->graph, &opts);
}

/* The plan's batch depends on n only below PREDICT_BATCH, so scores of many images come from equal
 * blocks. */
static dsb_status predict_plan(dsb_model *model, uint64_t n)
{
    const size_t batch = n < PREDICT_BATCH ? (size_t)n : PREDICT_BATCH;
    if (model->predict && dsbi_plan_batch(model->predict) >= batch)
        return DSB_OK;
    dsbi_plan_free(model->predict);
    model->predict = NULL;
    return dsbi_plan_create(model, &model->predict, batch, false);
}

dsb_status dsb_model_predict(dsb_model *model, float *logits, const uint8_t *images, uint64_t n)
{
    dsbi_clear_error();
    if (!model || (n > 0 && (!logits || !images)))
        return dsbi_fail(DSB_E_INVALID, "dsb_model_predict: NULL argument");
    if (n == 0)
        return DSB_OK;
    DSBI_TRY(predict_plan(model, n));
    const size_t batch = dsbi_plan_batch(model->predict), classes = model->opts.n_classes;
    const size_t image_bytes = (size_t)model->opts.height * model->opts.width * 3;
    for (uint64_t done = 0; done < n;) {
        const size_t count = n - done < batch ? (size_t)(n - done) : batch;
        DSBI_TRY(dsbi_plan_set_count(model->predict, count));
        memcpy(dsbi_plan_input(model->predict), images + done * image_bytes, count * image_bytes);
        DSBI_TRY(dsbi_plan_forward(model->predict, 0));
        dsbi_reals_read(model->math, logits + done * classes, dsbi_plan_logits(model->predict),
                        count * classes);
        done += count;
    }
    return DSB_OK;
}
