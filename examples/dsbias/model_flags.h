/* Flags of the commands that make a model with fresh weights: --model, --size, --classes. */
#ifndef DSBIAS_CLI_MODEL_FLAGS_H
#define DSBIAS_CLI_MODEL_FLAGS_H

#include "cli.h"

typedef struct model_args {
    const char *model;
    uint64_t size, classes; /* 0: those the model was published for */
} model_args;

/* Rows of a command's flags; its arguments have a member `model` of type model_args. */
#define MODEL_FLAGS(args)                                                                  \
    CLI_FLAG("model", TEXT, args, model.model, .unit = "M", .fallback = "convnext_470k",   \
             .help = "a model by name or by family and options"),                          \
        CLI_FLAG("size", COUNT, args, model.size, .unit = "S", .min = 1, .max = 16384,     \
                 .shown = "the model's own: 224, or 32 for CIFAR's networks",              \
                 .help = "height and width of the images in pixels"),                      \
        CLI_FLAG("classes", COUNT, args, model.classes, .unit = "C", .min = 1, .max = 1e6, \
                 .shown = "the model's own: 1000, or 10 for CIFAR's networks",             \
                 .help = "outputs of the model")

dsb_status model_opts(dsb_model_opts *opts, const model_args *args);

#endif
