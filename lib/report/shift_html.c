/* One self-contained page from the record of `shift`. */
#include "dsbias/report.h"

#include "report/record.h"
#include "report/style.h"

dsb_status dsb_report_shift_html(dsb_runtime *rt, char **html, size_t *size, const char *json,
                                 size_t json_size)
{
    dsbi_clear_error();
    if (!rt || !html || !json)
        return dsbi_fail(DSB_E_INVALID, "dsb_report_shift_html: a NULL argument");
    *html = NULL;
    dsbi_json *doc;
    DSBI_TRY(dsbi_record_open(rt, &doc, json, json_size, "dsbias.shift/"));
    dsbi_text t;
    dsbi_text_init(&t, rt);
    dsbi_page_begin(&t, "dsbias shift report");
    dsbi_page_end(&t);
    dsb_status status = t.status;
    dsbi_json_free(doc);
    if (status == DSB_OK) {
        if (size)
            *size = t.size;
        *html = dsbi_text_take(&t);
        status = *html ? DSB_OK : DSB_E_NOMEM;
    }
    dsbi_text_free(&t);
    return status;
}
