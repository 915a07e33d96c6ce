/* The safetensors reader against hostile files, the writer against the reference's bytes. */
#include "testing.h"

#include <math.h>
#include "base/memory.h"
#include "nn/nn.h"
#include "nn/safetensors.h"

typedef struct file {
    uint8_t bytes[4096];
    size_t size;
} file;

static file make_file(const char *header, size_t data_size)
{
    file f = {{0}, 8 + strlen(header) + data_size};
    const uint64_t n = strlen(header);
    for (int i = 0; i < 8; i++)
        f.bytes[i] = (uint8_t)(n >> 8 * i);
    memcpy(f.bytes + 8, header, n);
    for (size_t i = 0; i < data_size; i++)
        f.bytes[8 + n + i] = (uint8_t)i;
    return f;
}

/* Parses a copy of exactly the file's size, so that a sanitizer sees a read beyond it. */
static dsb_status parse_copy(dsb_runtime *rt, const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);
    memcpy(copy, bytes, size);
    dsbi_safetensors st;
    const dsb_status status = dsbi_st_parse(rt, &st, copy, size);
    if (status == DSB_OK)
        dsbi_st_free(&st);
    free(copy);
    return status;
}

START_TEST(malformed_files_are_refused)
{
    static const struct {
        const char *header;
        size_t data;
        const char *part;
    } cases[] = {
        {"{", 0, "header"},
        {" {}", 0, "begin with {"},
        {"[]", 0, "begin with {"},
        {"{}x", 0, "header"},
        {"{}", 1, "the file has 1"},
        {"{\"a\":1}", 0, "not an object"},
        {"{\"a\":{}}", 0, "no dtype"},
        {"{\"a\":{\"dtype\":\"F31\",\"shape\":[],\"data_offsets\":[0,4]}}", 4, "unknown dtype"},
        {"{\"a\":{\"dtype\":32,\"shape\":[],\"data_offsets\":[0,4]}}", 4, "no dtype"},
        {"{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "no shape"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", 4, "no count"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1.0],\"data_offsets\":[0,4]}}", 4, "no count"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "two counts"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0]}}", 4, "two counts"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4,8]}}", 4, "two counts"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":{\"x\":0,\"y\":4}}}", 4,
         "two counts"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", 4, "offsets 4 to 0"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", 4, "8 bytes"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}", 8, "begins at 4"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 3, "the file has 3"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 5, "the file has 5"},
        {"{\"a\":{\"dtype\":\"F4\",\"shape\":[3],\"data_offsets\":[0,2]}}", 2, "no whole bytes"},
        /* products that wrap around to something small */
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", 0,
         "overflows"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2305843009213693952],\"data_offsets\":[0,0]}}", 0,
         "overflows"},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[18446744073709551616],\"data_offsets\":[0,0]}}", 0,
         "no count"},
        /* overlap, hole */
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[2,6]}}",
         6, "b begins at 2"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"b\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[5,9]}}",
         9, "b begins at 5"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[0,4]},"
         "\"a\":{\"dtype\":\"U8\",\"shape\":[4],\"data_offsets\":[4,8]}}",
         8, "header"},
        {"{\"__metadata__\":{\"a\":1}}", 0, "__metadata__"},
        {"{\"__metadata__\":[]}", 0, "__metadata__"},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[1,1,1,1,1,1,1,1,1],\"data_offsets\":[0,1]}}", 1,
         "9 dimensions"},
    };
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const file f = make_file(cases[i].header, cases[i].data);
        const dsb_status status = parse_copy(rt, f.bytes, f.size);
        ck_assert_msg(status == DSB_E_FORMAT || status == DSB_E_LIMIT, "case %zu: %s", i,
                      dsb_status_name(status));
        ck_assert_msg(strstr(dsb_last_error(), cases[i].part), "case %zu says %s", i,
                      dsb_last_error());
    }
    const uint8_t short_file[7] = {0}, huge[16] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    const uint8_t long_header[16] = {9, 0, 0, 0, 0, 0, 0, 0, '{', '}'};
    ck_assert_int_eq(parse_copy(rt, short_file, 7), DSB_E_FORMAT);
    ck_assert_int_eq(parse_copy(rt, huge, 16), DSB_E_FORMAT);
    ck_assert_int_eq(parse_copy(rt, long_header, 16), DSB_E_FORMAT);
    dsb_runtime_free(rt);
}
END_TEST

/* A value takes two bytes of a header and 48 of memory. */
START_TEST(a_header_full_of_numbers_takes_no_memory_for_each)
{
    enum { NUMBERS = 12 << 20 };
    static const char front[] = "{\"a\":{\"dtype\":\"F32\",\"shape\":[0";
    static const char back[] = "],\"data_offsets\":[0,0]}}";
    const size_t header = sizeof front - 1 + 2 * (size_t)NUMBERS + sizeof back - 1;
    dsb_runtime *rt = make_runtime(1);
    uint8_t *bytes = malloc(8 + header);
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(header >> 8 * i);
    memcpy(bytes + 8, front, sizeof front - 1);
    for (size_t i = 0; i < NUMBERS; i++)
        memcpy(bytes + 8 + sizeof front - 1 + 2 * i, ",0", 2);
    memcpy(bytes + 8 + header - (sizeof back - 1), back, sizeof back - 1);
    dsbi_safetensors st;
    ck_assert_fails(dsbi_st_parse(rt, &st, bytes, 8 + header), DSB_E_LIMIT,
                    "more than 4194304 values");
    ck_assert_uint_lt(dsb_runtime_memory_peak(rt), 512 << 20);
    free(bytes);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(legal_oddities_are_read)
{
    dsb_runtime *rt = make_runtime(1);
    const file f =
        make_file("{\"z\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[8,12],\"extra\":0},"
                  "\"empty\":{\"dtype\":\"F32\",\"shape\":[0,5],\"data_offsets\":[0,0]},"
                  "\"scalar\":{\"dtype\":\"I64\",\"shape\":[],\"data_offsets\":[0,8]},"
                  "\"__metadata__\":{\"format\":\"pt\"}}   ",
                  12);
    dsbi_safetensors st;
    ck_assert_ok(dsbi_st_parse(rt, &st, f.bytes, f.size));
    ck_assert_uint_eq(st.n, 3);
    const dsbi_st_tensor *scalar = dsbi_st_find(&st, "scalar");
    ck_assert_ptr_nonnull(scalar);
    ck_assert_uint_eq(scalar->rank, 0);
    ck_assert_uint_eq(scalar->size, 1);
    ck_assert_uint_eq(dsbi_st_find(&st, "empty")->size, 0);
    ck_assert_ptr_null(dsbi_st_find(&st, "scala"));
    float value[2];
    ck_assert_fails(dsbi_st_read(&st, scalar, value), DSB_E_DTYPE, "I64");
    ck_assert_ok(dsbi_st_read(&st, dsbi_st_find(&st, "z"), value));
    dsbi_st_free(&st);
    const file nothing = make_file("{}", 0);
    ck_assert_ok(parse_copy(rt, nothing.bytes, nothing.size));
    dsb_runtime_free(rt);
}
END_TEST

/* Truncated at each byte; each byte changed. Never a crash; truncation never accepted. */
START_TEST(damaged_files_never_crash)
{
    dsb_runtime *rt = make_runtime(1);
    const file f = make_file("{\"b\":{\"dtype\":\"BF16\",\"shape\":[2,3],\"data_offsets\":[0,12]},"
                             "\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[12,24]}}",
                             24);
    for (size_t size = 0; size < f.size; size++)
        ck_assert_int_eq(parse_copy(rt, f.bytes, size), DSB_E_FORMAT);
    ck_assert_ok(parse_copy(rt, f.bytes, f.size));
    for (size_t at = 0; at < f.size; at++)
        for (int change = 1; change < 256; change += 7) {
            file damaged = f;
            damaged.bytes[at] ^= (uint8_t)change;
            parse_copy(rt, damaged.bytes, damaged.size);
        }
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(halves_are_exact)
{
    static const struct {
        uint16_t half, bfloat;
        float value;
    } known[] = {
        {0x0000, 0x0000, 0},         {0x3c00, 0x3f80, 1},          {0xc000, 0xc000, -2},
        {0x7bff, 0, 65504},          {0x0400, 0, 0x1p-14f},        {0x0001, 0, 0x1p-24f},
        {0x03ff, 0, 0x1.ff8p-15f},   {0x3555, 0, 0.333251953125f}, {0x7c00, 0x7f80, INFINITY},
        {0xfc00, 0xff80, -INFINITY},
    };
    dsb_runtime *rt = make_runtime(1);
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        file f = make_file("{\"h\":{\"dtype\":\"F16\",\"shape\":[1],\"data_offsets\":[0,2]},"
                           "\"b\":{\"dtype\":\"BF16\",\"shape\":[1],\"data_offsets\":[2,4]}}",
                           4);
        uint8_t *data = f.bytes + f.size - 4;
        data[0] = (uint8_t)known[i].half;
        data[1] = (uint8_t)(known[i].half >> 8);
        data[2] = (uint8_t)known[i].bfloat;
        data[3] = (uint8_t)(known[i].bfloat >> 8);
        dsbi_safetensors st;
        ck_assert_ok(dsbi_st_parse(rt, &st, f.bytes, f.size));
        float value;
        ck_assert_ok(dsbi_st_read(&st, dsbi_st_find(&st, "h"), &value));
        ck_assert(value == known[i].value);
        ck_assert_ok(dsbi_st_read(&st, dsbi_st_find(&st, "b"), &value));
        ck_assert(known[i].bfloat == 0 || value == known[i].value);
        dsbi_st_free(&st);
    }
    dsb_runtime_free(rt);
}
END_TEST

static dsb_model *make_model(dsb_runtime *rt, const char *name, uint64_t seed)
{
    dsb_model_opts opts;
    dsb_model_opts_init(&opts, sizeof opts);
    opts.n_classes = 3;
    opts.height = opts.width = 32;
    opts.seed = seed;
    dsb_model *model;
    ck_assert_ok(dsb_model_create(rt, &model, name, &opts));
    return model;
}

START_TEST(models_are_saved_and_loaded)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_model *a = make_model(rt, "convnext_7k", 1), *b = make_model(rt, "convnext_7k", 2);
    char path[] = "/tmp/dsbias_test_XXXXXX";
    const int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    close(fd);
    const size_t bytes = a->graph->arena_size * sizeof(float);
    ck_assert(memcmp(a->params, b->params, bytes) != 0);
    ck_assert_ok(dsb_model_save(a, path));
    ck_assert_ok(dsb_model_load(b, path));
    ck_assert_mem_eq(a->params, b->params, bytes);
    dsb_model *c = make_model(rt, "convnext_120k", 1);
    ck_assert_fails(dsb_model_load(c, path), DSB_E_NOTFOUND, "stages.2.1.dwconv.weight");
    dsb_model_free(c);
    c = make_model(rt, "convnext:depths=1-1-1-1,dims=10-10-10-11", 1);
    ck_assert_fails(dsb_model_load(c, path), DSB_E_SHAPE, "[10], expected [11]");
    dsb_model_free(c);
    c = make_model(rt, "convnext_7k:layer_scale=0", 1);
    ck_assert_fails(dsb_model_load(c, path), DSB_E_NOTFOUND, "extra: stages.0.0.gamma");
    dsb_model_free(c);
    unlink(path);
    ck_assert_fails(dsb_model_load(b, path), DSB_E_NOTFOUND, path);
    dsb_model_free(a);
    dsb_model_free(b);
    dsb_runtime_free(rt);
}
END_TEST

/* A damaged weight file is refused and the model keeps its weights. */
START_TEST(a_failed_load_changes_nothing)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_model *a = make_model(rt, "convnext_7k", 1), *b = make_model(rt, "convnext_7k", 2);
    const size_t bytes = a->graph->arena_size * sizeof(float);
    void *kept = malloc(bytes);
    memcpy(kept, b->params, bytes);
    dsbi_text text;
    dsbi_text_init(&text, rt);
    ck_assert_ok(dsbi_model_write(a, &text, DSB_SAVE_F32));
    char *dtype = strstr(text.data + 8 + 200, "F32"); /* some tensor becomes U32 */
    dtype[0] = 'U';
    ck_assert_fails(dsbi_model_read(b, (const uint8_t *)text.data, text.size, NULL, 0), DSB_E_DTYPE,
                    "U32");
    ck_assert_mem_eq(kept, b->params, bytes);
    dsbi_text_free(&text);
    free(kept);
    dsb_model_free(a);
    dsb_model_free(b);
    dsb_runtime_free(rt);
}
END_TEST

static void count_up(const void *user, float *out)
{
    const size_t n = *(const size_t *)user;
    for (size_t i = 0; i < n; i++)
        out[i] = (float)i;
}

static void put(void *user, const void *bytes, size_t n_bytes)
{
    dsbi_text_add_n(user, bytes, n_bytes);
}

START_TEST(the_writer_sorts_and_pads)
{
    dsb_runtime *rt = make_runtime(1);
    const size_t two = 2, dims[] = {2, 1}, one[] = {2};
    dsbi_st_source sources[] = {{"b.weight", DSBI_ST_F32, 2, dims, 2, count_up, &two},
                                {"a", DSBI_ST_F32, 1, one, 2, count_up, &two}};
    const char *const metadata[] = {"format", "pt", NULL};
    dsbi_text out;
    dsbi_text_init(&out, rt);
    const dsbi_st_sink sink = {put, &out};
    ck_assert_ok(dsbi_st_write(rt, &sink, sources, 2, metadata));
    ck_assert_int_eq(out.status, DSB_OK);
    const char *header =
        "{\"__metadata__\":{\"format\":\"pt\"},"
        "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
        "\"b.weight\":{\"dtype\":\"F32\",\"shape\":[2,1],\"data_offsets\":[8,16]}}";
    const size_t padded = (strlen(header) + 7) / 8 * 8;
    ck_assert_uint_eq(out.size, 8 + padded + 16);
    ck_assert_uint_eq((uint8_t)out.data[0], padded);
    ck_assert_mem_eq(out.data + 8, header, strlen(header));
    for (size_t i = strlen(header); i < padded; i++)
        ck_assert_int_eq(out.data[8 + i], ' ');
    const float values[] = {0, 1, 0, 1};
    ck_assert_mem_eq(out.data + 8 + padded, values, sizeof values);
    dsbi_text_free(&out);
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("safetensors", malformed_files_are_refused,
                     a_header_full_of_numbers_takes_no_memory_for_each, legal_oddities_are_read,
                     damaged_files_never_crash, halves_are_exact, models_are_saved_and_loaded,
                     a_failed_load_changes_nothing, the_writer_sorts_and_pads, NULL);
}
