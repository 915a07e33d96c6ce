/* Runs the task and shows what came out: files in a directory, the summary or the record on stdout.
 * Used by `classify` and by `demo`. */
#ifndef DSBIAS_CLI_CLASSIFY_RUN_H
#define DSBIAS_CLI_CLASSIFY_RUN_H

#include "cli.h"

/* Writes results.json, scores.csv, log.jsonl, report.html and, if a network was trained,
 * model.safetensors into `directory`. If the run was stopped, what is known so far is written and
 * shown, and the exit code says that it was stopped. Returns an exit code. */
int cli_classify(cli_context *cli, const char *const *specs, size_t n_specs,
                 const dsb_bias_opts *opts, const char *directory);

#endif
