/* What `dsbias data` does beside the summary. Each returns an exit code. */
#ifndef DSBIAS_CLI_DATA_ACTIONS_H
#define DSBIAS_CLI_DATA_ACTIONS_H

#include "cli.h"

typedef struct data_args {
    uint64_t list, max_broken, size, quality, per_shard, batches, warmup, prefetch, tiles, columns,
        tile, seed, pixels, max_pixels, max_blocks, max_scans, max_file_bytes, max_unpacked_bytes,
        max_depth;
    const char *to, *augment, *filter, *out, *html;
    bool headers_only, strict, near, decoded, fast, by_class;
} data_args;

typedef struct data_sets {
    dsb_dataset **items; /* [n] opened */
    size_t n;
} data_sets;

/* Names every file that cannot be used; CLI_CHECK_FAILED above --max-broken. */
int data_verify(cli_context *cli, const data_args *args, const data_sets *sets);
/* Groups of equal files, with --decoded of equal pixels, with --near of similar images. */
int data_duplicates(cli_context *cli, const data_args *args, const data_sets *sets);
/* The one collection as another format at `out`. */
int data_convert(cli_context *cli, const data_args *args, const data_sets *sets, const char *out);
/* A contact sheet as a picture. */
int data_show(cli_context *cli, const data_args *args, const data_sets *sets);
/* Images a second through the loader. */
int data_bench(cli_context *cli, const data_args *args, const data_sets *sets);

#endif
