/* ViT: counts of the papers, timm's names, refusals, threads, what weight decay leaves out. */
#include "testing.h"

#include <math.h>
#include "dsbias/nn.h"
#include "nn/nn.h"

static dsb_status make(dsb_runtime *rt, dsb_model **out, const char *name, uint32_t n_classes,
                       uint32_t height, uint32_t width)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = n_classes;
    opts.height = height;
    opts.width = width;
    return dsb_model_create(rt, out, name, &opts);
}

/* Touvron et al. 2021, table 1, and timm's counts; multiply-adds with those of attention. */
START_TEST(counts_are_those_of_the_papers)
{
    static const struct {
        const char *name;
        uint32_t side, n_classes;
        uint64_t size;
        double giga_macs; /* 0: not published */
    } known[] = {
        {"vit_tiny", 224, 1000, 5717416, 1.26},
        {"vit_small", 224, 3, 21666819, 4.60},
        {"vit_small", 224, 1000, 22050664, 4.60},
        {"vit_base", 224, 3, 85800963, 17.56},
        {"vit_base", 224, 1000, 86567656, 17.56},
        {"vit:patch=4,dim=128,depth=4,heads=4,mlp=256,eps=1e-5", 32, 10, 546186, 0},
    };
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        dsb_model *model;
        ck_assert_ok(
            make(rt, &model, known[i].name, known[i].n_classes, known[i].side, known[i].side));
        ck_assert_uint_eq(dsb_model_size(model), known[i].size);
        const double macs = (double)dsb_model_macs(model) * 1e-9;
        if (known[i].giga_macs > 0)
            ck_assert_msg(fabs(macs / known[i].giga_macs - 1) < 0.01, "%s: %g GMAC", known[i].name,
                          macs);
        dsb_model_free(model);
    }
    dsb_runtime_free(rt);
}
END_TEST

static bool has(const dsb_model *model, const char *name, uint64_t rank, const uint64_t *dims)
{
    uint64_t got[4];
    for (uint64_t i = 0; i < dsb_model_param_count(model); i++)
        if (strcmp(dsb_model_param_name(model, i), name) == 0)
            return dsb_model_param_dims(model, i, got) == rank &&
                   memcmp(got, dims, rank * sizeof *dims) == 0;
    return false;
}

START_TEST(names_and_shapes_are_those_of_timm)
{
    static const struct {
        const char *name;
        uint64_t rank, dims[4];
    } known[] = {
        {"cls_token", 3, {1, 1, 12}},
        {"pos_embed", 3, {1, 16, 12}},
        {"patch_embed.proj.weight", 4, {12, 3, 4, 4}},
        {"patch_embed.proj.bias", 1, {12}},
        {"blocks.0.norm1.weight", 1, {12}},
        {"blocks.0.norm1.bias", 1, {12}},
        {"blocks.1.attn.qkv.weight", 2, {36, 12}},
        {"blocks.1.attn.qkv.bias", 1, {36}},
        {"blocks.1.attn.proj.weight", 2, {12, 12}},
        {"blocks.1.attn.proj.bias", 1, {12}},
        {"blocks.1.ls1.gamma", 1, {12}},
        {"blocks.1.norm2.weight", 1, {12}},
        {"blocks.1.mlp.fc1.weight", 2, {48, 12}},
        {"blocks.1.mlp.fc2.weight", 2, {12, 48}},
        {"blocks.1.ls2.gamma", 1, {12}},
        {"norm.weight", 1, {12}},
        {"head.weight", 2, {5, 12}},
        {"head.bias", 1, {5}},
    };
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model;
    ck_assert_ok(
        make(rt, &model, "vit:patch=4,dim=12,depth=2,heads=3,layer_scale=1e-5", 5, 20, 12));
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        ck_assert_msg(has(model, known[i].name, known[i].rank, known[i].dims), "%s", known[i].name);
    for (size_t i = 0; i < model->graph->n_params; i++) {
        const dsbi_param *param = &model->graph->params[i];
        const bool embedding =
            !strcmp(param->name, "cls_token") || !strcmp(param->name, "pos_embed");
        ck_assert_int_eq(param->decay, param->rank >= 2 && !embedding);
    }
    dsb_model_free(model);
    ck_assert_ok(
        make(rt, &model, "vit:patch=4,dim=12,depth=1,heads=3,pool=mean,class_token=no", 5, 20, 12));
    ck_assert(has(model, "fc_norm.weight", 1, (const uint64_t[]){12}));
    ck_assert(has(model, "pos_embed", 3, (const uint64_t[]){1, 15, 12}));
    ck_assert(!has(model, "norm.weight", 1, (const uint64_t[]){12}));
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(wrong_options_are_refused)
{
    static const struct {
        const char *name;
        dsb_status status;
        const char *says;
    } wrong[] = {
        {"vit:patch=5", DSB_E_SHAPE, "do not fill 32 x 32"},
        {"vit:patch=64", DSB_E_SHAPE, "do not fill 32 x 32"},
        {"vit:dim=10,heads=3", DSB_E_INVALID, "no multiple of heads=3"},
        {"vit:heads=0", DSB_E_INVALID, "heads=0"},
        {"vit:pool=max", DSB_E_INVALID, "expected token|mean"},
        {"vit:pool=mea", DSB_E_INVALID, "expected token|mean"},
        {"vit:class_token=no", DSB_E_INVALID, "needs a class token"},
        {"vit:dropout=1", DSB_E_INVALID, "dropout of 1"},
        {"vit:drop_path=-0.1", DSB_E_INVALID, "drop_path=-0.1"},
        {"vit:depth=1000000", DSB_E_LIMIT, "depth of 1000000, above 1000"},
        {"vit:depth=0", DSB_E_INVALID, "depth=0: expected a whole number, 1..1000000"},
        {"vit:depth=2,heads=1,depth=3", DSB_E_INVALID, "depth is given twice"},
        {"vit:width=3", DSB_E_INVALID, "\"width\""},
    };
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_fails(make(rt, &model, wrong[i].name, 3, 32, 32), wrong[i].status, wrong[i].says);
        ck_assert_ptr_null(model);
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(predictions_do_not_depend_on_threads_or_neighbours)
{
    enum { N = 19, SIDE = 32, BYTES = SIDE * SIDE * 3 };
    static uint8_t images[N * BYTES];
    float logits[3][N * 3], one[3];
    for (size_t i = 0; i < sizeof images; i++)
        images[i] = (uint8_t)((i * 2654435761u) >> 13);
    const uint64_t threads[] = {1, 2, 3};
    for (size_t t = 0; t < 3; t++) {
        dsb_runtime *rt = make_runtime(threads[t]);
        dsb_model *model;
        ck_assert_ok(make(rt, &model, "vit:patch=2,dim=24,depth=2,heads=3,mlp=40,dropout=0.5", 3,
                          SIDE, SIDE));
        ck_assert_ok(dsb_model_predict(model, logits[t], images, N));
        ck_assert_ok(dsb_model_predict(model, one, images + 7 * BYTES, 1));
        ck_assert_mem_eq(one, logits[t] + 7 * 3, sizeof one);
        dsb_model_free(model);
        dsb_runtime_free(rt);
    }
    ck_assert_mem_eq(logits[0], logits[1], sizeof logits[0]);
    ck_assert_mem_eq(logits[0], logits[2], sizeof logits[0]);
}
END_TEST

int main(void)
{
    return run_tests("vit", counts_are_those_of_the_papers, names_and_shapes_are_those_of_timm,
                     wrong_options_are_refused, predictions_do_not_depend_on_threads_or_neighbours,
                     NULL);
}
