// A C++ program outside the tree: the same, with exceptions and owners of its own.
#include <dsbias/dsbias.h>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <string>

static void check(dsb_status status)
{
    if (status != DSB_OK)
        throw std::runtime_error(std::string(dsb_status_name(status)) + ": " + dsb_last_error());
}

int main(int argc, char **argv)
try {
    if (argc < 3)
        return 2;
    dsb_runtime *raw_rt = nullptr;
    check(dsb_runtime_create(&raw_rt, nullptr));
    std::unique_ptr<dsb_runtime, decltype(&dsb_runtime_free)> rt(raw_rt, dsb_runtime_free);

    dsb_bias_opts opts;
    dsb_bias_opts_init(&opts, sizeof opts);
    opts.size = 32;
    opts.model = "metadata";
    opts.null_control = 0;
    dsb_bias_result *raw_result = nullptr;
    check(dsb_bias_classify(rt.get(), &raw_result, argv + 1, static_cast<size_t>(argc) - 1, &opts, nullptr, nullptr));
    std::unique_ptr<dsb_bias_result, decltype(&dsb_bias_result_free)> result(raw_result, dsb_bias_result_free);

    dsb_bias_summary summary;
    dsb_bias_summary_init(&summary, sizeof summary);
    check(dsb_bias_result_summary(result.get(), &summary));
    std::printf("%s: accuracy %.3f, %s\n", summary.headline, summary.accuracy, summary.verdict);
    return summary.n_test > 0 ? 0 : 1;
} catch (const std::exception &error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
}
