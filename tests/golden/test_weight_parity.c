/* Trained networks of others give their authors' logits, 1e-3 at most apart. Skipped where
 * ../shared/data/weights is not there. */
#include <math.h>
#include "golden/shared_weights.h"

static dsb_eval *evaluate(dsb_runtime *rt, dsb_model *model, const char *set)
{
    char spec[2 * 4096 + 16];
    snprintf(spec, sizeof spec, "%s?labels=%s",
             in_weights("weights/inputs_cifar10_%s.u8.npy%s", set, ""),
             in_weights("weights/inputs_cifar10_%s.labels.npy%s", set, ""));
    dsb_dataset *data;
    ck_assert_ok(dsb_dataset_open(rt, &data, spec, NULL, NULL, NULL));
    dsb_eval *eval;
    ck_assert_ok(dsb_eval_run(rt, &eval, model, data, NULL, NULL, NULL));
    dsb_dataset_free(data);
    return eval;
}

static void compare(dsb_runtime *rt, const dsb_eval *eval, const char *name, const char *set)
{
    double *expected, worst = 0;
    uint64_t n, width;
    ck_assert_ok(dsb_shift_read_matrix(rt, &expected, &n, &width,
                                       in_weights("weights/%s.logits_%s.npy", name, set)));
    ck_assert_uint_eq(n, dsb_eval_count(eval));
    ck_assert_uint_eq(width, dsb_eval_outputs(eval));
    for (uint64_t i = 0; i < n * width; i++)
        worst = fmax(worst, fabs(expected[i] - (double)dsb_eval_logits(eval)[i]));
    ck_assert_msg(worst <= 1e-3, "%s on %s: logits differ by %g", name, set, worst);
    printf("%-32s %-16s %.1e\n", name, set, worst);
    dsb_shift_values_free(rt, expected);
}

START_TEST(logits_are_the_stored_ones)
{
    dsb_runtime *rt = make_runtime(0);
    for (size_t i = 0; i < sizeof weight_files / sizeof weight_files[0]; i++) {
        dsb_model *model = load_weights(rt, &weight_files[i]);
        dsb_eval *eval = evaluate(rt, model, "lossless242");
        dsb_eval_figures f = {.struct_size = sizeof f};
        ck_assert_ok(dsb_eval_figures_get(eval, &f));
        ck_assert_uint_eq(f.correct, weight_files[i].lossless);
        compare(rt, eval, weight_files[i].name, "lossless242");
        dsb_eval_free(eval);
        eval = evaluate(rt, model, "interleaved256");
        compare(rt, eval, weight_files[i].name, "interleaved256");
        dsb_eval_free(eval);
        dsb_model_free(model);
    }
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("weight_parity", logits_are_the_stored_ones, NULL);
}
