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

/* Devices and pipes cannot be replaced, only written to. */
static bool is_special(const char *path)
{
    struct stat facts;
    return stat(path, &facts) == 0 && !S_ISREG(facts.st_mode) && !S_ISDIR(facts.st_mode);
}

/* Returns errno, 0 if all is written. */
static int write_and_sync(const char *path, const char *data, size_t size, bool sync)
{
    FILE *file = fopen(path, "wb");
    if (!file)
        return errno;
    int error = 0;
    if (fwrite(data, 1, size, file) != size || fflush(file) != 0 ||
        (sync && fsync(fileno(file)) != 0))
        error = errno;
    if (fclose(file) != 0 && !error)
        error = errno;
    return error;
}

/* What a link leads to is replaced and not the link. Returns errno. */
static int replace(const char *path, const char *data, size_t size)
{
    char *target = realpath(path, NULL); /* NULL: there is nothing yet */
    const char *place = target ? target : path;
    const size_t room = strlen(place) + 32;
    char *temporary = malloc(room);
    int error = temporary ? 0 : ENOMEM;
    if (!error) {
        snprintf(temporary, room, "%s.%ld.tmp", place, (long)getpid());
        error = write_and_sync(temporary, data, size, true);
        if (!error && rename(temporary, place) != 0)
            error = errno;
        if (error)
            unlink(temporary);
    }
    free(temporary);
    free(target);
    return error;
}

int cli_write_file(cli_context *cli, const char *path, const char *data, size_t size)
{
    const int error =
        is_special(path) ? write_and_sync(path, data, size, false) : replace(path, data, size);
    if (!error)
        return CLI_OK;
    complain(cli, path, error);
    return CLI_IO;
}

/* The nearest folder above `path` that is there; cuts `path`. */
static const char *existing_part(char *path)
{
    struct stat facts;
    while (stat(path, &facts) != 0 && errno == ENOENT) {
        char *slash = strrchr(path, '/');
        if (!slash)
            return ".";
        while (slash > path && slash[-1] == '/')
            slash--;
        if (slash == path)
            return "/";
        *slash = '\0';
    }
    return path;
}

int cli_check_folder(cli_context *cli, const char *path)
{
    char *copy = strdup(path);
    if (!copy)
        return complain(cli, path, ENOMEM);
    struct stat facts;
    const char *there = existing_part(copy);
    int error = 0;
    if (stat(there, &facts) != 0)
        error = errno;
    else if (!S_ISDIR(facts.st_mode))
        error = ENOTDIR;
    else if (access(there, W_OK | X_OK) != 0)
        error = errno;
    free(copy);
    if (!error)
        return CLI_OK;
    complain(cli, path, error);
    return CLI_IO;
}
