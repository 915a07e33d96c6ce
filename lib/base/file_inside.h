/* What the files of base/file.h share. */
#ifndef DSBI_BASE_FILE_INSIDE_H
#define DSBI_BASE_FILE_INSIDE_H

#include <sys/types.h>
#include "base/status.h"

/* "PATH: cannot VERB: what errno says", with the status that belongs to it. */
dsb_status dsbi_io_fail(const char *path, const char *verb);

/* openat with O_CLOEXEC, again after EINTR. */
int dsbi_open_retry(int dir_fd, const char *path, int flags, mode_t mode);

#endif
