/* What libjpeg alone decodes in a second: the bound of every loader. Nothing of the library is
 * used.
 *
 *     bench_jpeg MODE THREADS SECONDS FOLDER...
 *
 * MODE: full = whole images; half = at 1/2; crop = of each image the box of a random resized crop
 * (area 0.08 to 1, aspect 3/4 to 4/3), rows and columns outside it skipped; cropend = the same, and
 * coded data below it read to the end; crop224 = crop at 1/2, 1/4 or 1/8 as long as the box keeps
 * 224 pixels a side; header = headers only. Files (.jpg in
 * the folders) are read into memory first; each thread keeps one decoder, restarts it for each
 * image and decodes into one buffer. Prints JSON. */
#include <dirent.h>
#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <jpeglib.h>

enum { MAX_FILES = 1 << 20, MAX_THREADS = 64, TARGET = 224 };

typedef struct file {
    unsigned char *bytes;
    size_t size;
} file;

typedef struct decoder {
    struct jpeg_decompress_struct jpeg;
    struct jpeg_error_mgr errors;
    jmp_buf escape;
    unsigned char *pixels;
    size_t capacity;
    uint64_t state;  /* random numbers */
    unsigned number; /* of the thread */
    uint64_t n_images, n_failed;
} decoder;

static file files[MAX_FILES];
static size_t n_files;
static const char *mode;
static double deadline;
static unsigned n_threads;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double uniform(decoder *d)
{
    d->state = d->state * 6364136223846793005u + 1442695040888963407u;
    return (double)(d->state >> 11) * 0x1p-53;
}

static void on_error(j_common_ptr common)
{
    longjmp(((decoder *)common->client_data)->escape, 1);
}

static void on_message(j_common_ptr common, int level)
{
    (void)common;
    (void)level;
}

typedef struct box {
    JDIMENSION x, y, width, height;
} box;

/* As torchvision's RandomResizedCrop. */
static box draw_box(decoder *d, double width, double height)
{
    for (int i = 0; i < 10; i++) {
        const double area = (0.08 + 0.92 * uniform(d)) * width * height;
        const double aspect = exp((2 * uniform(d) - 1) * log(4.0 / 3.0));
        const double w = rint(sqrt(area * aspect)), h = rint(sqrt(area / aspect));
        if (w >= 1 && h >= 1 && w <= width && h <= height)
            return (box){(JDIMENSION)(uniform(d) * (width - w + 1)),
                         (JDIMENSION)(uniform(d) * (height - h + 1)), (JDIMENSION)w, (JDIMENSION)h};
    }
    return (box){0, 0, (JDIMENSION)width, (JDIMENSION)height};
}

static void read_rows(decoder *d, JDIMENSION end, JDIMENSION width)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    const size_t row = (size_t)width * (size_t)jpeg->output_components;
    const size_t needed = row * jpeg->output_height;
    if (needed > d->capacity) {
        free(d->pixels);
        d->pixels = malloc(needed);
        d->capacity = needed;
    }
    unsigned char *at = d->pixels;
    while (jpeg->output_scanline < end) {
        JSAMPROW rows[4] = {at, at + row, at + 2 * row, at + 3 * row};
        const JDIMENSION left = end - jpeg->output_scanline;
        at += row * jpeg_read_scanlines(jpeg, rows, left < 4 ? left : 4);
    }
}

static void decode_box(decoder *d)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    box b = draw_box(d, jpeg->image_width, jpeg->image_height);
    const unsigned target = strcmp(mode, "crop224") == 0 ? (unsigned)TARGET : 0u;
    while (target && jpeg->scale_denom < 8 && b.width / (2 * jpeg->scale_denom) >= target &&
           b.height / (2 * jpeg->scale_denom) >= target)
        jpeg->scale_denom *= 2;
    jpeg_start_decompress(jpeg);
    JDIMENSION x = b.x / jpeg->scale_denom, width = b.width / jpeg->scale_denom;
    const JDIMENSION y = b.y / jpeg->scale_denom, height = b.height / jpeg->scale_denom;
    if (x > 0 || width < jpeg->output_width)
        jpeg_crop_scanline(jpeg, &x, &width);
    if (y > 0)
        jpeg_skip_scanlines(jpeg, y);
    read_rows(d, y + height, jpeg->output_width);
    if (strcmp(mode, "cropend") != 0) {
        jpeg_abort_decompress(jpeg);
        return;
    }
    /* skipping to the end would not read it */
    if (jpeg->output_scanline + 1 < jpeg->output_height)
        jpeg_skip_scanlines(jpeg, jpeg->output_height - 1 - jpeg->output_scanline);
    read_rows(d, jpeg->output_height, jpeg->output_width);
    jpeg_finish_decompress(jpeg);
}

static void decode(decoder *d, const file *f)
{
    struct jpeg_decompress_struct *jpeg = &d->jpeg;
    if (setjmp(d->escape)) {
        d->n_failed++;
        jpeg_abort_decompress(jpeg);
        return;
    }
    jpeg_mem_src(jpeg, f->bytes, f->size);
    jpeg_read_header(jpeg, TRUE);
    d->n_images++;
    if (strcmp(mode, "header") == 0) {
        jpeg_abort_decompress(jpeg);
        return;
    }
    jpeg->out_color_space = JCS_RGB;
    jpeg->scale_num = 1u;
    jpeg->scale_denom = strcmp(mode, "half") == 0 ? 2u : 1u;
    if (strncmp(mode, "crop", 4) == 0) {
        decode_box(d);
        return;
    }
    jpeg_start_decompress(jpeg);
    read_rows(d, jpeg->output_height, jpeg->output_width);
    jpeg_finish_decompress(jpeg);
}

static void *thread_main(void *argument)
{
    decoder *d = argument;
    d->jpeg.err = jpeg_std_error(&d->errors);
    d->errors.error_exit = on_error;
    d->errors.emit_message = on_message;
    jpeg_create_decompress(&d->jpeg);
    d->jpeg.client_data = d;
    d->state = d->number * 12345u + 1;
    /* steps of a prime: all files, not in the order of their folders */
    for (size_t i = d->number; now() < deadline; i += n_threads)
        decode(d, &files[i * 7919 % n_files]);
    jpeg_destroy_decompress(&d->jpeg);
    free(d->pixels);
    return NULL;
}

static void add_file(const char *folder, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f || n_files == MAX_FILES)
        exit(1);
    fseek(f, 0, SEEK_END);
    file *added = &files[n_files++];
    added->size = (size_t)ftell(f);
    added->bytes = malloc(added->size);
    rewind(f);
    if (fread(added->bytes, 1, added->size, f) != added->size)
        exit(1);
    fclose(f);
}

static void add_folder(const char *folder)
{
    DIR *d = opendir(folder);
    if (!d) {
        perror(folder);
        exit(1);
    }
    for (struct dirent *entry; (entry = readdir(d));) {
        const char *dot = strrchr(entry->d_name, '.');
        if (dot && (strcmp(dot, ".jpg") == 0 || strcmp(dot, ".jpeg") == 0))
            add_file(folder, entry->d_name);
    }
    closedir(d);
}

int main(int argc, char **argv)
{
    if (argc < 5) {
        fprintf(
            stderr,
            "usage: bench_jpeg full|half|crop|cropend|crop224|header THREADS SECONDS FOLDER...\n");
        return 2;
    }
    mode = argv[1];
    n_threads = (unsigned)atoi(argv[2]);
    if (n_threads < 1 || n_threads > MAX_THREADS)
        return 2;
    for (int i = 4; i < argc; i++)
        add_folder(argv[i]);
    if (n_files == 0)
        return 1;
    static decoder decoders[MAX_THREADS];
    pthread_t threads[MAX_THREADS];
    const double start = now();
    deadline = start + atof(argv[3]);
    for (unsigned i = 0; i < n_threads; i++) {
        decoders[i].number = i;
        pthread_create(&threads[i], NULL, thread_main, &decoders[i]);
    }
    uint64_t n = 0, failed = 0;
    for (unsigned i = 0; i < n_threads; i++) {
        pthread_join(threads[i], NULL);
        n += decoders[i].n_images;
        failed += decoders[i].n_failed;
    }
    const double seconds = now() - start;
    printf(
        "{\"mode\": \"%s\", \"threads\": %u, \"files\": %zu, \"images\": %llu, \"failed\": %llu, "
        "\"images_per_second\": %.1f, \"libjpeg\": \"%d\"}\n",
        mode, n_threads, n_files, (unsigned long long)n, (unsigned long long)failed,
        (double)n / seconds, JPEG_LIB_VERSION);
    return 0;
}
