/* The networks of ../shared/data/weights, with the models, means and deviations they were trained
 * with: its README and manifest.json. */
#ifndef DSBI_TESTS_GOLDEN_SHARED_WEIGHTS_H
#define DSBI_TESTS_GOLDEN_SHARED_WEIGHTS_H

#include "testing.h"

#include "dsbias/dsbias.h"

typedef struct weight_file {
    const char *name, *spec;
    const float *mean, *std;
    uint32_t lossless; /* right of the 242 images stored beside them */
    uint32_t test;     /* right of the 10,000 test images; 0: not known */
} weight_file;

static const float imagenet_mean[] = {0.485f, 0.456f, 0.406f},
                   imagenet_std[] = {0.229f, 0.224f, 0.225f},
                   cifar_mean[] = {0.4914f, 0.4822f, 0.4465f},
                   cifar_std[] = {0.2023f, 0.1994f, 0.2010f},
                   vit_std[] = {0.247f, 0.2435f, 0.2616f};

static const weight_file weight_files[] = {
    {"cifar10_resnet20", "cifar_resnet:depth=20,shortcut=A", imagenet_mean, imagenet_std, 224,
     9173},
    {"cifar10_resnet32", "cifar_resnet:depth=32,shortcut=A", imagenet_mean, imagenet_std, 233,
     9263},
    {"cifar10_resnet44", "cifar_resnet:depth=44,shortcut=A", imagenet_mean, imagenet_std, 227,
     9310},
    {"cifar10_resnet56", "cifar_resnet:depth=56,shortcut=A", imagenet_mean, imagenet_std, 227,
     9339},
    {"cifar10_resnet8_mlperf_tiny", "resnet8_mlperf_tiny", cifar_mean, cifar_std, 220, 0},
    {"cifar10_wrn_16_1", "wrn:depth=16,width=1", cifar_mean, cifar_std, 230, 9178},
    {"cifar10_densenet_bc_k12_6_12_24", "densenet:blocks=6-12-24,growth=12,stem=conv", cifar_mean,
     cifar_std, 220, 9022},
    {"cifar10_vit_p4_d128_l4_h4", "vit:patch=4,dim=128,depth=4,heads=4,mlp=256,eps=1e-5",
     cifar_mean, vit_std, 196, 7455},
    {"cifar10_plaincnn_3conv2fc", "plaincnn", cifar_mean, cifar_std, 193, 7604},
};

static inline const char *in_weights(const char *format, const char *name, const char *set)
{
    static char paths[4][4096];
    static unsigned turn;
    char relative[512];
    snprintf(relative, sizeof relative, format, name, set);
    char *out = paths[turn++ % 4];
    snprintf(out, sizeof paths[0], "%s", shared_data(relative));
    return out;
}

static inline dsb_model *load_weights(dsb_runtime *rt, const weight_file *file)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = 10;
    opts.height = opts.width = 32;
    memcpy(opts.mean, file->mean, sizeof opts.mean);
    memcpy(opts.std, file->std, sizeof opts.std);
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, file->spec, &opts));
    ck_assert_ok(dsb_model_load(model, in_weights("weights/%s.safetensors%s", file->name, "")));
    return model;
}

#endif
