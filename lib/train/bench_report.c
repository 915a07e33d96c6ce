/* What a bench tells: structs that may grow, and one JSON object made from the same fields. */
#include "base/json_write.h"
#include "base/opts.h"
#include "train/bench.h"

_Static_assert(offsetof(dsb_bench_figures, optimiser_bytes) + sizeof(uint64_t) ==
                   sizeof(dsb_bench_figures),
               "no hole at the end of dsb_bench_figures");
_Static_assert(offsetof(dsb_bench_layer, bytes_backward) + sizeof(uint64_t) ==
                   sizeof(dsb_bench_layer),
               "no hole at the end of dsb_bench_layer");

static dsb_status give(void *to, const char *what, const void *from, size_t size)
{
    const uint64_t *room = to;
    if (!room || *room < sizeof *room || *room > 65536)
        return dsbi_fail(DSB_E_INVALID, "%s: struct_size is %llu", what,
                         (unsigned long long)(room ? *room : 0));
    dsbi_opts_fill(to, (size_t)*room, from, size);
    return DSB_OK;
}

dsb_status dsb_bench_figures_get(const dsb_bench *bench, dsb_bench_figures *figures)
{
    dsbi_clear_error();
    return give(figures, "dsb_bench_figures", &bench->figures, sizeof bench->figures);
}

uint64_t dsb_bench_layer_count(const dsb_bench *bench)
{
    return bench->n_layers;
}

dsb_status dsb_bench_layer_get(const dsb_bench *bench, uint64_t i, dsb_bench_layer *layer)
{
    dsbi_clear_error();
    if (i >= bench->n_layers)
        return dsbi_fail(DSB_E_INVALID, "layer %llu of %zu", (unsigned long long)i,
                         bench->n_layers);
    return give(layer, "dsb_bench_layer", &bench->layers[i], sizeof *bench->layers);
}

const char *dsb_bench_json(const dsb_bench *bench)
{
    return bench->json.data;
}

static void text_field(dsbi_json_writer *w, const char *key, const char *value)
{
    dsbi_json_write_key(w, key);
    dsbi_json_write_string(w, value);
}

static void count_field(dsbi_json_writer *w, const char *key, uint64_t value)
{
    dsbi_json_write_key(w, key);
    dsbi_json_write_uint(w, value);
}

static void real_field(dsbi_json_writer *w, const char *key, double value)
{
    dsbi_json_write_key(w, key);
    dsbi_json_write_double(w, value);
}

static void write_what(dsbi_json_writer *w, const dsb_bench *bench)
{
    const dsb_model_opts *model = &bench->model->opts;
    text_field(w, "model", bench->model->spec);
    count_field(w, "height", model->height);
    count_field(w, "width", model->width);
    count_field(w, "classes", model->n_classes);
    count_field(w, "parameters", dsb_model_size(bench->model));
    count_field(w, "batch", bench->opts.batch_size);
    text_field(w, "mode", bench->opts.mode == DSB_BENCH_TRAIN ? "train" : "infer");
    if (bench->optimiser)
        text_field(w, "optimiser", bench->optimiser);
    count_field(w, "threads", dsb_runtime_threads(bench->rt));
    text_field(w, "isa", dsb_isa_name(dsb_runtime_isa(bench->rt)));
    text_field(w, "build", dsb_build_info());
    count_field(w, "repeats", bench->opts.n_repeats);
}

static void write_figures(dsbi_json_writer *w, const dsb_bench_figures *f)
{
    real_field(w, "images_per_second", f->images_per_second);
    real_field(w, "seconds_min", f->seconds_min);
    real_field(w, "seconds_median", f->seconds_median);
    real_field(w, "seconds_max", f->seconds_max);
    real_field(w, "gflops", f->gflops);
    real_field(w, "peak_gflops", f->peak_gflops);
    real_field(w, "share_of_peak", f->share_of_peak);
    count_field(w, "macs_per_image", f->macs_per_image);
    count_field(w, "operations_per_step", f->operations_per_step);
    count_field(w, "peak_memory_bytes", f->peak_memory_bytes);
    count_field(w, "planned_bytes", f->planned_bytes);
    count_field(w, "activation_bytes", f->activation_bytes);
    count_field(w, "parameter_bytes", f->parameter_bytes);
    count_field(w, "gradient_bytes", f->gradient_bytes);
    count_field(w, "optimiser_bytes", f->optimiser_bytes);
}

static void write_layer(dsbi_json_writer *w, const dsb_bench_layer *layer)
{
    dsbi_json_begin_flat_object(w);
    text_field(w, "name", layer->name);
    text_field(w, "kind", layer->kind);
    real_field(w, "seconds_forward", layer->seconds_forward);
    real_field(w, "seconds_backward", layer->seconds_backward);
    count_field(w, "operations_forward", layer->operations_forward);
    count_field(w, "operations_backward", layer->operations_backward);
    count_field(w, "bytes_forward", layer->bytes_forward);
    count_field(w, "bytes_backward", layer->bytes_backward);
    dsbi_json_end_object(w);
}

dsb_status dsbi_bench_write(dsb_bench *bench)
{
    dsbi_json_writer w;
    dsbi_json_writer_init(&w, &bench->json, 2);
    dsbi_json_begin_object(&w);
    write_what(&w, bench);
    write_figures(&w, &bench->figures);
    if (bench->opts.layers) {
        dsbi_json_write_key(&w, "layers");
        dsbi_json_begin_array(&w);
        for (size_t i = 0; i < bench->n_layers; i++)
            write_layer(&w, &bench->layers[i]);
        dsbi_json_end_array(&w);
    }
    dsbi_json_end_object(&w);
    dsbi_text_add(&bench->json, "\n");
    return bench->json.status;
}
