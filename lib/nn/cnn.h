/* What convolutional networks are put together from: convolution, batch norm, ReLU. */
#ifndef DSBI_NN_CNN_H
#define DSBI_NN_CNN_H

#include "nn/family.h"

/* torch.nn.BatchNorm2d's */
#define DSBI_BN_EPS 1e-5

/* k x k without bias, padded to keep the size at stride 1, kaiming_normal over fan_out as in
 * torchvision's models. */
static inline dsbi_attrs dsbi_conv_attrs(size_t c_out, size_t kernel, size_t stride)
{
    return (dsbi_attrs){.c_out = c_out,
                        .kernel = kernel,
                        .stride = stride,
                        .pad = kernel / 2,
                        .no_bias = true,
                        .init = {DSBI_INIT_HE_FAN_OUT, 0}};
}

/* relu(norm(x)) */
static inline dsbi_value dsbi_norm_relu(dsbi_builder *b, dsbi_value x, const char *norm)
{
    return dsbi_relu(b, dsbi_batchnorm(b, x, norm, DSBI_BN_EPS));
}

/* The classifier of torchvision's models: torch.nn.Linear as it is. */
static inline dsbi_value dsbi_classifier(dsbi_builder *b, dsbi_value x, const char *name)
{
    const dsbi_init torch = {DSBI_INIT_TORCH, 0};
    return dsbi_linear_with(
        b, x, name, &(dsbi_attrs){.c_out = b->n_classes, .init = torch, .bias_init = torch});
}

#endif
