/* Models when memory ends: the n-th allocation fails for n = 1, 2, 3 ... until all goes through.
 * Each time the status is NOMEM with a sentence, nothing leaks, the model keeps its weights. */
#include "rationed.h"

#include <stdbool.h>
#include "dsbias/nn.h"

enum { SIDE = 32, IMAGES = 3 };

static const char *const name = "convnext:depths=1-1-1-1,dims=4-4-4-4";

static dsb_status make(dsb_runtime *rt, dsb_model **model, uint64_t seed)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = 2;
    opts.height = opts.width = SIDE;
    opts.seed = seed;
    return dsb_model_create(rt, model, name, &opts);
}

START_TEST(creation_fails_cleanly)
{
    rationed memory;
    dsb_runtime *rt = make_rationed(&memory);
    const uint64_t before = dsb_runtime_memory(rt);
    uint64_t n = 0;
    for (;; n++) {
        dsb_model *model;
        memory.left = n;
        const dsb_status status = make(rt, &model, 1);
        memory.left = UINT64_MAX;
        if (status == DSB_OK) {
            dsb_model_free(model);
            break;
        }
        ck_assert_int_eq(status, DSB_E_NOMEM);
        ck_assert_ptr_null(model);
        ck_assert_str_ne(dsb_last_error(), "");
        ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    }
    ck_assert_uint_gt(n, 20);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

static dsb_status use(dsb_model *model, const char *path, int what)
{
    static uint8_t images[IMAGES * SIDE * SIDE * 3];
    float logits[IMAGES * 2];
    switch (what) {
    case 0:
        return dsb_model_predict(model, logits, images, IMAGES);
    case 1:
        return dsb_model_save(model, path);
    case 2:
        return dsb_model_load(model, path);
    default:
        return dsb_model_summary(model) ? DSB_OK : DSB_E_NOMEM;
    }
}

/* A fresh model each time: what a first call makes stays for the second. */
START_TEST(use_fails_cleanly)
{
    char path[] = "/tmp/dsbias_test_XXXXXX";
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    rationed memory;
    dsb_runtime *rt = make_rationed(&memory);
    dsb_model *saved;
    ck_assert_ok(make(rt, &saved, 1));
    ck_assert_ok(dsb_model_save(saved, path));
    dsb_model_free(saved);
    for (int what = 0; what < 4; what++) {
        uint64_t n = 0;
        for (bool done = false; !done; n++) {
            dsb_model *model;
            ck_assert_ok(make(rt, &model, 2));
            float head[8], after[8];
            const uint64_t last = dsb_model_param_count(model) - 2;
            ck_assert_ok(dsb_model_param_get(model, head, 8, last));
            const uint64_t before = dsb_runtime_memory(rt);
            memory.left = n;
            const dsb_status status = use(model, path, what);
            memory.left = UINT64_MAX;
            done = status == DSB_OK;
            if (!done) {
                ck_assert_int_eq(status, DSB_E_NOMEM);
                ck_assert_str_ne(dsb_last_error(), "");
                ck_assert_ok(dsb_model_param_get(model, after, 8, last));
                ck_assert_mem_eq(head, after, sizeof head);
            }
            if (!done && what != 0) /* matmul keeps what it reserved */
                ck_assert_uint_eq(dsb_runtime_memory(rt), before);
            dsb_model_free(model);
        }
        ck_assert_uint_gt(n, 1);
    }
    unlink(path);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("model_memory", creation_fails_cleanly, use_fails_cleanly, NULL);
}
