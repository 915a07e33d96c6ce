/* Loading with a key map, summaries and evaluations end cleanly wherever memory runs out. */
#include "testing.h"

#include "base/file.h"
#include "dsbias/dsbias.h"
#include "rationed.h"

enum { SIDE = 32, IMAGES = 3 };

static char folder[64], weights[96], keymap[96], images[96];

static dsb_model *make_model(dsb_runtime *rt)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = 10;
    opts.height = opts.width = SIDE;
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, "convnext:depths=1-1-1-1,dims=2-2-2-2", &opts));
    return model;
}

static void make_files(dsb_runtime *rt)
{
    static uint8_t records[IMAGES * (1 + SIDE * SIDE * 3)];
    const char map[] = "{\"head.weight\": \"head.weight\"}";
    strcpy(folder, "/tmp/dsbias_test_XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(weights, sizeof weights, "%s/w", folder);
    snprintf(keymap, sizeof keymap, "%s/k", folder);
    snprintf(images, sizeof images, "%s/test_batch.bin", folder);
    ck_assert_ok(dsbi_file_write_atomic(rt, keymap, map, strlen(map)));
    ck_assert_ok(dsbi_file_write_atomic(rt, images, records, sizeof records));
    dsb_model *model = make_model(rt);
    ck_assert_ok(dsb_model_save(model, weights));
    dsb_model_free(model);
}

typedef dsb_status (*use_fn)(dsb_runtime *rt, dsb_model *model, const dsb_dataset *data);

static dsb_status use_load(dsb_runtime *rt, dsb_model *model, const dsb_dataset *data)
{
    (void)rt;
    (void)data;
    dsb_load_opts opts;
    uint64_t outputs;
    dsb_load_opts_init(&opts, sizeof opts);
    opts.keymap = keymap;
    const dsb_status status = dsb_model_load_outputs(model, &outputs, weights, &opts);
    return status == DSB_OK ? dsb_model_load_with(model, weights, &opts) : status;
}

static dsb_status use_summary(dsb_runtime *rt, dsb_model *model, const dsb_dataset *data)
{
    (void)rt;
    (void)data;
    dsb_summary *summary;
    const dsb_status status = dsb_summary_create(model, &summary, 4);
    ck_assert((status == DSB_OK) == (summary != NULL));
    dsb_summary_free(summary);
    return status;
}

static dsb_status use_eval(dsb_runtime *rt, dsb_model *model, const dsb_dataset *data)
{
    dsb_eval *eval;
    dsb_status status = dsb_eval_run(rt, &eval, model, data, NULL, NULL, NULL);
    ck_assert((status == DSB_OK) == (eval != NULL));
    if (status == DSB_OK)
        status = dsb_eval_write(eval, folder);
    dsb_eval_free(eval);
    return status;
}

START_TEST(every_allocation_may_fail)
{
    static const use_fn uses[] = {use_load, use_summary, use_eval};
    rationed memory;
    dsb_runtime *rt = make_rationed(&memory);
    make_files(rt);
    dsb_dataset *data;
    ck_assert_ok(dsb_dataset_open(rt, &data, images, NULL, NULL, NULL));
    for (size_t u = 0; u < sizeof uses / sizeof uses[0]; u++) {
        uint64_t n = 0;
        for (bool done = false; !done; n++) {
            dsb_model *model = make_model(rt);
            memory.left = n;
            const dsb_status status = uses[u](rt, model, data);
            memory.left = UINT64_MAX;
            done = status == DSB_OK;
            ck_assert_msg(done || status == DSB_E_NOMEM, "use %zu, allocation %llu: %s", u,
                          (unsigned long long)n, dsb_status_name(status));
            if (!done)
                ck_assert_msg(dsb_last_error()[0] != 0, "use %zu, allocation %llu has no sentence",
                              u, (unsigned long long)n);
            dsb_model_free(model);
        }
        ck_assert_uint_gt(n, 5);
    }
    dsb_dataset_free(data);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", folder);
    ck_assert_int_eq(system(command), 0);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("eval_memory", every_allocation_may_fail, NULL);
}
