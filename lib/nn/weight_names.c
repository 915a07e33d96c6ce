/* See weight_names.h. The rules are one flat list: one applies where its result is a parameter of
 * the model at hand, so rules for other networks do no harm. */
#include "nn/weight_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* In front of every name, in any number and order. */
static const struct {
    const char *prefix;
    bool ema;
} wrappers[] = {
    {"module.", false},
    {"model.", false},
    {"state_dict.", false},
    {"_orig_mod.", false},
    {"model_state_dict.", false},
    {"net.", false},
    {"network.", false},
    {"backbone.", false},
    {"params.", false},
    {"model_ema.", true},
    {"state_dict_ema.", true},
    {"ema.", true},
    {"ema_model.", true},
    {"ema_state_dict.", true},
    {"params_ema.", true},
    {"averaged_model.", true},
    {"vit.", false},
    {"resnet.", false},
    {"timm_model.", false},
};

typedef struct name_rule {
    const char *theirs, *ours;
} name_rule;

/* Every library has its own word for the last layer. */
/* clang-format off */
#define LAST_LAYER(ours)                                                                         \
    {"fc.*", ours ".$1"}, {"linear.*", ours ".$1"}, {"head.*", ours ".$1"},             \
    {"classifier.*", ours ".$1"}, {"head.fc.*", ours ".$1"},                               \
    {"heads.head.*", ours ".$1"}, {"last_linear.*", ours ".$1"}
/* clang-format on */

static const name_rule rules[] = {
    {"*", "$1"},
    /* ConvNeXt: timm */
    {"stem.#.*", "downsample_layers.0.$1.$2"},
    {"stages.#.downsample.#.*", "downsample_layers.$1.$2.$3"},
    {"stages.#.blocks.#.conv_dw.*", "stages.$1.$2.dwconv.$3"},
    {"stages.#.blocks.#.mlp.fc#.*", "stages.$1.$2.pwconv$3.$4"},
    {"stages.#.blocks.#.*", "stages.$1.$2.$3"},
    {"head.norm.*", "norm.$1"},
    /* ConvNeXt: torchvision; features 0, 2, 4, 6 are between the stages, 1, 3, 5, 7 the stages */
    {"features.#.#.block.0.*", "stages.$1/2.$2.dwconv.$3"},
    {"features.#.#.block.2.*", "stages.$1/2.$2.norm.$3"},
    {"features.#.#.block.3.*", "stages.$1/2.$2.pwconv1.$3"},
    {"features.#.#.block.5.*", "stages.$1/2.$2.pwconv2.$3"},
    {"features.#.#.layer_scale", "stages.$1/2.$2.gamma"},
    {"features.#.#.*", "downsample_layers.$1/2.$2.$3"},
    {"classifier.0.*", "norm.$1"},
    {"classifier.2.*", "head.$1"},
    /* ConvNeXt: transformers */
    {"convnext.embeddings.patch_embeddings.*", "downsample_layers.0.0.$1"},
    {"convnext.embeddings.layernorm.*", "downsample_layers.0.1.$1"},
    {"convnext.encoder.stages.#.downsampling_layer.#.*", "downsample_layers.$1.$2.$3"},
    {"convnext.encoder.stages.#.layers.#.layernorm.*", "stages.$1.$2.norm.$3"},
    {"convnext.encoder.stages.#.layers.#.layer_scale_parameter", "stages.$1.$2.gamma"},
    {"convnext.encoder.stages.#.layers.#.*", "stages.$1.$2.$3"},
    {"convnext.layernorm.*", "norm.$1"},
    /* ViT: torchvision */
    {"class_token", "cls_token"},
    {"encoder.pos_embedding", "pos_embed"},
    {"conv_proj.*", "patch_embed.proj.$1"},
    {"encoder.layers.encoder_layer_#.ln_#.*", "blocks.$1.norm$2.$3"},
    {"encoder.layers.encoder_layer_#.self_attention.in_proj_*", "blocks.$1.attn.qkv.$2"},
    {"encoder.layers.encoder_layer_#.self_attention.out_proj.*", "blocks.$1.attn.proj.$2"},
    {"encoder.layers.encoder_layer_#.mlp.linear_#.*", "blocks.$1.mlp.fc$2.$3"},
    {"encoder.layers.encoder_layer_#.mlp.0.*", "blocks.$1.mlp.fc1.$2"},
    {"encoder.layers.encoder_layer_#.mlp.3.*", "blocks.$1.mlp.fc2.$2"},
    {"encoder.ln.*", "norm.$1"},
    /* ViT: transformers */
    {"embeddings.cls_token", "cls_token"},
    {"embeddings.position_embeddings", "pos_embed"},
    {"embeddings.patch_embeddings.projection.*", "patch_embed.proj.$1"},
    {"encoder.layer.#.layernorm_before.*", "blocks.$1.norm1.$2"},
    {"encoder.layer.#.layernorm_after.*", "blocks.$1.norm2.$2"},
    {"encoder.layer.#.attention.output.dense.*", "blocks.$1.attn.proj.$2"},
    {"encoder.layer.#.intermediate.dense.*", "blocks.$1.mlp.fc1.$2"},
    {"encoder.layer.#.output.dense.*", "blocks.$1.mlp.fc2.$2"},
    {"layernorm.*", "norm.$1"},
    {"layernorm.*", "fc_norm.$1"},
    /* ViT: torch.nn.MultiheadAttention inside timm's names; the norm behind mean pooling */
    {"blocks.#.attn.in_proj_*", "blocks.$1.attn.qkv.$2"},
    {"blocks.#.attn.out_proj.*", "blocks.$1.attn.proj.$2"},
    {"fc_norm.*", "norm.$1"},
    {"norm.*", "fc_norm.$1"},
    /* VGG: timm */
    {"pre_logits.fc1.*", "classifier.0.$1"},
    {"pre_logits.fc2.*", "classifier.3.$1"},
    /* DenseNet: torchvision before 2018 */
    {"*.norm.#.*", "$1.norm$2.$3"},
    {"*.conv.#.*", "$1.conv$2.$3"},
    /* DenseNet on CIFAR: gpleiss; andreasveit; bearpaw (others of these names join new channels in
     * front, and call what is behind a block otherwise) */
    {"features.norm_final.*", "features.norm5.$1"},
    {"block#.layer.#.bn#.*", "features.denseblock$1.denselayer$2+1.norm$3.$4"},
    {"block#.layer.#.conv#.*", "features.denseblock$1.denselayer$2+1.conv$3.$4"},
    {"dense#.#.bn#.*", "features.denseblock$1.denselayer$2+1.norm$3.$4"},
    {"dense#.#.conv#.*", "features.denseblock$1.denselayer$2+1.conv$3.$4"},
    {"trans#.bn1.*", "features.transition$1.norm.$2"},
    {"trans#.conv1.*", "features.transition$1.conv.$2"},
    {"conv1.*", "features.conv0.$1"},
    {"bn1.*", "features.norm5.$1"},
    {"bn.*", "features.norm5.$1"},
    /* ResNet: transformers */
    {"embedder.embedder.convolution.*", "conv1.$1"},
    {"embedder.embedder.normalization.*", "bn1.$1"},
    {"encoder.stages.#.layers.#.shortcut.convolution.*", "layer$1+1.$2.downsample.0.$3"},
    {"encoder.stages.#.layers.#.shortcut.normalization.*", "layer$1+1.$2.downsample.1.$3"},
    {"encoder.stages.#.layers.#.layer.#.convolution.*", "layer$1+1.$2.conv$3+1.$4"},
    {"encoder.stages.#.layers.#.layer.#.normalization.*", "layer$1+1.$2.bn$3+1.$4"},
    {"classifier.1.*", "fc.$1"},
    /* ResNet on CIFAR: weiaicunzai */
    {"conv1.0.*", "conv1.$1"},
    {"conv1.1.*", "bn1.$1"},
    {"conv#_x.#.residual_function.0.*", "layer$1-1.$2.conv1.$3"},
    {"conv#_x.#.residual_function.1.*", "layer$1-1.$2.bn1.$3"},
    {"conv#_x.#.residual_function.3.*", "layer$1-1.$2.conv2.$3"},
    {"conv#_x.#.residual_function.4.*", "layer$1-1.$2.bn2.$3"},
    {"conv#_x.#.residual_function.6.*", "layer$1-1.$2.conv3.$3"},
    {"conv#_x.#.residual_function.7.*", "layer$1-1.$2.bn3.$3"},
    {"conv#_x.#.shortcut.#.*", "layer$1-1.$2.downsample.$3.$4"},
    /* ResNet on CIFAR: several */
    {"*.shortcut.#.*", "$1.downsample.$2.$3"},
    {"*.downsample.#.*", "$1.shortcut.$2.$3"},
    LAST_LAYER("fc"),
    LAST_LAYER("linear"),
    LAST_LAYER("head"),
    LAST_LAYER("classifier"),
    LAST_LAYER("classifier.6"),
};

/* Query, key and value apart, by turns: thirds of the rows of a parameter that holds all. */
static const name_rule thirds[] = {
    /* ViT: transformers */
    {"encoder.layer.#.attention.attention.query.*", "blocks.$1.attn.qkv.$2"},
    {"encoder.layer.#.attention.attention.key.*", "blocks.$1.attn.qkv.$2"},
    {"encoder.layer.#.attention.attention.value.*", "blocks.$1.attn.qkv.$2"},
    /* ViT: inside timm's names */
    {"blocks.#.attn.q_proj.*", "blocks.$1.attn.qkv.$2"},
    {"blocks.#.attn.k_proj.*", "blocks.$1.attn.qkv.$2"},
    {"blocks.#.attn.v_proj.*", "blocks.$1.attn.qkv.$2"},
};
enum {
    N_WHOLE = sizeof rules / sizeof rules[0],
    N_RULES = N_WHOLE + sizeof thirds / sizeof thirds[0]
};

enum { MAX_HOLES = 6, MAX_FILE_NAME = 256, MAX_WRAPPERS = 6 };

typedef struct hole {
    const char *text;
    size_t size;
} hole;

static bool match(const char *pattern, const char *text, hole *holes, size_t left)
{
    while (*pattern && *pattern != '*' && *pattern != '#')
        if (*pattern++ != *text++)
            return false;
    if (!*pattern)
        return !*text;
    if (left == 0)
        return false;
    holes->text = text;
    if (*pattern == '#') {
        holes->size = strspn(text, "0123456789");
        return holes->size > 0 && match(pattern + 1, text + holes->size, holes + 1, left - 1);
    }
    if (!pattern[1]) { /* the usual case, an ending */
        holes->size = strlen(text);
        return true;
    }
    for (holes->size = 0; text[holes->size]; holes->size++)
        if (match(pattern + 1, text + holes->size, holes + 1, left - 1))
            return true;
    return false;
}

static bool append(char *out, size_t *used, const char *text, size_t size)
{
    if (size >= DSBI_MAX_NAME - *used)
        return false;
    memcpy(out + *used, text, size);
    *used += size;
    return true;
}

/* Number n after "/2", "+1" or "-1". */
static bool append_number(char *out, size_t *used, unsigned long n, const char *change)
{
    char digits[24];
    if (*change == '-' && n == 0)
        return false;
    n = *change == '/' ? n / 2 : *change == '+' ? n + 1 : n - 1;
    return append(out, used, digits, (size_t)snprintf(digits, sizeof digits, "%lu", n));
}

bool dsbi_name_rewrite(char out[DSBI_MAX_NAME], const char *pattern, const char *meaning,
                       const char *text)
{
    hole holes[MAX_HOLES] = {{0}};
    size_t used = 0;
    if (!match(pattern, text, holes, MAX_HOLES))
        return false;
    for (; *meaning; meaning++) {
        if (*meaning != '$') {
            if (!append(out, &used, meaning, 1))
                return false;
            continue;
        }
        const hole *h = &holes[*++meaning - '1'];
        if (strchr("/+-", meaning[1]) && meaning[1]) {
            if (!append_number(out, &used, strtoul(h->text, NULL, 10), ++meaning))
                return false;
            meaning++;
        } else if (!append(out, &used, h->text, h->size)) {
            return false;
        }
    }
    out[used] = '\0';
    return true;
}

/* The text behind the foremost wrapper, NULL without one. */
static const char *unwrap(const char *name, bool *ema)
{
    for (size_t i = 0; i < sizeof wrappers / sizeof wrappers[0]; i++) {
        const size_t size = strlen(wrappers[i].prefix);
        if (strncmp(name, wrappers[i].prefix, size) == 0) {
            *ema = *ema || wrappers[i].ema;
            return name + size;
        }
    }
    return NULL;
}

void dsbi_reading_start(dsbi_reading *r, const char *file_name)
{
    *r = (dsbi_reading){.rest = strlen(file_name) <= MAX_FILE_NAME ? file_name : NULL};
}

bool dsbi_reading_next(dsbi_reading *r)
{
    if (r->started)
        r->rule++;
    r->started = true;
    for (; r->rest && r->wrappers <= MAX_WRAPPERS; r->wrappers++) {
        for (; r->rule < N_RULES; r->rule++) {
            const bool whole = r->rule < N_WHOLE;
            const name_rule *rule = whole ? &rules[r->rule] : &thirds[r->rule - N_WHOLE];
            r->third = whole ? 0 : (uint32_t)(r->rule - N_WHOLE) % 3 + 1;
            if (dsbi_name_rewrite(r->name, rule->theirs, rule->ours, r->rest))
                return true;
        }
        r->rest = unwrap(r->rest, &r->ema);
        r->rule = 0;
    }
    return false;
}

bool dsbi_name_is_idle(const char *file_name)
{
    static const char *const endings[] = {"num_batches_tracked", "n_averaged"};
    const size_t size = strlen(file_name);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        const size_t n = strlen(endings[i]);
        if (size >= n && strcmp(file_name + size - n, endings[i]) == 0 &&
            (size == n || file_name[size - n - 1] == '.'))
            return true;
    }
    return false;
}
