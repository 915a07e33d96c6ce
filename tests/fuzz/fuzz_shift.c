/* A whole evaluation from hostile files: labels and predictions of two sets, a table, groups,
 * sizes, in this order, parted by bytes 0x1e. Each part is refused with a sentence or used; what is
 * used gives a record that every report and table can be made from, and nothing is left behind. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "dsbias/report.h"
#include "dsbias/shift.h"
#include "fuzz.h"

enum { PARTS = 7 };

typedef struct part {
    int fd;
    char path[64];
} part;

static void make_part(part *p, const uint8_t *data, size_t size)
{
    p->fd = memfd_create("part", 0);
    if (p->fd < 0 || write(p->fd, data, size) != (ssize_t)size)
        abort();
    snprintf(p->path, sizeof p->path, "/proc/self/fd/%d", p->fd);
}

static void told(dsb_status status)
{
    assert(status == DSB_OK || dsb_last_error()[0] != '\0');
    (void)status;
}

static void use_record(dsb_runtime *rt, const char *json, size_t size)
{
    static const char *const tables[] = {"models", "classes", "fits",
                                         "pairs",  "groups",  "robustness"};
    char *text;
    dsb_status status = dsb_report_shift_html(rt, &text, NULL, json, size);
    assert(status == DSB_OK && !strstr(text, "<script"));
    dsb_report_free(rt, text);
    status = dsb_report_shift_text(rt, &text, NULL, json, size, 0);
    assert(status == DSB_OK);
    dsb_report_free(rt, text);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        status = dsb_shift_csv(rt, &text, NULL, json, size, tables[i]);
        assert(status == DSB_OK);
        dsb_shift_text_free(rt, text);
    }
    status = dsb_shift_check(rt, json, size, "gap > 0.05 && slope < 2", NULL);
    assert(status >= 0);
    (void)status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 1 << 16)
        return 0;
    dsb_runtime_opts one;
    dsb_runtime_opts_init(&one, sizeof one);
    one.n_threads = 1;
    dsb_runtime *rt;
    if (dsb_runtime_create(&rt, &one) != DSB_OK)
        abort();
    part parts[PARTS];
    for (size_t i = 0; i < PARTS; i++) {
        const uint8_t *end = memchr(data, 0x1e, size);
        size_t length = end ? (size_t)(end - data) : size;
        make_part(&parts[i], data, length);
        data += length + (end != NULL);
        size -= length + (end != NULL);
    }
    dsb_shift_opts opts;
    dsb_shift_opts_init(&opts, sizeof opts);
    opts.n_bootstrap = 20;
    opts.n_image_bootstrap = 10;
    dsb_shift *s;
    if (dsb_shift_create(rt, &s, &opts) != DSB_OK)
        abort();
    told(dsb_shift_add_set(s, "old", parts[0].path, parts[1].path));
    told(dsb_shift_add_set(s, "new", parts[2].path, parts[3].path));
    told(dsb_shift_add_table(s, parts[4].path, NULL, NULL, 0, parts[6].path));
    told(dsb_shift_add_groups(s, parts[5].path));
    dsb_status status = dsb_shift_run(s, NULL, NULL);
    told(status);
    if (status == DSB_OK) {
        size_t length;
        const char *json = dsb_shift_json(s, &length);
        use_record(rt, json, length);
    }
    dsb_shift_free(s);
    dsb_runtime_free(rt); /* what is left behind, LeakSanitizer finds */
    for (size_t i = 0; i < PARTS; i++)
        close(parts[i].fd);
    return 0;
}
