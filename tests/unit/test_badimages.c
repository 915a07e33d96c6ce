/* Odd and broken files of the wild: each is decoded or refused as MANIFEST.tsv says Pillow 9.4 did,
 * with a sentence, in bounded memory and time. */
#include "testing.h"

#include <sys/resource.h>
#include <time.h>
#include "image/image.h"

typedef struct exception {
    const char *file;
    dsb_status status;
    const char *why;
} exception;

/* Where we differ from Pillow, and why. */
static const exception exceptions[] = {
    {NULL, DSB_OK, NULL},
};

static uint8_t *read_file(const char *folder, const char *name, size_t *size)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = malloc(*size + 1); /* a byte more: malloc(0) may be NULL */
    ck_assert_uint_eq(fread(bytes, 1, *size, file), *size);
    fclose(file);
    return bytes;
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void check_file(dsb_runtime *rt, const char *folder, const char *name, const char *pillow)
{
    size_t size;
    uint8_t *given = read_file(folder, name, &size);
    uint8_t *bytes =
        malloc(size ? size : 1); /* exact size, so that ASan sees a read past the end */
    memcpy(bytes, given, size);
    free(given);
    bool pillow_ok = strncmp(pillow, "ok ", 3) == 0;
    dsbi_image image;
    dsb_image_info info;
    double begin = seconds_now();
    dsb_status status = dsbi_image_decode(rt, &image, &info, bytes, size, NULL);
    double took = seconds_now() - begin;
    if (getenv("DSBI_TEST_VERBOSE"))
        printf("%-60.60s %-17s %5u x %-5u w%u %.3fs %s | %s\n", name, dsb_status_name(status),
               info.width, info.height, info.n_warnings, took, status ? dsb_last_error() : "",
               pillow);
    free(bytes);
    ck_assert_msg(took < 2.0, "%s took %.2f s", name, took);
    if (status == DSB_E_UNSUPPORTED && strstr(dsb_last_error(), "this build is without"))
        return; /* a build without it says so */
    for (const exception *e = exceptions; e->file; e++) {
        if (strcmp(e->file, name) == 0) {
            ck_assert_msg(status == e->status, "%s: %s, expected %s (%s)", name,
                          dsb_status_name(status), dsb_status_name(e->status), e->why);
            return;
        }
    }
    if (pillow_ok) {
        ck_assert_msg(status == DSB_OK, "%s: %s, Pillow: %s", name, dsb_last_error(), pillow);
        const char *x = strrchr(pillow, ' ');
        unsigned width, height;
        ck_assert_int_eq(sscanf(x, " %ux%u", &width, &height), 2);
        ck_assert_uint_eq(image.width, width);
        ck_assert_uint_eq(image.height, height);
        ck_assert_uint_eq(image.channels, 3);
        dsbi_image_free(rt, &image);
    } else {
        ck_assert_msg(status < 0, "%s is decoded, Pillow: %s", name, pillow);
        ck_assert_ptr_null(image.data);
        ck_assert_msg(strlen(dsb_last_error()) > 8, "%s: no sentence", name);
    }
}

START_TEST(every_file_ends_as_the_manifest_says)
{
    char folder[4096];
    snprintf(folder, sizeof folder, "%s", shared_data("badimages"));
    size_t size;
    char *text = (char *)read_file(folder, "MANIFEST.tsv", &size);
    text[size] = '\0';
    dsb_runtime *rt = make_runtime(1);
    uint64_t before = dsb_runtime_memory(rt);
    int n = 0;
    char *lines = text, *line;
    while ((line = strsep(&lines, "\n")) != NULL) {
        const char *name = strsep(&line, "\t");
        strsep(&line, "\t"); /* bytes */
        strsep(&line, "\t"); /* what is odd */
        const char *pillow = strsep(&line, "\t");
        if (!pillow || strcmp(name, "file") == 0)
            continue;
        check_file(rt, folder, name, pillow);
        n++;
    }
    ck_assert_int_ge(n, 80);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    if (getenv("DSBI_TEST_VERBOSE"))
        printf("%d files, peak %ld KiB\n", n, usage.ru_maxrss);
    free(text);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    shared_data("badimages/MANIFEST.tsv");
    return run_tests("badimages", every_file_ends_as_the_manifest_says, NULL);
}
