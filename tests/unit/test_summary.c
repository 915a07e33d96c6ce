/* The numbers of dsb_summary: they add up, and planned memory is what a plan takes. */
#include "testing.h"

#include "nn/nn.h"

static dsb_model *make_model(dsb_runtime *rt, const char *name)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = 10;
    opts.height = opts.width = 32;
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, name, &opts));
    return model;
}

static void check_model(dsb_runtime *rt, const char *name)
{
    enum { BATCH = 3 };
    dsb_model *model = make_model(rt, name);
    dsb_summary *summary;
    ck_assert_ok(dsb_summary_create(model, &summary, BATCH));
    dsb_summary_totals t = {.struct_size = sizeof t};
    ck_assert_ok(dsb_summary_totals_get(summary, &t));
    uint64_t parameters = 0, macs = 0, folded = 0;
    for (uint64_t i = 0; i < dsb_summary_row_count(summary); i++) {
        dsb_summary_row row = {.struct_size = sizeof row};
        ck_assert_ok(dsb_summary_row_get(summary, i, &row));
        ck_assert_uint_eq(row.bytes, BATCH * row.height * row.width * row.channels * 4);
        parameters += row.parameters;
        macs += row.macs;
        folded += strcmp(row.algorithm, "folded") == 0;
    }
    ck_assert_uint_eq(parameters, t.parameters);
    ck_assert_uint_eq(parameters, dsb_model_size(model));
    ck_assert_uint_eq(macs, t.macs);
    ck_assert(folded > 0 || strncmp(name, "convnext", 8) != 0);
    ck_assert(t.train_bytes > t.infer_bytes && t.train_unshared_bytes > t.train_bytes);
    ck_assert_uint_eq(t.parameter_bytes, 4 * (t.parameters + t.buffers));
    for (int training = 0; training < 2; training++) {
        dsbi_plan *plan;
        ck_assert_ok(dsbi_plan_create(model, &plan, BATCH, training));
        ck_assert_uint_eq(dsbi_plan_bytes(plan), training ? t.train_bytes : t.infer_bytes);
        dsbi_plan_free(plan);
    }
    ck_assert_ptr_nonnull(strstr(dsb_summary_json(summary), "\"layers\": ["));
    dsb_model_free(model); /* the summary keeps it */
    ck_assert_uint_gt(dsb_summary_row_count(summary), 3);
    dsb_summary_free(summary);
}

START_TEST(numbers_add_up)
{
    static const char *const names[] = {"convnext_7k", "cifar_resnet20",
                                        "vit:patch=8,dim=16,depth=2,heads=2,mlp=32"};
    dsb_runtime *rt = make_runtime(2);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        check_model(rt, names[i]);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(wrong_calls_are_refused)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_model *model = make_model(rt, "convnext_7k");
    dsb_summary *summary;
    ck_assert_fails(dsb_summary_create(model, &summary, 0), DSB_E_INVALID, "a batch of 0");
    ck_assert_ptr_null(summary);
    ck_assert_ok(dsb_summary_create(model, &summary, 1));
    dsb_summary_row row = {.struct_size = sizeof row};
    ck_assert_fails(dsb_summary_row_get(summary, 1000, &row), DSB_E_INVALID, "row 1000 of");
    row.struct_size = 0;
    ck_assert_fails(dsb_summary_row_get(summary, 0, &row), DSB_E_INVALID, "struct_size");
    row = (dsb_summary_row){.struct_size = offsetof(dsb_summary_row, macs), .macs = 77};
    ck_assert_ok(dsb_summary_row_get(summary, 1, &row));
    ck_assert_uint_eq(row.macs, 77); /* an older caller's struct ends before it */
    ck_assert_uint_eq(row.struct_size, offsetof(dsb_summary_row, macs));
    dsb_summary_free(summary);
    dsb_summary_free(NULL);
    dsb_model_free(model);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("summary", numbers_add_up, wrong_calls_are_refused, NULL);
}
