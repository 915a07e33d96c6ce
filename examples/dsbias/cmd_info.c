/* dsbias info: what a bug report should hold. */
#include "cli.h"

/* What image files are decoded: `between` the names, `around` each. */
static void print_formats(const char *around, const char *between)
{
    static const uint32_t formats[] = {DSB_FORMAT_JPEG, DSB_FORMAT_PNG, DSB_FORMAT_WEBP,
                                       DSB_FORMAT_PNM, DSB_FORMAT_BMP};
    const char *before = "";
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (!dsb_image_format_decoded(formats[i]))
            continue;
        printf("%s%s%s%s", before, around, dsb_image_format_name(formats[i]), around);
        before = between;
    }
}

static int run_info(cli_context *cli, const void *args)
{
    (void)args;
    const char *isa = dsb_isa_name(dsb_runtime_isa(cli->rt));
    unsigned long long threads = dsb_runtime_threads(cli->rt);
    const bool json = cli->parsed->common.json;
    if (json)
        printf("{\"version\": \"%s\", \"build\": \"%s\", \"abi\": %u, \"isa\": \"%s\", "
               "\"threads\": %llu, \"images\": [",
               dsb_version(), dsb_build_info(), (unsigned)dsb_abi_version(), isa, threads);
    else
        printf("version  %s (ABI %u)\nbuild    %s\nkernels  %s\nthreads  %llu\nimages   ",
               dsb_version(), (unsigned)dsb_abi_version(), dsb_build_info(), isa, threads);
    print_formats(json ? "\"" : "", json ? ", " : " ");
    puts(json ? "]}" : "");
    return CLI_OK;
}

const cli_command cli_command_info = {
    .name = "info",
    .summary = "version, build, instruction set, threads, image formats: for bug reports",
    .positional = "",
    .details = "Prints the version of the program and the library, the compiler, the instruction "
               "set its kernels use on this machine, the number of threads, and the image files "
               "it decodes (PNG and WebP only if it was built with libpng and libwebp).",
    .run = run_info,
};
