/* Base64, RFC 4648 section 4, for data URIs. */
#ifndef DSBI_BASE_BASE64_H
#define DSBI_BASE_BASE64_H

#include "base/text.h"

/* Appends the encoding of n_bytes, with padding, without line breaks. */
void dsbi_text_add_base64(dsbi_text *text, const uint8_t *bytes, size_t n_bytes);

#endif
