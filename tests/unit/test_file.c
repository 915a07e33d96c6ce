/* Files and walks, on a folder of the test's own. */
#include "testing.h"

#include <fcntl.h>
#include <sys/stat.h>
#include "base/file.h"
#include "base/memory.h"
#include "base/text.h"

static dsb_runtime *rt;
static char base[64];

static const char *at(const char *name)
{
    static char paths[4][256];
    static int next;
    char *path = paths[next++ % 4];
    snprintf(path, 256, "%s/%s", base, name);
    return path;
}

static void write_file(const char *name, const char *text)
{
    ck_assert_ok(dsbi_file_write_atomic(rt, at(name), text, strlen(text)));
}

static size_t count_names(const char *folder)
{
    char command[300], line[32];
    snprintf(command, sizeof command, "ls -A '%s' | wc -l", folder);
    FILE *pipe = popen(command, "r");
    ck_assert_ptr_nonnull(fgets(line, sizeof line, pipe));
    pclose(pipe);
    return strtoul(line, NULL, 10);
}

START_TEST(files_are_read_whole)
{
    write_file("plain", "hello\n");
    uint8_t *bytes;
    size_t size;
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, at("plain"), 6));
    ck_assert_uint_eq(size, 6);
    ck_assert_str_eq((char *)bytes, "hello\n");
    dsbi_free(rt, bytes);
    write_file("empty", "");
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, at("empty"), 0));
    ck_assert_uint_eq(size, 0);
    dsbi_free(rt, bytes);
    ck_assert_fails(dsbi_file_read(rt, &bytes, &size, at("plain"), 5), DSB_E_LIMIT, "6 bytes");
    ck_assert_ptr_null(bytes);
    ck_assert_fails(dsbi_file_read(rt, &bytes, &size, at("none"), 5), DSB_E_NOTFOUND, "none");
    ck_assert_fails(dsbi_file_read(rt, &bytes, &size, base, 5), DSB_E_IO, "not a regular file");
    ck_assert_int_eq(mkfifo(at("fifo"), 0600), 0);
    ck_assert_fails(dsbi_file_read(rt, &bytes, &size, at("fifo"), 5), DSB_E_IO, "not a regular");
}
END_TEST

/* What a link leads to is replaced, devices stay what they are. */
static void check_links_and_devices(void)
{
    struct stat facts;
    uint8_t *bytes;
    size_t size;
    char link[256];
    snprintf(link, sizeof link, "%s", at("link"));
    ck_assert_int_eq(symlink(at("w/a"), link), 0);
    ck_assert_ok(dsbi_file_write_atomic(rt, link, "third", 5));
    ck_assert_int_eq(lstat(link, &facts), 0);
    ck_assert(S_ISLNK(facts.st_mode));
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, at("w/a"), 100));
    ck_assert_str_eq((char *)bytes, "third");
    dsbi_free(rt, bytes);
    ck_assert_int_eq(unlink(link), 0);
    snprintf(link, sizeof link, "%s", at("null"));
    ck_assert_int_eq(symlink("/dev/null", link), 0);
    ck_assert_ok(dsbi_file_write_atomic(rt, link, "x", 1));
    ck_assert_int_eq(stat("/dev/null", &facts), 0);
    ck_assert(S_ISCHR(facts.st_mode));
    if (stat("/dev/full", &facts) == 0 && S_ISCHR(facts.st_mode))
        ck_assert_fails(dsbi_file_write_atomic(rt, "/dev/full", "x", 1), DSB_E_IO, "/dev/full");
    ck_assert_int_eq(unlink(link), 0);
}

START_TEST(writing_replaces_whole_files)
{
    ck_assert_ok(dsbi_make_dirs(rt, at("w")));
    write_file("w/a", "first");
    write_file("w/a", "second");
    uint8_t *bytes;
    size_t size;
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, at("w/a"), 100));
    ck_assert_str_eq((char *)bytes, "second");
    dsbi_free(rt, bytes);
    ck_assert_uint_eq(count_names(at("w")), 1);
    ck_assert_ok(dsbi_make_dirs(rt, at("w/b"))); /* a folder in the way of the rename */
    ck_assert_fails(dsbi_file_write_atomic(rt, at("w/b"), "x", 1), DSB_E_IO, "in place");
    ck_assert_uint_eq(count_names(at("w")), 2);
    check_links_and_devices();
    ck_assert_fails(dsbi_file_write_atomic(rt, at("no/a"), "x", 1), DSB_E_NOTFOUND, "no/a");
    ck_assert_fails(dsbi_file_write_atomic(rt, at("w/a/c"), "x", 1), DSB_E_NOTFOUND, "w/a/c");
}
END_TEST

START_TEST(folders_are_made)
{
    ck_assert_ok(dsbi_make_dirs(rt, at("x/y//z/")));
    ck_assert_ok(dsbi_make_dirs(rt, at("x/y/z")));
    ck_assert_ok(dsbi_make_dirs(rt, "/"));
    ck_assert_int_eq(access(at("x/y/z"), F_OK), 0);
    write_file("x/file", "");
    ck_assert_fails(dsbi_make_dirs(rt, at("x/file")), DSB_E_IO, "not a folder");
    ck_assert_fails(dsbi_make_dirs(rt, at("x/file/y")), DSB_E_IO, "not a folder");
    ck_assert_fails(dsbi_make_dirs(rt, ""), DSB_E_INVALID, "name");
    int fd;
    ck_assert_fails(dsbi_open_folder(&fd, at("x/file")), DSB_E_INVALID, "not a folder");
    ck_assert_fails(dsbi_open_folder(&fd, at("x/none")), DSB_E_NOTFOUND, "x/none");
}
END_TEST

START_TEST(positions_and_unnamed_files)
{
    int fd;
    ck_assert_ok(dsbi_open_unnamed(rt, &fd, base));
    ck_assert_ok(dsbi_pwrite_all(fd, "abc", 3, 1000000, "store"));
    char text[4] = "";
    ck_assert_ok(dsbi_pread_all(fd, text, 3, 1000000, "store"));
    ck_assert_str_eq(text, "abc");
    ck_assert_fails(dsbi_pread_all(fd, text, 4, 1000000, "store"), DSB_E_IO, "store: ends at byte");
    ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    close(fd);
    ck_assert_fails(dsbi_open_unnamed(rt, &fd, at("nowhere")), DSB_E_NOTFOUND, "nowhere");
    double start = dsbi_now();
    ck_assert_double_ge(dsbi_now(), start);
}
END_TEST

static dsb_status list_entry(void *user, const dsbi_walk_entry *entry)
{
    static const char kinds[] = "fdlsu-";
    dsbi_text_printf(user, "%c%u %s%s", kinds[entry->kind], entry->depth, entry->path,
                     strcmp(entry->name, "stop") == 0 ? "" : "\n");
    if (strcmp(entry->name, "stop") == 0)
        return dsbi_fail(DSB_E_CANCELLED, "stop");
    return strcmp(entry->name, "skipped") == 0 ? DSBI_WALK_SKIP : DSB_OK;
}

static dsb_status walk_at(const char *folder, uint32_t max_depth, dsbi_text *text)
{
    int fd;
    ck_assert_ok(dsbi_open_folder(&fd, at(folder)));
    dsbi_text_clear(text);
    dsb_status status = dsbi_walk(rt, fd, max_depth, list_entry, text);
    close(fd);
    return status;
}

START_TEST(walk_lists_in_byte_order_and_stays_inside)
{
    dsbi_text text;
    dsbi_text_init(&text, rt);
    ck_assert_ok(dsbi_make_dirs(rt, at("t/root/b/c")));
    ck_assert_ok(dsbi_make_dirs(rt, at("t/root/skipped/inner")));
    ck_assert_ok(dsbi_make_dirs(rt, at("t/root/z")));
    write_file("t/outside", "secret");
    write_file("t/root/B", "");
    write_file("t/root/a", "");
    write_file("t/root/b.x", "");
    write_file("t/root/b/2", "");
    write_file("t/root/b/10", "");
    write_file("t/root/b/c/\xff\n", "");
    ck_assert_int_eq(symlink("b/2", at("t/root/link_in")), 0);
    ck_assert_int_eq(symlink("../outside", at("t/root/link_out")), 0);
    ck_assert_int_eq(symlink("/etc/passwd", at("t/root/link_abs")), 0);
    ck_assert_int_eq(symlink("..", at("t/root/b/cycle")), 0);
    ck_assert_int_eq(symlink("self", at("t/root/self")), 0);
    ck_assert_int_eq(mkfifo(at("t/root/fifo"), 0600), 0);
    ck_assert_ok(walk_at("t/root", 32, &text));
    ck_assert_str_eq(
        text.data, "f0 B\nf0 a\nd0 b\nf1 b/10\nf1 b/2\nd1 b/c\nf2 b/c/\xff\n\nl1 b/cycle\nf0 b.x\n"
                   "s0 fifo\nl0 link_abs\nf0 link_in\nl0 link_out\nl0 self\nd0 skipped\nd0 z\n");
    ck_assert_ok(walk_at("t/root/b", 0, &text));
    ck_assert_str_eq(text.data, "f0 10\nf0 2\n-0 c\nl0 cycle\n");
    ck_assert_ok(walk_at("t/root/z", 0, &text));
    ck_assert_str_eq(text.data, "");
    write_file("t/root/b/stop", "");
    ck_assert_fails(walk_at("t/root", 32, &text), DSB_E_CANCELLED, "stop");

    int fd;
    ck_assert_ok(dsbi_open_folder(&fd, at("t/root")));
    uint8_t *bytes;
    size_t size;
    const char *const refused[] = {
        "link_out", "link_abs", "../outside", "/etc/passwd", "self", "b/cycle/../../outside", ""};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        ck_assert_fails(dsbi_file_read_beneath(rt, &bytes, &size, fd, refused[i], 100), DSB_E_IO,
                        "cannot open");
    ck_assert_ok(dsbi_file_read_beneath(rt, &bytes, &size, fd, "link_in", 100));
    dsbi_free(rt, bytes);
    close(fd);
    dsbi_text_free(&text);
}
END_TEST

START_TEST(walk_reports_closed_folders)
{
    if (geteuid() == 0)
        return; /* root reads everything */
    dsbi_text text;
    dsbi_text_init(&text, rt);
    ck_assert_ok(dsbi_make_dirs(rt, at("u/closed")));
    write_file("u/open", "");
    ck_assert_int_eq(chmod(at("u/closed"), 0), 0);
    ck_assert_ok(walk_at("u", 32, &text));
    ck_assert_str_eq(text.data, "d0 closed\nu0 closed\nf0 open\n");
    chmod(at("u/closed"), 0700);
    dsbi_text_free(&text);
}
END_TEST

int main(void)
{
    snprintf(base, sizeof base, "/tmp/dsbias-test-file-%ld", (long)getpid());
    if (mkdir(base, 0700) != 0)
        return EXIT_FAILURE;
    if (dsb_runtime_create(&rt, NULL) != DSB_OK)
        return EXIT_FAILURE;
    int result =
        run_tests("file", files_are_read_whole, writing_replaces_whole_files, folders_are_made,
                  positions_and_unnamed_files, walk_lists_in_byte_order_and_stays_inside,
                  walk_reports_closed_folders, NULL);
    dsb_runtime_free(rt);
    char command[100];
    snprintf(command, sizeof command, "rm -rf '%s'", base);
    return system(command) == 0 ? result : EXIT_FAILURE;
}
