/* See model_flags.h. */
#include "model_flags.h"

dsb_status model_opts(dsb_model_opts *opts, const model_args *args)
{
    const dsb_status status = dsb_model_opts_init_for(opts, sizeof *opts, args->model);
    if (status != DSB_OK)
        return status;
    if (args->size)
        opts->height = opts->width = (uint32_t)args->size;
    if (args->classes)
        opts->n_classes = (uint32_t)args->classes;
    return DSB_OK;
}
