/* A program outside the tree: classifies two folders with the library alone. */
#include <dsbias/dsbias.h>
#include <stdio.h>

#define CHECK(call)                                                               \
    do {                                                                          \
        dsb_status check_status = (call);                                         \
        if (check_status != DSB_OK) {                                             \
            fprintf(stderr, "%s: %s: %s\n", #call, dsb_status_name(check_status), \
                    dsb_last_error());                                            \
            return 1;                                                             \
        }                                                                         \
    } while (0)

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "usage: consumer FOLDER FOLDER ...\n");
        return 2;
    }
    dsb_runtime *rt;
    CHECK(dsb_runtime_create(&rt, NULL));
    dsb_bias_opts opts;
    dsb_bias_opts_init(&opts, sizeof opts);
    opts.size = 32;
    opts.model = "meancolor";
    opts.null_control = 0;
    dsb_bias_result *result;
    CHECK(dsb_bias_classify(rt, &result, (const char *const *)argv + 1, (size_t)argc - 1, &opts,
                            NULL, NULL));
    dsb_bias_summary summary;
    dsb_bias_summary_init(&summary, sizeof summary);
    CHECK(dsb_bias_result_summary(result, &summary));
    printf("libdsbias %s: %s, accuracy %.3f [%.3f, %.3f], chance %.3f, %llu test images: %s\n",
           dsb_version(), summary.headline, summary.accuracy, summary.ci95_lo, summary.ci95_hi,
           summary.chance, (unsigned long long)summary.n_test, summary.verdict);
    dsb_bias_result_free(result);
    dsb_runtime_free(rt);
    return summary.n_test > 0 && summary.accuracy >= 0 && summary.accuracy <= 1 ? 0 : 1;
}
