/* See zoo.h. */
#include "nn/zoo.h"

enum { MAX_DEPTH = 2000 };

static const double eps = 1e-5;

dsbi_value dsbi_zoo_conv(dsbi_builder *b, dsbi_value x, const char *name, size_t c_out,
                         size_t kernel, size_t stride, size_t groups)
{
    return dsbi_conv(b, x, name,
                     &(dsbi_attrs){.c_out = c_out,
                                   .kernel = kernel,
                                   .stride = stride,
                                   .pad = kernel / 2,
                                   .groups = groups,
                                   .no_bias = true,
                                   .init = {DSBI_INIT_HE_FAN_OUT, 0}});
}

dsbi_value dsbi_zoo_bn(dsbi_builder *b, dsbi_value x, const char *name)
{
    return dsbi_batchnorm(b, x, name, eps);
}

dsbi_value dsbi_zoo_bn_relu(dsbi_builder *b, dsbi_value x, const char *name)
{
    return dsbi_relu(b, dsbi_zoo_bn(b, x, name));
}

void dsbi_zoo_head(dsbi_builder *b, dsbi_value x)
{
    x = dsbi_global_avgpool(b, x);
    x = dsbi_linear_with(b, x, "fc",
                         &(dsbi_attrs){.c_out = b->n_classes, .init = {DSBI_INIT_HE_FAN_OUT, 0}});
    dsbi_graph_output(b, x);
}

size_t dsbi_zoo_blocks(dsbi_builder *b, dsbi_spec *spec, size_t missing, size_t per, size_t rest)
{
    const size_t depth = dsbi_spec_count(b, spec, "depth", missing);
    if (depth <= rest || (depth - rest) % per != 0 || depth > MAX_DEPTH)
        dsbi_builder_fail(b, DSB_E_INVALID, "%s: depth=%zu, must be %zu n + %zu, at most %d",
                          spec->family->name, depth, per, rest, MAX_DEPTH);
    return b->status == DSB_OK ? (depth - rest) / per : 0;
}
