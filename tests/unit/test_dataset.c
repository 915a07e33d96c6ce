/* Collections: what is found in a folder, what is broken or skipped and why, class folders. */
#include "pictures.h"

#include "base/sha256.h"
#include "data/dataset.h"
#include "data/listing.h"

static dsb_dataset *open_at(dsb_runtime *rt, const char *name, const dsb_dataset_opts *opts)
{
    dsb_dataset *dataset;
    ck_assert_ok(dsb_dataset_open(rt, &dataset, picture_path(name), opts, NULL, NULL));
    ck_assert_str_eq(dsb_last_error(), "");
    return dataset;
}

/* A folder with one of everything that happens to people. */
static void make_zoo(dsb_runtime *rt)
{
    write_picture(rt, "zoo/b/2.jpg", 40, 30, 1);
    write_picture(rt, "zoo/b/10.JPG", 40, 30, 2);
    write_picture(rt, "zoo/a.ppm", 7, 5, 3);
    write_picture(rt, "zoo/b/c/no_ending", 16, 16, 4);
    write_picture(rt, "zoo/b/c/text.txt", 16, 16, 5); /* an image by content */
    write_bytes(rt, "zoo/broken/empty.jpg", "", 0);
    write_bytes(rt, "zoo/broken/page.png", "<!DOCTYPE html><html>gone</html>", 32);
    write_bytes(rt, "zoo/broken/noise.jpeg", "\x01\x02\x03\x04\x05\x06\x07\x08\x09", 9);
    write_bytes(rt, "zoo/broken/anim.gif", "GIF89a\x01\x00\x01\x00\x00\x00\x00;", 14);
    write_bytes(rt, "zoo/broken/head.jpg", "\xff\xd8\xff\xe0\x00\x10JFIF\0\1\1\0\0\1\0\1\0\0", 20);
    write_bytes(rt, "zoo/notes.txt", "hello", 5);
    write_bytes(rt, "zoo/labels.json", "{}", 2);
    write_bytes(rt, "zoo/nothing", "", 0);
    write_bytes(rt, "zoo/.DS_Store", "x", 1);
    write_bytes(rt, "zoo/._2.jpg", "x", 1);
    write_bytes(rt, "zoo/.git/config.jpg", "x", 1);
    ck_assert(symlink("b/2.jpg", picture_path("zoo/zlink.jpg")) == 0);
    ck_assert(symlink("/etc/passwd", picture_path("zoo/zout.jpg")) == 0);
    ck_assert(symlink("b", picture_path("zoo/zdir")) == 0);
    ck_assert(mkfifo(picture_path("zoo/zfifo.jpg"), 0600) == 0);
    /* cut in the middle of the scan: only decoding sees it */
    uint8_t *bytes;
    size_t size;
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, picture_path("zoo/b/2.jpg"), 1 << 20));
    write_bytes(rt, "zoo/broken/cut.jpg", bytes, size - size / 8);
    dsbi_free(rt, bytes);
}

START_TEST(folder_is_read_by_content)
{
    dsb_runtime *rt = make_runtime(2);
    make_zoo(rt);
    uint64_t before = dsb_runtime_memory(rt);
    dsb_dataset *zoo = open_at(rt, "zoo", NULL);
    ck_assert_str_eq(dsb_dataset_name(zoo), "zoo");
    ck_assert_str_eq(dsb_dataset_format(zoo), "folder");
    const char *const paths[] = {"a.ppm",         "b/10.JPG",     "b/2.jpg",
                                 "b/c/no_ending", "b/c/text.txt", "zlink.jpg"};
    ck_assert_uint_eq(dsb_dataset_count(zoo), 6);
    for (uint64_t i = 0; i < 6; i++)
        ck_assert_str_eq(dsb_dataset_path(zoo, i), paths[i]);
    ck_assert_ptr_null(dsb_dataset_path(zoo, 6));
    dsb_image_info info;
    dsb_image_info_init(&info, sizeof info);
    ck_assert_ok(dsb_dataset_info(zoo, 1, &info));
    ck_assert_uint_eq(info.format, DSB_FORMAT_JPEG);
    ck_assert_uint_eq(info.width, 40);
    ck_assert_uint_eq(info.height, 30);
    ck_assert_uint_eq(info.quality, 90);
    ck_assert_uint_eq(info.sampling, 0x221111);
    ck_assert_ok(dsb_dataset_info(zoo, 0, &info));
    ck_assert_uint_eq(info.format, DSB_FORMAT_PNM);
    ck_assert_uint_eq(info.size_bytes, 11 + 7 * 5 * 3);
    ck_assert_fails(dsb_dataset_info(zoo, 6, &info), DSB_E_INVALID, "image 6 of 6");
    ck_assert_mem_eq(dsbi_dataset_entry(zoo, 2)->hash, dsbi_dataset_entry(zoo, 5)->hash, 16);
    dsb_dataset_free(zoo);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(broken_and_skipped_files_are_named)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_dataset *zoo = open_at(rt, "zoo", NULL);
    const struct {
        const char *path;
        uint32_t cause;
        const char *message;
    } broken[] =
        {
            {"broken/anim.gif", DSB_CAUSE_UNSUPPORTED, "GIF"},
            {"broken/cut.jpg", DSB_CAUSE_DAMAGED, "remature end"},
            {"broken/empty.jpg", DSB_CAUSE_EMPTY, "empty"},
            {"broken/head.jpg", DSB_CAUSE_DAMAGED, ""},
            {"broken/noise.jpeg", DSB_CAUSE_NOT_IMAGE, "01 02 03"},
            {"broken/page.png", DSB_CAUSE_NOT_IMAGE, "HTML"},
        },
      skipped[] = {
          {".DS_Store", DSB_CAUSE_HIDDEN, "hidden file"},
          {"._2.jpg", DSB_CAUSE_HIDDEN, "hidden file"},
          {".git", DSB_CAUSE_HIDDEN, "hidden folder"},
          {"labels.json", DSB_CAUSE_OTHER, "text"},
          {"notes.txt", DSB_CAUSE_OTHER, "text"},
          {"nothing", DSB_CAUSE_OTHER, "empty"},
          {"zdir", DSB_CAUSE_LINK, "no file"},
          {"zfifo.jpg", DSB_CAUSE_SPECIAL, "neither"},
          {"zout.jpg", DSB_CAUSE_LINK, "leaves the folder"},
      };
    size_t n_broken = sizeof broken / sizeof broken[0];
    size_t n_skipped = sizeof skipped / sizeof skipped[0];
    ck_assert_uint_eq(dsb_dataset_broken_count(zoo), n_broken);
    ck_assert_uint_eq(dsb_dataset_skipped_count(zoo), n_skipped);
    dsb_problem problem;
    dsb_problem_init(&problem, sizeof problem);
    for (size_t i = 0; i < n_broken; i++) {
        ck_assert_ok(dsb_dataset_broken(zoo, i, &problem));
        ck_assert_str_eq(problem.path, broken[i].path);
        ck_assert_msg(problem.cause == broken[i].cause, "%s: %s", problem.path,
                      dsb_cause_name(problem.cause));
        ck_assert_msg(strstr(problem.message, broken[i].message), "%s: %s", problem.path,
                      problem.message);
        ck_assert_int_ne(problem.message[0], '\0');
    }
    for (size_t i = 0; i < n_skipped; i++) {
        ck_assert_ok(dsb_dataset_skipped(zoo, i, &problem));
        ck_assert_str_eq(problem.path, skipped[i].path);
        ck_assert_uint_eq(problem.cause, skipped[i].cause);
        ck_assert_msg(strcasestr(problem.message, skipped[i].message), "%s: %s", problem.path,
                      problem.message);
    }
    ck_assert_uint_eq(dsb_dataset_cause_count(zoo, DSB_CAUSE_DAMAGED), 2);
    ck_assert_uint_eq(dsb_dataset_cause_count(zoo, 12345), 0);
    ck_assert_fails(dsb_dataset_broken(zoo, n_broken, &problem), DSB_E_INVALID, "file 6 of 6");
    ck_assert_str_eq(dsb_cause_name(DSB_CAUSE_NOT_IMAGE), "not an image");
    ck_assert_str_eq(dsb_cause_name(7), "?");
    ck_assert_str_eq(dsb_cause_name(99), "?");
    dsb_dataset_free(zoo);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(class_folders_are_kept)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_dataset *zoo = open_at(rt, "zoo", NULL);
    ck_assert_uint_eq(dsb_dataset_class_count(zoo), 3); /* not "broken": nothing usable in it */
    ck_assert_str_eq(dsb_dataset_class_name(zoo, 0), "");
    ck_assert_str_eq(dsb_dataset_class_name(zoo, 1), "b");
    ck_assert_str_eq(dsb_dataset_class_name(zoo, 2), "b/c");
    ck_assert_ptr_null(dsb_dataset_class_name(zoo, 3));
    const uint32_t classes[] = {0, 1, 1, 2, 2, 0, UINT32_MAX};
    for (uint64_t i = 0; i < 7; i++)
        ck_assert_uint_eq(dsb_dataset_class(zoo, i), classes[i]);
    dsb_dataset_free(zoo);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(options_decide)
{
    dsb_runtime *rt = make_runtime(2);
    dsb_dataset_opts opts;
    dsb_dataset_opts_init(&opts, sizeof opts);
    opts.verify = 0; /* the cut file has a fine header */
    dsb_dataset *zoo = open_at(rt, "zoo", &opts);
    ck_assert_uint_eq(dsb_dataset_count(zoo), 7);
    ck_assert_str_eq(dsb_dataset_path(zoo, 5), "broken/cut.jpg");
    dsb_image *image;
    ck_assert_fails(dsb_dataset_image(zoo, 5, &image), DSB_E_FORMAT, "zoo: broken/cut.jpg: ");
    ck_assert_ptr_null(image);
    ck_assert_ok(dsb_dataset_image(zoo, 0, &image));
    ck_assert_uint_eq(dsb_image_width(image), 7);
    dsb_image_free(image);
    ck_assert_fails(dsb_dataset_image(zoo, 7, &image), DSB_E_INVALID, "image 7 of 7");
    dsb_dataset_free(zoo);

    opts.verify = 1;
    opts.max_listed = 2;
    opts.max_depth = 1;
    opts.max_file_bytes = 200;
    zoo = open_at(rt, "zoo", &opts);
    ck_assert_uint_eq(dsb_dataset_cause_count(zoo, DSB_CAUSE_DEPTH), 1);
    ck_assert_uint_eq(dsb_dataset_cause_count(zoo, DSB_CAUSE_LIMIT), 4);
    ck_assert_uint_eq(dsb_dataset_count(zoo), 1);
    dsb_problem problem;
    dsb_problem_init(&problem, sizeof problem);
    ck_assert_ok(dsb_dataset_broken(zoo, 1, &problem));
    ck_assert_fails(dsb_dataset_broken(zoo, 2, &problem), DSB_E_INVALID, "of 2 listed");
    dsb_dataset_free(zoo);

    dsb_dataset *none;
    opts.max_file_bytes = 0;
    ck_assert_fails(dsb_dataset_open(rt, &none, "/tmp", &opts, NULL, NULL), DSB_E_INVALID, "max_f");
    dsb_dataset_opts_init(&opts, sizeof opts);
    opts.verify = 2;
    ck_assert_fails(dsb_dataset_open(rt, &none, "/tmp", &opts, NULL, NULL), DSB_E_INVALID,
                    "verify");
    ck_assert_ptr_null(none);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(specs_are_understood)
{
    dsb_runtime *rt = make_runtime(1);
    write_pictures(rt, "spec/a=b", 2, 50);
    char spec[600];
    dsb_dataset *dataset;
    snprintf(spec, sizeof spec, "pets=%s//", picture_path("spec/a=b"));
    ck_assert_ok(dsb_dataset_open(rt, &dataset, spec, NULL, NULL, NULL));
    ck_assert_str_eq(dsb_dataset_name(dataset), "pets");
    ck_assert_str_eq(dsb_dataset_where(dataset), spec + 5);
    dsb_dataset_free(dataset);
    snprintf(spec, sizeof spec, "%s//", picture_path("spec/a=b"));
    ck_assert_ok(dsb_dataset_open(rt, &dataset, spec, NULL, NULL, NULL));
    ck_assert_str_eq(dsb_dataset_name(dataset), "a=b");
    ck_assert_uint_eq(dsb_dataset_count(dataset), 2);
    dsb_dataset_free(dataset);
    snprintf(spec, sizeof spec, "%s/.", picture_path("spec/a=b"));
    ck_assert_ok(dsb_dataset_open(rt, &dataset, spec, NULL, NULL, NULL));
    ck_assert_str_eq(dsb_dataset_name(dataset), "a=b");
    dsb_dataset_free(dataset);
    const struct {
        const char *spec;
        dsb_status status;
        const char *part;
    } wrong[] = {
        {"", DSB_E_INVALID, "NAME=PATH"},
        {"a=", DSB_E_INVALID, "NAME=PATH"},
        {"=/tmp", DSB_E_INVALID, "NAME=PATH"},
        {"/nowhere/at/all", DSB_E_NOTFOUND, "/nowhere/at/all"},
        {"/etc/passwd", DSB_E_UNSUPPORTED, "neither a folder"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        ck_assert_fails(dsb_dataset_open(rt, &dataset, wrong[i].spec, NULL, NULL, NULL),
                        wrong[i].status, wrong[i].part);
        ck_assert_ptr_null(dataset);
    }
    ck_assert_fails(dsb_dataset_open(rt, NULL, "/tmp", NULL, NULL, NULL), DSB_E_INVALID, "NULL");
    dsb_dataset_free(NULL);
    dsb_runtime_free(rt);
}
END_TEST

typedef struct progress {
    uint64_t last, total, stop_at;
    int calls;
} progress;

static int32_t count_progress(void *user, const dsb_event *event)
{
    progress *p = user;
    p->calls++;
    ck_assert_uint_ge(event->done, p->last);
    p->last = event->done;
    p->total = event->total;
    return p->stop_at && event->done >= p->stop_at;
}

START_TEST(scans_do_not_depend_on_threads_and_can_be_stopped)
{
    uint8_t digests[3][32];
    for (uint64_t n_threads = 1; n_threads <= 3; n_threads++) {
        dsb_runtime *rt = make_runtime(n_threads);
        uint64_t before = dsb_runtime_memory(rt);
        if (n_threads == 1)
            write_pictures(rt, "many/x", 300, 1000);
        progress p = {0};
        dsb_dataset *many;
        ck_assert_ok(dsb_dataset_open(rt, &many, picture_path("many"), NULL, count_progress, &p));
        ck_assert_uint_eq(dsb_dataset_count(many), 300);
        ck_assert_int_eq(p.calls, 5);
        ck_assert_uint_eq(p.last, 300);
        ck_assert_uint_eq(p.total, 300);
        dsb_dataset_digest(many, digests[n_threads - 1]);
        char hex[65], again[65];
        dsbi_dataset_fingerprint(many, hex);
        dsbi_hex(again, digests[n_threads - 1], 32);
        ck_assert_str_eq(hex, again);
        dsb_dataset_free(many);
        p = (progress){.stop_at = 256};
        ck_assert_fails(dsb_dataset_open(rt, &many, picture_path("many"), NULL, count_progress, &p),
                        DSB_E_CANCELLED, "stopped by the caller");
        ck_assert_ptr_null(many);
        ck_assert_uint_eq(dsb_runtime_memory(rt), before);
        dsb_runtime_free(rt);
    }
    ck_assert_mem_eq(digests[0], digests[1], 32);
    ck_assert_mem_eq(digests[0], digests[2], 32);
}
END_TEST

START_TEST(empty_folders_are_no_error)
{
    dsb_runtime *rt = make_runtime(1);
    ck_assert_ok(dsbi_make_dirs(rt, picture_path("void/inner")));
    dsb_dataset *dataset = open_at(rt, "void", NULL);
    ck_assert_uint_eq(dsb_dataset_count(dataset), 0);
    ck_assert_uint_eq(dsb_dataset_class_count(dataset), 0);
    ck_assert_ptr_null(dsb_dataset_class_name(dataset, 0));
    dsb_dataset_free(dataset);
    dsb_runtime_free(rt);
}
END_TEST

/* The promise of the index: 96 bytes an image plus its name, peak of growing included. */
START_TEST(index_is_small)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_names names = {0};
    dsbi_entries entries = {0};
    dsbi_name_set strata = {0};
    enum { N = 300000 };
    uint64_t before = dsb_runtime_memory(rt), name_bytes = 0;
    for (uint32_t i = 0; i < N; i++) {
        char path[64];
        size_t size = (size_t)snprintf(path, sizeof path, "class%u/%08u.jpg", i % 1000, i);
        dsbi_entry entry = {0};
        ck_assert_ok(dsbi_name_set_add(rt, &strata, &names, &entry.stratum, path, size - 13));
        ck_assert_uint_eq(entry.stratum, i % 1000);
        ck_assert_ok(dsbi_names_add(rt, &names, &entry.name, path, size));
        ck_assert_ok(dsbi_entries_add(rt, &entries, &entry));
        name_bytes += size + 1;
    }
    uint64_t peak = dsb_runtime_memory_peak(rt) - before;
    ck_assert_msg((double)(peak - name_bytes) / N < 82, "%.1f bytes an image",
                  (double)(peak - name_bytes) / N);
    ck_assert_str_eq(dsbi_names_get(&names, dsbi_entries_at(&entries, 123456)->name),
                     "class456/00123456.jpg");
    dsbi_entries_truncate(rt, &entries, 4097);
    ck_assert_uint_eq(entries.n_segments, 2);
    dsbi_entries_truncate(rt, &entries, 0);
    dsbi_names_free(rt, &names);
    dsbi_name_set_free(rt, &strata);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(real_collections_are_found)
{
    char path[4200];
    snprintf(path, sizeof path, "%s/dsclass/cc", DSBI_TEST_DATA);
    if (access(path, R_OK) != 0)
        return;
    dsb_runtime *rt = make_runtime(2);
    dsb_dataset *cc;
    ck_assert_ok(dsb_dataset_open(rt, &cc, path, NULL, NULL, NULL));
    ck_assert_uint_eq(dsb_dataset_count(cc), 1500);
    ck_assert_uint_eq(dsb_dataset_broken_count(cc), 0);
    ck_assert_uint_eq(dsb_dataset_class_count(cc), 1);
    dsb_dataset_free(cc);
    dsb_runtime_free(rt);
}
END_TEST

/* Above 16 MiB a file has the memory budget to itself; what a header boasts of is never allocated.
 */
START_TEST(large_files_are_bounded)
{
    dsb_runtime *rt = make_runtime(4);
    write_picture(rt, "large/a.ppm", 3000, 2000, 1);
    write_picture(rt, "large/b.ppm", 2000, 3000, 2);
    static const char boast[] = "P6 13000 13000 255\nabc", huge[] = "P6 90000 90000 255\nabc";
    write_bytes(rt, "large/boast.ppm", boast, sizeof boast);
    write_bytes(rt, "large/huge.ppm", huge, sizeof huge);
    dsb_dataset *large = open_at(rt, "large", NULL);
    ck_assert_uint_eq(dsb_dataset_count(large), 2);
    ck_assert_uint_eq(dsb_dataset_cause_count(large, DSB_CAUSE_DAMAGED) +
                          dsb_dataset_cause_count(large, DSB_CAUSE_LIMIT),
                      2);
    ck_assert_uint_le(dsb_runtime_memory_peak(rt), (uint64_t)60 << 20);
    dsb_image *image;
    ck_assert_ok(dsb_dataset_image(large, 1, &image));
    ck_assert_uint_eq(dsb_image_height(image), 3000);
    dsb_image_free(image);
    dsb_dataset_free(large);
    dsb_runtime_free(rt);
}
END_TEST

/* A format without image files: record r of ten is an image of colour r / 2; record 9 is broken. */
static dsb_status decode_record(void *state, dsb_runtime *rt, dsbi_image *out, dsb_image_info *info,
                                const dsbi_member *member)
{
    ck_assert_ptr_eq(state, &pictures_base);
    if (member->locator == 9)
        return dsbi_fail(DSB_E_FORMAT, "record 9: label 77");
    DSBI_TRY(dsbi_image_alloc(rt, out, 4, 3, 3));
    memset(out->data, (int)member->locator / 2, 4 * 3 * 3);
    info->colour = DSB_COLOUR_RGB;
    return DSB_OK;
}

static void close_records(dsb_runtime *rt, void *state)
{
    (void)rt;
    (void)state;
}

START_TEST(formats_may_give_pixels)
{
    static const dsbi_format records = {
        .name = "records", .close = close_records, .decode = decode_record};
    dsb_runtime *rt = make_runtime(2);
    uint64_t before = dsb_runtime_memory(rt);
    dsb_dataset *dataset = dsbi_calloc(rt, 1, sizeof *dataset);
    atomic_init(&dataset->references, 1);
    dataset->rt = rt;
    dsbi_runtime_retain(rt);
    dsb_dataset_opts_init(&dataset->opts, sizeof dataset->opts);
    dataset->format = &records;
    dataset->state = &pictures_base;
    dsbi_listing listing = {.dataset = dataset, .stage = ""};
    ck_assert_ok(dsbi_listing_name(&listing, "ten", 3));
    for (uint64_t r = 0; r < 10; r++) {
        char path[16];
        snprintf(path, sizeof path, "%s/%u", r < 5 ? "a" : "b", (unsigned)r);
        ck_assert_ok(dsbi_listing_add(&listing, &(dsbi_member){.path = path, .locator = r}));
    }
    ck_assert_ok(dsbi_dataset_scan(dataset, NULL, NULL));
    ck_assert_uint_eq(dsb_dataset_count(dataset), 9);
    ck_assert_uint_eq(dsb_dataset_class_count(dataset), 2);
    ck_assert_uint_eq(dsb_dataset_cause_count(dataset, DSB_CAUSE_DAMAGED), 1);
    dsb_image_info info;
    dsb_image_info_init(&info, sizeof info);
    ck_assert_ok(dsb_dataset_info(dataset, 8, &info));
    ck_assert_uint_eq(info.width, 4);
    ck_assert_uint_eq(info.height, 3);
    ck_assert_uint_eq(info.colour, DSB_COLOUR_RGB);
    ck_assert_mem_eq(dsbi_dataset_entry(dataset, 2)->hash, dsbi_dataset_entry(dataset, 3)->hash,
                     16);
    ck_assert_int_ne(
        memcmp(dsbi_dataset_entry(dataset, 3)->hash, dsbi_dataset_entry(dataset, 4)->hash, 16), 0);
    dsb_image *image;
    ck_assert_ok(dsb_dataset_image(dataset, 7, &image));
    ck_assert_uint_eq(dsb_image_pixels(image)[0], 3);
    dsb_image_free(image);
    uint8_t *bytes;
    size_t size;
    ck_assert_fails(dsbi_dataset_read(dataset, rt, &bytes, &size, 0), DSB_E_UNSUPPORTED,
                    "a/0: records holds no image files");
    dsb_dataset_free(dataset);
    ck_assert_uint_eq(dsb_runtime_memory(rt), before);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    if (!pictures_begin("dataset"))
        return EXIT_FAILURE;
    int result = run_tests("dataset", folder_is_read_by_content, broken_and_skipped_files_are_named,
                           class_folders_are_kept, options_decide, specs_are_understood,
                           scans_do_not_depend_on_threads_and_can_be_stopped,
                           empty_folders_are_no_error, index_is_small, large_files_are_bounded,
                           formats_may_give_pixels, real_collections_are_found, NULL);
    pictures_end();
    return result;
}
