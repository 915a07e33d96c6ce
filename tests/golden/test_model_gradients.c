/* Networks agree with PyTorch: every file of golden/models (golden.py there says what is in one).
 * Logits, loss and each parameter's gradient in training and in evaluation, and each running
 * statistic after a step, against PyTorch in f64: the f64 path to rounding, fused and as declared;
 * the f32 path to 1e-4 of each tensor's norm, with Winograd's convolutions, where there are any, to
 * 1e-3. Of a tensor projections on random signs are compared: they tell the norm of the difference.
 */
#include "testing.h"

#include <dirent.h>
#include <math.h>
#include "base/file.h"
#include "base/json.h"
#include "nn/nn.h"
#include "nn/winograd.h"
#include "train/loss.h"

enum { MOST_FILES = 256, MOST_SUMS = 16, LARGEST_FILE = 1 << 24 };

/* Relative errors: of everything in f64; in f32 of logits, of gradients and running statistics. */
static const double exact = 1e-9, close_logits = 1e-4, close_sums = 1e-4, close_winograd = 1e-3;
/* A gradient that is 0 (of a bias in front of batch norm) is rounding here as in PyTorch: such a
 * norm in f64, relative to the largest of the network, and what f32 may make of it. */
static const double vanishing = 1e-9, allowed_of_vanishing = 1e-6;

/* One of the ways to compute the same. */
typedef struct way {
    uint32_t precision;
    bool no_fusion, no_winograd;
} way;

typedef struct golden {
    dsb_runtime *rt;
    dsbi_json *doc;
    const dsbi_json_value *root;
    const char *file;
    dsb_model *model;
    size_t batch, classes, n_pixels;
    uint8_t *pixels;
} golden;

static uint32_t stream_of(const char *text)
{
    uint32_t h = 2166136261u;
    for (; *text; text++)
        h = (h ^ (uint8_t)*text) * 16777619u;
    return h;
}

static uint32_t hash(uint32_t stream, uint32_t i)
{
    uint32_t h = i * 2246822519u ^ stream;
    h ^= h >> 15;
    h *= 2146121005u;
    h ^= h >> 13;
    h *= 2221713035u;
    return h ^ h >> 16;
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

static size_t count_of(const golden *g, const char *key)
{
    uint64_t n = 0;
    ck_assert_msg(dsbi_json_uint64(dsbi_json_get(g->root, key), &n), "%s: no %s", g->file, key);
    return (size_t)n;
}

static double number(const dsbi_json_value *value)
{
    double x = NAN;
    ck_assert(dsbi_json_double(value, &x));
    return x;
}

/* "scaled": {end of a name: factor}. */
static float factor_of(const golden *g, const char *name)
{
    const dsbi_json_value *scaled = dsbi_json_get(g->root, "scaled");
    double factor = 1;
    for (const dsbi_json_value *v = dsbi_json_first(scaled); v; v = dsbi_json_next(v)) {
        size_t length;
        if (ends_with(name, dsbi_json_key(v, &length)))
            factor *= number(v);
    }
    return (float)factor;
}

static void fill_param(const golden *g, const dsbi_param *param, float *values)
{
    const float factor = factor_of(g, param->name);
    const uint32_t stream = stream_of(param->name);
    const double spread = sqrt(6.0 * (double)param->dims[0] / (double)param->size);
    const bool gain = ends_with(param->name, "weight") || ends_with(param->name, "gamma");
    for (size_t i = 0; i < param->size; i++) {
        const double u = (double)(hash(stream, (uint32_t)i) >> 8) / 8388608 - 1;
        if (ends_with(param->name, "running_var"))
            values[i] = (float)(1 + u / 2) * factor;
        else if (param->rank >= 2)
            values[i] = (float)(u * spread) * factor;
        else
            values[i] = (float)(gain ? 1 + u / 4 : u / 4) * factor;
    }
}

/* Biases that were moved away from where ReLUs decide (golden.py, settle). */
static void move(const golden *g, const dsbi_param *param, float *values)
{
    const dsbi_json_value *moved = dsbi_json_get(dsbi_json_get(g->root, "moved"), param->name);
    for (const dsbi_json_value *v = moved ? dsbi_json_first(moved) : NULL; v;
         v = dsbi_json_next(v)) {
        size_t length;
        const size_t c = strtoul(dsbi_json_key(v, &length), NULL, 10);
        ck_assert_uint_lt(c, param->size);
        values[c] = (float)(values[c] + number(v) / 1024);
    }
}

static void start_weights(golden *g)
{
    for (uint64_t i = 0; i < dsb_model_param_count(g->model); i++) {
        const dsbi_param *param = &g->model->graph->params[i];
        float *values = calloc(param->size, sizeof *values);
        fill_param(g, param, values);
        move(g, param, values);
        ck_assert_ok(dsb_model_param_set(g->model, i, values, param->size));
        free(values);
    }
}

static golden open_golden(dsb_runtime *rt, const char *file, const char *text, size_t size,
                          uint32_t precision)
{
    golden g = {.rt = rt, .file = file};
    ck_assert_ok(dsbi_json_parse(rt, &g.doc, text, size));
    g.root = dsbi_json_root(g.doc);
    g.batch = count_of(&g, "batch");
    g.classes = count_of(&g, "classes");
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = (uint32_t)g.classes;
    opts.height = (uint32_t)count_of(&g, "height");
    opts.width = (uint32_t)count_of(&g, "width");
    opts.precision = precision;
    size_t length;
    const char *spec = dsbi_json_string(dsbi_json_get(g.root, "spec"), &length);
    ck_assert_ok(dsb_model_create(rt, &g.model, spec, &opts));
    start_weights(&g);
    g.n_pixels = g.batch * opts.height * opts.width * 3;
    g.pixels = malloc(g.n_pixels);
    for (size_t i = 0; i < g.n_pixels; i++)
        g.pixels[i] = (uint8_t)(hash(stream_of("pixels"), (uint32_t)i) >> 24);
    return g;
}

static void close_golden(golden *g)
{
    free(g->pixels);
    dsb_model_free(g->model);
    dsbi_json_free(g->doc);
}

static double at(const golden *g, const void *array, size_t i)
{
    return g->model->math->item == sizeof(float) ? ((const float *)array)[i]
                                                 : ((const double *)array)[i];
}

static void check_logits(const golden *g, const char *key, const void *logits, double tolerance)
{
    double largest = 0;
    const dsbi_json_value *list = dsbi_json_get(g->root, key);
    ck_assert_uint_eq(dsbi_json_count(list), g->batch * g->classes);
    for (const dsbi_json_value *v = dsbi_json_first(list); v; v = dsbi_json_next(v))
        largest = fmax(largest, fabs(number(v)));
    size_t i = 0;
    for (const dsbi_json_value *v = dsbi_json_first(list); v; v = dsbi_json_next(v), i++)
        ck_assert_msg(fabs(at(g, logits, i) - number(v)) <= tolerance * largest,
                      "%s: %s[%zu] is %.9g, PyTorch's %.9g", g->file, key, i, at(g, logits, i),
                      number(v));
}

/* Softmax cross-entropy in double; its gradient where backward reads it. */
static double loss_of(const golden *g, const void *logits, void *dlogits)
{
    double loss = 0;
    for (size_t n = 0; n < g->batch; n++) {
        const size_t label = n * 3 % g->classes;
        double sum = 0, most = at(g, logits, n * g->classes);
        for (size_t c = 1; c < g->classes; c++)
            most = fmax(most, at(g, logits, n * g->classes + c));
        for (size_t c = 0; c < g->classes; c++)
            sum += exp(at(g, logits, n * g->classes + c) - most);
        loss += log(sum) + most - at(g, logits, n * g->classes + label);
        for (size_t c = 0; c < g->classes; c++) {
            const size_t i = n * g->classes + c;
            const double d = (exp(at(g, logits, i) - most) / sum - (c == label)) / (double)g->batch;
            if (g->model->math->item == sizeof(float))
                ((float *)dlogits)[i] = (float)d;
            else
                ((double *)dlogits)[i] = d;
        }
    }
    return loss / (double)g->batch;
}

/* Element i of a parameter in stored order. */
typedef struct stored {
    double *values;
    size_t n;
} stored;

static stored stored_values(const golden *g, const dsbi_param *param, const void *arena)
{
    stored s = {calloc(param->size, sizeof(double)), param->size};
    float *index = calloc(param->size, sizeof *index), *order = calloc(param->size, sizeof *order);
    ck_assert_uint_lt(param->size, 1u << 24); /* floats count that far */
    for (size_t i = 0; i < param->size; i++)
        index[i] = (float)i;
    dsbi_param plain = *param;
    plain.offset = 0;
    dsbi_param_read(&plain, &dsbi_math_f32, index, order); /* order[stored] = place in memory */
    for (size_t i = 0; i < param->size; i++)
        s.values[i] = at(g, arena, param->offset + (size_t)order[i]);
    free(index);
    free(order);
    return s;
}

static double projection(const char *name, size_t k, const stored *s)
{
    char text[2 * DSBI_MAX_NAME];
    snprintf(text, sizeof text, "%s/%zu", name, k);
    const uint32_t stream = stream_of(text);
    double sum = 0;
    for (size_t i = 0; i < s->n; i++)
        sum += hash(stream, (uint32_t)i) >> 31 ? -s->values[i] : s->values[i];
    return sum;
}

static const dsbi_param *find(const golden *g, const char *name, size_t length)
{
    const dsbi_graph *graph = g->model->graph;
    for (size_t i = 0; i < graph->n_params; i++)
        if (strlen(graph->params[i].name) == length &&
            memcmp(graph->params[i].name, name, length) == 0)
            return &graph->params[i];
    ck_abort_msg("%s: the model has no %.*s", g->file, (int)length, name);
}

static double largest_norm(const dsbi_json_value *tensors)
{
    double largest = 0;
    for (const dsbi_json_value *v = dsbi_json_first(tensors); v; v = dsbi_json_next(v))
        largest = fmax(largest, number(dsbi_json_first(v)));
    return largest;
}

/* Projections differ by about the norm of the tensors' difference, each of them a random sum of all
 * its elements: their quadratic mean estimates it. */
static double error_of(const char *name, const dsbi_json_value *sums, const stored *s)
{
    double square = 0;
    size_t n = 0;
    for (const dsbi_json_value *v = dsbi_json_next(sums); v; v = dsbi_json_next(v), n++) {
        const double off = projection(name, n, s) - number(v);
        square += off * off;
    }
    ck_assert_uint_gt(n, 0);
    return sqrt(square / (double)n);
}

static void check_tensors(const golden *g, const char *key, const void *arena, double tolerance)
{
    const dsbi_json_value *tensors = dsbi_json_get(g->root, key);
    const double largest = largest_norm(tensors);
    const bool f64 = tolerance <= exact;
    char worst_name[DSBI_MAX_NAME] = "";
    double worst = 0;
    size_t expected = 0;
    for (size_t i = 0; i < g->model->graph->n_params; i++)
        expected += g->model->graph->params[i].buffer == (strcmp(key, "buffers") == 0);
    ck_assert_uint_eq(dsbi_json_count(tensors), expected);
    for (const dsbi_json_value *v = dsbi_json_first(tensors); v; v = dsbi_json_next(v)) {
        size_t length;
        const char *name = dsbi_json_key(v, &length);
        const dsbi_param *param = find(g, name, length);
        const stored s = stored_values(g, param, arena);
        const double norm = number(dsbi_json_first(v)),
                     error = error_of(param->name, dsbi_json_first(v), &s);
        double allowed = tolerance * norm;
        if (norm <= vanishing * largest)
            allowed = (f64 ? vanishing : allowed_of_vanishing) * largest;
        const double share = norm <= vanishing * largest ? 0 : error / norm;
        if (share > worst) {
            worst = share;
            snprintf(worst_name, sizeof worst_name, "%s", param->name);
        }
        ck_assert_msg(error <= allowed, "%s: %s of %s is off by %.3g of %.9g, %.3g is allowed",
                      g->file, key, param->name, error, norm, allowed);
        free(s.values);
    }
    printf("%-32s %-20s allowed %.0e, worst %.1e %s\n", g->file, key, tolerance, worst, worst_name);
}

static void check_evaluation(const golden *g, double tolerance)
{
    dsbi_plan *plan;
    ck_assert_ok(dsbi_plan_create(g->model, &plan, g->batch, false));
    memcpy(dsbi_plan_input(plan), g->pixels, g->n_pixels);
    ck_assert_ok(dsbi_plan_forward(plan, 0));
    check_logits(g, "logits_evaluation", dsbi_plan_logits(plan), tolerance);
    dsbi_plan_free(plan);
}

static bool uses_winograd(const dsbi_graph *graph)
{
    for (size_t i = 0; i < graph->n_nodes; i++)
        if (dsbi_winograd_fits(&graph->nodes[i]))
            return true;
    return false;
}

/* Keys of what a mode is held against. */
typedef struct mode {
    const char *logits, *loss, *gradients;
} mode;

static const mode training = {"logits_training", "loss", "gradients"};
static const mode evaluation = {"logits_evaluation", "loss_evaluation", "gradients_evaluation"};

static void check_step(const golden *g, dsbi_plan *plan, const mode *m, double logit_tolerance,
                       double tolerance)
{
    memcpy(dsbi_plan_input(plan), g->pixels, g->n_pixels);
    ck_assert_ok(dsbi_plan_forward(plan, 0));
    check_logits(g, m->logits, dsbi_plan_logits(plan), logit_tolerance);
    const double loss = loss_of(g, dsbi_plan_logits(plan), dsbi_plan_dlogits(plan));
    const double expected = number(dsbi_json_get(g->root, m->loss));
    ck_assert_msg(fabs(loss - expected) <= logit_tolerance * fmax(expected, 1),
                  "%s: %s is %.9g, PyTorch's %.9g", g->file, m->loss, loss, expected);
    ck_assert_ok(dsbi_plan_backward(plan));
    check_tensors(g, m->gradients, dsbi_plan_grads(plan), tolerance);
}

static void check_steps(const golden *g, way how, double logit_tolerance, double tolerance)
{
    dsbi_plan *plan;
    const dsbi_plan_opts opts = {.batch = g->batch,
                                 .training = true,
                                 .no_fusion = how.no_fusion,
                                 .no_winograd = how.no_winograd,
                                 .math = g->model->math,
                                 .params = g->model->params};
    ck_assert_ok(dsbi_plan_create_for(&plan, g->rt, g->model->graph, &opts));
    dsbi_plan_set_frozen(plan, true); /* first: it must not move the running statistics */
    check_step(g, plan, &evaluation, logit_tolerance, tolerance);
    dsbi_plan_set_frozen(plan, false);
    check_step(g, plan, &training, logit_tolerance, tolerance);
    check_tensors(g, "buffers", g->model->params, tolerance);
    dsbi_plan_free(plan);
}

static void check_way(dsb_runtime *rt, const char *file, const char *text, size_t size, way how)
{
    golden g = open_golden(rt, file, text, size, how.precision);
    const bool f64 = how.precision == DSB_PRECISION_F64;
    const bool winograd = !f64 && !how.no_winograd && uses_winograd(g.model->graph);
    check_evaluation(&g, f64 ? exact : close_logits);
    check_steps(&g, how, f64 ? exact : close_logits,
                f64        ? exact
                : winograd ? close_winograd
                           : close_sums);
    close_golden(&g);
}

static void check_file(dsb_runtime *rt, const char *file, const way *ways, size_t n)
{
    char path[4096];
    snprintf(path, sizeof path, DSBI_TEST_DIR "/golden/models/%s", file);
    uint8_t *text;
    size_t size;
    ck_assert_ok(dsbi_file_read(rt, &text, &size, path, LARGEST_FILE));
    for (size_t i = 0; i < n; i++)
        check_way(rt, file, (const char *)text, size, ways[i]);
    dsbi_free(rt, text);
}

static const char *only; /* the one file to check, as argument; NULL: all */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void check_all(const way *ways, size_t n_ways)
{
    dsb_runtime *rt = make_runtime(2);
    char *files[MOST_FILES];
    size_t n = 0;
    DIR *dir = opendir(DSBI_TEST_DIR "/golden/models");
    ck_assert_ptr_nonnull(dir);
    for (struct dirent *entry; (entry = readdir(dir)) && n < MOST_FILES;)
        if (ends_with(entry->d_name, ".json") && (!only || strcmp(entry->d_name, only) == 0))
            files[n++] = strdup(entry->d_name);
    closedir(dir);
    ck_assert_uint_gt(n, 0);
    qsort(files, n, sizeof *files, by_name);
    for (size_t i = 0; i < n; i++) {
        check_file(rt, files[i], ways, n_ways);
        free(files[i]);
    }
    dsb_runtime_free(rt);
}

START_TEST(double_agrees_to_rounding)
{
    const way ways[] = {{DSB_PRECISION_F64, false, false}, {DSB_PRECISION_F64, true, false}};
    check_all(ways, 2);
}
END_TEST

START_TEST(float_agrees_within_the_tolerance)
{
    const way ways[] = {{DSB_PRECISION_F32, false, true}, {DSB_PRECISION_F32, false, false}};
    check_all(ways, 2);
}
END_TEST

int main(int argc, char **argv)
{
    only = argc > 1 ? argv[1] : NULL;
    return run_tests("model_gradients", double_agrees_to_rounding,
                     float_agrees_within_the_tolerance, NULL);
}
