/* dsbias info: what a bug report should hold. */
#include "cli.h"

static int run_info(cli_context *cli, const void *args)
{
    (void)args;
    const char *isa = dsb_isa_name(dsb_runtime_isa(cli->rt));
    unsigned long long threads = dsb_runtime_threads(cli->rt);
    if (cli->parsed->common.json)
        printf("{\"version\": \"%s\", \"build\": \"%s\", \"abi\": %u, \"isa\": \"%s\", "
               "\"threads\": %llu}\n",
               dsb_version(), dsb_build_info(), (unsigned)dsb_abi_version(), isa, threads);
    else
        printf("version  %s (ABI %u)\nbuild    %s\nkernels  %s\nthreads  %llu\n", dsb_version(),
               (unsigned)dsb_abi_version(), dsb_build_info(), isa, threads);
    return CLI_OK;
}

const cli_command cli_command_info = {
    .name = "info",
    .summary = "version, build, instruction set and threads, for bug reports",
    .positional = "",
    .details = "Prints the version of the program and the library, the compiler, the instruction "
               "set its kernels use on this machine, and the number of threads.",
    .run = run_info,
};
