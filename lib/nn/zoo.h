/* What the CIFAR networks of hysts/pytorch_image_classification share: convolutions without bias,
 * batch norm with ReLU, the classifier, names stage1.block1, initial values. (He et al. 2015,
 * kaiming_normal with fan_out, also for the classifier.) */
#ifndef DSBI_NN_ZOO_H
#define DSBI_NN_ZOO_H

#include "nn/family.h"

enum { DSBI_ZOO_STAGES = 3 };

/* kernel x kernel with the padding that keeps the size at stride 1. */
dsbi_value dsbi_zoo_conv(dsbi_builder *b, dsbi_value x, const char *name, size_t c_out,
                         size_t kernel, size_t stride, size_t groups);
dsbi_value dsbi_zoo_bn(dsbi_builder *b, dsbi_value x, const char *name);
dsbi_value dsbi_zoo_bn_relu(dsbi_builder *b, dsbi_value x, const char *name);
/* Mean over the pixels, linear "fc", output. */
void dsbi_zoo_head(dsbi_builder *b, dsbi_value x);

/* Option depth = per * n + rest; gives n, the blocks of a stage. */
size_t dsbi_zoo_blocks(dsbi_builder *b, dsbi_spec *spec, size_t missing, size_t per, size_t rest);

/* models/random_features.c: all but the classifier, for the closed form that sets its weights. */
dsbi_value dsbi_random_features_body(dsbi_builder *b, dsbi_spec *spec);
extern const dsbi_family dsbi_family_random_features;

#endif
