/* Inside of dsb_bench, shared by bench.c (measuring) and bench_report.c (what is told of it). */
#ifndef DSBI_TRAIN_BENCH_H
#define DSBI_TRAIN_BENCH_H

#include "base/text.h"
#include "dsbias/bench.h"
#include "nn/nn.h"

struct dsb_bench {
    dsb_runtime *rt;
    dsb_model *model; /* retained */
    dsb_bench_opts opts;
    const char *optimiser; /* of training: "adamw" */
    dsb_bench_figures figures;
    dsb_bench_layer *layers; /* [n_layers] */
    char *names;             /* [n_layers, DSBI_MAX_NAME]: the layers' names live here */
    size_t n_layers;
    dsbi_text json;
};

dsb_status dsbi_bench_write(dsb_bench *bench);

#endif
