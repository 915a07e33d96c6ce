/* Weights under the names of timm and torchvision give those libraries' logits: golden/weights. */
#include "testing.h"

#include <math.h>
#include "base/file.h"
#include "nn/nn.h"
#include "nn/safetensors.h"

enum { OUTPUTS = 5, IMAGES = 2 };

typedef struct golden_file {
    const char *name, *spec;
    uint32_t size;
} golden_file;

static const golden_file files[] = {
    {"timm_convnext", "convnext:depths=1-1-2-1,dims=4-6-8-10", 32},
    {"torchvision_convnext", "convnext:depths=1-1-2-1,dims=4-6-8-10", 32},
    {"timm_vit", "vit:patch=8,dim=12,depth=2,heads=3,mlp=24,pool=mean", 16},
    {"torchvision_vit", "vit:patch=8,dim=12,depth=2,heads=3,mlp=24", 16},
    {"transformers_vit", "vit:patch=8,dim=12,depth=2,heads=2,mlp=24", 24},
    {"timm_densenet", "densenet:growth=4,blocks=2-2-1-1", 40},
    {"torchvision_densenet", "densenet:growth=4,blocks=2-2-1-1", 40},
    {"timm_vgg", "vgg:convs=1-1-2-2-2,norm=yes,base=2,hidden=4", 64},
};

static const char *path_of(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/golden/weights/%s.safetensors", DSBI_TEST_DIR, name);
    return path;
}

static dsb_model *make_model(dsb_runtime *rt, const golden_file *file)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = OUTPUTS;
    opts.height = opts.width = file->size;
    for (int c = 0; c < 3; c++) {
        opts.mean[c] = 0;
        opts.std[c] = 1;
    }
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, file->spec, &opts));
    return model;
}

static void check_file(dsb_runtime *rt, const golden_file *file)
{
    uint8_t *bytes;
    size_t size;
    dsbi_safetensors st;
    float expected[IMAGES * OUTPUTS], logits[IMAGES * OUTPUTS];
    dsb_load_opts opts;
    dsb_load_opts_init(&opts, sizeof opts);
    opts.allow_extra = 1; /* the images and the logits */
    dsb_model *model = make_model(rt, file);
    ck_assert_ok(dsb_model_load_with(model, path_of(file->name), &opts));
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, path_of(file->name), 1 << 20));
    ck_assert_ok(dsbi_st_parse(rt, &st, bytes, size));
    const dsbi_st_tensor *images = dsbi_st_find(&st, "images");
    ck_assert_uint_eq(images->size, (uint64_t)IMAGES * file->size * file->size * 3);
    ck_assert_ok(dsbi_st_read(&st, dsbi_st_find(&st, "logits"), expected));
    ck_assert_ok(dsb_model_predict(model, logits, bytes + st.data + images->begin, IMAGES));
    for (size_t i = 0; i < IMAGES * OUTPUTS; i++)
        ck_assert_msg(fabsf(logits[i] - expected[i]) <= 2e-5f * (1 + fabsf(expected[i])),
                      "%s: logit %zu is %g, expected %g", file->name, i, (double)logits[i],
                      (double)expected[i]);
    ck_assert_fails(dsb_model_load(model, path_of(file->name)), DSB_E_NOTFOUND,
                    "model: 2 extra: images, logits");
    dsbi_st_free(&st);
    dsbi_free(rt, bytes);
    dsb_model_free(model);
}

START_TEST(logits_are_those_of_the_author)
{
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        check_file(rt, &files[i]);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("named_weights", logits_are_those_of_the_author, NULL);
}
