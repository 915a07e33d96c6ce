/* Text from outside on a terminal: names of files and classes may hold escape sequences that move
 * the cursor, recolour or retitle, and marks that make a name look like another. */
#ifndef DSBIAS_CLI_PLAIN_H
#define DSBIAS_CLI_PLAIN_H

#include <stdio.h>

/* Writes the text with '?' for control characters (line ends, too), marks that reorder text, and
 * bytes that are no UTF-8. */
void cli_put_plain(FILE *to, const char *text);

/* The same in place. */
void cli_make_plain(char *text);

#endif
