/* Weight files: any bytes are refused or read, within bounds; what is accepted covers the file
 * exactly, and models of several families take it or leave it. Input: a safetensors file; or a key
 * map (JSON, first byte '{'), a NUL, and the file. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "base/memory.h"
#include "fuzz.h"
#include "nn/foreign.h"
#include "nn/nn.h"
#include "nn/safetensors.h"

static const char *const specs[] = {
    "convnext:depths=1-1-1-1,dims=1-1-1-1",
    "vit:patch=16,dim=2,depth=1,heads=1,mlp=2",
};
enum { N_MODELS = sizeof specs / sizeof specs[0] };

static dsb_runtime *rt;
static dsb_model *models[N_MODELS];

static void set_up(void)
{
    dsb_runtime_opts runtime;
    dsb_runtime_opts_init(&runtime, sizeof runtime);
    runtime.n_threads = 1;
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = 1;
    opts.height = opts.width = 32;
    if (dsb_runtime_create(&rt, &runtime) != DSB_OK)
        abort();
    for (size_t i = 0; i < N_MODELS; i++)
        if (dsb_model_create(rt, &models[i], specs[i], &opts) != DSB_OK)
            abort();
}

static void read_values(const dsbi_safetensors *st)
{
    for (size_t i = 0; i < st->n; i++) {
        const dsbi_st_tensor *tensor = &st->tensors[i];
        if (tensor->size > 1 << 16)
            continue;
        float *values = dsbi_alloc_array(rt, (size_t)tensor->size, sizeof *values);
        assert(values);
        const dsb_status status = dsbi_st_read(st, tensor, values);
        assert(status == DSB_OK || status == DSB_E_DTYPE);
        dsbi_free(rt, values);
    }
}

static void load(const dsbi_safetensors *st, const dsbi_json_value *keymap)
{
    for (size_t i = 0; i < N_MODELS; i++) {
        const uint64_t before = dsb_runtime_memory(rt);
        const dsb_status status = dsbi_model_take(models[i], st, keymap);
        assert(status == DSB_OK || (status < 0 && dsb_last_error()[0] != '\0'));
        assert(dsb_runtime_memory(rt) == before);
    }
}

static void read_file(const uint8_t *data, size_t size, const dsbi_json_value *keymap)
{
    dsbi_safetensors st;
    const dsb_status status = dsbi_st_parse(rt, &st, data, size);
    if (status == DSB_OK) {
        read_values(&st);
        load(&st, keymap);
        dsbi_st_free(&st);
    } else {
        assert(status < 0 && dsb_last_error()[0] != '\0');
        dsbi_foreign_check(data, size < DSBI_FOREIGN_HEAD ? size : DSBI_FOREIGN_HEAD, "x");
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!rt)
        set_up();
    const uint8_t *nul = size > 0 && data[0] == '{' ? memchr(data, '\0', size) : NULL;
    dsbi_json *keymap = NULL;
    if (nul && dsbi_json_parse(rt, &keymap, (const char *)data, (size_t)(nul - data)) == DSB_OK) {
        read_file(nul + 1, size - (size_t)(nul + 1 - data), dsbi_json_root(keymap));
        dsbi_json_free(keymap);
    } else {
        read_file(data, size, NULL);
    }
    return 0;
}
