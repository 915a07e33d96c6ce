/* See files.h. */
#include "files.h"
#include "plain.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int complain(cli_context *cli, const char *path, int error)
{
    cli_clear_progress(cli);
    fprintf(stderr, "dsbias %s: ", cli->command->name);
    cli_put_plain(stderr, path);
    fprintf(stderr, ": %s\n", strerror(error));
    return error == ENOENT || error == EISDIR ? CLI_INPUT : error == ENOMEM ? CLI_MEMORY : CLI_IO;
}

int cli_read_file(cli_context *cli, char **data, size_t *size, const char *path)
{
    struct stat facts;
    char *bytes = NULL;
    int code = CLI_OK;
    *data = NULL;
    FILE *file = fopen(path, "rb");
    if (!file || fstat(fileno(file), &facts) != 0) {
        code = complain(cli, path, errno);
    } else if (!S_ISREG(facts.st_mode)) {
        code = complain(cli, path, S_ISDIR(facts.st_mode) ? EISDIR : EINVAL);
    } else if (facts.st_size > (off_t)1 << 30) {
        code = complain(cli, path, EFBIG);
    } else if (!(bytes = malloc((size_t)facts.st_size + 1))) {
        code = complain(cli, path, ENOMEM);
    } else {
        *size = fread(bytes, 1, (size_t)facts.st_size, file);
        bytes[*size] = '\0';
        if (ferror(file))
            code = complain(cli, path, errno);
    }
    if (file)
        fclose(file);
    if (code == CLI_OK)
        *data = bytes;
    else
        free(bytes);
    return code;
}

int cli_write_file(cli_context *cli, const char *path, const char *data, size_t size)
{
    size_t room = strlen(path) + 32;
    char *temporary = malloc(room);
    if (!temporary)
        return complain(cli, path, ENOMEM);
    snprintf(temporary, room, "%s.%ld.tmp", path, (long)getpid());
    FILE *file = fopen(temporary, "wb");
    int error = file ? 0 : errno;
    if (file) {
        if (fwrite(data, 1, size, file) != size || fflush(file) != 0 || fsync(fileno(file)) != 0)
            error = errno;
        if (fclose(file) != 0 && !error)
            error = errno;
        if (!error && rename(temporary, path) != 0)
            error = errno;
        if (error)
            unlink(temporary);
    }
    free(temporary);
    if (!error)
        return CLI_OK;
    complain(cli, path, error);
    return CLI_IO;
}
