/* Trained networks of others are as often right on the CIFAR-10 test images as their authors say,
 * to the image. Skipped where ../shared/data is not there. */
#include "golden/shared_weights.h"

START_TEST(accuracies_are_the_published_ones)
{
    dsb_runtime *rt = make_runtime(0);
    dsb_dataset *data;
    char path[4096];
    snprintf(path, sizeof path, "%s", shared_data("cifar10/test_batch.bin"));
    ck_assert_ok(dsb_dataset_open(rt, &data, path, NULL, NULL, NULL));
    for (size_t i = 0; i < sizeof weight_files / sizeof weight_files[0]; i++) {
        const weight_file *file = &weight_files[i];
        if (file->test == 0)
            continue;
        dsb_model *model = load_weights(rt, file);
        dsb_eval *eval;
        ck_assert_ok(dsb_eval_run(rt, &eval, model, data, NULL, NULL, NULL));
        dsb_eval_figures f = {.struct_size = sizeof f};
        ck_assert_ok(dsb_eval_figures_get(eval, &f));
        printf("%-32s %llu of %llu\n", file->name, (unsigned long long)f.correct,
               (unsigned long long)f.n);
        ck_assert_msg(f.n == 10000 && f.correct == file->test, "%s: %llu of %llu, expected %u",
                      file->name, (unsigned long long)f.correct, (unsigned long long)f.n,
                      file->test);
        dsb_eval_free(eval);
        dsb_model_free(model);
    }
    dsb_dataset_free(data);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("weight_accuracy", accuracies_are_the_published_ones, NULL);
}
