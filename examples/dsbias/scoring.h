/* What the subcommands that score images with a model share: normalisation, size, weights. */
#ifndef DSBIAS_CLI_SCORING_H
#define DSBIAS_CLI_SCORING_H

#include "cli.h"

/* "R,G,B" or one number for all channels; fractions such as 1/255 too. Returns an exit code. */
int scoring_channels(cli_context *cli, float out[3], const char *flag, const char *text);
/* The side of all images if it is one of at most 96, else 224. */
uint32_t scoring_side(const dsb_dataset *data);
/* A model with its weights: as many outputs as `opts` says if `listed`, or else as the weights
 * have, which is then put into `opts`. */
dsb_status scoring_model(cli_context *cli, dsb_model **model, const char *name, const char *weights,
                         dsb_model_opts *opts, const dsb_load_opts *load, bool listed);

#endif
