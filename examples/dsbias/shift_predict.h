/* dsbias shift with images in place of predictions: models are run first. */
#ifndef DSBIAS_CLI_SHIFT_PREDICT_H
#define DSBIAS_CLI_SHIFT_PREDICT_H

#include "cli.h"

typedef struct shift_predict_args {
    const cli_list *models, *weights; /* model i, "[NAME=]MODEL", has weights i */
    const char *mean, *std;
    const char
        *classes; /* "A,B,...": what the outputs mean, for collections that name classes; NULL */
    uint64_t size, resize;
} shift_predict_args;

/* Adds a set: the labels of a collection of images, and the scores of every model on it. */
int shift_predict_set(cli_context *cli, dsb_shift *shift, uint64_t set, const char *collection,
                      const shift_predict_args *args);

#endif
