/* See scoring.h. */
#include "scoring.h"

#include <stdlib.h>

/* "0.4914" or "1/255" */
static bool parse_number(float *out, const char **at)
{
    char *end;
    double value = strtod(*at, &end);
    if (end == *at)
        return false;
    if (*end == '/') {
        const char *below = end + 1;
        value /= strtod(below, &end);
        if (end == below)
            return false;
    }
    *out = (float)value;
    *at = end;
    return true;
}

/* One number for all channels, or three. */
int scoring_channels(cli_context *cli, float out[3], const char *flag, const char *text)
{
    const char *at = text;
    size_t n = 0;
    while (n < 3 && parse_number(&out[n], &at) && ++n < 3 && *at == ',')
        at++;
    if (n == 1)
        out[1] = out[2] = out[0];
    if (*at || n == 0 || n == 2)
        return cli_usage(cli, "--%s: expected a number for each channel, R,G,B, not '%s'", flag,
                         text);
    return CLI_OK;
}

/* Small images of one size are meant to be seen as they are. */
uint32_t scoring_side(const dsb_dataset *data, const char *model)
{
    enum { SMALL = 96 };
    dsb_model_opts own;
    if (dsb_model_opts_init_for(&own, sizeof own, model) != DSB_OK)
        dsb_model_opts_init(&own, sizeof own); /* making the model says what is wrong */
    uint32_t side = 0;
    for (uint64_t i = 0; i < dsb_dataset_count(data); i++) {
        dsb_image_info info;
        dsb_image_info_init(&info, sizeof info);
        if (dsb_dataset_info(data, i, &info) != DSB_OK || info.width != info.height ||
            info.width > SMALL || (side && info.width != side))
            return own.height;
        side = info.width;
    }
    return side ? side : own.height;
}

/* The model with as many outputs as the list has names, or else as its weights have; where these
 * lack the last layer, loading says all that they lack. */
dsb_status scoring_model(cli_context *cli, dsb_model **model, const char *name, const char *weights,
                         dsb_model_opts *opts, const dsb_load_opts *load, bool listed)
{
    uint64_t outputs = 0;
    dsb_status status = dsb_model_create(cli->rt, model, name, opts);
    if (status == DSB_OK && !listed)
        status = dsb_model_load_outputs(*model, &outputs, weights, load);
    if (*model && status == DSB_E_NOTFOUND)
        status = DSB_OK;
    if (status == DSB_OK && outputs != opts->n_classes && outputs > 0 && outputs <= UINT32_MAX) {
        opts->n_classes = (uint32_t)outputs;
        dsb_model_free(*model);
        status = dsb_model_create(cli->rt, model, name, opts);
    }
    return status == DSB_OK ? dsb_model_load_with(*model, weights, load) : status;
}
