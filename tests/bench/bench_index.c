/* An index of many images, measured and checked:
 *     bench_index FOLDER [IMAGES [SIDE [THREADS [PARTS]]]]
 * default a million of 64 pixels, 2 threads, all parts: warm,cold,reopen,shuffle
 *
 * Writes shards of generated JPEG files with labels into FOLDER/shards unless they are there, then
 *   bound    a bare loop on as many threads: pread of every tar header, of every image whole, of
 *            every label, and the image's header understood; no names, hashes, entries or index
 *   scan     opening FOLDER/shards?index=... for the first time, headers only (verify = 0)
 *   reopen   opening it again
 *   memory   bytes an image, names apart
 *   shuffle  one shuffled epoch through the loader: every image once; and a loader that resumes in
 *            its middle goes on with the same images
 * Bound and scan are run by turns, cold (after the pages of the shards were dropped from memory)
 * and warm; the better of two rounds is printed. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "base/file.h"
#include "data/dataset.h"
#include "image/image.h"
#include "trying.h"

enum { N_SCENES = 64, N_SHARDS = 100, BLOCK = 512, MAX_JPEG = 1 << 20, COMMENT = 14 };

static dsb_runtime *rt;
static const char *folder;
static uint64_t n_images, n_threads = 2;

static void shard_path(char *out, size_t capacity, uint64_t shard)
{
    snprintf(out, capacity, "%s/shards/%05llu.tar", folder, (unsigned long long)shard);
}

static uint64_t first_of(uint64_t shard)
{
    return n_images * shard / N_SHARDS;
}

/* ---- shards ---- */

typedef struct jpeg {
    uint8_t *bytes; /* a comment with room for a number behind the first marker */
    size_t size;
} jpeg;

static void make_scenes(jpeg *scenes, uint32_t side)
{
    dsb_dataset *set;
    TRY(dsb_dataset_open(rt, &set, "synthetic:phone?n=64", NULL, NULL, NULL));
    for (uint64_t s = 0; s < N_SCENES; s++) {
        dsbi_image whole, small;
        uint8_t *bytes;
        size_t size;
        TRY(dsbi_dataset_decode(set, rt, &whole, s));
        TRY(dsbi_image_resize(rt, &small, &whole, side, side, NULL, DSBI_RESIZE_BICUBIC));
        TRY(dsbi_jpeg_encode(rt, &bytes, &size, &small, 85, true));
        jpeg *out = &scenes[s];
        out->size = size + COMMENT;
        out->bytes = calloc(1, out->size + BLOCK);
        if (!out->bytes)
            exit(1);
        memcpy(out->bytes, bytes, 2);
        memcpy(out->bytes + 2, "\xff\xfe\0\x0c..........", COMMENT);
        memcpy(out->bytes + 2 + COMMENT, bytes + 2, size - 2);
        dsbi_free(rt, bytes);
        dsbi_image_free(rt, &whole);
        dsbi_image_free(rt, &small);
    }
    dsb_dataset_free(set);
}

static void write_member(FILE *file, const char *name, const void *data, size_t size)
{
    static const char zeros[BLOCK];
    char head[BLOCK] = {0};
    snprintf(head, 100, "%s", name);
    memcpy(head + 100, "0000644\0000000000\0000000000", 23);
    snprintf(head + 124, 12, "%011zo", size);
    memcpy(head + 136, "00000000000\0        0", 21);
    memcpy(head + 257, "ustar\00000", 8);
    unsigned sum = 0;
    for (size_t i = 0; i < BLOCK; i++)
        sum += (uint8_t)head[i];
    snprintf(head + 148, 7, "%06o", sum);
    fwrite(head, 1, BLOCK, file);
    fwrite(data, 1, size, file);
    fwrite(zeros, 1, (BLOCK - size % BLOCK) % BLOCK, file);
}

static void write_shard(jpeg *scenes, uint64_t shard)
{
    static const char end[2 * BLOCK];
    char path[4096], name[64], label[8];
    shard_path(path, sizeof path, shard);
    FILE *file = fopen(path, "wb");
    if (!file)
        exit((perror(path), 1));
    for (uint64_t i = first_of(shard); i < first_of(shard + 1); i++) {
        jpeg *scene = &scenes[i * 31 % N_SCENES];
        snprintf(name, sizeof name, "%010llu", (unsigned long long)i);
        memcpy(scene->bytes + 6, name, 10);
        strcpy(name + 10, ".jpg");
        write_member(file, name, scene->bytes, scene->size);
        strcpy(name + 10, ".cls");
        snprintf(label, sizeof label, "%u", (unsigned)(i % 1000));
        write_member(file, name, label, strlen(label));
    }
    fwrite(end, 1, sizeof end, file);
    if (ferror(file) || fflush(file) != 0 || fsync(fileno(file)) != 0 || fclose(file) != 0)
        exit((perror(path), 1));
}

static void write_shards(uint32_t side)
{
    char path[4096];
    struct stat facts;
    snprintf(path, sizeof path, "%s/shards", folder);
    TRY(dsbi_make_dirs(rt, path));
    shard_path(path, sizeof path, N_SHARDS - 1);
    if (stat(path, &facts) == 0)
        return;
    jpeg scenes[N_SCENES];
    make_scenes(scenes, side);
    for (uint64_t s = 0; s < N_SHARDS; s++)
        write_shard(scenes, s);
    for (size_t s = 0; s < N_SCENES; s++)
        free(scenes[s].bytes);
}

/* Pages of the shards leave the memory, as far as the system obeys. */
static void drop_pages(void)
{
    for (uint64_t s = 0; s < N_SHARDS; s++) {
        char path[4096];
        shard_path(path, sizeof path, s);
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        if (fd >= 0) {
            (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
            close(fd);
        }
    }
}

/* ---- bound ---- */

typedef struct share {
    pthread_t thread;
    uint64_t first, n_found, n_bytes;
} share;

static void read_shard(share *self, uint64_t shard, uint8_t *bytes)
{
    char path[4096];
    shard_path(path, sizeof path, shard);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char head[BLOCK];
    uint64_t at = 0;
    while (fd >= 0 && pread(fd, head, BLOCK, (off_t)at) == BLOCK && head[0]) {
        size_t size = strtoull(head + 124, NULL, 8);
        if (size > MAX_JPEG || pread(fd, bytes, size, (off_t)(at + BLOCK)) != (ssize_t)size)
            exit((perror(path), 1));
        dsb_image_info info;
        if (strstr(head, ".jpg")) {
            TRY(dsbi_image_info_read(rt, &info, bytes, size));
            self->n_found++;
        }
        self->n_bytes += BLOCK + size;
        at += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
    }
    close(fd);
}

static void *read_shards(void *user)
{
    share *self = user;
    uint8_t *bytes = malloc(MAX_JPEG);
    for (uint64_t s = self->first; bytes && s < N_SHARDS; s += n_threads)
        read_shard(self, s, bytes);
    free(bytes);
    return NULL;
}

static double bound(uint64_t *n_bytes)
{
    share *shares = calloc(n_threads, sizeof *shares);
    uint64_t n_found = 0;
    double start = dsbi_now();
    for (uint64_t t = 0; shares && t < n_threads; t++) {
        shares[t].first = t;
        if (pthread_create(&shares[t].thread, NULL, read_shards, &shares[t]) != 0)
            exit(1);
    }
    *n_bytes = 0;
    for (uint64_t t = 0; shares && t < n_threads; t++) {
        pthread_join(shares[t].thread, NULL);
        n_found += shares[t].n_found;
        *n_bytes += shares[t].n_bytes;
    }
    double seconds = dsbi_now() - start;
    free(shares);
    if (n_found != n_images)
        exit((fprintf(stderr, "%s/shards has %llu images: remove it\n", folder,
                      (unsigned long long)n_found),
              1));
    return seconds;
}

/* ---- scan, reopen, memory ---- */

static dsb_dataset *open_index(double *seconds, uint64_t expect_read)
{
    char spec[8300];
    dsb_dataset_opts opts;
    dsb_dataset *set;
    dsb_dataset_opts_init(&opts, sizeof opts);
    opts.verify = 0;
    snprintf(spec, sizeof spec, "million=%s/shards?index=%s/million.dsbx", folder, folder);
    double start = dsbi_now();
    TRY(dsb_dataset_open(rt, &set, spec, &opts, NULL, NULL));
    *seconds = dsbi_now() - start;
    if (dsb_dataset_count(set) != n_images || dsb_dataset_read_count(set) != expect_read)
        exit(
            (fprintf(stderr, "%llu images, %llu read\n", (unsigned long long)dsb_dataset_count(set),
                     (unsigned long long)dsb_dataset_read_count(set)),
             1));
    return set;
}

static double scan(bool report_memory)
{
    char path[4096];
    double seconds;
    snprintf(path, sizeof path, "%s/million.dsbx", folder);
    unlink(path);
    uint64_t before = dsb_runtime_memory(rt), names = 0;
    dsb_dataset *set = open_index(&seconds, n_images);
    double held = (double)(dsb_runtime_memory(rt) - before);
    for (uint64_t i = 0; i < n_images; i++)
        names += strlen(dsb_dataset_path(set, i)) + 1;
    if (report_memory)
        printf("memory   %.1f bytes an image and %.1f of its name\n",
               (held - (double)names) / (double)n_images, (double)names / (double)n_images);
    dsb_dataset_free(set);
    return seconds;
}

static void compare(bool is_cold)
{
    double best_bound = 1e9, best_scan = 1e9;
    uint64_t n_bytes = 0;
    for (int round = 0; round < 2; round++) {
        if (is_cold)
            drop_pages();
        double seconds = bound(&n_bytes);
        best_bound = seconds < best_bound ? seconds : best_bound;
        if (is_cold)
            drop_pages();
        seconds = scan(!is_cold && round == 0);
        best_scan = seconds < best_scan ? seconds : best_scan;
    }
    printf("%s     bound %.2f s (%.0f MB/s), scan %.2f s: %.0f %% of the bound\n",
           is_cold ? "cold" : "warm", best_bound, (double)n_bytes / best_bound / 1e6, best_scan,
           100 * best_bound / best_scan);
    fflush(stdout);
}

static void reopen(void)
{
    double best = 1e9, seconds;
    for (int round = 0; round < 5; round++) {
        dsb_dataset_free(open_index(&seconds, 0));
        best = seconds < best ? seconds : best;
    }
    printf("reopen   %.1f ms\n", best * 1000);
}

/* ---- shuffle and resume ---- */

static dsb_loader *make_loader(const dsb_split *split, uint64_t first_sample)
{
    dsb_loader_opts opts;
    dsb_loader *loader;
    dsb_loader_opts_init(&opts, sizeof opts);
    opts.size = 8;
    opts.source_size = 8;
    opts.batch_size = 512;
    opts.shuffle = 1;
    opts.first_sample = first_sample;
    opts.store_max_bytes = 0;
    TRY(dsb_loader_create(rt, &loader, split, DSB_PART_TRAIN, &opts));
    return loader;
}

static void shuffle(void)
{
    double seconds;
    dsb_dataset *set = open_index(&seconds, 0);
    dsb_split *split;
    dsb_split_opts opts;
    dsb_split_opts_init(&opts, sizeof opts);
    opts.n_select = opts.n_test = 1;
    TRY(dsb_split_create(rt, &split, (const dsb_dataset *const *)&set, 1, &opts));
    uint64_t n = dsb_split_size(split, DSB_PART_TRAIN), at = 0, n_twice = 0, n_other = 0;
    uint8_t *seen = calloc(n, 1);
    uint32_t *order = malloc(n * sizeof *order);
    dsb_loader *loader = make_loader(split, 0);
    dsb_batch batch;
    dsb_batch_init(&batch, sizeof batch);
    double start = dsbi_now();
    do {
        TRY(dsb_loader_next(loader, &batch));
        for (uint64_t k = 0; seen && order && k < batch.n; k++) {
            n_twice += seen[batch.items[k]]++ > 0 || batch.shown[k] != batch.items[k];
            order[at++] = (uint32_t)batch.items[k];
        }
    } while (batch.n);
    seconds = dsbi_now() - start;
    dsb_loader_free(loader);
    loader = make_loader(split, n / 2 + 1);
    TRY(dsb_loader_next(loader, &batch));
    for (uint64_t k = 0; order && k < batch.n; k++)
        n_other += batch.items[k] != order[n / 2 + 1 + k];
    dsb_loader_free(loader);
    printf("shuffle  %llu samples of %llu in %.1f s, %llu twice; resumed in the middle: %llu of "
           "%llu differ\n",
           (unsigned long long)at, (unsigned long long)n, seconds, (unsigned long long)n_twice,
           (unsigned long long)n_other, (unsigned long long)batch.n);
    free(seen);
    free(order);
    dsb_split_free(split);
    dsb_dataset_free(set);
    if (at != n || n_twice || n_other)
        exit(1);
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return fprintf(stderr, "bench_index FOLDER [IMAGES [SIDE [THREADS [PARTS]]]]\n"), 2;
    folder = argv[1];
    n_images = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    uint32_t side = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 64;
    n_threads = argc > 4 ? strtoull(argv[4], NULL, 10) : 2;
    const char *parts = argc > 5 ? argv[5] : "warm,cold,reopen,shuffle";
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = n_threads;
    TRY(dsb_runtime_create(&rt, &opts));
    write_shards(side);
    if (strstr(parts, "warm"))
        compare(false);
    if (strstr(parts, "cold"))
        compare(true);
    if (strstr(parts, "reopen"))
        reopen();
    if (strstr(parts, "shuffle"))
        shuffle();
    dsb_runtime_free(rt);
    return 0;
}
