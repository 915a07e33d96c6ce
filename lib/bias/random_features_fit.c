/* The weights of a model of random convolutional features (lib/nn/models/random_features.c):
 * filters from patches, the classifier by ridge regression over the features that the network
 * itself makes, block by block. */
#include <math.h>
#include <string.h>
#include "base/file.h"
#include "base/opts.h"
#include "base/rng.h"
#include "bias/filters.h"
#include "bias/ridge.h"
#include "dsbias/bias.h"
#include "nn/nn.h"
#include "nn/zoo.h"

enum { BLOCK = 128, FEW_PATCHES = 1000, MANY_PATCHES = 10000000 };

_Static_assert(offsetof(dsb_random_features_opts, threshold) + sizeof(double) ==
                   sizeof(dsb_random_features_opts),
               "no hole at the end of dsb_random_features_opts");

static const dsb_random_features_opts defaults = {
    .struct_size = sizeof(dsb_random_features_opts),
    .n_patches = 100000,
    .threshold = 1,
};

void dsb_random_features_opts_init(dsb_random_features_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

typedef struct job {
    dsb_model *model;
    dsb_runtime *rt;
    dsb_random_features_opts opts;
    const uint8_t *images;
    const uint32_t *labels;
    size_t n, height, width;
    dsbi_graph *graph; /* the model without its classifier */
    void *params;      /* of graph */
    dsbi_plan *plan;   /* of graph */
    dsbi_shape cells;  /* its output, NHWC; c = 2 n_filters */
    size_t side, n_filters, d;
    dsbi_filters filters;
    dsbi_ridge ridge;
    double started;
    dsb_event_fn fn;
    void *user;
} job;

static dsb_status check(const job *j)
{
    const dsb_random_features_opts *o = &j->opts;
    if (o->n_patches < FEW_PATCHES || o->n_patches > MANY_PATCHES)
        return dsbi_fail(DSB_E_INVALID,
                         "dsb_random_features_opts: n_patches is %llu, not in %d..%d",
                         (unsigned long long)o->n_patches, FEW_PATCHES, MANY_PATCHES);
    if (!(o->threshold >= 0 && isfinite(o->threshold)))
        return dsbi_fail(DSB_E_INVALID, "dsb_random_features_opts: threshold is %g", o->threshold);
    for (size_t i = 0; i < j->n; i++)
        if (j->labels[i] >= j->model->opts.n_classes)
            return dsbi_fail(DSB_E_INVALID,
                             "dsb_random_features_fit: label %zu is %u of %u classes", i,
                             j->labels[i], j->model->opts.n_classes);
    return DSB_OK;
}

/* The graph that ends in front of the classifier, with a plan and parameters of its own. */
static dsb_status build_body(job *j)
{
    const dsb_model_opts *opts = &j->model->opts;
    dsbi_spec spec;
    dsbi_builder b;
    DSBI_TRY(dsbi_spec_parse(&spec, j->model->spec));
    if (spec.family != &dsbi_family_random_features)
        return dsbi_fail(DSB_E_INVALID, "dsb_random_features_fit: the model is %s", j->model->spec);
    DSBI_TRY(dsbi_builder_init(&b, j->rt, (dsbi_shape){j->height, j->width, 3}, opts->n_classes));
    dsbi_graph_output(&b, dsbi_random_features_body(&b, &spec));
    DSBI_TRY(dsbi_graph_finish(&b, &j->graph));
    dsbi_graph_set_pixels(j->graph, opts->mean, opts->std);
    j->cells = j->graph->nodes[j->graph->output].out;
    j->d = dsbi_shape_size(j->cells);
    j->n_filters = j->cells.c / 2;
    j->side = j->graph->params[0].dims[2];
    if (j->opts.n_patches < j->n_filters)
        return dsbi_fail(DSB_E_INVALID, "dsb_random_features_opts: %llu patches for %zu filters",
                         (unsigned long long)j->opts.n_patches, j->n_filters);
    j->params = dsbi_calloc(j->rt, j->graph->arena_size + 1, sizeof(float));
    if (!j->params)
        return DSB_E_NOMEM;
    const dsbi_plan_opts plan = {.batch = BLOCK, .math = &dsbi_math_f32, .params = j->params};
    return dsbi_plan_create_for(&j->plan, j->rt, j->graph, &plan);
}

/* Patch p is a place of image p mod n in a random order of the images: the first ones, which become
 * the filters, come from different images. */
static dsb_status learn_filters(job *j)
{
    const size_t side = j->side, values = side * side * 3, n_patches = (size_t)j->opts.n_patches;
    float *patches = dsbi_alloc_array(j->rt, n_patches, values * sizeof *patches);
    uint32_t *order = dsbi_alloc_array(j->rt, j->n, sizeof *order);
    dsb_status status = DSB_E_NOMEM;
    if (!patches || !order)
        goto done;
    dsbi_rng rng;
    dsbi_rng_init(&rng, j->opts.seed, DSBI_RNG_PATCHES, 0);
    for (size_t i = 0; i < j->n; i++)
        order[i] = (uint32_t)i;
    dsbi_rng_shuffle_u32(&rng, order, j->n);
    for (size_t p = 0; p < n_patches; p++) {
        const uint8_t *image = j->images + order[p % j->n] * (j->height * j->width * 3);
        const size_t top = (size_t)dsbi_rng_below(&rng, j->height - side + 1);
        const size_t left = (size_t)dsbi_rng_below(&rng, j->width - side + 1);
        for (size_t k = 0; k < values; k++) {
            const size_t y = top + k / (side * 3), x = left * 3 + k % (side * 3);
            patches[p * values + k] = image[y * j->width * 3 + x];
        }
    }
    DSBI_GO(dsbi_filters_learn(&j->filters, j->rt, patches, n_patches, side, 1, j->n_filters));
done:
    dsbi_free(j->rt, patches);
    dsbi_free(j->rt, order);
    return status;
}

/* z = w p + b over bytes p = 255 (std x + mean) as a convolution of x, [O, I, kH, kW]; then -z. */
static dsb_status write_filters(job *j)
{
    const size_t side = j->side, pixels = side * side, values = j->filters.n_values;
    const float *mean = j->model->opts.mean, *std = j->model->opts.std;
    float *weights = dsbi_alloc_array(j->rt, 2 * j->n_filters, values * sizeof *weights);
    float *biases = dsbi_alloc_array(j->rt, 2 * j->n_filters, sizeof *biases);
    const dsb_status status = weights && biases ? DSB_OK : DSB_E_NOMEM;
    for (size_t f = 0; f < 2 * j->n_filters && status == DSB_OK; f++) {
        const size_t filter = f % j->n_filters;
        const double sign = f < j->n_filters ? 1 : -1;
        double bias = j->filters.bias[filter];
        for (size_t k = 0; k < values; k++) {
            const size_t pixel = k / 3, c = k % 3;
            const double w = j->filters.matrix[k * j->n_filters + filter];
            bias += 255 * w * mean[c];
            weights[f * values + c * pixels + pixel] = (float)(sign * 255 * w * std[c]);
        }
        biases[f] = (float)(sign * bias - j->opts.threshold);
    }
    if (status == DSB_OK) {
        dsbi_param_write(&j->graph->params[0], &dsbi_math_f32, j->params, weights);
        dsbi_param_write(&j->graph->params[1], &dsbi_math_f32, j->params, biases);
        dsbi_param_write(&j->model->graph->params[0], j->model->math, j->model->params, weights);
        dsbi_param_write(&j->model->graph->params[1], j->model->math, j->model->params, biases);
        j->model->version++;
    }
    dsbi_free(j->rt, weights);
    dsbi_free(j->rt, biases);
    return status;
}

static dsb_status report(const job *j, size_t done)
{
    const dsb_event event = {.struct_size = sizeof event,
                             .stage = "random features",
                             .done = done,
                             .total = j->n,
                             .seconds = dsbi_now() - j->started,
                             .value = NAN,
                             .value_name = ""};
    if (j->fn && j->fn(j->user, &event) != 0)
        return dsbi_fail(DSB_E_CANCELLED, "random features: stopped after %zu of %zu images", done,
                         j->n);
    return DSB_OK;
}

static dsb_status regress(job *j)
{
    const size_t image_bytes = j->height * j->width * 3;
    DSBI_TRY(dsbi_ridge_init(&j->ridge, j->rt, j->d, j->model->opts.n_classes, j->n, BLOCK));
    for (size_t first = 0; first < j->n; first += BLOCK) {
        const size_t n = j->n - first < BLOCK ? j->n - first : BLOCK;
        DSBI_TRY(dsbi_plan_set_count(j->plan, n));
        memcpy(dsbi_plan_input(j->plan), j->images + first * image_bytes, n * image_bytes);
        DSBI_TRY(dsbi_plan_forward(j->plan, 0));
        DSBI_TRY(dsbi_ridge_add(&j->ridge, dsbi_plan_logits(j->plan), j->labels + first, n));
        DSBI_TRY(report(j, first + n));
    }
    return dsbi_ridge_fit(&j->ridge);
}

/* The standardisation goes into the classifier; its file order is channels, rows, columns. */
static dsb_status write_classifier(job *j)
{
    const dsbi_ridge *r = &j->ridge;
    const size_t cells = j->cells.h * j->cells.w, c = j->cells.c, n_classes = r->n_classes;
    float *weights = dsbi_alloc_array(j->rt, n_classes, j->d * sizeof *weights);
    float *biases = dsbi_alloc_array(j->rt, n_classes, sizeof *biases);
    const dsb_status status = weights && biases ? DSB_OK : DSB_E_NOMEM;
    for (size_t k = 0; k < n_classes && status == DSB_OK; k++) {
        double bias = r->bias[k];
        for (size_t i = 0; i < j->d; i++) {
            const double w = r->weights[i * n_classes + k] * r->scale[i];
            bias -= w * r->shift[i];
            weights[k * j->d + i % c * cells + i / c] = (float)w;
        }
        biases[k] = (float)bias;
    }
    if (status == DSB_OK) {
        dsbi_param_write(&j->model->graph->params[2], j->model->math, j->model->params, weights);
        dsbi_param_write(&j->model->graph->params[3], j->model->math, j->model->params, biases);
        j->model->version++;
    }
    dsbi_free(j->rt, weights);
    dsbi_free(j->rt, biases);
    return status;
}

dsb_status dsb_random_features_fit(dsb_model *model, double *lambda, const uint8_t *images,
                                   const uint32_t *labels, uint64_t n,
                                   const dsb_random_features_opts *given, dsb_event_fn fn,
                                   void *user)
{
    dsbi_clear_error();
    if (!model || !images || !labels || n < 2 || n > UINT32_MAX)
        return dsbi_fail(DSB_E_INVALID, "dsb_random_features_fit: NULL, or %llu images",
                         (unsigned long long)n);
    if (model->math != &dsbi_math_f32)
        return dsbi_fail(DSB_E_DTYPE, "dsb_random_features_fit: the model is not f32");
    job j = {.model = model,
             .rt = model->rt,
             .opts = defaults,
             .images = images,
             .labels = labels,
             .n = (size_t)n,
             .height = model->opts.height,
             .width = model->opts.width,
             .started = dsbi_now(),
             .fn = fn,
             .user = user};
    DSBI_TRY(dsbi_opts_read(&j.opts, sizeof j.opts, given, "dsb_random_features_opts"));
    DSBI_TRY(check(&j));
    dsb_status status;
    DSBI_GO(build_body(&j));
    DSBI_GO(learn_filters(&j));
    DSBI_GO(write_filters(&j));
    DSBI_GO(regress(&j));
    DSBI_GO(write_classifier(&j));
    if (lambda)
        *lambda = j.ridge.lambda;
done:
    dsbi_plan_free(j.plan);
    dsbi_graph_free(j.graph);
    dsbi_free(j.rt, j.params);
    dsbi_filters_free(&j.filters, j.rt);
    dsbi_ridge_free(&j.ridge);
    return status;
}
