/* Right by construction: pictures of disjoint scenes through the three built-in cameras are told
 * apart by texture, not by mean colour; pseudo-collections of one camera are not told apart. */
#include "testing.h"

#include "dsbias/bias.h"

static dsb_bias_summary classify(dsb_runtime *rt, const char *model, uint32_t null_control)
{
    static const char *const specs[] = {"synthetic:phone?n=150", "synthetic:webcam?n=150",
                                        "synthetic:scanner?n=150"};
    dsb_bias_opts opts;
    dsb_bias_opts_init(&opts, sizeof opts);
    opts.seed = 1; /* one draw of many: 1 in 20 would miss a 95 % interval by chance */
    opts.model = model;
    opts.size = 64;
    opts.n_train = 90;
    opts.n_select = 10;
    opts.n_test = 50;
    opts.time_limit_s = 100000.0; /* one rung, whatever it takes here */
    opts.null_control = null_control;
    dsb_bias_result *result;
    ck_assert_ok(dsb_bias_classify(rt, &result, specs, 3, &opts, NULL, NULL));
    dsb_bias_summary summary;
    dsb_bias_summary_init(&summary, sizeof summary);
    ck_assert_ok(dsb_bias_result_summary(result, &summary));
    summary.headline = summary.verdict = NULL; /* borrowed */
    dsb_bias_result_free(result);
    return summary;
}

START_TEST(texture_tells_cameras_apart)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_bias_summary s = classify(rt, "patches", 0);
    printf("patches: %.3f\n", s.accuracy);
    ck_assert_double_ge(s.accuracy, 0.9);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(mean_colour_and_one_camera_do_not)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_bias_summary s = classify(rt, "meancolor", 1);
    printf("mean colour: %.3f, null %.3f [%.3f, %.3f]\n", s.accuracy, s.null_accuracy, s.null_lo,
           s.null_hi);
    ck_assert_double_le(s.accuracy, 0.5);
    ck_assert_double_le(s.null_lo, 1.0 / 3.0);
    ck_assert_double_ge(s.null_hi, 1.0 / 3.0);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("cameras_apart", texture_tells_cameras_apart,
                     mean_colour_and_one_camera_do_not, NULL);
}
