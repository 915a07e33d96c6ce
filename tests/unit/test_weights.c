/* Loading weights that others named: readings of names, wrappers, means, key maps, shapes; what
 * does not fit is said by name; other formats are told what they are. */
#include "testing.h"

#include <math.h>
#include "base/file.h"
#include "base/memory.h"
#include "nn/weight_names.h"
#include "nn/nn.h"
#include "nn/safetensors.h"

/* ---- names ---- */

static bool has_reading(const char *theirs, const char *ours)
{
    dsbi_reading r;
    for (dsbi_reading_start(&r, theirs); dsbi_reading_next(&r);)
        if (strcmp(r.name, ours) == 0)
            return true;
    return false;
}

START_TEST(names_are_understood)
{
    static const char *const pairs[][2] = {
        {"layer1.0.conv1.weight", "layer1.0.conv1.weight"},
        {"module.model._orig_mod.conv1.weight", "conv1.weight"},
        {"model_ema.module.conv1.weight", "conv1.weight"},
        {"stem.0.weight", "downsample_layers.0.0.weight"},
        {"stages.0.blocks.11.conv_dw.bias", "stages.0.11.dwconv.bias"},
        {"stages.1.downsample.1.weight", "downsample_layers.1.1.weight"},
        {"stages.3.blocks.2.mlp.fc2.weight", "stages.3.2.pwconv2.weight"},
        {"stages.3.blocks.2.gamma", "stages.3.2.gamma"},
        {"head.norm.weight", "norm.weight"},
        {"head.fc.weight", "head.weight"},
        {"head.fc.weight", "classifier.6.weight"},
        {"features.0.1.bias", "downsample_layers.0.1.bias"},
        {"features.6.0.bias", "downsample_layers.3.0.bias"},
        {"features.5.26.block.0.weight", "stages.2.26.dwconv.weight"},
        {"features.7.0.layer_scale", "stages.3.0.gamma"},
        {"classifier.2.weight", "head.weight"},
        {"module.convnext.encoder.stages.1.layers.0.layer_scale_parameter", "stages.1.0.gamma"},
        {"encoder.layers.encoder_layer_10.self_attention.in_proj_weight",
         "blocks.10.attn.qkv.weight"},
        {"encoder.layers.encoder_layer_0.mlp.3.bias", "blocks.0.mlp.fc2.bias"},
        {"encoder.layers.encoder_layer_0.mlp.linear_1.bias", "blocks.0.mlp.fc1.bias"},
        {"heads.head.weight", "head.weight"},
        {"vit.embeddings.patch_embeddings.projection.bias", "patch_embed.proj.bias"},
        {"model.vit.encoder.layer.11.layernorm_after.bias", "blocks.11.norm2.bias"},
        {"vit.encoder.layer.0.attention.attention.key.weight", "blocks.0.attn.qkv.weight"},
        {"vit.layernorm.weight", "norm.weight"},
        {"encoder.pos_embedding", "pos_embed"},
        {"features.denseblock1.denselayer12.norm.1.running_var",
         "features.denseblock1.denselayer12.norm1.running_var"},
        {"features.denseblock1.denselayer12.conv.2.weight",
         "features.denseblock1.denselayer12.conv2.weight"},
        {"pre_logits.fc2.bias", "classifier.3.bias"},
        {"layer2.0.shortcut.1.weight", "layer2.0.downsample.1.weight"},
        {"linear.bias", "fc.bias"},
        {"resnet.embedder.embedder.convolution.weight", "conv1.weight"},
        {"resnet.embedder.embedder.normalization.bias", "bn1.bias"},
        {"resnet.encoder.stages.3.layers.2.layer.1.convolution.weight", "layer4.2.conv2.weight"},
        {"resnet.encoder.stages.0.layers.0.layer.2.normalization.running_var",
         "layer1.0.bn3.running_var"},
        {"resnet.encoder.stages.1.layers.0.shortcut.convolution.weight",
         "layer2.0.downsample.0.weight"},
        {"classifier.1.bias", "fc.bias"},
        {"conv1.1.running_mean", "bn1.running_mean"},
        {"conv5_x.1.residual_function.3.weight", "layer4.1.conv2.weight"},
        {"module.conv2_x.0.residual_function.7.weight", "layer1.0.bn3.weight"},
        {"conv3_x.0.shortcut.1.bias", "layer2.0.downsample.1.bias"},
        {"block2.layer.11.bn2.weight", "features.denseblock2.denselayer12.norm2.weight"},
        {"module.dense3.0.conv1.weight", "features.denseblock3.denselayer1.conv1.weight"},
        {"trans2.conv1.weight", "features.transition2.conv.weight"},
        {"features.norm_final.weight", "features.norm5.weight"},
        {"timm_model.layer1.0.conv1.weight", "layer1.0.conv1.weight"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        ck_assert_msg(has_reading(pairs[i][0], pairs[i][1]), "%s is not read as %s", pairs[i][0],
                      pairs[i][1]);
    char long_name[400];
    memset(long_name, 'a', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    dsbi_reading r;
    dsbi_reading_start(&r, long_name);
    ck_assert(!dsbi_reading_next(&r));
    ck_assert(dsbi_name_is_idle("module.bn1.num_batches_tracked"));
    ck_assert(dsbi_name_is_idle("n_averaged") && !dsbi_name_is_idle("conv1.weight"));
}
END_TEST

START_TEST(patterns_match_whole_names)
{
    char out[DSBI_MAX_NAME];
    ck_assert(dsbi_name_rewrite(out, "a.#.*", "b.$2.$1/2", "a.7.x.y"));
    ck_assert_str_eq(out, "b.x.y.3");
    ck_assert(dsbi_name_rewrite(out, "a#.#", "$1-1.$2+1", "a10.99"));
    ck_assert_str_eq(out, "9.100");
    ck_assert(!dsbi_name_rewrite(out, "a#", "$1-1", "a0"));
    ck_assert(dsbi_name_rewrite(out, "*.norm.#.*", "$1|$2|$3", "p.norm.norm.2.w"));
    ck_assert_str_eq(out, "p.norm|2|w");
    ck_assert(!dsbi_name_rewrite(out, "a.#.b", "$1", "a..b"));
    ck_assert(!dsbi_name_rewrite(out, "a.#.b", "$1", "a.1.bc"));
    ck_assert(!dsbi_name_rewrite(out, "a.#", "$1", "a.1x"));
    ck_assert(!dsbi_name_rewrite(out, "abc", "", "ab"));
    char long_name[DSBI_MAX_NAME + 1];
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    ck_assert(!dsbi_name_rewrite(out, "*", "$1", long_name));
    ck_assert(dsbi_name_rewrite(out, "*", "$1", long_name + 1));
}
END_TEST

/* ---- files ---- */

static const char spec[] = "convnext:depths=1-1-1-1,dims=2-3-4-5";

static dsb_model *make_model(dsb_runtime *rt, const char *network, uint64_t seed)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = 3;
    opts.height = opts.width = 32;
    opts.seed = seed;
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, network, &opts));
    return model;
}

/* A file made of a model's parameters under other names. */
enum { MOST = 128 };
typedef struct entry {
    char name[160];
    const dsb_model *model;
    const dsbi_param *param;
    size_t rank, dims[8];
    float scale;
    size_t parts, part; /* the file holds this part of the rows */
} entry;
typedef struct listing {
    entry entries[MOST];
    size_t n;
} listing;

static void read_entry(const void *user, float *out)
{
    const entry *e = user;
    const size_t n = e->param->size / e->parts;
    float *values = calloc(e->param->size, sizeof *values);
    dsbi_param_read(e->param, e->model->math, e->model->params, values);
    for (size_t i = 0; i < n; i++)
        out[i] = values[e->part * n + i] * e->scale;
    free(values);
}

static void put(void *user, const void *bytes, size_t n_bytes)
{
    dsbi_text_add_n(user, bytes, n_bytes);
}

static entry *add_entry(listing *list, const dsb_model *model, size_t param, const char *prefix)
{
    entry *e = &list->entries[list->n++];
    *e = (entry){.model = model, .param = &model->graph->params[param], .scale = 1, .parts = 1};
    snprintf(e->name, sizeof e->name, "%s%s", prefix, e->param->name);
    e->rank = e->param->rank;
    memcpy(e->dims, e->param->dims, sizeof e->param->dims);
    return e;
}

static listing *list_all(const dsb_model *model, const char *prefix)
{
    listing *list = calloc(1, sizeof *list);
    ck_assert_uint_le(model->graph->n_params, MOST / 2);
    for (size_t i = 0; i < model->graph->n_params; i++)
        add_entry(list, model, i, prefix);
    return list;
}

static entry *entry_named(listing *list, const char *name)
{
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->entries[i].name, name) == 0)
            return &list->entries[i];
    ck_abort_msg("no entry %s", name);
    return NULL;
}

static dsb_status load_list(dsb_model *into, const listing *list, const char *keymap)
{
    dsbi_text text;
    const dsbi_st_sink sink = {put, &text};
    dsbi_st_source sources[MOST];
    dsbi_text_init(&text, into->rt);
    for (size_t i = 0; i < list->n; i++) {
        const entry *e = &list->entries[i];
        sources[i] = (dsbi_st_source){
            e->name, DSBI_ST_F32, e->rank, e->dims, e->param->size / e->parts, read_entry, e};
    }
    ck_assert_ok(dsbi_st_write(into->rt, &sink, sources, list->n, NULL));
    const dsb_status status = dsbi_model_read(into, (const uint8_t *)text.data, text.size, keymap,
                                              keymap ? strlen(keymap) : 0);
    dsbi_text_free(&text);
    return status;
}

static void expect_same(const dsb_model *a, const dsb_model *b)
{
    ck_assert_mem_eq(a->params, b->params, a->graph->arena_size * sizeof(float));
}

typedef struct pair {
    dsb_runtime *rt;
    dsb_model *from, *into;
} pair;

static pair make_pair_of(const char *network)
{
    dsb_runtime *rt = make_runtime(1);
    return (pair){rt, make_model(rt, network, 1), make_model(rt, network, 2)};
}

static pair make_pair(void)
{
    return make_pair_of(spec);
}

static void end_pair(pair p, listing *list)
{
    free(list);
    dsb_model_free(p.from);
    dsb_model_free(p.into);
    dsb_runtime_free(p.rt);
}

START_TEST(wrappers_are_taken_off)
{
    pair p = make_pair();
    listing *list = list_all(p.from, "state_dict.module.");
    ck_assert_ok(load_list(p.into, list, NULL));
    expect_same(p.from, p.into);
    end_pair(p, list);
}
END_TEST

/* Weights and their mean in one file: the mean is taken, where there is one. */
START_TEST(the_mean_comes_first)
{
    pair p = make_pair();
    listing *list = list_all(p.from, "model.");
    const size_t n = list->n;
    for (size_t i = 0; i < n; i++)
        list->entries[i].scale = 3;
    list->entries[n - 1].scale = 1; /* without a mean */
    for (size_t i = 0; i < n - 1; i++)
        add_entry(list, p.from, i, i % 2 ? "ema." : "model_ema.module.");
    ck_assert_ok(load_list(p.into, list, NULL));
    expect_same(p.from, p.into);
    end_pair(p, list);
}
END_TEST

START_TEST(a_key_map_says_the_rest)
{
    pair p = make_pair();
    listing *list = list_all(p.from, "");
    strcpy(entry_named(list, "head.weight")->name, "net/out:w");
    strcpy(entry_named(list, "norm.bias")->name, "head.bias "); /* not what it seems */
    const char *map = "{\"head.weight\": \"net/out:w\", \"norm.bias\": \"head.bias \","
                      " \"bn.num_batches_tracked\": \"none\", \"stages.0.0.gamma\": \"none\"}";
    ck_assert_ok(load_list(p.into, list, map));
    expect_same(p.from, p.into);
    ck_assert_fails(load_list(p.into, list, NULL), DSB_E_NOTFOUND, "2 missing: norm.bias, head.w");
    ck_assert_fails(load_list(p.into, list, "[]"), DSB_E_FORMAT, "key map");
    ck_assert_fails(load_list(p.into, list, "{\"a\": 1}"), DSB_E_FORMAT, "\"a\" is no name");
    ck_assert_fails(load_list(p.into, list, "{\"a\": \"b\""), DSB_E_FORMAT, "key map");
    end_pair(p, list);
}
END_TEST

START_TEST(shapes_may_differ_in_ones)
{
    pair p = make_pair();
    listing *list = list_all(p.from, "");
    entry *head = entry_named(list, "head.weight"), *gamma = entry_named(list, "stages.0.0.gamma"),
          *pw = entry_named(list, "stages.1.0.pwconv1.weight"),
          *dw = entry_named(list, "stages.1.0.dwconv.weight"),
          *stem = entry_named(list, "downsample_layers.0.0.weight");
    head->rank = pw->rank = 4;
    head->dims[2] = head->dims[3] = pw->dims[2] = pw->dims[3] = 1;
    gamma->rank = 3;
    gamma->dims[1] = gamma->dims[2] = 1;
    dw->rank = 3;
    dw->dims[1] = dw->dims[2] = 7;
    stem->rank = 2;
    stem->dims[1] = 48;
    ck_assert_ok(load_list(p.into, list, NULL));
    expect_same(p.from, p.into);
    head->dims[0] = 5; /* transposed, as TensorFlow has it */
    head->dims[1] = 3;
    pw->rank = 2;
    pw->dims[0] = 3;
    pw->dims[1] = 12;
    ck_assert_fails(load_list(p.into, list, NULL), DSB_E_SHAPE,
                    "2 misshapen: stages.1.0.pwconv1.weight is [3,12], expected [12,3], "
                    "head.weight is [5,3,1,1], expected [3,5]");
    end_pair(p, list);
}
END_TEST

START_TEST(what_does_not_fit_is_named)
{
    pair p = make_pair();
    listing *list = list_all(p.from, "");
    strcpy(entry_named(list, "head.weight")->name, "tail.weight");
    ck_assert_fails(load_list(p.into, list, NULL), DSB_E_NOTFOUND,
                    "1 missing: head.weight; 1 extra: tail.weight");
    strcpy(entry_named(list, "norm.weight")->name, "fc.bias"); /* a reading of head.bias, taken */
    ck_assert_fails(load_list(p.into, list, NULL), DSB_E_NOTFOUND, "2 extra: fc.bias, tail.weight");
    for (size_t i = 0; i < 20; i++)
        snprintf(list->entries[i].name, sizeof list->entries[i].name, "x%zu", i);
    ck_assert_fails(load_list(p.into, list, NULL), DSB_E_NOTFOUND, "22 missing: ");
    ck_assert_ptr_nonnull(strstr(dsb_last_error(), " and 10 more; 22 extra: fc.bias, "));
    list->n = 0;
    ck_assert_fails(load_list(p.into, list, NULL), DSB_E_NOTFOUND, "missing");
    end_pair(p, list);
}
END_TEST

/* In the place of a parameter its thirds, as transformers keeps query, key and value. */
static entry *add_third(listing *list, const entry *whole, size_t third, const char *name)
{
    entry *e = &list->entries[list->n++];
    *e = *whole;
    e->parts = 3;
    e->part = third;
    e->dims[0] /= 3;
    snprintf(e->name, sizeof e->name, "vit.encoder.layer.0.attention.attention.%s", name);
    return e;
}

START_TEST(query_key_and_value_may_be_apart)
{
    static const char *const names[] = {"query.weight", "key.weight", "value.weight"};
    pair p = make_pair_of("vit:patch=8,dim=12,depth=1,heads=2,mlp=24");
    listing *list = list_all(p.from, "");
    entry *qkv = entry_named(list, "blocks.0.attn.qkv.weight"), whole = *qkv, *value = NULL;
    *qkv = list->entries[--list->n];
    for (size_t i = 0; i < 3; i++)
        value = add_third(list, &whole, i, names[i]);
    ck_assert_ok(load_list(p.into, list, NULL));
    expect_same(p.from, p.into);
    strcpy(value->name, "value.weight");
    ck_assert_fails(load_list(p.into, list, NULL), DSB_E_NOTFOUND,
                    "1 missing: blocks.0.attn.qkv.weight; 1 extra: value.weight");
    value->dims[0] = 3;
    value->dims[1] = 48;
    strcpy(value->name, "vit.encoder.layer.0.attention.attention.value.weight");
    ck_assert_fails(load_list(p.into, list, NULL), DSB_E_SHAPE,
                    "(vit.encoder.layer.0.attention.attention.value.weight in the file) is [3,48], "
                    "expected [12,12]");
    value->dims[0] = value->dims[1] = 12;
    list->entries[list->n++] = whole; /* beside its thirds: one of them is too many */
    ck_assert_fails(load_list(p.into, list, NULL), DSB_E_NOTFOUND, "3 extra: vit.encoder.layer.0");
    end_pair(p, list);
}
END_TEST

/* ---- whole files ---- */

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void make_folder(void)
{
    strcpy(folder, "/tmp/dsbias_test_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
}

static void write_file(dsb_runtime *rt, const char *name, const void *bytes, size_t size)
{
    ck_assert_ok(dsbi_file_write_atomic(rt, in_folder(name), bytes, size));
}

START_TEST(options_relax_and_check)
{
    pair p = make_pair();
    make_folder();
    dsb_load_opts opts;
    dsb_load_opts_init(&opts, sizeof opts);
    float nan = NAN, *head = calloc(15, sizeof *head), before[15];
    ck_assert_ok(dsb_model_param_get(p.from, head, 15, p.from->graph->n_params - 2));
    head[7] = nan;
    ck_assert_ok(dsb_model_param_set(p.from, p.from->graph->n_params - 2, head, 15));
    ck_assert_ok(dsb_model_save(p.from, in_folder("a")));
    opts.check_finite = 1;
    ck_assert_ok(dsb_model_param_get(p.into, before, 15, p.into->graph->n_params - 2));
    ck_assert_fails(dsb_model_load_with(p.into, in_folder("a"), &opts), DSB_E_NUMERIC,
                    "head.weight holds nan");
    ck_assert_ok(dsb_model_param_get(p.into, head, 15, p.into->graph->n_params - 2));
    ck_assert_mem_eq(head, before, sizeof before);
    ck_assert_ok(dsb_model_load(p.into, in_folder("a")));

    const char map[] = "{\"head.weight\": \"nowhere\"}";
    write_file(p.rt, "map.json", map, strlen(map));
    char keymap[128];
    snprintf(keymap, sizeof keymap, "%s", in_folder("map.json"));
    dsb_load_opts_init(&opts, sizeof opts);
    opts.keymap = keymap;
    ck_assert_ok(dsb_model_load_with(p.into, in_folder("a"), &opts));
    opts.keymap = "/nowhere/map.json";
    ck_assert_fails(dsb_model_load_with(p.into, in_folder("a"), &opts), DSB_E_NOTFOUND,
                    "/nowhere/map.json");

    listing *list = list_all(p.from, "");
    const char header[] = "{\"x\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}";
    uint8_t other[8 + sizeof header - 1 + 4] = {sizeof header - 1};
    memcpy(other + 8, header, sizeof header - 1);
    write_file(p.rt, "other", other, sizeof other);
    dsb_load_opts_init(&opts, sizeof opts);
    ck_assert_fails(dsb_model_load_with(p.into, in_folder("other"), &opts), DSB_E_NOTFOUND,
                    "1 extra: x");
    opts.allow_missing = 1;
    ck_assert_fails(dsb_model_load_with(p.into, in_folder("other"), &opts), DSB_E_NOTFOUND,
                    "model: 1 extra: x");
    opts.allow_extra = 1;
    ck_assert_ok(dsb_model_load_with(p.into, in_folder("other"), &opts));
    opts.reserved = 1;
    ck_assert_fails(dsb_model_load_with(p.into, in_folder("other"), &opts), DSB_E_INVALID,
                    "reserved");
    unlink(in_folder("a"));
    unlink(in_folder("other"));
    unlink(in_folder("map.json"));
    rmdir(folder);
    free(head);
    end_pair(p, list);
}
END_TEST

START_TEST(bfloat16_is_half_the_size)
{
    pair p = make_pair();
    make_folder();
    ck_assert_ok(dsb_model_save_as(p.from, in_folder("b"), DSB_SAVE_BF16));
    ck_assert_ok(dsb_model_load(p.into, in_folder("b")));
    const float *a = p.from->params, *b = p.into->params;
    for (size_t i = 0; i < p.from->graph->arena_size; i++)
        ck_assert(fabsf(a[i] - b[i]) <= fabsf(a[i]) / 256);
    ck_assert_int_ne(memcmp(a, b, p.from->graph->arena_size * sizeof *a), 0);
    ck_assert_fails(dsb_model_save_as(p.from, in_folder("b"), 2), DSB_E_INVALID, "dtype is 2");
    ck_assert_fails(dsb_model_save_as(p.from, "/nowhere/b", 1), DSB_E_NOTFOUND, "/nowhere/b");
    unlink(in_folder("b"));
    rmdir(folder);
    end_pair(p, NULL);
}
END_TEST

START_TEST(bfloat16_is_rounded_to_even)
{
    static const struct {
        float value;
        uint32_t bits;
    } known[] = {
        {1.0f, 0x3f80},          {1.00390625f, 0x3f80}, /* a tie, down to even */
        {1.01171875f, 0x3f82},   /* a tie, up to even */ {1.00390636f, 0x3f81},
        {-1.0f, 0xbf80},         {INFINITY, 0x7f80},
        {3.4028235e38f, 0x7f80}, {0.0f, 0},
        {-0.0f, 0x8000},         {1e-45f, 0},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        ck_assert_uint_eq(dsbi_float_to_bfloat(known[i].value), known[i].bits);
    ck_assert_uint_gt(dsbi_float_to_bfloat(NAN) & 0x7fff, 0x7f80);
}
END_TEST

START_TEST(other_formats_are_named)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *part;
    } files[] = {
        {"PK\3\4....archive/data.pkl......", 30, "this line of Python: import torch"},
        {"\x80\x02\x8a\x0al\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 15, "before 1.6"},
        {"\x80\x04\x95........", 11, "a Python pickle"},
        {"PK\3\4....arr_0.npy......", 24, "npz"},
        {"\x89HDF\r\n\x1a\n......", 14, "HDF5"},
        {"\x08\x07\x12\x07pytorch\x1a\x05", 13, "ONNX"},
        {"\x93NUMPY\1\0....", 12, "npy"},
        {"version https://git-lfs.github.com/spec/v1\noid", 46, "git lfs pull"},
        {"GGUF\3\0\0\0....", 12, "GGUF"},
        {"{\"metadata\": {}, \"weight_map\": {}}", 34, "several files"},
        {"\x1f\x8b\x08.........", 12, "gzip"},
    };
    pair p = make_pair();
    make_folder();
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        write_file(p.rt, "w.pth", files[i].bytes, files[i].size);
        ck_assert_fails(dsb_model_load(p.into, in_folder("w.pth")), DSB_E_UNSUPPORTED,
                        files[i].part);
        ck_assert_ptr_nonnull(strstr(dsb_last_error(), in_folder("w.pth")));
    }
    write_file(p.rt, "w.pth", "nothing known", 13);
    ck_assert_fails(dsb_model_load(p.into, in_folder("w.pth")), DSB_E_FORMAT, "safetensors: ");
    write_file(p.rt, "w.pth", "PK\3\4....archive/data.pkl......", 30);
    dsb_model_load(p.into, in_folder("w.pth"));
    char saved[128];
    snprintf(saved, sizeof saved, "\"%s/w.safetensors\")", folder);
    ck_assert_ptr_nonnull(strstr(dsb_last_error(), saved));
    unlink(in_folder("w.pth"));
    rmdir(folder);
    end_pair(p, NULL);
}
END_TEST

int main(void)
{
    return run_tests(
        "weights", names_are_understood, patterns_match_whole_names, wrappers_are_taken_off,
        the_mean_comes_first, a_key_map_says_the_rest, shapes_may_differ_in_ones,
        what_does_not_fit_is_named, query_key_and_value_may_be_apart, options_relax_and_check,
        bfloat16_is_half_the_size, bfloat16_is_rounded_to_even, other_formats_are_named, NULL);
}
