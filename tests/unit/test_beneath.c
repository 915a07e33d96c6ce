/* Folders on a kernel, or in a sandbox, without openat2: nothing outside is opened, links are not
 * followed at all, everything else works. The program takes the call away from itself. */
#include "pictures.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include "data/dataset.h"

static dsb_runtime *rt;

static bool forbid_openat2(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat2, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (ENOSYS & SECCOMP_RET_DATA)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof filter / sizeof filter[0], filter};
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

START_TEST(folders_are_read)
{
    write_picture(rt, "in/a.jpg", 20, 20, 1);
    write_picture(rt, "in/b/c/d.jpg", 20, 20, 2);
    write_picture(rt, "out.jpg", 20, 20, 3);
    ck_assert_int_eq(symlink("a.jpg", picture_path("in/link.jpg")), 0);
    ck_assert_int_eq(symlink("../out.jpg", picture_path("in/escape.jpg")), 0);
    ck_assert_int_eq(symlink("..", picture_path("in/b/up")), 0);
    dsb_dataset *dataset;
    ck_assert_ok(dsb_dataset_open(rt, &dataset, picture_path("in"), NULL, NULL, NULL));
    ck_assert_uint_eq(dsb_dataset_count(dataset), 2);
    ck_assert_str_eq(dsb_dataset_path(dataset, 1), "b/c/d.jpg");
    ck_assert_uint_eq(dsb_dataset_cause_count(dataset, DSB_CAUSE_LINK), 3);
    dsb_dataset_free(dataset);
}
END_TEST

START_TEST(nothing_outside_is_opened)
{
    int fd;
    ck_assert_ok(dsbi_open_folder(&fd, picture_path("in")));
    static const char *const refused[] = {"link.jpg",    "escape.jpg", "b/up/out.jpg",
                                          "../out.jpg",  "b/../a.jpg", "b//c/d.jpg",
                                          "/etc/passwd", "",           "none/x"};
    uint8_t *bytes;
    size_t size;
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        dsb_status status = dsbi_file_read_beneath(rt, &bytes, &size, fd, refused[i], 1 << 20);
        ck_assert_msg(status == DSB_E_IO || status == DSB_E_NOTFOUND, "\"%s\" was opened",
                      refused[i]);
        ck_assert_ptr_null(bytes);
    }
    char deep[600];
    memset(deep, 'x', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    ck_assert_int_eq(dsbi_open_beneath(fd, deep, O_RDONLY), -1);
    ck_assert_int_eq(errno, ENAMETOOLONG);
    ck_assert_ok(dsbi_file_read_beneath(rt, &bytes, &size, fd, "b/c/d.jpg", 1 << 20));
    dsbi_free(rt, bytes);
    close(fd);
    int next = dup(0); /* the lowest free descriptor: none was lost */
    ck_assert_int_eq(next, fd);
    close(next);
}
END_TEST

int main(void)
{
    if (!forbid_openat2()) {
        printf("SKIPPED: seccomp filters cannot be installed here\n");
        return 77;
    }
    if (!pictures_begin("beneath") || dsb_runtime_create(&rt, NULL) != DSB_OK)
        return EXIT_FAILURE;
    int result = run_tests("beneath", folders_are_read, nothing_outside_is_opened, NULL);
    dsb_runtime_free(rt);
    pictures_end();
    return result;
}
