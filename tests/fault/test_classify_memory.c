/* Classification when memory ends: the n-th allocation fails, for n growing by a tenth each time,
 * until all goes through. Each time the status is NOMEM with a sentence, the output is empty and
 * nothing leaks. */
#include "rationed.h"

#include "dsbias/bias.h"

static dsb_status classify(rationed *memory, const char *model, uint64_t n)
{
    static const char *const specs[] = {"synthetic:phone?n=12", "synthetic:webcam?n=12"};
    dsb_runtime *rt = make_rationed(memory);
    dsb_bias_opts opts;
    dsb_bias_opts_init(&opts, sizeof opts);
    opts.model = model;
    opts.size = 32;
    opts.epochs = 1;
    opts.batch_size = 4;
    opts.n_examples = 1;
    opts.null_control = 0;
    memory->left = n;
    dsb_bias_result *result;
    dsb_status status = dsb_bias_classify(rt, &result, specs, 2, &opts, NULL, NULL);
    memory->left = UINT64_MAX;
    if (status != DSB_OK) {
        ck_assert_msg(status == DSB_E_NOMEM, "%s: allocation %llu: %s: %s", model,
                      (unsigned long long)n, dsb_status_name(status), dsb_last_error());
        ck_assert_str_ne(dsb_last_error(), "");
        ck_assert_ptr_null(result);
    }
    dsb_bias_result_free(result);
    dsb_runtime_free(rt); /* gives back the scratch that products keep */
    return status;
}

START_TEST(every_kind_of_rung)
{
    static const char *const models[] = {"meancolor", "convnext:depths=1-1-1-1,dims=4-4-4-4"};
    rationed memory = {0};
    for (int m = 0; m < 2; m++) {
        dsb_status status = DSB_E_NOMEM;
        int rounds = 0;
        for (uint64_t n = 0; status != DSB_OK; n += 1 + n / 10, rounds++) {
            status = classify(&memory, models[m], n);
            ck_assert_msg(memory.in_use == 0, "%s: allocation %llu: %llu blocks leak", models[m],
                          (unsigned long long)n, (unsigned long long)memory.in_use);
        }
        ck_assert_int_gt(rounds, 20);
    }
}
END_TEST

int main(void)
{
    return run_tests("classify_memory", every_kind_of_rung, NULL);
}
