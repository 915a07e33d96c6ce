/* Parameters and multiply-adds of every architecture against published tables. Networks are
 * declared, not created: no weights are made. */
#include "testing.h"

#include <math.h>
#include "nn/nn.h"

static dsbi_graph *declared(dsb_runtime *rt, const char *name, size_t side, size_t n_classes)
{
    dsbi_spec spec;
    dsbi_builder b;
    ck_assert_ok(dsbi_spec_parse(&spec, name));
    ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){side, side, 3}, n_classes));
    spec.family->build(&b, &spec);
    dsbi_graph *graph;
    ck_assert_ok(dsbi_graph_finish(&b, &graph));
    ck_assert_ok(dsbi_spec_check(&spec));
    return graph;
}

static double mega_macs(const dsbi_graph *graph)
{
    uint64_t macs = 0;
    for (size_t i = 0; i < graph->n_nodes; i++)
        macs += graph->nodes[i].layer->macs ? graph->nodes[i].layer->macs(&graph->nodes[i]) : 0;
    return (double)macs * 1e-6;
}

typedef struct row {
    const char *name;
    uint64_t size;
    double mega_macs, within;
} row;

static void check_rows(const row *rows, size_t n, size_t side, size_t n_classes)
{
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < n; i++) {
        dsbi_graph *graph = declared(rt, rows[i].name, side, n_classes);
        ck_assert_msg(graph->n_elements == rows[i].size, "%s: %zu parameters, expected %llu",
                      rows[i].name, graph->n_elements, (unsigned long long)rows[i].size);
        const double macs = mega_macs(graph);
        ck_assert_msg(fabs(macs - rows[i].mega_macs) <= rows[i].within, "%s: %g MMAC, expected %g",
                      rows[i].name, macs, rows[i].mega_macs);
        dsbi_graph_free(graph);
    }
    dsb_runtime_free(rt);
}

/* torchvision 0.26, `num_params` and `_ops` (GFLOPS there = GMAC) of the IMAGENET1K_V1 weights. */
START_TEST(imagenet_models_are_torchvisions)
{
    static const row rows[] = {
        {"alexnet", 61100840, 714, 1},          {"vgg11", 132863336, 7609, 1},
        {"vgg13", 133047848, 11308, 1},         {"vgg16", 138357544, 15470, 1},
        {"vgg19", 143667240, 19632, 1},         {"vgg11_bn", 132868840, 7609, 1},
        {"vgg13_bn", 133053736, 11308, 1},      {"vgg16_bn", 138365992, 15470, 1},
        {"vgg19_bn", 143678248, 19632, 1},      {"resnet18", 11689512, 1814, 1},
        {"resnet34", 21797672, 3664, 1},        {"resnet50", 25557032, 4089, 1},
        {"resnet101", 44549160, 7801, 1},       {"resnet152", 60192808, 11514, 1},
        {"resnext50_32x4d", 25028904, 4230, 1}, {"densenet121", 7978856, 2834, 1},
        {"densenet169", 14149480, 3360, 1},
    };
    check_rows(rows, sizeof rows / sizeof *rows, 224, 1000);
}
END_TEST

/* Liu and He 2024, tables of ../shared/papers/liu-he-2024.md: three classes. */
START_TEST(three_classes_as_in_liu_and_he)
{
    static const row rows[] = {
        {"vgg16", 134272835, 15470, 10},
        {"vgg16_bn", 134281283, 15470, 10},
        {"resnet50", 23514179, 4090, 5},
    };
    check_rows(rows, sizeof rows / sizeof *rows, 224, 3);
}
END_TEST

/* Recht et al. 2018, ../shared/papers/recht-2018-2019.md sec. 5 (resnet_basic has 1x1 shortcuts);
 * the others: akamaster/pytorch_resnet_cifar10 and ../shared/data/weights. */
START_TEST(cifar_models_are_those_of_the_prediction_files)
{
    static const row rows[] = {
        {"cifar_resnet:depth=32,shortcut=conv", 466906, 69, .6},
        {"cifar_resnet:depth=44,shortcut=conv", 661338, 97, .6},
        {"cifar_resnet:depth=56,shortcut=conv", 855770, 126, .6},
        {"cifar_resnet:depth=110,shortcut=conv", 1730714, 253, .6},
        {"cifar_resnet20", 269722, 40.8, .3},
        {"cifar_resnet32", 464154, 69.1, .3},
        {"cifar_resnet44", 658586, 97.4, .3},
        {"cifar_resnet56", 853018, 125.7, .3},
        {"densenet_bc_100_12", 769162, 288, .6},
        {"densenet:blocks=6-12-24,growth=12,stem=conv", 616042, 0, 1e9},
        {"plaincnn", 620362, 0, 1e9},
        /* kuangliu/pytorch-cifar; chenyaofo/pytorch-cifar-models */
        {"resnet18_cifar", 11173962, 556, 1},
        {"vgg:convs=1-1-2-2-2,norm=yes,pool=no,head=linear", 9231114, 153, 1},
        {"vgg:convs=1-1-2-2-2,norm=yes,pool=no,hidden=512", 9756426, 153, 1},
        {"resnet8_mlperf_tiny", 78666 - 2 * (16 * 3 + 32 * 2 + 64 * 2), 12.5, .2},
    };
    check_rows(rows, sizeof rows / sizeof *rows, 32, 10);
}
END_TEST

/* Sizes that no stride divides, up to the smallest. */
START_TEST(any_size_the_architecture_allows)
{
    static const struct {
        const char *name;
        size_t smallest;
    } models[] = {{"alexnet", 63},       {"vgg11", 32},   {"resnet50", 1},
                  {"densenet121", 29},   {"plaincnn", 8}, {"cifar_resnet20", 1},
                  {"resnext50_32x4d", 1}};
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        const size_t sizes[] = {models[i].smallest, models[i].smallest + 1, 67, 225};
        for (size_t k = 0; k < 4; k++)
            dsbi_graph_free(declared(rt, models[i].name, sizes[k], 10));
        if (models[i].smallest == 1)
            continue;
        dsbi_spec spec;
        dsbi_builder b;
        dsbi_graph *graph;
        const size_t side = models[i].smallest - 1;
        ck_assert_ok(dsbi_spec_parse(&spec, models[i].name));
        ck_assert_ok(dsbi_builder_init(&b, rt, (dsbi_shape){side, side, 3}, 10));
        spec.family->build(&b, &spec);
        ck_assert_fails(dsbi_graph_finish(&b, &graph), DSB_E_SHAPE, "does not fit");
    }
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("model_tables", imagenet_models_are_torchvisions,
                     three_classes_as_in_liu_and_he, cifar_models_are_those_of_the_prediction_files,
                     any_size_the_architecture_allows, NULL);
}
