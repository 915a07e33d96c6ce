/* Disks that fail: the n-th write, fsync, rename ... ends with an error, or is interrupted, or does
 * less than asked. Writing a file leaves the old one whole and no other; the pixel store is only a
 * cache and changes nothing. The system calls below take the place of the C library's. */
#include "pictures.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include "base/sha256.h"
#include "data/loader.h"

enum fault { NONE, FAIL, INTERRUPT, SHORT };
enum call { WRITE = 1, PWRITE = 2, PREAD = 4, READ = 8, FSYNC = 16, RENAME = 32, ANY = 63 };

static atomic_int fault_kind;
static atomic_int fault_error;
static atomic_int fault_calls; /* enum call: which are counted and may fail */
static atomic_long fault_left; /* calls until the fault; from then on all fail if fault_forever */
static atomic_bool fault_forever, fault_fired;

static bool strikes(enum call call)
{
    if (atomic_load(&fault_kind) == NONE || !(atomic_load(&fault_calls) & (int)call))
        return false;
    long left = atomic_fetch_sub(&fault_left, 1);
    bool now = left == 1 || (left < 1 && atomic_load(&fault_forever));
    if (now)
        atomic_store(&fault_fired, true);
    return now;
}

static bool interrupted(void)
{
    errno = atomic_load(&fault_kind) == INTERRUPT ? EINTR : atomic_load(&fault_error);
    return atomic_load(&fault_kind) != SHORT;
}

ssize_t write(int fd, const void *data, size_t size)
{
    if (size > 0 && fd > 2 && strikes(WRITE)) {
        if (interrupted())
            return -1;
        size = (size + 1) / 2;
    }
    return syscall(SYS_write, fd, data, size);
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    if (size > 0 && strikes(PWRITE)) {
        if (interrupted())
            return -1;
        size = (size + 1) / 2;
    }
    return syscall(SYS_pwrite64, fd, data, size, offset);
}

ssize_t pread(int fd, void *data, size_t size, off_t offset)
{
    if (size > 0 && strikes(PREAD)) {
        if (interrupted())
            return -1;
        size = (size + 1) / 2;
    }
    return syscall(SYS_pread64, fd, data, size, offset);
}

ssize_t read(int fd, void *data, size_t size)
{
    if (size > 0 && strikes(READ)) {
        if (interrupted())
            return -1;
        size = (size + 1) / 2;
    }
    return syscall(SYS_read, fd, data, size);
}

int fsync(int fd)
{
    if (strikes(FSYNC) && interrupted())
        return -1;
    return (int)syscall(SYS_fsync, fd);
}

int rename(const char *from, const char *to)
{
    if (atomic_load(&fault_kind) == FAIL && strikes(RENAME) && interrupted())
        return -1;
    return (int)syscall(SYS_rename, from, to);
}

static void arm(enum fault kind, int calls, int error, long n, bool forever)
{
    atomic_store(&fault_calls, calls);
    atomic_store(&fault_kind, kind);
    atomic_store(&fault_error, error);
    atomic_store(&fault_left, n);
    atomic_store(&fault_forever, forever);
    atomic_store(&fault_fired, false);
}

static size_t count_names(const char *folder)
{
    char command[600], line[32] = "";
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", folder);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, pipe));
    pclose(pipe);
    return strtoul(line, NULL, 10);
}

static void check_content(dsb_runtime *rt, const char *path, const char *old, const char *new)
{
    uint8_t *bytes;
    size_t size;
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, path, 1 << 20));
    ck_assert_msg(strcmp((char *)bytes, old) == 0 || strcmp((char *)bytes, new) == 0, "torn: %s",
                  (char *)bytes);
    dsbi_free(rt, bytes);
}

START_TEST(atomic_files_are_old_or_new)
{
    dsb_runtime *rt = make_runtime(1);
    ck_assert_ok(dsbi_make_dirs(rt, picture_path("w")));
    char path[512];
    snprintf(path, sizeof path, "%s", picture_path("w/file"));
    ck_assert_ok(dsbi_file_write_atomic(rt, path, "old", 3));
    const int errors[] = {EIO, ENOSPC, EDQUOT};
    for (size_t e = 0; e < 3; e++)
        for (long n = 1;; n++) {
            arm(FAIL, ANY, errors[e], n, false);
            dsb_status status = dsbi_file_write_atomic(rt, path, "new content", 11);
            arm(NONE, 0, 0, 0, false);
            ck_assert_uint_eq(count_names(picture_path("w")), 1);
            check_content(rt, path, "old", "new content");
            if (status == DSB_OK)
                break;
            ck_assert_int_eq(status, DSB_E_IO);
            ck_assert_ptr_nonnull(strstr(dsb_last_error(), path));
            ck_assert_ptr_nonnull(strstr(dsb_last_error(), strerror(errors[e])));
            ck_assert_int_lt(n, 10);
        }
    for (int kind = INTERRUPT; kind <= SHORT; kind++)
        for (long n = 1; n < 6; n++) { /* hindered, not stopped */
            arm((enum fault)kind, ANY, 0, n, false);
            dsb_status status = dsbi_file_write_atomic(rt, path, "newer content", 13);
            arm(NONE, 0, 0, 0, false);
            ck_assert_ok(status);
            check_content(rt, path, "newer content", "newer content");
        }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(reading_is_hindered_not_stopped)
{
    dsb_runtime *rt = make_runtime(1);
    write_bytes(rt, "r/file", "0123456789", 10);
    char path[512];
    snprintf(path, sizeof path, "%s", picture_path("r/file"));
    uint8_t *bytes;
    size_t size;
    for (int kind = INTERRUPT; kind <= SHORT; kind++) {
        arm((enum fault)kind, ANY, 0, 1, false);
        dsb_status status = dsbi_file_read(rt, &bytes, &size, path, 100);
        arm(NONE, 0, 0, 0, false);
        ck_assert_ok(status);
        ck_assert_str_eq((char *)bytes, "0123456789");
        dsbi_free(rt, bytes);
    }
    arm(FAIL, ANY, EIO, 1, false);
    dsb_status status = dsbi_file_read(rt, &bytes, &size, path, 100);
    arm(NONE, 0, 0, 0, false);
    ck_assert_int_eq(status, DSB_E_IO);
    ck_assert_ptr_null(bytes);
    ck_assert_ptr_nonnull(strstr(dsb_last_error(), "r/file: cannot read: Input/output error"));
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(unreadable_files_are_broken)
{
    dsb_runtime *rt = make_runtime(1);
    write_pictures(rt, "u", 5, 300);
    dsb_dataset *dataset;
    arm(FAIL, READ, EIO, 2, false); /* one read a file */
    dsb_status status = dsb_dataset_open(rt, &dataset, picture_path("u"), NULL, NULL, NULL);
    arm(NONE, 0, 0, 0, false);
    ck_assert_ok(status);
    ck_assert_uint_eq(dsb_dataset_count(dataset), 4);
    dsb_problem problem;
    dsb_problem_init(&problem, sizeof problem);
    ck_assert_ok(dsb_dataset_broken(dataset, 0, &problem));
    ck_assert_str_eq(problem.path, "001.jpg");
    ck_assert_uint_eq(problem.cause, DSB_CAUSE_UNREADABLE);
    ck_assert_ptr_nonnull(strstr(problem.message, strerror(EIO)));
    dsb_dataset_free(dataset);
    dsb_runtime_free(rt);
}
END_TEST

static void load(dsb_runtime *rt, const dsb_split *split, uint8_t digest[32], uint64_t *decoded)
{
    dsb_loader_opts opts;
    dsb_loader_opts_init(&opts, sizeof opts);
    opts.size = 16;
    opts.batch_size = 5;
    opts.n_epochs = 3;
    opts.augment = "crop";
    opts.store_folder = pictures_base;
    dsb_loader *loader;
    ck_assert_ok(dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, &opts));
    dsb_batch batch;
    dsb_batch_init(&batch, sizeof batch);
    dsbi_sha256_state sha;
    dsbi_sha256_init(&sha);
    for (;;) {
        ck_assert_ok(dsb_loader_next(loader, &batch));
        if (batch.n == 0)
            break;
        dsbi_sha256_update(&sha, batch.images, batch.n * 16 * 16 * 3);
    }
    dsbi_sha256_final(&sha, digest);
    *decoded = dsb_loader_decoded_count(loader);
    ck_assert_uint_eq(dsb_loader_failed_count(loader), 0);
    dsb_loader_free(loader);
}

START_TEST(full_disks_change_no_picture)
{
    dsb_runtime *rt = make_runtime(2);
    write_pictures(rt, "a", 20, 1);
    dsb_dataset *dataset;
    ck_assert_ok(dsb_dataset_open(rt, &dataset, picture_path("a"), NULL, NULL, NULL));
    const dsb_dataset *one[1] = {dataset};
    dsb_split *split;
    ck_assert_ok(dsb_split_create(rt, &split, one, 1, NULL));
    uint8_t whole[32], digest[32];
    uint64_t decoded;
    load(rt, split, whole, &decoded);
    ck_assert_uint_lt(decoded, 3 * 14);
    const struct {
        enum fault kind;
        int calls, error;
        bool forever;
    } faults[] = {{FAIL, PWRITE, ENOSPC, true}, {FAIL, PWRITE, EIO, false},
                  {FAIL, PREAD, EIO, true},     {FAIL, PREAD, EIO, false},
                  {INTERRUPT, ANY, 0, false},   {SHORT, ANY, 0, true}};
    for (size_t f = 0; f < sizeof faults / sizeof faults[0]; f++)
        for (long n = 1; n < 26; n += 6) {
            arm(faults[f].kind, faults[f].calls, faults[f].error, n, faults[f].forever);
            load(rt, split, digest, &decoded);
            bool fired = atomic_load(&fault_fired);
            arm(NONE, 0, 0, 0, false);
            ck_assert_mem_eq(whole, digest, 32);
            ck_assert(fired);
        }
    dsb_split_free(split);
    dsb_dataset_free(dataset);
    dsb_runtime_free(rt);
}
END_TEST

/* A store above RLIMIT_FSIZE would end the process with SIGXFSZ: it is done without. */
START_TEST(file_size_limits_are_respected)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_dataset *dataset;
    ck_assert_ok(dsb_dataset_open(rt, &dataset, picture_path("a"), NULL, NULL, NULL));
    const dsb_dataset *one[1] = {dataset};
    dsb_split *split;
    ck_assert_ok(dsb_split_create(rt, &split, one, 1, NULL));
    uint8_t free_digest[32], limited_digest[32];
    uint64_t decoded;
    load(rt, split, free_digest, &decoded);
    struct rlimit old, small;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &old), 0);
    small = old;
    small.rlim_cur = 4000;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    load(rt, split, limited_digest, &decoded);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &old), 0);
    ck_assert_uint_eq(decoded, 3 * 14);
    ck_assert_mem_eq(free_digest, limited_digest, 32);
    dsb_split_free(split);
    dsb_dataset_free(dataset);
    dsb_runtime_free(rt);
}
END_TEST

#if !defined(__SANITIZE_THREAD__) /* which must see every thread begin */
static atomic_int threads_left = 1000;

int pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*run)(void *),
                   void *argument)
{
    typedef int (*create_fn)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
    static create_fn real;
    if (atomic_fetch_sub(&threads_left, 1) <= 0)
        return EAGAIN;
    if (!real) {
        void *symbol = dlsym(RTLD_NEXT, "pthread_create");
        memcpy(&real, &symbol, sizeof real);
    }
    return real(thread, attributes, run, argument);
}

START_TEST(threads_that_do_not_start)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_dataset *dataset;
    ck_assert_ok(dsb_dataset_open(rt, &dataset, picture_path("a"), NULL, NULL, NULL));
    const dsb_dataset *one[1] = {dataset};
    dsb_split *split;
    ck_assert_ok(dsb_split_create(rt, &split, one, 1, NULL));
    uint64_t before = dsb_runtime_memory(rt);
    dsb_loader_opts opts;
    dsb_loader_opts_init(&opts, sizeof opts);
    opts.n_threads = 3;
    for (int n = 0; n < 3; n++) {
        dsb_loader *loader;
        atomic_store(&threads_left, n);
        dsb_status status = dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, &opts);
        atomic_store(&threads_left, 1000);
        ck_assert_int_eq(status, DSB_E_NOMEM);
        ck_assert_ptr_nonnull(strstr(dsb_last_error(), "cannot start loader thread"));
        ck_assert_ptr_null(loader);
        ck_assert_uint_eq(dsb_runtime_memory(rt), before);
        dsb_runtime_opts runtime;
        dsb_runtime_opts_init(&runtime, sizeof runtime);
        runtime.n_threads = 4;
        dsb_runtime *other;
        atomic_store(&threads_left, n);
        status = dsb_runtime_create(&other, &runtime);
        atomic_store(&threads_left, 1000);
        ck_assert_int_eq(status, DSB_E_NOMEM);
        ck_assert_ptr_null(other);
    }
    dsb_split_free(split);
    dsb_dataset_free(dataset);
    dsb_runtime_free(rt);
}
END_TEST
#else
START_TEST(threads_that_do_not_start)
{
}
END_TEST
#endif

int main(void)
{
    if (!pictures_begin("fault-files"))
        return EXIT_FAILURE;
    int result =
        run_tests("fault_files", atomic_files_are_old_or_new, reading_is_hindered_not_stopped,
                  unreadable_files_are_broken, full_disks_change_no_picture,
                  file_size_limits_are_respected, threads_that_do_not_start, NULL);
    pictures_end();
    return result;
}
