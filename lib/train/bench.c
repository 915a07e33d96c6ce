/* Timing of a model: steps of a trainer, or forward passes of a plan, on noise. The peak is
 * measured before and after, so that a change of the machine in between does not flatter the share.
 */
#include "train/bench.h"

#include <stdio.h>
#include <string.h>
#include "base/file.h"
#include "base/opts.h"
#include "kernels/peak.h"
#include "train/measure.h"
#include "train/trainer.h"

enum { MAX_BATCH = 65536, MAX_STEPS = 1000 };

_Static_assert(offsetof(dsb_bench_opts, train) + sizeof(void *) == sizeof(dsb_bench_opts),
               "no hole at the end of dsb_bench_opts");

static const dsb_bench_opts defaults = {
    .struct_size = sizeof(dsb_bench_opts),
    .batch_size = 16,
    .n_warmup = 2,
    .n_repeats = 10,
    .mode = DSB_BENCH_TRAIN,
};

void dsb_bench_opts_init(dsb_bench_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

static dsb_status check_opts(const dsb_bench_opts *opts)
{
    const struct {
        const char *name;
        uint64_t value, least, most;
    } ranges[] = {{"batch_size", opts->batch_size, 1, MAX_BATCH},
                  {"n_warmup", opts->n_warmup, 1, MAX_STEPS},
                  {"n_repeats", opts->n_repeats, 1, MAX_STEPS},
                  {"mode", opts->mode, 0, DSB_BENCH_INFER},
                  {"layers", opts->layers, 0, 1}};
    for (size_t i = 0; i < sizeof ranges / sizeof ranges[0]; i++)
        if (ranges[i].value < ranges[i].least || ranges[i].value > ranges[i].most)
            return dsbi_fail(DSB_E_INVALID, "dsb_bench_opts: %s is %llu, not in %llu..%llu",
                             ranges[i].name, (unsigned long long)ranges[i].value,
                             (unsigned long long)ranges[i].least,
                             (unsigned long long)ranges[i].most);
    return DSB_OK;
}

/* What is run again and again: a trainer's step, or a plan's forward pass. */
typedef struct subject {
    dsb_trainer *trainer;
    dsbi_plan *plan; /* the trainer's, or for inference our own */
    uint8_t *images;
    uint32_t *labels;
    double *seconds; /* [n_repeats] */
} subject;

static dsb_status make_trainer(const dsb_bench *bench, subject *s)
{
    const dsb_bench_opts *opts = &bench->opts;
    dsb_train_opts train;
    dsb_train_opts_init(&train, sizeof train);
    DSBI_TRY(dsbi_opts_read(&train, sizeof train, opts->train, "dsb_train_opts"));
    train.batch_size = opts->batch_size;
    train.samples_seen = (opts->n_warmup + opts->n_repeats) * opts->batch_size;
    DSBI_TRY(dsb_trainer_create(bench->rt, &s->trainer, bench->model, &train));
    s->plan = s->trainer->plan;
    const size_t batch = (size_t)opts->batch_size;
    const size_t bytes = batch * s->trainer->height * s->trainer->width * 3;
    s->images = dsbi_alloc(bench->rt, bytes);
    s->labels = dsbi_alloc_array(bench->rt, batch, sizeof *s->labels);
    if (!s->images || !s->labels)
        return DSB_E_NOMEM;
    dsbi_measure_noise(s->images, bytes, s->labels, batch, s->trainer->n_classes);
    return DSB_OK;
}

static dsb_status make_plan(const dsb_bench *bench, subject *s)
{
    const size_t batch = (size_t)bench->opts.batch_size;
    DSBI_TRY(dsbi_plan_create(bench->model, &s->plan, batch, false));
    const dsb_model_opts *model = &bench->model->opts;
    dsbi_measure_noise(dsbi_plan_input(s->plan), batch * model->height * model->width * 3, NULL, 0,
                       0);
    return DSB_OK;
}

static void free_subject(const dsb_bench *bench, subject *s)
{
    if (s->trainer)
        dsb_trainer_free(s->trainer);
    else
        dsbi_plan_free(s->plan);
    dsbi_free(bench->rt, s->images);
    dsbi_free(bench->rt, s->labels);
    dsbi_free(bench->rt, s->seconds);
}

static dsb_status run_step(const dsb_bench *bench, const subject *s)
{
    if (s->trainer)
        return dsb_trainer_step(s->trainer, s->images, s->labels, (size_t)bench->opts.batch_size,
                                NULL);
    return dsbi_plan_forward(s->plan, 0);
}

static dsb_status run_steps(dsb_bench *bench, const subject *s)
{
    for (uint64_t i = 0; i < bench->opts.n_warmup; i++)
        DSBI_TRY(run_step(bench, s));
    if (bench->opts.layers)
        dsbi_plan_time(s->plan);
    for (uint64_t i = 0; i < bench->opts.n_repeats; i++) {
        const double start = dsbi_now();
        DSBI_TRY(run_step(bench, s));
        s->seconds[i] = dsbi_now() - start;
    }
    return DSB_OK;
}

/* The most this process ever had in memory, from the kernel; 0 where it does not tell. */
static uint64_t peak_memory(void)
{
    FILE *file = fopen("/proc/self/status", "re");
    unsigned long long kib = 0;
    char line[256];
    while (file && kib == 0 && fgets(line, sizeof line, file))
        if (strncmp(line, "VmHWM:", 6) == 0)
            sscanf(line + 6, "%llu", &kib);
    if (file)
        fclose(file);
    return kib * 1024;
}

static void note_memory(dsb_bench *bench, const subject *s)
{
    dsb_bench_figures *f = &bench->figures;
    const uint64_t arena = bench->model->graph->arena_size * bench->model->math->item;
    f->activation_bytes = dsbi_plan_bytes(s->plan);
    f->parameter_bytes = arena + dsbi_plan_ready_bytes(s->plan);
    if (s->trainer) {
        bench->optimiser = s->trainer->optimiser->name;
        f->gradient_bytes = dsbi_plan_gradient_bytes(s->plan);
        f->optimiser_bytes = arena * (s->trainer->optimiser->n_state + (s->trainer->ema ? 1 : 0));
    }
    f->planned_bytes =
        f->activation_bytes + f->parameter_bytes + f->gradient_bytes + f->optimiser_bytes;
    f->peak_memory_bytes = peak_memory();
}

/* Operations and bytes of a row, without its seconds. */
static dsb_bench_layer count_work(const dsb_bench *bench, const dsbi_plan_row *row)
{
    const uint64_t batch = bench->opts.batch_size, item = bench->model->math->item;
    const dsbi_node *node = row->node;
    const uint64_t products = node->layer->macs ? 2 * batch * node->layer->macs(node) : 0;
    uint64_t inputs = batch * dsbi_shape_size(node->in) * (node->pixels ? 1 : item);
    const uint64_t output = batch * dsbi_shape_size(node->out) * item;
    if (node->n_inputs > 1) /* sums and branches have operands of the output's size */
        inputs += (node->n_inputs - 1) * output;
    return (dsb_bench_layer){
        .struct_size = sizeof(dsb_bench_layer),
        .kind = node->layer->name,
        .operations_forward = products,
        .operations_backward = row->backward ? products * (row->input_gradient ? 2 : 1) : 0,
        .bytes_forward = inputs + output,
        .bytes_backward = row->backward ? output + inputs * (row->input_gradient ? 2 : 1) : 0,
    };
}

static dsb_status note_layers(dsb_bench *bench, const subject *s)
{
    const size_t n = dsbi_plan_rows(s->plan);
    if (bench->opts.layers) {
        bench->layers = dsbi_alloc_array(bench->rt, n, sizeof *bench->layers);
        bench->names = dsbi_alloc_array(bench->rt, n, DSBI_MAX_NAME);
        if (!bench->layers || !bench->names)
            return DSB_E_NOMEM;
        bench->n_layers = n;
    }
    for (size_t i = 0; i < n; i++) {
        const dsbi_plan_row row = dsbi_plan_row_at(s->plan, i);
        dsb_bench_layer layer = count_work(bench, &row);
        bench->figures.operations_per_step += layer.operations_forward + layer.operations_backward;
        if (!bench->opts.layers)
            continue;
        char *name = bench->names + i * DSBI_MAX_NAME;
        memcpy(name, row.node->name, DSBI_MAX_NAME);
        layer.name = name;
        layer.seconds_forward = row.seconds_forward;
        layer.seconds_backward = row.seconds_backward;
        bench->layers[i] = layer;
    }
    return DSB_OK;
}

static void note_speed(dsb_bench *bench, const subject *s)
{
    dsb_bench_figures *f = &bench->figures;
    const size_t n = (size_t)bench->opts.n_repeats;
    dsbi_measure_sort(s->seconds, n);
    f->seconds_min = s->seconds[0];
    f->seconds_median = 0.5 * (s->seconds[(n - 1) / 2] + s->seconds[n / 2]);
    f->seconds_max = s->seconds[n - 1];
    f->images_per_second = (double)bench->opts.batch_size / f->seconds_median;
    f->gflops = (double)f->operations_per_step / f->seconds_median * 1e-9;
    f->share_of_peak = f->gflops / f->peak_gflops;
}

static dsb_status measure(dsb_bench *bench)
{
    dsb_bench_figures *f = &bench->figures;
    subject s = {0};
    dsb_status status;
    f->struct_size = sizeof *f;
    f->macs_per_image = dsb_model_macs(bench->model);
    if (bench->opts.mode == DSB_BENCH_TRAIN)
        DSBI_GO(make_trainer(bench, &s));
    else
        DSBI_GO(make_plan(bench, &s));
    s.seconds = dsbi_alloc_array(bench->rt, (size_t)bench->opts.n_repeats, sizeof *s.seconds);
    if (!s.seconds) {
        status = DSB_E_NOMEM;
        goto done;
    }
    const double before = dsbi_peak_gflops(bench->rt);
    DSBI_GO(run_steps(bench, &s));
    const double after = dsbi_peak_gflops(bench->rt);
    f->peak_gflops = after > before ? after : before;
    note_memory(bench, &s);
    DSBI_GO(note_layers(bench, &s));
    note_speed(bench, &s);
done:
    free_subject(bench, &s);
    return status;
}

dsb_status dsb_bench_run(dsb_runtime *rt, dsb_bench **out, dsb_model *model,
                         const dsb_bench_opts *given)
{
    dsbi_clear_error();
    if (out)
        *out = NULL;
    if (!rt || !out || !model)
        return dsbi_fail(DSB_E_INVALID, "dsb_bench_run: an argument is NULL");
    dsb_bench_opts opts = defaults;
    DSBI_TRY(dsbi_opts_read(&opts, sizeof opts, given, "dsb_bench_opts"));
    DSBI_TRY(check_opts(&opts));
    dsb_bench *bench = dsbi_calloc(rt, 1, sizeof *bench);
    if (!bench)
        return DSB_E_NOMEM;
    dsbi_runtime_retain(rt);
    dsbi_model_retain(model);
    bench->rt = rt;
    bench->model = model;
    bench->opts = opts;
    dsbi_text_init(&bench->json, rt);
    dsb_status status = measure(bench);
    if (status == DSB_OK)
        status = dsbi_bench_write(bench);
    bench->opts.train = NULL; /* the caller's, read during the call only */
    if (status != DSB_OK) {
        dsb_bench_free(bench);
        return status;
    }
    *out = bench;
    return DSB_OK;
}

void dsb_bench_free(dsb_bench *bench)
{
    if (!bench)
        return;
    dsb_runtime *rt = bench->rt;
    dsbi_text_free(&bench->json);
    dsbi_free(rt, bench->layers);
    dsbi_free(rt, bench->names);
    dsb_model_free(bench->model);
    dsbi_free(rt, bench);
    dsbi_runtime_release(rt);
}
