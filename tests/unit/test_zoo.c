/* The CIFAR networks have the sizes of their sources: parameters and multiply-adds at 32 x 32
 * pixels and ten classes, counted from the layer lists of the papers and of
 * hysts/pytorch_image_classification. */
#include "testing.h"

#include "dsbias/nn.h"

typedef struct row {
    const char *name;
    uint64_t params;
    double mega_macs; /* rounded to a million */
} row;

static const row rows[] = {
    {"vgg_15_BN_64", 14728266, 313},
    {"resnet_basic_32", 466906, 69},
    {"resnet_basic_110", 1730714, 253},
    {"resnet_preact_basic_110", 1730522, 253},
    {"cifar_preresnet:depth=164,block=bottleneck", 1703258, 248},
    {"resnet_preact_bottleneck_164", 1619290, 169},
    {"wrn:depth=28,width=10", 36479194, 5243},
    {"wrn_16_1", 175066, 27},
    {"pyramidnet:depth=110,alpha=84", 3904446, 772},
    {"pyramidnet:depth=110,alpha=270", 28485477, 4718},
    {"resnext29:groups=4,width=64", 17562442, 2736},
    {"resnext_29_8x64d", 34426698, 5387},
    {"shake_shake:width=32", 2923162, 427},
    {"shake_shake:width=64", 11653978, 1686},
    {"shake_shake:width=96", 26192922, 3777},
};

static dsb_status make(dsb_runtime *rt, dsb_model **model, const char *name, uint32_t side)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = 10;
    opts.height = opts.width = side;
    return dsb_model_create(rt, model, name, &opts);
}

START_TEST(sizes_are_those_of_the_sources)
{
    dsb_runtime *rt = make_runtime(2);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        dsb_model *model;
        ck_assert_ok(make(rt, &model, rows[i].name, 32));
        ck_assert_msg(dsb_model_size(model) == rows[i].params, "%s: %llu parameters, not %llu",
                      rows[i].name, (unsigned long long)dsb_model_size(model),
                      (unsigned long long)rows[i].params);
        double macs = (double)dsb_model_macs(model) / 1e6;
        ck_assert_msg(macs > rows[i].mega_macs - 0.5 && macs < rows[i].mega_macs + 0.5,
                      "%s: %.2f million multiply-adds, not %.0f", rows[i].name, macs,
                      rows[i].mega_macs);
        dsb_model_free(model);
    }
    dsb_runtime_free(rt);
}
END_TEST

/* Parameter `i` is called `name`. */
static void check_name(const dsb_model *model, const char *name)
{
    for (uint64_t i = 0; i < dsb_model_param_count(model); i++)
        if (strcmp(dsb_model_param_name(model, i), name) == 0)
            return;
    ck_abort_msg("no parameter %s", name);
}

START_TEST(names_are_those_of_the_files)
{
    static const char *const names[][2] = {
        {"wrn:depth=10,width=2", "block3.layer.0.convShortcut.weight"},
        {"wrn:depth=10,width=2", "block1.layer.0.bn1.running_var"},
        {"cifar_preresnet:depth=11,block=bottleneck", "stage1.block1.shortcut.conv.weight"},
        {"cifar_preresnet:depth=8,widths=16-16-16", "stage2.block1.shortcut.conv.weight"},
        {"resnext29:depth=11", "stage3.block1.shortcut.bn.bias"},
        {"pyramidnet:depth=8", "stage2.block1.bn3.weight"},
        {"shake_shake:depth=8", "stage2.block1.shortcut.skip.conv2.weight"},
        {"shake_shake:depth=8", "stage1.block1.residual_path2.bn1.running_mean"},
        {"vgg_15_BN_64", "stage5.conv2.bias"},
    };
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        dsb_model *model;
        ck_assert_ok(make(rt, &model, names[i][0], 32));
        check_name(model, names[i][1]);
        dsb_model_free(model);
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(nonsense_is_refused)
{
    static const char *const wrong[][2] = {
        {"wrn:depth=27", "depth=27, must be 6 n + 4"},
        {"cifar_preresnet:depth=111,block=bottleneck", "must be 9 n + 2"},
        {"cifar_preresnet:widths=16-32", "3 numbers"},
        {"cifar_preresnet:block=bottleneck,widths=16-33-64", "33"},
        {"pyramidnet:alpha=-1", "alpha=-1"},
        {"shake_shake:width=33", "odd"},
        {"shake_shake:mix=stir", "stir"},
        {"cifar_vgg:layers=1-1-1-1", "5 numbers"},
        {"cifar_vgg:layers=1-1-1-1-5000", "5000"},
        {"resnext29:depth=5000000", "depth=5000000"},
        {"resnext29:groups=3,width=3,cardinality=2", "cardinality"},
    };
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        ck_assert_msg(make(rt, &model, wrong[i][0], 32) != DSB_OK, "%s is taken", wrong[i][0]);
        ck_assert_msg(strstr(dsb_last_error(), wrong[i][1]), "%s: %s", wrong[i][0],
                      dsb_last_error());
        ck_assert_ptr_null(model);
    }
    ck_assert_fails(make(rt, &model, "pyramidnet:depth=8", 34), DSB_E_SHAPE, "multiples of 4");
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(other_image_sizes_work)
{
    static const char *const names[] = {
        "wrn:depth=10,width=1", "cifar_preresnet:depth=8", "resnext29:depth=11,groups=2,width=4",
        "pyramidnet:depth=8,alpha=12", "shake_shake:depth=8,width=4"};
    dsb_runtime *rt = make_runtime(1);
    static uint8_t image[40 * 40 * 3];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        dsb_model *model;
        float scores[10];
        ck_assert_ok(make(rt, &model, names[i], 40));
        ck_assert_ok(dsb_model_predict(model, scores, image, 1));
        dsb_model_free(model);
    }
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("zoo", sizes_are_those_of_the_sources, names_are_those_of_the_files,
                     nonsense_is_refused, other_image_sizes_work, NULL);
}
