/* A results.json of `shift` that anybody may have written, a condition before it (one line): page,
 * summary, tables and check are made or refused with a sentence; a page never runs a script. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include "dsbias/report.h"
#include "dsbias/shift.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const tables[] = {"models", "classes", "fits",
                                         "pairs",  "groups",  "robustness"};
    static dsb_runtime *rt;
    if (!rt && dsb_runtime_create(&rt, NULL) != DSB_OK)
        abort();
    const uint8_t *end = memchr(data, '\n', size);
    if (!end)
        return 0;
    char condition[200] = "";
    size_t length = (size_t)(end - data);
    memcpy(condition, data, length < sizeof condition ? length : sizeof condition - 1);
    const char *json = (const char *)end + 1;
    size_t json_size = size - length - 1;
    uint64_t before = dsb_runtime_memory(rt);
    char *text, which[256];
    dsb_status status = dsb_report_shift_html(rt, &text, NULL, json, json_size);
    assert(status == DSB_OK ? !strstr(text, "<script") : dsb_last_error()[0] != '\0');
    dsb_report_free(rt, text);
    status = dsb_report_shift_text(rt, &text, NULL, json, json_size, DSB_REPORT_COLOUR);
    assert(status == DSB_OK || dsb_last_error()[0] != '\0');
    dsb_report_free(rt, text);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        status = dsb_shift_csv(rt, &text, NULL, json, json_size, tables[i]);
        assert(status == DSB_OK || dsb_last_error()[0] != '\0');
        dsb_shift_text_free(rt, text);
    }
    status = dsb_shift_check(rt, json, json_size, condition, which);
    assert(status >= 0 || dsb_last_error()[0] != '\0');
    assert(strlen(which) < sizeof which);
    (void)status;
    assert(dsb_runtime_memory(rt) == before);
    return 0;
}
