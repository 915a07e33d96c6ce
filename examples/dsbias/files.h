/* Whole files in and out, with a message on failure. */
#ifndef DSBIAS_CLI_FILES_H
#define DSBIAS_CLI_FILES_H

#include "cli.h"

/* Reads a regular file of at most 1 GiB; `*data` is NUL-terminated, free() it. Returns an exit
 * code. */
int cli_read_file(cli_context *cli, char **data, size_t *size, const char *path);

/* Writes beside the final name, then renames: the file is there whole or not at all. Devices and
 * pipes (/dev/stdout) are written to as they are. */
int cli_write_file(cli_context *cli, const char *path, const char *data, size_t size);

/* Whether a folder can be made there, or is there and can be written into: asked before a long run
 * whose results would be lost. */
int cli_check_folder(cli_context *cli, const char *path);

#endif
