/* See data_actions.h. */
#include "data_actions.h"
#include "plain.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- verify ---- */

static void print_problems(const data_args *args, const dsb_dataset *set)
{
    dsb_problem problem;
    dsb_problem_init(&problem, sizeof problem);
    for (uint64_t i = 0; i < args->list && dsb_dataset_broken(set, i, &problem) == DSB_OK; i++) {
        cli_put_plain(stdout, dsb_dataset_name(set));
        putchar('/');
        cli_put_plain(stdout, problem.path);
        printf(": %s: ", dsb_cause_name(problem.cause));
        cli_put_plain(stdout, problem.message);
        putchar('\n');
    }
}

int data_verify(cli_context *cli, const data_args *args, const data_sets *sets)
{
    uint64_t n_broken = 0;
    for (size_t d = 0; d < sets->n; d++) {
        const dsb_dataset *set = sets->items[d];
        n_broken += dsb_dataset_broken_count(set);
        if (cli->parsed->common.json)
            continue;
        print_problems(args, set);
        cli_put_plain(stdout, dsb_dataset_name(set));
        printf(": %llu images, %llu broken, %llu other files\n",
               (unsigned long long)dsb_dataset_count(set),
               (unsigned long long)dsb_dataset_broken_count(set),
               (unsigned long long)dsb_dataset_skipped_count(set));
    }
    if (cli->parsed->common.json) {
        char *json;
        size_t size;
        dsb_status status = dsb_data_summary(
            cli->rt, &json, &size, (const dsb_dataset *const *)sets->items, sets->n, args->list);
        if (status != DSB_OK)
            return cli_fail(cli, status);
        fwrite(json, 1, size, stdout);
        dsb_data_text_free(cli->rt, json);
    }
    return n_broken > args->max_broken ? CLI_CHECK_FAILED : CLI_OK;
}

/* ---- duplicates ---- */

static void print_groups(const data_args *args, const data_sets *sets, const dsb_duplicates *groups)
{
    uint64_t n = dsb_duplicates_count(groups), n_across = 0;
    for (uint64_t g = 0; g < n; g++) {
        n_across += dsb_duplicates_is_across(groups, g);
        for (uint64_t k = 0; g < args->list && k < dsb_duplicates_size(groups, g); k++) {
            uint64_t d, image;
            if (dsb_duplicates_file(groups, g, k, &d, &image) != DSB_OK)
                break;
            fputs(k ? "  " : "", stdout);
            cli_put_plain(stdout, dsb_dataset_name(sets->items[d]));
            putchar('/');
            cli_put_plain(stdout, dsb_dataset_path(sets->items[d], image));
        }
        if (g < args->list)
            putchar('\n');
    }
    printf("%llu groups%s, %llu of them across collections\n", (unsigned long long)n,
           args->near      ? " of similar images"
           : args->decoded ? " of equal pixels"
                           : "",
           (unsigned long long)n_across);
    for (size_t d = 0; d < sets->n; d++) {
        cli_put_plain(stdout, dsb_dataset_name(sets->items[d]));
        printf(": %llu of %llu repeat another of it, %llu are also in another collection\n",
               (unsigned long long)dsb_duplicates_within(groups, d),
               (unsigned long long)dsb_dataset_count(sets->items[d]),
               (unsigned long long)dsb_duplicates_shared(groups, d));
    }
}

int data_duplicates(cli_context *cli, const data_args *args, const data_sets *sets)
{
    const dsb_dataset *const *items = (const dsb_dataset *const *)sets->items;
    dsb_duplicates *groups;
    if (args->near && args->decoded)
        return cli_usage(cli, "--near and --decoded are two ways to look; give one");
    dsb_status status =
        args->near
            ? dsb_duplicates_find_near(cli->rt, &groups, items, sets->n, NULL, cli_event, cli)
        : args->decoded
            ? dsb_duplicates_find_pixels(cli->rt, &groups, items, sets->n, cli_event, cli)
            : dsb_duplicates_find(cli->rt, &groups, items, sets->n);
    cli_clear_progress(cli);
    if (status != DSB_OK)
        return cli_fail(cli, status);
    if (cli->parsed->common.json) {
        char *json = NULL;
        size_t size;
        status = dsb_duplicates_json(cli->rt, &json, &size, groups, args->list);
        if (status == DSB_OK)
            fwrite(json, 1, size, stdout);
        dsb_data_text_free(cli->rt, json);
    } else {
        print_groups(args, sets, groups);
    }
    dsb_duplicates_free(groups);
    return status == DSB_OK ? CLI_OK : cli_fail(cli, status);
}

/* ---- convert ---- */

int data_convert(cli_context *cli, const data_args *args, const data_sets *sets, const char *out)
{
    const dsb_dataset *set = sets->items[0];
    dsb_convert_opts opts;
    dsb_convert_opts_init(&opts, sizeof opts);
    opts.size = (uint32_t)args->size;
    opts.quality = (uint32_t)args->quality;
    opts.per_shard = args->per_shard;
    dsb_status status = dsb_dataset_convert(cli->rt, set, args->to, out, &opts, cli_event, cli);
    cli_clear_progress(cli);
    if (status != DSB_OK)
        return cli_fail(cli, status);
    cli_note(cli, "%llu images of %s written to %s as %s, %llu broken ones left out",
             (unsigned long long)dsb_dataset_count(set), dsb_dataset_name(set), out, args->to,
             (unsigned long long)dsb_dataset_broken_count(set));
    return CLI_OK;
}

/* ---- bench ---- */

/* Batches of the warm-up, then the clock starts. */
static dsb_status run_loader(cli_context *cli, dsb_loader *loader, const data_args *args,
                             uint64_t *n_images, double *seconds)
{
    dsb_batch batch;
    dsb_batch_init(&batch, sizeof batch);
    double start = cli_now();
    for (uint64_t b = 0; b < args->warmup + args->batches; b++) {
        dsb_status status = dsb_loader_next(loader, &batch);
        if (status != DSB_OK)
            return status;
        *seconds = cli_now() - start;
        if (b < args->warmup) {
            start = cli_now();
            continue;
        }
        *n_images += batch.n;
        const dsb_event event = {.struct_size = sizeof event,
                                 .stage = "bench",
                                 .done = b + 1 - args->warmup,
                                 .total = args->batches,
                                 .value = NAN,
                                 .value_name = ""};
        if (cli_event(cli, &event))
            return DSB_E_CANCELLED;
    }
    return DSB_OK;
}

int data_bench(cli_context *cli, const data_args *args, const data_sets *sets)
{
    dsb_split *split = NULL;
    dsb_loader *loader = NULL;
    dsb_loader_opts opts;
    dsb_loader_opts_init(&opts, sizeof opts);
    opts.size = args->size ? (uint32_t)args->size : 224;
    opts.augment = args->augment;
    opts.filter = strcmp(args->filter, "bicubic") == 0 ? DSB_FILTER_BICUBIC : DSB_FILTER_BILINEAR;
    opts.fast = args->fast;
    opts.whole = 1;
    opts.prefetch = (uint32_t)args->prefetch;
    opts.n_epochs = 0;
    opts.shuffle = 1;
    opts.store_max_bytes = 0; /* decoding is what is measured */
    dsb_split_opts parts;
    dsb_split_opts_init(&parts, sizeof parts);
    parts.n_select = parts.n_test = 1;
    uint64_t n_images = 0;
    double seconds = 0;
    dsb_status status =
        dsb_split_create(cli->rt, &split, (const dsb_dataset *const *)sets->items, sets->n, &parts);
    if (status == DSB_OK)
        status = dsb_loader_create(cli->rt, &loader, split, DSB_PART_TRAIN, &opts);
    if (status == DSB_OK)
        status = run_loader(cli, loader, args, &n_images, &seconds);
    dsb_loader_free(loader);
    dsb_split_free(split);
    cli_clear_progress(cli);
    if (status != DSB_OK)
        return cli_fail(cli, status);
    double rate = seconds > 0 ? (double)n_images / seconds : 0.0;
    if (cli->parsed->common.json)
        printf("{\"schema\": \"dsbias.data_bench/1\", \"images\": %llu, \"seconds\": %.6f, "
               "\"images_per_second\": %.1f}\n",
               (unsigned long long)n_images, seconds, rate);
    else
        printf("%llu images in %.2f s: %.1f images a second\n", (unsigned long long)n_images,
               seconds, rate);
    return CLI_OK;
}
