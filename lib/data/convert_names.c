/* Class names on their way into another format. Any bytes may be in them; a list holds one a line,
 * and a folder takes neither '/' nor a leading '.'. What cannot stand becomes '_', and a name that
 * another class has already gets a number, so that no two classes are joined. */
#include <stdio.h>
#include <string.h>
#include "base/text.h"
#include "data/convert.h"

enum { NAME_BYTES = 256, LONGEST = 230 }; /* a file name holds 255 bytes; room for a number */

static void make_safe(char out[NAME_BYTES], const char *name, bool as_folder)
{
    snprintf(out, NAME_BYTES, "%.*s", LONGEST, *name ? name : "unlabelled");
    size_t n = strlen(out);
    if (n == LONGEST) /* no half characters */
        while (n > 0 && (out[n] & 0xc0) == 0x80)
            out[n--] = '\0';
    for (char *p = out; *p; p++)
        if ((uint8_t)*p < 0x20 || *p == 0x7f ||
            (as_folder && (*p == '/' || (p == out && *p == '.'))))
            *p = '_';
}

dsb_status dsbi_convert_names(dsbi_converter *self, bool as_folders)
{
    for (uint32_t c = 0; c < dsb_dataset_class_count(self->dataset); c++) {
        char safe[NAME_BYTES], tried[NAME_BYTES + 24];
        uint32_t number = 0;
        make_safe(safe, dsb_dataset_class_name(self->dataset, c), as_folders);
        snprintf(tried, sizeof tried, "%s", safe);
        for (unsigned k = 2;; k++) {
            DSBI_TRY(dsbi_name_set_add(self->rt, &self->names, &self->name_pool, &number, tried,
                                       strlen(tried)));
            if (number == c)
                break;
            snprintf(tried, sizeof tried, "%s_%u", safe, k); /* another class has it */
        }
    }
    return DSB_OK;
}

const char *dsbi_convert_name(const dsbi_converter *self, uint32_t class_id)
{
    return dsbi_names_get(&self->name_pool, self->names.names[class_id]);
}

bool dsbi_convert_has_classes(const dsbi_converter *self)
{
    uint32_t n = dsb_dataset_class_count(self->dataset);
    return dsb_dataset_has_labels(self->dataset) || n > 1 ||
           (n == 1 && *dsb_dataset_class_name(self->dataset, 0));
}

dsb_status dsbi_convert_write_names(const dsbi_converter *self, const char *path, uint32_t n_least)
{
    dsbi_text text;
    dsbi_text_init(&text, self->rt);
    uint32_t n = (uint32_t)self->names.n;
    for (uint32_t c = 0; c < n || c < n_least; c++) {
        if (c < n)
            dsbi_text_printf(&text, "%s\n", dsbi_convert_name(self, c));
        else
            dsbi_text_printf(&text, "%u\n", c);
    }
    dsb_status status = text.status;
    if (status == DSB_OK)
        status = dsbi_file_write_atomic(self->rt, path, text.size ? text.data : "", text.size);
    dsbi_text_free(&text);
    return status;
}
