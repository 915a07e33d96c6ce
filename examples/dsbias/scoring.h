/* What the subcommands that score images with a model share: normalisation, size, weights. */
#ifndef DSBIAS_CLI_SCORING_H
#define DSBIAS_CLI_SCORING_H

#include "cli.h"

/* How images become what a model sees: rows for fields mean, std (texts), size, resize (counts) of
 * the subcommand's struct. */
#define SCORING_FLAGS(args)                                                                     \
    CLI_FLAG("mean", TEXT, args, mean, .unit = "R,G,B", .fallback = "0.485,0.456,0.406",        \
             .help = "of pixel / 255 per channel, as in training"),                             \
        CLI_FLAG("std", TEXT, args, std, .unit = "R,G,B", .fallback = "0.229,0.224,0.225",      \
                 .help = "likewise; 1/255 with mean 0 feeds raw pixels"),                       \
        CLI_FLAG("size", COUNT, args, size, .unit = "PX",                                       \
                 .shown = "the images' if all have one of at most 96, else the model's: 224, "  \
                          "or 32 for CIFAR's networks",                                         \
                 .min = 1, .max = 16384, .help = "side of the square the model sees"),          \
        CLI_FLAG("resize", COUNT, args, resize, .unit = "PX", .shown = "as --size", .min = 1,   \
                 .max = 65536,                                                                  \
                 .help = "shorter side of the image before its middle is cut out, 256 in most " \
                         "papers; images of the model's size are taken as they are")

/* "R,G,B" or one number for all channels; fractions such as 1/255 too. Returns an exit code. */
int scoring_channels(cli_context *cli, float out[3], const char *flag, const char *text);
/* The side of all images if it is one of at most 96, else the one the model was published for. */
uint32_t scoring_side(const dsb_dataset *data, const char *model);
/* A model with its weights: as many outputs as `opts` says if `listed`, or else as the weights
 * have, which is then put into `opts`. */
dsb_status scoring_model(cli_context *cli, dsb_model **model, const char *name, const char *weights,
                         dsb_model_opts *opts, const dsb_load_opts *load, bool listed);

#endif
