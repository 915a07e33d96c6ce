/* Convolutions alone, as the engine runs them: forward, gradient of the data, gradient of the
 * weights, each as GFLOP/s and as share of what the machine's multiply-add units can do.
 *
 *     bench_conv [threads [level [name [batch]]]]      level: generic, avx2, avx512; rows whose
 * name begins so
 *
 * The gradient of the data is what a backward pass takes longer when it is asked for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/file.h"
#include "kernels/peak.h"
#include "nn/nn.h"
#include "trying.h"

typedef struct conv_case {
    const char *name;
    size_t batch, size, c_in, c_out, kernel, stride, pad, groups;
} conv_case;

static const conv_case cases[] = {
    {"resnet 7x7/2 stem", 16, 224, 3, 64, 7, 2, 3, 1},
    {"resnet 1x1 64-256", 16, 56, 64, 256, 1, 1, 0, 1},
    {"resnet 1x1 256-64", 16, 56, 256, 64, 1, 1, 0, 1},
    {"resnet 3x3 64", 16, 56, 64, 64, 3, 1, 1, 1},
    {"resnet 3x3/2 128", 16, 56, 128, 128, 3, 2, 1, 1},
    {"resnet 1x1/2 256-512", 16, 56, 256, 512, 1, 2, 0, 1},
    {"resnet 1x1 128-512", 16, 28, 128, 512, 1, 1, 0, 1},
    {"resnet 3x3 128", 16, 28, 128, 128, 3, 1, 1, 1},
    {"resnet 1x1 256-1024", 16, 14, 256, 1024, 1, 1, 0, 1},
    {"resnet 1x1 1024-256", 16, 14, 1024, 256, 1, 1, 0, 1},
    {"resnet 3x3 256", 16, 14, 256, 256, 3, 1, 1, 1},
    {"resnet 1x1 2048-512", 16, 7, 2048, 512, 1, 1, 0, 1},
    {"resnet 1x1 512-2048", 16, 7, 512, 2048, 1, 1, 0, 1},
    {"resnet 3x3 512", 16, 7, 512, 512, 3, 1, 1, 1},
    {"vgg 3x3 3-64", 4, 224, 3, 64, 3, 1, 1, 1},
    {"vgg 3x3 64", 4, 224, 64, 64, 3, 1, 1, 1},
    {"vgg 3x3 128", 4, 112, 128, 128, 3, 1, 1, 1},
    {"vgg 3x3 256", 4, 56, 256, 256, 3, 1, 1, 1},
    {"vgg 3x3 512 @28", 4, 28, 512, 512, 3, 1, 1, 1},
    {"vgg 3x3 512 @14", 16, 14, 512, 512, 3, 1, 1, 1},
    {"alexnet 11x11/4", 16, 224, 3, 64, 11, 4, 2, 1},
    {"alexnet 5x5", 16, 27, 64, 192, 5, 1, 2, 1},
    {"alexnet 3x3 384-256", 16, 13, 384, 256, 3, 1, 1, 1},
    {"cifar 3x3 3-16", 128, 32, 3, 16, 3, 1, 1, 1},
    {"cifar 3x3 16", 128, 32, 16, 16, 3, 1, 1, 1},
    {"cifar 3x3/2 16-32", 128, 32, 16, 32, 3, 2, 1, 1},
    {"cifar 3x3 32", 128, 16, 32, 32, 3, 1, 1, 1},
    {"cifar 3x3 64", 128, 8, 64, 64, 3, 1, 1, 1},
    {"densenet 1x1 240-48", 128, 32, 240, 48, 1, 1, 0, 1},
    {"densenet 3x3 48-12", 128, 32, 48, 12, 3, 1, 1, 1},
    {"resnext 3x3 128 32x4", 16, 56, 128, 128, 3, 1, 1, 32},
    {"resnext 3x3 512 32x16", 16, 14, 512, 512, 3, 1, 1, 32},
    {"linear 9216-4096", 16, 1, 9216, 4096, 1, 1, 0, 1},
    {"linear 4096-1000", 16, 1, 4096, 1000, 1, 1, 0, 1},
    {"vit 384-1536", 16, 14, 384, 1536, 1, 1, 0, 1},
    {"convnext 4x4/4 stem", 16, 224, 3, 96, 4, 4, 0, 1},
    {"convnext 2x2/2", 16, 56, 96, 192, 2, 2, 0, 1},
    {"convnext 1x1 96-384", 16, 56, 96, 384, 1, 1, 0, 1},
    {"convnext 1x1 384-96", 16, 56, 384, 96, 1, 1, 0, 1},
};

static dsbi_graph *graph_of(dsb_runtime *rt, const conv_case *c)
{
    dsbi_builder b;
    TRY(dsbi_builder_init(&b, rt, (dsbi_shape){c->size, c->size, c->c_in}, 1));
    const dsbi_value x = c->c_in == 3 ? dsbi_input_images(&b) : dsbi_input_values(&b);
    const dsbi_attrs attrs = {.c_out = c->c_out,
                              .kernel = c->kernel,
                              .stride = c->stride,
                              .pad = c->pad,
                              .groups = c->groups,
                              .no_bias = true};
    dsbi_graph_output(&b, dsbi_conv(&b, x, "conv", &attrs));
    dsbi_graph *graph;
    TRY(dsbi_graph_finish(&b, &graph));
    return graph;
}

static void fill(float *x, size_t n)
{
    for (size_t i = 0; i < n; i++)
        x[i] = (float)(i * 2654435761u >> 16 & 255) / 128 - 1;
}

/* Least seconds of forward and backward. */
static void measure(dsb_runtime *rt, const conv_case *c, bool input_grad, float *params,
                    const dsbi_graph *graph, double *forward, double *backward)
{
    const dsbi_plan_opts opts = {.batch = c->batch,
                                 .training = true,
                                 .input_grad = input_grad,
                                 .math = &dsbi_math_f32,
                                 .params = params};
    dsbi_plan *plan;
    TRY(dsbi_plan_create_for(&plan, rt, graph, &opts));
    if (c->c_in == 3) /* bytes */
        memset(dsbi_plan_input(plan), 77, c->batch * c->size * c->size * c->c_in);
    else
        fill(dsbi_plan_input(plan), c->batch * c->size * c->size * c->c_in);
    fill(dsbi_plan_dlogits(plan), c->batch * dsbi_shape_size(graph->nodes[graph->output].out));
    *forward = *backward = 1e9;
    const double begin = dsbi_now();
    for (int i = 0; i < 3 || dsbi_now() - begin < 0.25; i++) {
        const double start = dsbi_now();
        TRY(dsbi_plan_forward(plan, 0));
        const double middle = dsbi_now();
        TRY(dsbi_plan_backward(plan));
        const double end = dsbi_now();
        *forward = middle - start < *forward ? middle - start : *forward;
        *backward = end - middle < *backward ? end - middle : *backward;
    }
    dsbi_plan_free(plan);
}

static void run_case(dsb_runtime *rt, const conv_case *c, double peak)
{
    dsbi_graph *graph = graph_of(rt, c);
    float *params = dsbi_calloc(rt, graph->arena_size, sizeof *params);
    fill(params, graph->arena_size);
    double forward, backward, weights;
    measure(rt, c, true, params, graph, &forward, &backward);
    measure(rt, c, false, params, graph, &forward, &weights);
    const dsbi_node *node = &graph->nodes[graph->output];
    const dsbi_node fused = {.layer = node->layer,
                             .attrs = node->attrs,
                             .in = node->in,
                             .out = node->out,
                             .pixels = c->c_in == 3};
    const double flop = 2e-9 * (double)node->layer->macs(node) * (double)c->batch;
    const double seconds[3] = {forward, backward - weights, weights};
    printf("%-22s %-12s %4zu", c->name, node->layer->algorithm(&fused), c->batch);
    for (int i = 0; i < 3; i++)
        if (i == 1 && c->c_in == 3) /* bytes have no gradient */
            printf("  %8s %5s %4s  ", "-", "-", "-");
        else
            printf("  %8.3f %5.0f %4.0f %%", seconds[i] * 1e3, flop / seconds[i],
                   100 * flop / seconds[i] / peak);
    printf("  %4.0f %%\n", 100 * flop * (c->c_in == 3 ? 2 : 3) / (forward + backward) / peak);
    dsbi_free(rt, params);
    dsbi_graph_free(graph);
}

int main(int argc, char **argv)
{
    dsb_runtime *rt = bench_runtime(argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL);
    const double peak = dsbi_peak_gflops(rt);
    printf("%llu threads, %s, peak %.0f GFLOP/s; least times\n",
           (unsigned long long)dsb_runtime_threads(rt), dsb_isa_name(dsb_runtime_isa(rt)), peak);
    printf("%-22s %-12s %4s  %21s  %21s  %21s  %6s\n%*s  %8s %5s %6s  %8s %5s %6s  %8s %5s %6s\n",
           "convolution", "algorithm", "n", "forward", "gradient of data", "gradient of weights",
           "all", 40, "", "ms", "GF/s", "peak", "ms", "GF/s", "peak", "ms", "GF/s", "peak");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        conv_case c = cases[i];
        if (argc > 4)
            c.batch = (size_t)atoi(argv[4]);
        if (argc < 4 || !strncmp(c.name, argv[3], strlen(argv[3])))
            run_case(rt, &c, peak);
    }
    dsb_runtime_free(rt);
    return 0;
}
