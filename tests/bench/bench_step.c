/* Speed of a training step without optimiser, and where the time goes.
 *     bench_step [MODEL [SIZE [BATCH [THREADS [STEPS [generic|avx2|avx512]]]]]]
 * Prints images a second (the best step: other work on the machine only ever adds time), the share
 * of it that multiply-adds alone would need at `peak` GFLOP/s measured in the same run, and a table
 * by operation. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "base/pool.h"
#include "nn/nn.h"
#include "tensor/matmul.h"
#include "trying.h"

static double gemm_gflops(dsb_runtime *rt)
{
    enum { N = 768 };
    float *a = dsbi_calloc(rt, N * N, 4), *b = dsbi_calloc(rt, N * N, 4);
    float *c = dsbi_calloc(rt, N * N, 4);
    double best = 1e9;
    for (int i = 0; i < 20; i++) {
        const double start = dsbi_now();
        TRY(dsbi_matmul_f32(rt, false, false, N, N, N, 1, a, N, b, N, 0, c, N));
        const double seconds = dsbi_now() - start;
        best = seconds < best ? seconds : best;
    }
    dsbi_free(rt, a);
    dsbi_free(rt, b);
    dsbi_free(rt, c);
    return 2.0 * N * N * N / best * 1e-9;
}

static void table(dsbi_plan *plan)
{
    double forward = 0, backward = 0;
    printf("%-28s %-10s %9s %9s %7s %7s\n", "operation", "kind", "fwd ms", "bwd ms", "GF/s",
           "GF/s");
    for (size_t i = 0; i < dsbi_plan_rows(plan); i++) {
        const dsbi_plan_row row = dsbi_plan_row_at(plan, i);
        const double macs = row.node->layer->macs ? (double)row.node->layer->macs(row.node) : 0;
        const double flop = 2e-9 * macs * (double)dsbi_plan_batch(plan);
        forward += row.seconds_forward;
        backward += row.seconds_backward;
        printf("%-28s %-10s %9.3f %9.3f %7.1f %7.1f\n", row.node->name, row.node->layer->name,
               row.seconds_forward * 1e3, row.seconds_backward * 1e3,
               flop / (row.seconds_forward + 1e-12), 2 * flop / (row.seconds_backward + 1e-12));
    }
    printf("%-39s %9.3f %9.3f  sum of the least times\n", "", forward * 1e3, backward * 1e3);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "convnext_470k";
    const uint32_t size = argc > 2 ? (uint32_t)atoi(argv[2]) : 64;
    const size_t batch = argc > 3 ? (size_t)atoi(argv[3]) : 128;
    const int steps = argc > 5 ? atoi(argv[5]) : 10;
    dsb_runtime *rt = bench_runtime(argc > 4 ? argv[4] : NULL, argc > 6 ? argv[6] : NULL);
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.height = opts.width = size;
    opts.n_classes = 3;
    dsb_model *model;
    TRY(dsb_model_create(rt, &model, name, &opts));
    const dsbi_plan_opts plan_opts = {.batch = batch,
                                      .training = true,
                                      .timed = true,
                                      .math = model->math,
                                      .params = model->params};
    dsbi_plan *plan;
    TRY(dsbi_plan_create_for(&plan, rt, model->graph, &plan_opts));
    uint8_t *pixels = dsbi_plan_input(plan);
    for (size_t i = 0; i < batch * size * size * 3; i++)
        pixels[i] = (uint8_t)(i * 2654435761u >> 13);
    double best = 1e9;
    for (int i = 0; i < steps; i++) {
        const double start = dsbi_now();
        TRY(dsbi_plan_forward(plan, (uint64_t)i));
        float *dlogits = dsbi_plan_dlogits(plan);
        for (size_t k = 0; k < batch * 3; k++)
            dlogits[k] = k % 3 ? -0.1f : 0.2f;
        TRY(dsbi_plan_backward(plan));
        const double seconds = dsbi_now() - start;
        best = seconds < best ? seconds : best;
    }
    const double gflops = gemm_gflops(rt);
    const double flop = 6e-9 * (double)dsb_model_macs(model) * (double)batch;
    printf("%s, %u px, batch %zu, %llu threads, %s: %.0f images/s (best step %.2f ms)\n", name,
           size, batch, (unsigned long long)dsb_runtime_threads(rt),
           dsb_isa_name(dsb_runtime_isa(rt)), (double)batch / best, best * 1e3);
    printf("%.1f GFLOP/s, %.0f %% of the %.0f GFLOP/s of a 768-cube product; arena %.1f MiB "
           "(%.1f unshared)\n",
           flop / best, 100 * flop / best / gflops, gflops, (double)dsbi_plan_bytes(plan) / 1048576,
           (double)dsbi_plan_bytes_unshared(plan) / 1048576);
    table(plan);
    dsbi_plan_free(plan);
    dsb_model_free(model);
    dsb_runtime_free(rt);
    return 0;
}
