/* The reference writer's files are read as they were meant, and written again they are the same
 * bytes: golden/safetensors/make.py. */
#include "testing.h"

#include <math.h>
#include "base/file.h"
#include "base/text.h"
#include "nn/safetensors.h"

static const char *golden(const char *name)
{
    static char path[4096];
    snprintf(path, sizeof path, "%s/golden/safetensors/%s", DSBI_TEST_DIR, name);
    return path;
}

/* The formula of make.py. */
static void fill_values(const void *user, float *out)
{
    static const float rounded[] = {1.00390625f, 1.01171875f, -1.001f,      3.1415927f,
                                    1e-40f,      65504.0f,    3.3895314e38f};
    const size_t n = *(const size_t *)user;
    for (size_t i = 0; i < n; i++)
        out[i] = i % 3 == 2 ? rounded[i % 7] : (float)i / 2 - 3;
}

static void fill_scalar(const void *user, float *out)
{
    (void)user;
    *out = 2.5f;
}

static void put(void *user, const void *bytes, size_t n_bytes)
{
    dsbi_text_add_n(user, bytes, n_bytes);
}

static void expect_file(dsb_runtime *rt, const char *name, dsbi_st_source *sources, size_t n,
                        const char *const *metadata)
{
    uint8_t *bytes;
    size_t size;
    dsbi_text out;
    const dsbi_st_sink sink = {put, &out};
    dsbi_text_init(&out, rt);
    ck_assert_ok(dsbi_st_write(rt, &sink, sources, n, metadata));
    ck_assert_ok(out.status);
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, golden(name), 1 << 20));
    ck_assert_uint_eq(out.size, size);
    ck_assert_mem_eq(out.data, bytes, size);
    dsbi_free(rt, bytes);
    dsbi_text_free(&out);
}

START_TEST(files_are_written_byte_for_byte)
{
    static const size_t n15 = 15, n6 = 6, n1 = 1, n4 = 4, n2 = 2, n0 = 0;
    static const size_t a[] = {5, 3}, weight[] = {2, 3, 1, 1}, bias[] = {1}, b[] = {4}, two[] = {2},
                        empty[] = {0, 5};
    static const char *const metadata[] = {"format", "pt", NULL};
    dsbi_st_source sources[] = {
        {"scalar", DSBI_ST_F32, 0, NULL, 1, fill_scalar, NULL},
        {"empty", DSBI_ST_F32, 2, empty, 0, fill_values, &n0},
        {"a", DSBI_ST_BF16, 2, a, 15, fill_values, &n15},
        {"b", DSBI_ST_BF16, 1, b, 4, fill_values, &n4},
        {"b.weight", DSBI_ST_F32, 4, weight, 6, fill_values, &n6},
        {"B.bias", DSBI_ST_F32, 1, bias, 1, fill_values, &n1},
        {"\xc3\xa9t\xc3\xa9 \"x\"\\\t", DSBI_ST_F32, 1, two, 2, fill_values, &n2},
    };
    dsb_runtime *rt = make_runtime(1);
    expect_file(rt, "plain.safetensors", &sources[2], 1, NULL);
    expect_file(rt, "mixed.safetensors", sources, sizeof sources / sizeof sources[0], metadata);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(files_are_read_from_disk_and_memory)
{
    static const char *const names[] = {"mixed.safetensors", "others.safetensors",
                                        "plain.safetensors"};
    dsb_runtime *rt = make_runtime(1);
    for (size_t f = 0; f < 3; f++) {
        uint8_t *bytes;
        size_t size;
        dsbi_safetensors disk, memory;
        ck_assert_ok(dsbi_file_read(rt, &bytes, &size, golden(names[f]), 1 << 20));
        ck_assert_ok(dsbi_st_parse(rt, &memory, bytes, size));
        ck_assert_ok(dsbi_st_open(rt, &disk, golden(names[f])));
        ck_assert_uint_eq(disk.n, memory.n);
        for (size_t i = 0; i < disk.n; i++) {
            float a[32] = {0}, b[32] = {0};
            const dsb_status status = dsbi_st_read(&disk, &disk.tensors[i], a);
            ck_assert_int_eq(status, dsbi_st_read(&memory, &memory.tensors[i], b));
            ck_assert(status == DSB_OK || status == DSB_E_DTYPE);
            ck_assert_mem_eq(a, b, sizeof a);
        }
        dsbi_st_free(&disk);
        dsbi_st_free(&memory);
        dsbi_free(rt, bytes);
    }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(halves_are_what_torch_makes_of_them)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_safetensors st;
    float half[6], same[6];
    ck_assert_ok(dsbi_st_open(rt, &st, golden("others.safetensors")));
    ck_assert_ok(dsbi_st_read(&st, dsbi_st_find(&st, "half"), half));
    ck_assert_ok(dsbi_st_read(&st, dsbi_st_find(&st, "half_as_float"), same));
    ck_assert_mem_eq(half, same, sizeof half);
    ck_assert(isinf(half[4]) && half[0] == 0.0999755859375f);
    dsbi_st_free(&st);
    dsb_runtime_free(rt);
}
END_TEST

/* A file that ends before its header says so, after it was opened. */
START_TEST(a_file_cut_while_it_is_read_is_an_error)
{
    dsb_runtime *rt = make_runtime(1);
    uint8_t *bytes;
    size_t size;
    char path[] = "/tmp/dsbias_test_XXXXXX";
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_ok(dsbi_file_read(rt, &bytes, &size, golden("plain.safetensors"), 1 << 20));
    ck_assert_int_eq(write(fd, bytes, size), (ssize_t)size);
    dsbi_safetensors st;
    ck_assert_ok(dsbi_st_open(rt, &st, path));
    ck_assert_int_eq(ftruncate(fd, (off_t)size - 4), 0);
    float values[15];
    ck_assert_fails(dsbi_st_read(&st, &st.tensors[0], values), DSB_E_IO, "ends at byte");
    dsbi_st_free(&st);
    close(fd);
    unlink(path);
    dsbi_free(rt, bytes);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("safetensors_reference", files_are_written_byte_for_byte,
                     files_are_read_from_disk_and_memory, halves_are_what_torch_makes_of_them,
                     a_file_cut_while_it_is_read_is_an_error, NULL);
}
