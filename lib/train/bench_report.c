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

static void write_what(dsbi_json_writer *w, const dsb_bench *bench)
{
    const dsb_model_opts *model = &bench->model->opts;
    dsbi_json_put_string(w, "model", bench->model->spec);
    dsbi_json_put_uint(w, "height", model->height);
    dsbi_json_put_uint(w, "width", model->width);
    dsbi_json_put_uint(w, "classes", model->n_classes);
    dsbi_json_put_uint(w, "parameters", dsb_model_size(bench->model));
    dsbi_json_put_uint(w, "batch", bench->opts.batch_size);
    dsbi_json_put_string(w, "mode", bench->opts.mode == DSB_BENCH_TRAIN ? "train" : "infer");
    if (bench->optimiser)
        dsbi_json_put_string(w, "optimiser", bench->optimiser);
    dsbi_json_put_uint(w, "threads", dsb_runtime_threads(bench->rt));
    dsbi_json_put_string(w, "isa", dsb_isa_name(dsb_runtime_isa(bench->rt)));
    dsbi_json_put_string(w, "build", dsb_build_info());
    dsbi_json_put_uint(w, "repeats", bench->opts.n_repeats);
}

static void write_figures(dsbi_json_writer *w, const dsb_bench_figures *f)
{
    dsbi_json_put_double(w, "images_per_second", f->images_per_second);
    dsbi_json_put_double(w, "seconds_min", f->seconds_min);
    dsbi_json_put_double(w, "seconds_median", f->seconds_median);
    dsbi_json_put_double(w, "seconds_max", f->seconds_max);
    dsbi_json_put_double(w, "gflops", f->gflops);
    dsbi_json_put_double(w, "peak_gflops", f->peak_gflops);
    dsbi_json_put_double(w, "share_of_peak", f->share_of_peak);
    dsbi_json_put_uint(w, "macs_per_image", f->macs_per_image);
    dsbi_json_put_uint(w, "operations_per_step", f->operations_per_step);
    dsbi_json_put_uint(w, "peak_memory_bytes", f->peak_memory_bytes);
    dsbi_json_put_uint(w, "planned_bytes", f->planned_bytes);
    dsbi_json_put_uint(w, "activation_bytes", f->activation_bytes);
    dsbi_json_put_uint(w, "parameter_bytes", f->parameter_bytes);
    dsbi_json_put_uint(w, "gradient_bytes", f->gradient_bytes);
    dsbi_json_put_uint(w, "optimiser_bytes", f->optimiser_bytes);
}

static void write_layer(dsbi_json_writer *w, const dsb_bench_layer *layer)
{
    dsbi_json_begin_flat_object(w);
    dsbi_json_put_string(w, "name", layer->name);
    dsbi_json_put_string(w, "kind", layer->kind);
    dsbi_json_put_double(w, "seconds_forward", layer->seconds_forward);
    dsbi_json_put_double(w, "seconds_backward", layer->seconds_backward);
    dsbi_json_put_uint(w, "operations_forward", layer->operations_forward);
    dsbi_json_put_uint(w, "operations_backward", layer->operations_backward);
    dsbi_json_put_uint(w, "bytes_forward", layer->bytes_forward);
    dsbi_json_put_uint(w, "bytes_backward", layer->bytes_backward);
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
