/* Attention alone, as the engine runs it: forward, in inference, and backward in milliseconds, and
 * as share of what the multiply-add units can do. Backward counts four products, though it makes
 * the scores again.
 *
 *     bench_attention [threads [level [name]]]      level: generic, avx2, avx512; rows whose name
 * begins so */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "kernels/peak.h"
#include "nn/nn.h"
#include "trying.h"

typedef struct attention_case {
    const char *name;
    size_t batch, tokens, heads, d;
} attention_case;

static const attention_case cases[] = {
    {"vit-s", 16, 197, 6, 64},         {"vit-s one image", 1, 197, 6, 64},
    {"vit-ti", 16, 197, 3, 64},        {"vit-b", 4, 197, 12, 64},
    {"vit-s 384 px", 4, 577, 6, 64},   {"vit-h", 2, 257, 16, 80},
    {"heads of 48", 16, 197, 8, 48},   {"heads of 32", 16, 197, 12, 32},
    {"cifar patch 4", 128, 65, 4, 32}, {"50 tokens", 16, 50, 12, 64},
    {"17 tokens", 64, 17, 4, 32},
};

static dsbi_graph *graph_of(dsb_runtime *rt, const attention_case *c)
{
    dsbi_builder b;
    TRY(dsbi_builder_init(&b, rt, (dsbi_shape){c->tokens, 1, 3 * c->heads * c->d}, 1));
    dsbi_graph_output(&b, dsbi_attention(&b, dsbi_input_values(&b), c->heads));
    dsbi_graph *graph;
    TRY(dsbi_graph_finish(&b, &graph));
    return graph;
}

static void fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(i * 2654435761u >> 16 & 255) / 128 - 1;
}

/* Least seconds of a pass: forward in inference, or backward. */
static double measure(dsb_runtime *rt, const attention_case *c, const dsbi_graph *graph,
                      bool backward)
{
    const dsbi_plan_opts opts = {
        .batch = c->batch, .training = backward, .input_grad = backward, .math = &dsbi_math_f32};
    dsbi_plan *plan;
    TRY(dsbi_plan_create_for(&plan, rt, graph, &opts));
    const dsbi_node *node = &graph->nodes[graph->output];
    fill(dsbi_plan_input(plan), c->batch * dsbi_shape_size(node->in));
    if (backward)
        fill(dsbi_plan_dlogits(plan), c->batch * dsbi_shape_size(node->out));
    double least = 1e9;
    const double begin = dsbi_now();
    for (int i = 0; i < 3 || dsbi_now() - begin < 0.25; i++) {
        double start = dsbi_now();
        TRY(dsbi_plan_forward(plan, 0));
        if (backward) {
            start = dsbi_now();
            TRY(dsbi_plan_backward(plan));
        }
        const double seconds = dsbi_now() - start;
        least = seconds < least ? seconds : least;
    }
    dsbi_plan_free(plan);
    return least;
}

static void run_case(dsb_runtime *rt, const attention_case *c, double peak)
{
    dsbi_graph *graph = graph_of(rt, c);
    const double forward = measure(rt, c, graph, false), backward = measure(rt, c, graph, true);
    const dsbi_node *node = &graph->nodes[graph->output];
    const double flop = 2e-9 * (double)node->layer->macs(node) * (double)c->batch;
    printf("%-16s %4zu %4zu %3zu x %-3zu %8.3f %4.0f %% %8.3f %4.0f %%\n", c->name, c->batch,
           c->tokens, c->heads, c->d, 1e3 * forward, 100 * flop / forward / peak, 1e3 * backward,
           200 * flop / backward / peak);
    dsbi_graph_free(graph);
}

int main(int argc, char **argv)
{
    dsb_runtime *rt = bench_runtime(argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL);
    const double peak = dsbi_peak_gflops(rt);
    printf("%llu threads, %s, peak %.0f GFLOP/s; least times\n",
           (unsigned long long)dsb_runtime_threads(rt), dsb_isa_name(dsb_runtime_isa(rt)), peak);
    printf("%-16s %4s %4s %9s %8s %6s %8s %6s\n", "attention", "n", "T", "heads", "fwd ms", "peak",
           "bwd ms", "peak");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (argc < 4 || !strncmp(cases[i].name, argv[3], strlen(argv[3])))
            run_case(rt, &cases[i], peak);
    dsb_runtime_free(rt);
    return 0;
}
