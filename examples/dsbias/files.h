/* Whole files in and out, with a message on failure. */
#ifndef DSBIAS_CLI_FILES_H
#define DSBIAS_CLI_FILES_H

#include "cli.h"

/* Reads a regular file of at most 1 GiB; `*data` is NUL-terminated, free() it. Returns an exit
 * code. */
int cli_read_file(cli_context *cli, char **data, size_t *size, const char *path);

/* Writes beside the final name, then renames: the file is there whole or not at all. */
int cli_write_file(cli_context *cli, const char *path, const char *data, size_t size);

#endif
