/* dsbias demo: pictures whose answer is known by construction, and the main job on them. */
#include "classify_run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { N_CAMERAS = 3, MAX_SPEC = 160 };

typedef struct demo_args {
    const char *out;
    uint64_t images, seed;
    double time_limit;
} demo_args;

static const cli_flag demo_flags[] = {
    CLI_FLAG("out", TEXT, demo_args, out, .unit = "DIR", .fallback = "dsbias-demo",
             .help = "where the folders of pictures and the report go"),
    CLI_FLAG("images", COUNT, demo_args, images, .unit = "N", .fallback = "600", .min = 60,
             .max = 100000, .help = "pictures of each camera"),
    CLI_FLAG("seed", COUNT, demo_args, seed, .unit = "S", .fallback = "0",
             .help = "of the scenes and of the run"),
    CLI_FLAG("time-limit", SECONDS, demo_args, time_limit, .unit = "SECONDS", .fallback = "120",
             .min = 1, .max = 1e9, .help = "for the run on the pictures; 90s, 10m"),
    {.kind = CLI_END},
};

static int make_folder(cli_context *cli, const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return CLI_OK;
    fprintf(stderr, "dsbias %s: %s: %s\n", cli->command->name, path, strerror(errno));
    return CLI_IO;
}

static int write_camera(cli_context *cli, const demo_args *args, const char *camera,
                        const char *folder)
{
    char spec[MAX_SPEC];
    snprintf(spec, sizeof spec, "synthetic:%s?n=%llu&seed=%llu", camera,
             (unsigned long long)args->images, (unsigned long long)args->seed);
    dsb_status status = dsb_synthetic_write(cli->rt, spec, folder, cli_event, cli);
    return status == DSB_OK ? CLI_OK : cli_fail(cli, status);
}

static void explain(cli_context *cli, const demo_args *args)
{
    cli_note(cli, "%llu scenes each, photographed by cameras that differ in their pipeline only:",
             (unsigned long long)args->images);
    for (size_t i = 0; i < N_CAMERAS; i++)
        cli_note(cli, "  %s/%-9s %s", args->out, dsb_synthetic_camera_name(i),
                 dsb_synthetic_camera_about(i));
}

static int run_demo(cli_context *cli, const void *arguments)
{
    const demo_args *args = arguments;
    char *specs[N_CAMERAS] = {NULL};
    size_t room = strlen(args->out) + 128;
    int code = make_folder(cli, args->out);
    if (code == CLI_OK)
        explain(cli, args);
    for (size_t i = 0; i < N_CAMERAS && code == CLI_OK; i++) {
        const char *camera = dsb_synthetic_camera_name(i);
        specs[i] = malloc(room);
        if (!specs[i]) {
            code = CLI_MEMORY;
            break;
        }
        snprintf(specs[i], room, "%s=%s/%s", camera, args->out, camera);
        code = write_camera(cli, args, camera, specs[i] + strlen(camera) + 1);
    }
    if (code == CLI_OK) {
        dsb_bias_opts opts;
        dsb_bias_opts_init(&opts, sizeof opts);
        opts.seed = args->seed;
        opts.time_limit_s = args->time_limit;
        opts.command = cli->line;
        code = cli_classify(cli, (const char *const *)specs, N_CAMERAS, &opts, args->out);
    }
    for (size_t i = 0; i < N_CAMERAS; i++)
        free(specs[i]);
    return code;
}

const cli_command cli_command_demo = {
    .name = "demo",
    .summary = "make pictures whose answer is known, and run classify on them",
    .positional = "",
    .details =
        "Writes one folder of JPEG files for each of three cameras into --out, to look at. The "
        "scenes are of the same kinds, no scene is in two folders, and the cameras differ in "
        "nothing but their pipeline: resolution, filter, white balance, noise, compression. A good "
        "classifier tells the cameras apart; where one camera is cut into pseudo-cameras (the null "
        "control), it must come out at chance.\n\n"
        "Then runs classify on the folders and writes its report beside them. Takes about two "
        "minutes on two cores.",
    .flags = demo_flags,
    .args_size = sizeof(demo_args),
    .run = run_demo,
    .stops = true,
};
