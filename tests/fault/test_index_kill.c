/* Writing an index, whatever happens meanwhile: killed before and after each system call that
 * changes the disk, killed at many moments of a whole scan, on a disk that is full. The index is
 * then the old one or the new one, which opens without a word; a full disk is an error that names
 * the file. The system calls below take the place of the C library's. */
#include "indexed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

static long calls_left; /* 0: nobody is killed */

static void count_call(void)
{
    if (calls_left > 0 && --calls_left == 0)
        kill(getpid(), SIGKILL);
}

ssize_t write(int fd, const void *data, size_t size)
{
    count_call();
    ssize_t n = syscall(SYS_write, fd, data, size);
    count_call();
    return n;
}

int fsync(int fd)
{
    count_call();
    int result = (int)syscall(SYS_fsync, fd);
    count_call();
    return result;
}

int rename(const char *from, const char *to)
{
    count_call();
    int result = (int)syscall(SYS_rename, from, to);
    count_call();
    return result;
}

static unsigned n_warnings;

static void log_line(void *user, int32_t level, const char *area, const char *message)
{
    (void)user;
    (void)area;
    if (level == DSB_LOG_WARN) {
        n_warnings++;
        fprintf(stderr, "%s\n", message);
    }
}

/* A runtime that counts warnings: an index that cannot be believed is one. */
static dsb_runtime *watching_runtime(void)
{
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = 1;
    opts.log = log_line;
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, &opts));
    return rt;
}

/* In a process of its own: opens the collection, which writes its index. */
static pid_t scan_in_child(long calls)
{
    pid_t child = fork();
    if (child != 0)
        return child;
    dsb_dataset *set;
    dsb_runtime *own = watching_runtime();
    calls_left = calls;
    dsb_status status = dsb_dataset_open(own, &set, spec("killed"), NULL, NULL, NULL);
    calls_left = 0;
    _exit(status == DSB_OK ? 0 : 1);
}

/* Makes the index an old one: 12 files (class0, and what is broken) have to be read again. */
static void make_old(unsigned k)
{
    char date[40];
    snprintf(date, sizeof date, "2021-01-01 %02u:%02u:00", k / 60 % 24, k % 60);
    age("killed/class0", date);
}

/* 12 files read: the old index was there; 0: the new one. */
static bool check_whole(void)
{
    dsb_runtime *rt = watching_runtime();
    dsb_dataset *set;
    n_warnings = 0;
    ck_assert_ok(dsb_dataset_open(rt, &set, spec("killed"), NULL, NULL, NULL));
    uint64_t n = dsb_dataset_read_count(set);
    ck_assert_msg(n == 0 || n == 12, "%llu read", (unsigned long long)n);
    ck_assert_uint_eq(n_warnings, 0);
    ck_assert_uint_eq(dsb_dataset_count(set), 30);
    dsb_dataset_free(set);
    dsb_runtime_free(rt);
    return n == 0;
}

/* Whether a file may be without a name until it is whole; not on all file systems. */
static bool has_unnamed_files(void)
{
    const int fd = open(picture_path("."), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* Temporary files that killed writers left; takes them away. */
static unsigned count_left(void)
{
    unsigned n = 0;
    DIR *folder = opendir(picture_path("."));
    ck_assert_ptr_nonnull(folder);
    for (const struct dirent *entry; (entry = readdir(folder));)
        if (strncmp(entry->d_name, ".dsbias-", 8) == 0) {
            n++;
            unlink(picture_path(entry->d_name));
        }
    closedir(folder);
    return n;
}

static void begin(void)
{
    dsb_runtime *rt = make_runtime(1);
    make_set(rt, "killed");
    unlink(picture_path("index.dsbx"));
    dsb_dataset_free(open_indexed(rt, "killed", 32));
    dsb_runtime_free(rt);
}

START_TEST(killed_at_each_call)
{
    begin();
    unsigned n_old = 0, n_new = 0, n_left = 0;
    for (long calls = 1;; calls++) {
        int result;
        make_old((unsigned)calls);
        pid_t child = scan_in_child(calls);
        ck_assert_int_eq(waitpid(child, &result, 0), child);
        *(check_whole() ? &n_new : &n_old) += 1;
        n_left += count_left();
        if (WIFEXITED(result))
            break;
        ck_assert(WIFSIGNALED(result) && WTERMSIG(result) == SIGKILL);
        ck_assert_int_lt(calls, 200);
    }
    printf("killed before and after each of the calls: %u old, %u new\n", n_old, n_new);
    ck_assert_uint_gt(n_old, 4);
    ck_assert_uint_gt(n_new, 1);
    if (has_unnamed_files()) /* one: between the name beside the old index and the rename */
        ck_assert_uint_le(n_left, 1);
}
END_TEST

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

START_TEST(killed_at_any_moment)
{
    enum { N_KILLS = 300 };
    begin();
    make_old(1000);
    double start = now();
    int result;
    pid_t child = scan_in_child(0);
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    double whole = now() - start;
    unsigned n_old = 0, n_new = 0;
    for (unsigned k = 0; k < N_KILLS; k++) {
        make_old(k);
        child = scan_in_child(0);
        double delay = whole * 1.2 * k / N_KILLS;
        nanosleep(&(struct timespec){.tv_nsec = (long)(delay * 1e9) % 1000000000}, NULL);
        kill(child, SIGKILL);
        ck_assert_int_eq(waitpid(child, &result, 0), child);
        *(check_whole() ? &n_new : &n_old) += 1;
    }
    printf("killed at %d moments of %.1f ms: %u old, %u new\n", N_KILLS, 1000 * whole, n_old,
           n_new);
    ck_assert_msg(n_old > 0, "no child was killed before its end: %u new", n_new);
}
END_TEST

/* Opens a collection whose index cannot be written; the old one is whole afterwards. */
static void check_full(dsb_runtime *rt, const char *place)
{
    dsb_dataset *set;
    ck_assert_fails(dsb_dataset_open(rt, &set, place, NULL, NULL, NULL), DSB_E_IO, "index.dsbx");
    ck_assert_ptr_null(set);
}

START_TEST(a_limit_on_files_keeps_the_old_index)
{
    dsb_runtime *rt = make_runtime(1);
    begin();
    make_old(7);
    struct rlimit limit, small;
    signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
    small = limit;
    small.rlim_cur = 6000;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    check_full(rt, spec("killed"));
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
    ck_assert(!check_whole());
    dsb_runtime_free(rt);
}
END_TEST

/* Mounts are seen by this process only. In a user namespace of its own it is root there. */
static bool may_mount(void)
{
    char line[40];
    int size = snprintf(line, sizeof line, "0 %u 1", (unsigned)getuid());
    if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return false;
        int fd = open("/proc/self/uid_map", O_WRONLY | O_CLOEXEC);
        if (fd < 0 || syscall(SYS_write, fd, line, size) != size)
            return false;
        close(fd);
    }
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

/* On a file system that has room for one and a half indexes. 77: cannot be mounted here. */
static int fill_disk(void)
{
    char place[600], text[1300], limit[40];
    struct stat facts;
    ck_assert_int_eq(stat(picture_path("index.dsbx"), &facts), 0);
    snprintf(limit, sizeof limit, "size=%lld", (long long)facts.st_size * 3 / 2);
    snprintf(place, sizeof place, "%s", picture_path("disk"));
    if (!may_mount() || mkdir(place, 0700) != 0 || mount("tmpfs", place, "tmpfs", 0, limit) != 0)
        return 77;
    dsb_runtime *rt = make_runtime(1);
    snprintf(text, sizeof text, "%s?index=%s/index.dsbx", picture_path("killed"), place);
    dsb_dataset *set;
    ck_assert_ok(dsb_dataset_open(rt, &set, text, NULL, NULL, NULL));
    dsb_dataset_free(set);
    make_old(8);
    check_full(rt, text); /* two do not fit */
    ck_assert_ptr_nonnull(strstr(dsb_last_error(), strerror(ENOSPC)));
    age("killed/class0", "2020-01-01");
    ck_assert_ok(dsb_dataset_open(rt, &set, text, NULL, NULL, NULL));
    ck_assert_uint_eq(dsb_dataset_read_count(set), 0); /* the old one, whole */
    dsb_dataset_free(set);
    dsb_runtime_free(rt);
    return 0;
}

START_TEST(a_full_disk_keeps_the_old_index)
{
    begin();
    pid_t child = fork();
    if (child == 0)
        _exit(fill_disk());
    int result;
    ck_assert_int_eq(waitpid(child, &result, 0), child);
    ck_assert(WIFEXITED(result));
    if (WEXITSTATUS(result) == 77)
        printf("SKIPPED: a_full_disk_keeps_the_old_index: no file system may be mounted here\n");
    else
        ck_assert_int_eq(WEXITSTATUS(result), 0);
}
END_TEST

int main(void)
{
    if (!pictures_begin("kill"))
        return EXIT_FAILURE;
    int result =
        run_tests("index_kill", killed_at_each_call, killed_at_any_moment,
                  a_limit_on_files_keeps_the_old_index, a_full_disk_keeps_the_old_index, NULL);
    pictures_end();
    return result;
}
