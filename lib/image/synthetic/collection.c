/* See collection.h; and the same collection written into a folder. */
#include "image/synthetic/collection.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "base/file.h"
#include "base/pool.h"
#include "base/runtime.h"

static const char prefix[] = "synthetic:";
static const uint64_t max_images = 100000000, max_scene = UINT64_C(999999999999);

enum { MAX_CAMERA_NAME = 31, IMAGES_A_ROUND = 32 };

bool dsbi_synthetic_is_spec(const char *text)
{
    return strncmp(text, prefix, sizeof prefix - 1) == 0;
}

/* Digits up to '&' or the end; *at is left there. */
static dsb_status read_number(uint64_t *out, const char **at, uint64_t most)
{
    uint64_t value = 0;
    const char *first = *at;
    for (; **at >= '0' && **at <= '9'; (*at)++) {
        value = value * 10 + (uint64_t)(**at - '0');
        if (value > most)
            return dsbi_fail(DSB_E_INVALID, "synthetic: number at \"%s\" is above %" PRIu64, first,
                             most);
    }
    if (*at == first || (**at != '\0' && **at != '&'))
        return dsbi_fail(DSB_E_INVALID, "synthetic: no whole number at \"%s\"", first);
    *out = value;
    return DSB_OK;
}

/* n=, seed=, offset= in any order. */
static dsb_status read_options(const char *at, uint64_t *n_images, uint64_t *seed, bool *has_offset,
                               uint64_t *offset)
{
    while (*at) {
        if (strncmp(at, "n=", 2) == 0) {
            at += 2;
            DSBI_TRY(read_number(n_images, &at, max_images));
        } else if (strncmp(at, "seed=", 5) == 0) {
            at += 5;
            DSBI_TRY(read_number(seed, &at, UINT64_MAX / 16));
        } else if (strncmp(at, "offset=", 7) == 0) {
            at += 7;
            DSBI_TRY(read_number(offset, &at, max_scene - max_images));
            *has_offset = true;
        } else {
            return dsbi_fail(DSB_E_INVALID, "synthetic: \"%s\" is none of n=, seed=, offset=", at);
        }
        if (*at == '&')
            at++;
    }
    return DSB_OK;
}

dsb_status dsbi_synthetic_parse(dsb_runtime *rt, dsbi_synthetic_spec *out, const char *text)
{
    *out = (dsbi_synthetic_spec){.n_images = 500};
    if (!dsbi_synthetic_is_spec(text))
        return dsbi_fail(DSB_E_INVALID, "synthetic: \"%s\" does not begin with %s", text, prefix);
    const char *camera = text + sizeof prefix - 1;
    size_t length = strcspn(camera, "?");
    char name[MAX_CAMERA_NAME + 1] = "";
    if (length <= MAX_CAMERA_NAME)
        memcpy(name, camera, length);
    uint64_t seed = 0;
    bool has_offset = false;
    const char *options = camera + length;
    DSBI_TRY(read_options(*options ? options + 1 : options, &out->n_images, &seed, &has_offset,
                          &out->first_scene));
    DSBI_TRY(dsbi_synthetic_create(rt, &out->camera, name, seed));
    if (!has_offset)
        out->first_scene = dsbi_synthetic_first_scene(out->camera);
    return DSB_OK;
}

void dsbi_synthetic_spec_free(dsb_runtime *rt, dsbi_synthetic_spec *spec)
{
    dsbi_synthetic_free(rt, spec->camera);
    spec->camera = NULL;
}

void dsbi_synthetic_path(char out[DSBI_SYNTHETIC_NAME_BYTES], const dsbi_synthetic_spec *spec,
                         uint64_t i)
{
    uint64_t scene = spec->first_scene + i; /* at most 12 digits */
    snprintf(out, DSBI_SYNTHETIC_NAME_BYTES, "%s/scene-%09" PRIu64 ".jpg",
             dsbi_synthetic_kind(spec->camera, scene), scene);
}

const char *dsb_synthetic_camera_name(size_t i)
{
    return dsbi_camera_name(i);
}

const char *dsb_synthetic_camera_about(size_t i)
{
    return dsbi_camera_about(i);
}

typedef struct write_job {
    dsb_runtime *rt;
    const dsbi_synthetic_spec *spec;
    const char *folder;
    uint64_t first; /* image of task 0 */
} write_job;

/* No fsync: what is written can be made again. */
static dsb_status write_file(const char *path, const uint8_t *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0)
        return dsbi_fail(DSB_E_IO, "%s: %s", path, strerror(errno));
    dsb_status status = dsbi_write_all(fd, bytes, size, path);
    if (close(fd) != 0 && status == DSB_OK)
        status = dsbi_fail(DSB_E_IO, "%s: %s", path, strerror(errno));
    return status;
}

static dsb_status write_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    const write_job *job = user;
    uint64_t i = job->first + task;
    char name[DSBI_SYNTHETIC_NAME_BYTES], path[4096];
    dsbi_synthetic_path(name, job->spec, i);
    int length = snprintf(path, sizeof path, "%s/%s", job->folder, name);
    if (length < 0 || (size_t)length >= sizeof path)
        return dsbi_fail(DSB_E_LIMIT, "synthetic: path of more than %zu bytes", sizeof path);
    uint8_t *bytes;
    size_t size;
    DSBI_TRY(dsbi_synthetic_shoot(job->spec->camera, job->rt, &bytes, &size,
                                  job->spec->first_scene + i));
    char *slash = strrchr(path, '/');
    *slash = '\0';
    dsb_status status = dsbi_make_dirs(job->rt, path);
    *slash = '/';
    if (status == DSB_OK)
        status = write_file(path, bytes, size);
    dsbi_free(job->rt, bytes);
    return status;
}

static dsb_status report(dsb_event_fn fn, void *user, uint64_t done, uint64_t total, double begin)
{
    dsb_event event = {.struct_size = sizeof event,
                       .stage = "synthetic",
                       .done = done,
                       .total = total,
                       .seconds = dsbi_now() - begin,
                       .value = __builtin_nan(""),
                       .value_name = ""};
    if (fn && fn(user, &event) != 0)
        return dsbi_fail(DSB_E_CANCELLED, "synthetic: stopped after %" PRIu64 " images", done);
    return DSB_OK;
}

dsb_status dsb_synthetic_write(dsb_runtime *rt, const char *spec, const char *folder,
                               dsb_event_fn fn, void *user)
{
    dsbi_clear_error();
    if (!rt || !spec || !folder)
        return dsbi_fail(DSB_E_INVALID, "dsb_synthetic_write: runtime, spec or folder is NULL");
    dsbi_synthetic_spec parsed;
    DSBI_TRY(dsbi_synthetic_parse(rt, &parsed, spec));
    write_job job = {.rt = rt, .spec = &parsed, .folder = folder};
    double begin = dsbi_now();
    dsb_status status;
    DSBI_GO(dsbi_make_dirs(rt, folder));
    for (; job.first < parsed.n_images; job.first += IMAGES_A_ROUND) {
        uint64_t left = parsed.n_images - job.first;
        DSBI_GO(report(fn, user, job.first, parsed.n_images, begin));
        DSBI_GO(dsbi_parallel(rt, left < IMAGES_A_ROUND ? (size_t)left : IMAGES_A_ROUND, write_task,
                              &job));
    }
    status = report(fn, user, parsed.n_images, parsed.n_images, begin);
done:
    dsbi_synthetic_spec_free(rt, &parsed);
    return status;
}
