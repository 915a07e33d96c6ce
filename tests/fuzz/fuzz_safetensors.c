/* The safetensors reader: any bytes are refused or read, within bounds; what is accepted covers the
 * file exactly, and a model that loads it takes it or leaves it. */
#include <assert.h>
#include <stdlib.h>
#include "fuzz.h"
#include "nn/nn.h"
#include "nn/safetensors.h"

static void check(dsb_runtime *rt, const dsbi_safetensors *st)
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static dsb_runtime *rt;
    static dsb_model *model;
    if (!rt) {
        dsb_runtime_opts runtime;
        dsb_runtime_opts_init(&runtime, sizeof runtime);
        runtime.n_threads = 1;
        dsb_model_opts opts;
        dsb_model_opts_init(&opts, sizeof opts);
        opts.n_classes = 1;
        opts.height = opts.width = 32;
        if (dsb_runtime_create(&rt, &runtime) != DSB_OK ||
            dsb_model_create(rt, &model, "convnext:depths=1-1-1-1,dims=1-1-1-1", &opts) != DSB_OK)
            abort();
    }
    dsbi_safetensors st;
    const dsb_status status = dsbi_st_parse(rt, &st, data, size);
    assert(status <= 0);
    if (status == DSB_OK) {
        check(rt, &st);
        dsbi_st_free(&st);
    } else {
        assert(dsb_last_error()[0] != 0);
    }
    dsbi_model_read(model, data, size, NULL, 0);
    return 0;
}
