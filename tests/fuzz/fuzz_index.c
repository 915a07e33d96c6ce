/* The index of a collection on disk (.dsbx). An input is what is added, byte by byte, to a sound
 * index, so that no seed goes stale with the layout: byte 0 chooses the collection (a folder with
 * classes and broken files; a shard; an array), 1 and 2 how many bytes are cut off, 3 whether the
 * checksums are put right; then come the first STRIDE bytes of each page. It is refused with a
 * sentence, or all that it says can be asked for, and no memory is left behind. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include "base/file.h"
#include "data/index_file.h"
#include "dsbias/dsbias.h"
#include "fuzz.h"
#include "memory_files.h"

enum { PAGE = 4096, STRIDE = 512, N_BASES = 3, MOST_BYTES = 1 << 20 };

/* A collection and its index. */
typedef struct base {
    char where[200]; /* as the index says it */
    size_t path_length;
    uint8_t *bytes;
    size_t size;
} base;

static dsb_runtime *rt;
static base bases[N_BASES];
static char folder[] = "/tmp/fuzz_index.XXXXXX";

static void write_file(const char *name, const void *bytes, size_t size)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(bytes, 1, size, file) != size || fclose(file) != 0)
        abort();
}

static void remove_files(void)
{
    char command[200];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "%s is left behind\n", folder);
}

/* Opened once, so that the index is there; its bytes go into memory. */
static void make_base(base *b, const char *name, const char *options)
{
    snprintf(b->where, sizeof b->where, "%s/%s?%sindex=%s.dsbx", folder, name, options, folder);
    b->path_length = strcspn(b->where, "?");
    dsb_dataset *dataset;
    if (dsb_dataset_open(rt, &dataset, b->where, NULL, NULL, NULL) != DSB_OK) {
        fprintf(stderr, "%s\n", dsb_last_error());
        abort();
    }
    dsb_dataset_free(dataset);
    char path[200];
    snprintf(path, sizeof path, "%s.dsbx", folder);
    if (dsbi_file_read(rt, &b->bytes, &b->size, path, MOST_BYTES) != DSB_OK)
        abort();
    remove(path);
}

/* One image in a ustar shard. */
static void write_shard(void)
{
    uint8_t shard[2048] = {0};
    char *head = (char *)shard;
    memcpy(head, "a.ppm", 5);
    memcpy(head + 100, "0000600", 7);
    memcpy(head + 124, "00000000016", 11);
    memcpy(head + 257, "ustar\00000", 8);
    head[156] = '0';
    memset(head + 148, ' ', 8);
    unsigned sum = 0;
    for (size_t i = 0; i < 512; i++)
        sum += shard[i];
    snprintf(head + 148, 8, "%06o", sum);
    memcpy(head + 512, "P6 1 1 255\nabc", 14);
    write_file("a.tar", shard, sizeof shard);
}

/* Two images in an .npy. */
static void write_array(void)
{
    static const char head[] = "\x93NUMPY\1\0\x46\0{'descr': '|u1', 'fortran_order': False, "
                               "'shape': (2, 2, 1, 3)}";
    uint8_t array[80 + 12];
    memset(array, ' ', sizeof array);
    memcpy(array, head, sizeof head - 1);
    array[79] = '\n';
    write_file("a.npy", array, sizeof array);
}

static void write_collections(void)
{
    const char *const folders[] = {"set", "set/cat", "set/dog"};
    for (size_t i = 0; i < 3; i++) {
        char path[200];
        snprintf(path, sizeof path, "%s/%s", folder, folders[i]);
        if (mkdir(path, 0700) != 0)
            abort();
    }
    write_file("set/cat/1.ppm", "P6 1 1 255\nabc", 14);
    write_file("set/cat/broken.jpg", "\xff\xd8\xff", 3);
    write_file("set/dog/2.ppm", "P6 1 1 255\ndef", 14);
    write_file("set/dog/notes.txt", "notes", 5);
    write_shard();
    write_array();
}

/* Times long past: an index distrusts what changed while it was made. */
static void set_up(void)
{
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = 1;
    if (dsb_runtime_create(&rt, &opts) != DSB_OK || !mkdtemp(folder))
        abort();
    atexit(remove_files);
    write_collections();
    char command[200];
    snprintf(command, sizeof command, "find %s | xargs touch -d 2020-01-01", folder);
    if (system(command) != 0)
        abort();
    make_base(&bases[0], "set", "");
    make_base(&bases[1], "a.tar", "");
    make_base(&bases[2], "a.npy", "labels=none&");
}

/* The index that an input stands for; yours: free. */
static uint8_t *changed(const base *b, size_t *size, const uint8_t *data, size_t n)
{
    uint8_t *bytes = malloc(b->size);
    assert(bytes);
    memcpy(bytes, b->bytes, b->size);
    for (size_t i = 4; i < n; i++) {
        const size_t at = (i - 4) / STRIDE * PAGE + (i - 4) % STRIDE;
        if (at < b->size)
            bytes[at] = (uint8_t)(bytes[at] + data[i]);
    }
    const size_t cut = n > 2 ? (size_t)(data[1] << 8 | data[2]) : 0;
    *size = cut < b->size ? b->size - cut : 0;
    if (n <= 3 || data[3] % 16 != 15)
        dsbi_index_seal(bytes, *size);
    return bytes;
}

static dsb_dataset *empty_dataset(const base *b)
{
    dsb_dataset *dataset = dsbi_calloc(rt, 1, sizeof *dataset);
    assert(dataset);
    atomic_init(&dataset->references, 1);
    dataset->rt = rt;
    dsbi_runtime_retain(rt);
    dsb_dataset_opts_init(&dataset->opts, sizeof dataset->opts);
    dataset->where = dsbi_strdup(rt, b->where);
    dataset->where_path = b->path_length;
    assert(dataset->where);
    return dataset;
}

static void ask_problems(const dsb_dataset *dataset)
{
    dsb_problem problem;
    for (uint64_t i = 0; i < dataset->broken.n; i++) {
        dsb_problem_init(&problem, sizeof problem);
        const dsb_status status = dsb_dataset_broken(dataset, i, &problem);
        assert(status == DSB_OK && problem.path && problem.message);
    }
    for (uint64_t i = 0; i < dataset->skipped.n; i++) {
        dsb_problem_init(&problem, sizeof problem);
        const dsb_status status = dsb_dataset_skipped(dataset, i, &problem);
        assert(status == DSB_OK && problem.path && problem.message);
    }
}

static void ask_entries(const dsb_dataset *dataset, bool with_pixels)
{
    size_t letters = 0;
    for (uint64_t i = 0; i < dsb_dataset_count(dataset); i++) {
        dsb_image_info info;
        dsb_image_info_init(&info, sizeof info);
        const dsb_status status = dsb_dataset_info(dataset, i, &info);
        assert(status == DSB_OK);
        letters += strlen(dsb_dataset_path(dataset, i));
        letters += strlen(dsb_dataset_class_name(dataset, dsb_dataset_class(dataset, i)));
        if (with_pixels && i < 4) {
            dsb_image *image;
            const dsb_status got = dsb_dataset_image(dataset, i, &image);
            assert(got == DSB_OK || dsb_last_error()[0] != '\0');
            dsb_image_free(image);
        }
    }
    letters += strlen(dsb_dataset_name(dataset));
    assert(letters < SIZE_MAX);
}

static void recall_entries(const dsb_dataset *dataset)
{
    dsbi_index_memory *memory;
    const dsb_status status = dsbi_index_memory_create(rt, &memory, dataset);
    assert(status == DSB_OK);
    for (uint64_t i = 0; i < dsb_dataset_count(dataset); i++)
        dsbi_index_recall(memory, dsbi_dataset_path(dataset, i), dsbi_dataset_entry(dataset, i),
                          dataset->map_times[i]);
    dsbi_index_memory_free(memory);
}

static void use(dsb_dataset *dataset)
{
    const bool is_current = dsbi_index_is_current(dataset);
    if (is_current && dataset->index_format->reopen(rt, &dataset->state, dataset) == DSB_OK)
        dataset->format = dataset->index_format;
    ask_problems(dataset);
    ask_entries(dataset, dataset->format != NULL);
    recall_entries(dataset);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!rt)
        set_up();
    const base *b = &bases[size > 0 ? data[0] % N_BASES : 0];
    uint8_t *bytes = changed(b, &memory_file.size, data, size);
    memory_file.bytes = bytes;
    const uint64_t before = dsb_runtime_memory(rt);
    dsb_dataset *dataset = empty_dataset(b);
    const dsb_status status = dsbi_index_load(dataset, MEMORY_FILE);
    assert(status == DSB_OK || (status < 0 && dsb_last_error()[0] != '\0'));
    assert(size > 0 || status == DSB_OK); /* nothing added: the sound index */
    if (status == DSB_OK)
        use(dataset);
    dsb_dataset_free(dataset);
    assert(dsb_runtime_memory(rt) == before);
    free(bytes);
    return 0;
}
