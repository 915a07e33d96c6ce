/** Reports for people, made from run records and from nothing else: give them the results.json of a
 *  run and they come out the same on any machine, any time later.
 *
 *      char *html;
 *      size_t size;
 *      if (dsb_report_classify_html(rt, &html, &size, json, strlen(json)) == DSB_OK)
 *          fwrite(html, 1, size, file);
 *      dsb_report_free(rt, html);
 *
 *  Every name and path in a record is taken for hostile: it is escaped, shortened where needed, and
 *  never becomes markup. Fields of a record are described in docs/results-schema.md.
 */
#ifndef DSBIAS_REPORT_H
#define DSBIAS_REPORT_H

#include "dsbias/base.h"

#ifdef __cplusplus
extern "C" {
#endif

/** One self-contained HTML page (styles and figures inside, no scripts, loads nothing) from the
 *  record of dsb_bias_classify.
 *  @param html       NUL-terminated UTF-8; yours, free it with dsb_report_free. NULL on failure.
 *  @param size       bytes without the NUL; may be NULL.
 *  @param json       text of a results.json, json_size bytes.
 *  @return DSB_OK; DSB_E_FORMAT if it is not JSON or not such a record; DSB_E_LIMIT, DSB_E_NOMEM.
 *  Members that are missing leave their section out. Any thread. Since 0.1. */
DSB_API dsb_status dsb_report_classify_html(dsb_runtime *rt, char **html, size_t *size,
                                            const char *json, size_t json_size);

/** Bits for the reports for a terminal. */
#define DSB_REPORT_COLOUR 1u /* escape sequences for a terminal */

/** The same in about twenty lines for a terminal, at most 80 columns, UTF-8. Parameters as above.
 *  @param flags  0 or DSB_REPORT_COLOUR. */
DSB_API dsb_status dsb_report_classify_text(dsb_runtime *rt, char **text, size_t *size,
                                            const char *json, size_t json_size, uint32_t flags);

/** Page and summary from the record of dsb_shift_run (dsb_shift_json): as the two above. */
DSB_API dsb_status dsb_report_shift_html(dsb_runtime *rt, char **html, size_t *size,
                                         const char *json, size_t json_size);
DSB_API dsb_status dsb_report_shift_text(dsb_runtime *rt, char **text, size_t *size,
                                         const char *json, size_t json_size, uint32_t flags);

/** What dsb_data_summary found, as text for a terminal: one block a collection, then each broken
 *  file with what is wrong, then the duplicates. Parameters and errors as above. Since 0.1. */
DSB_API dsb_status dsb_report_data_text(dsb_runtime *rt, char **text, size_t *size,
                                        const char *json, size_t json_size, uint32_t flags);

/** The page from the record of dsb_data_summary or dsb_data_survey: sizes, shapes, files, light and
 *  colour, classes, what is broken, duplicates. Parameters and errors as dsb_report_classify_html.
 *  Since 0.1. */
DSB_API dsb_status dsb_report_data_html(dsb_runtime *rt, char **html, size_t *size,
                                        const char *json, size_t json_size);

/** Frees a text made by this header. Accepts NULL. */
DSB_API void dsb_report_free(dsb_runtime *rt, char *text);

#ifdef __cplusplus
}
#endif

#endif
