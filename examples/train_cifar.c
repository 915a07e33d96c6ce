/* Trains a network on CIFAR-10 or -100 and says how well it does, with the public API alone.
 *
 *     train_cifar --train data_batch_1.bin --train data_batch_2.bin --test test_batch.bin
 *                 [--model cifar_resnet:depth=20,shortcut=A] [--recipe sgd|adamw|ridge] [--epochs
 * 160]
 *                 [--seed 0] [--threads 1] [--save model.safetensors] [--json]
 *
 * Without arguments: a small network on squares of eight colours. --train and --test take whatever
 * dsb_dataset_open takes, images of 32 x 32 with labels.
 *
 * sgd and adamw: batches of 128, padding of 4 with a random crop, flips, one epoch of warm-up, half
 * a cosine to zero. sgd (He et al. 2016): momentum 0.9, step size 0.1, decay 1e-4 on everything.
 * adamw (Touvron et al. 2021, shortened): step size 1e-3, decay 0.05 on the weights, labels
 * smoothed by 0.1. docs/training-parity.md compares the result with PyTorch's. ridge: a closed
 * form, for --model random_features:filters=256 (Coates & Ng 2012). */
#include <dsbias/dsbias.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHECK(call)                                               \
    do {                                                          \
        if ((call) != DSB_OK) {                                   \
            fprintf(stderr, "%s: %s\n", #call, dsb_last_error()); \
            status = EXIT_FAILURE;                                \
            goto done;                                            \
        }                                                         \
    } while (0)

enum { SIDE = 32, IMAGE_BYTES = SIDE * SIDE * 3, MAX_FILES = 16, BATCH = 128 };

typedef struct arguments {
    const char *model, *recipe, *save, *train[MAX_FILES], *test[MAX_FILES];
    uint64_t n_train, n_test, epochs, seed, threads;
    int json;
} arguments;

/* Images in memory. */
typedef struct images {
    uint8_t *pixels;  /* [n, SIDE, SIDE, 3] */
    uint32_t *labels; /* [n] */
    uint64_t n;
    uint32_t n_classes;
} images;

static int usage(void)
{
    fprintf(stderr,
            "usage: train_cifar --train FILE [--train FILE ...] --test FILE [--model M] "
            "[--recipe sgd|adamw|ridge] [--epochs N] [--seed N] [--threads N] [--save FILE] "
            "[--json]\n");
    return 2;
}

static int read_arguments(arguments *a, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(name, "--json") == 0) {
            a->json = 1;
            continue;
        }
        if (!value)
            return usage();
        i++;
        if (strcmp(name, "--model") == 0)
            a->model = value;
        else if (strcmp(name, "--recipe") == 0)
            a->recipe = value;
        else if (strcmp(name, "--save") == 0)
            a->save = value;
        else if (strcmp(name, "--epochs") == 0)
            a->epochs = strtoull(value, NULL, 10);
        else if (strcmp(name, "--seed") == 0)
            a->seed = strtoull(value, NULL, 10);
        else if (strcmp(name, "--threads") == 0)
            a->threads = strtoull(value, NULL, 10);
        else if (strcmp(name, "--train") == 0 && a->n_train < MAX_FILES)
            a->train[a->n_train++] = value;
        else if (strcmp(name, "--test") == 0 && a->n_test < MAX_FILES)
            a->test[a->n_test++] = value;
        else
            return usage();
    }
    if (strcmp(a->recipe, "sgd") != 0 && strcmp(a->recipe, "adamw") != 0 &&
        strcmp(a->recipe, "ridge") != 0)
        return usage();
    return a->n_train && a->n_test && a->epochs ? 0 : usage();
}

static int grow(images *set, uint64_t more)
{
    uint8_t *pixels = realloc(set->pixels, (set->n + more) * IMAGE_BYTES);
    set->pixels = pixels ? pixels : set->pixels;
    uint32_t *labels = realloc(set->labels, (set->n + more) * sizeof *labels);
    set->labels = labels ? labels : set->labels;
    return pixels && labels;
}

/* Adds the images of a collection; its class numbers are the labels. */
static int read_images(dsb_runtime *rt, images *set, const char *spec)
{
    int status = EXIT_SUCCESS;
    dsb_dataset *dataset = NULL;
    dsb_image *image = NULL;
    CHECK(dsb_dataset_open(rt, &dataset, spec, NULL, NULL, NULL));
    uint64_t count = dsb_dataset_count(dataset);
    uint32_t n_classes = dsb_dataset_class_count(dataset);
    set->n_classes = n_classes > set->n_classes ? n_classes : set->n_classes;
    status = count > 0 && grow(set, count) ? EXIT_SUCCESS : EXIT_FAILURE;
    for (uint64_t i = 0; i < count && status == EXIT_SUCCESS; i++, set->n++) {
        CHECK(dsb_dataset_image(dataset, i, &image));
        if (dsb_image_width(image) != SIDE || dsb_image_height(image) != SIDE) {
            fprintf(stderr, "%s: not %d x %d pixels\n", dsb_dataset_path(dataset, i), SIDE, SIDE);
            status = EXIT_FAILURE;
            goto done;
        }
        memcpy(set->pixels + set->n * IMAGE_BYTES, dsb_image_pixels(image), IMAGE_BYTES);
        set->labels[set->n] = dsb_dataset_class(dataset, i);
        dsb_image_free(image);
        image = NULL;
    }
done:
    dsb_image_free(image);
    dsb_dataset_free(dataset);
    return status;
}

/* Eight classes: which of red, green and blue are bright in a square in dark noise. */
static int make_squares(images *set, uint64_t n)
{
    if (!grow(set, n))
        return EXIT_FAILURE;
    uint32_t noise = 1;
    for (uint64_t i = 0; i < n; i++, set->n++) {
        uint32_t label = set->labels[i] = (uint32_t)(i % 8);
        for (uint32_t k = 0; k < IMAGE_BYTES; k++) {
            uint32_t y = k / (SIDE * 3), x = k / 3 % SIDE, channel = k % 3;
            noise = noise * 1664525u + 1013904223u;
            uint32_t light = y - 10 < 12 && x - 10 < 12 ? (label >> channel & 1) * 128 : 0;
            set->pixels[i * IMAGE_BYTES + k] = (uint8_t)((noise >> 25) + light);
        }
    }
    set->n_classes = 8;
    return EXIT_SUCCESS;
}

static void fill_recipe(dsb_train_opts *opts, const arguments *a, uint64_t n)
{
    uint64_t epoch = n / BATCH * BATCH; /* whole batches */
    dsb_train_opts_init(opts, sizeof *opts);
    opts->seed = a->seed;
    opts->batch_size = BATCH;
    opts->samples_seen = a->epochs * epoch;
    opts->warmup_samples = epoch;
    opts->lr_min = 0.0;
    opts->augment = "pad";
    if (strcmp(a->recipe, "sgd") == 0) {
        opts->optimiser = DSB_OPTIMISER_SGD;
        opts->lr_peak = 0.1;
        opts->weight_decay = 1e-4;
        opts->decay_all = 1;
        opts->label_smoothing = 0.0;
    } else {
        opts->lr_peak = 1e-3;
        opts->weight_decay = 0.05;
        opts->beta2 = 0.999;
        opts->label_smoothing = 0.1;
    }
}

static dsb_status count_correct(dsb_model *model, const images *set, uint64_t *correct)
{
    enum { CHUNK = 500 };
    float *scores = malloc(CHUNK * (size_t)set->n_classes * sizeof *scores);
    dsb_status status = scores ? DSB_OK : DSB_E_NOMEM;
    *correct = 0;
    for (uint64_t first = 0; first < set->n && status == DSB_OK; first += CHUNK) {
        uint64_t n = set->n - first < CHUNK ? set->n - first : CHUNK;
        status = dsb_model_predict(model, scores, set->pixels + first * IMAGE_BYTES, n);
        for (uint64_t i = 0; i < n && status == DSB_OK; i++) {
            const float *row = scores + i * set->n_classes;
            uint32_t best = 0;
            for (uint32_t c = 1; c < set->n_classes; c++)
                best = row[c] > row[best] ? c : best;
            *correct += best == set->labels[first + i];
        }
    }
    free(scores);
    return status;
}

static int32_t show_progress(void *user, const dsb_event *event)
{
    uint64_t *epoch = user; /* images of an epoch, last epoch shown */
    if (event->done / epoch[0] > epoch[1]) {
        epoch[1] = event->done / epoch[0];
        fprintf(stderr, "epoch %llu: loss %.4f, %.0f s\n", (unsigned long long)epoch[1],
                event->value, event->seconds);
    }
    return 0;
}

static void print_result(const arguments *a, const dsb_model *model, uint64_t n_train,
                         const images *test, uint64_t correct, double cpu_seconds)
{
    double accuracy = (double)correct / (double)test->n;
    if (!a->json) {
        printf("%s: %llu of %llu right, %.2f %%\n", dsb_model_spec(model),
               (unsigned long long)correct, (unsigned long long)test->n, 100 * accuracy);
        return;
    }
    printf("{\"side\": \"dsbias\", \"model\": \"%s\", \"recipe\": \"%s\", \"seed\": %llu, "
           "\"epochs\": %llu, \"n_train\": %llu, \"correct\": %llu, \"n_test\": %llu, "
           "\"accuracy\": %.4f, \"train_cpu_seconds\": %.1f, \"threads\": %llu, "
           "\"version\": \"%s\"}\n",
           dsb_model_spec(model), a->recipe, (unsigned long long)a->seed,
           (unsigned long long)a->epochs, (unsigned long long)n_train, (unsigned long long)correct,
           (unsigned long long)test->n, accuracy, cpu_seconds, (unsigned long long)a->threads,
           dsb_version());
}

/* By steps, or in closed form. */
static dsb_status fit(dsb_runtime *rt, dsb_model *model, const arguments *a, const images *set)
{
    if (strcmp(a->recipe, "ridge") == 0) {
        dsb_random_features_opts opts;
        dsb_random_features_opts_init(&opts, sizeof opts);
        opts.seed = a->seed;
        return dsb_random_features_fit(model, NULL, set->pixels, set->labels, set->n, &opts, NULL,
                                       NULL);
    }
    dsb_train_opts opts;
    fill_recipe(&opts, a, set->n);
    dsb_train_run_opts run;
    dsb_train_run_opts_init(&run, sizeof run);
    run.n_points = a->epochs;
    run.n_evaluations = 0;
    uint64_t epoch[2] = {set->n / BATCH * BATCH, 0};
    dsb_trainer *trainer = NULL;
    dsb_status status = dsb_trainer_create(rt, &trainer, model, &opts);
    if (status == DSB_OK)
        status =
            dsb_train_arrays(trainer, set->pixels, set->labels, set->n, &run, show_progress, epoch);
    if (status == DSB_OK)
        status = dsb_trainer_finish(trainer);
    dsb_trainer_free(trainer);
    return status;
}

static int train(dsb_runtime *rt, const arguments *a, const images *train_set,
                 const images *test_set)
{
    int status = EXIT_SUCCESS;
    dsb_model *model = NULL;
    uint64_t correct = 0;
    dsb_model_opts model_opts;
    dsb_model_opts_init(&model_opts, sizeof model_opts);
    model_opts.seed = a->seed;
    model_opts.n_classes = train_set->n_classes;
    model_opts.height = model_opts.width = SIDE;
    memcpy(model_opts.mean, (float[3]){0.4914f, 0.4822f, 0.4465f}, sizeof model_opts.mean);
    memcpy(model_opts.std, (float[3]){0.2470f, 0.2435f, 0.2616f}, sizeof model_opts.std);
    CHECK(dsb_model_create(rt, &model, a->model, &model_opts));

    clock_t start = clock();
    CHECK(fit(rt, model, a, train_set));
    double cpu_seconds = (double)(clock() - start) / CLOCKS_PER_SEC;

    CHECK(count_correct(model, test_set, &correct));
    print_result(a, model, train_set->n, test_set, correct, cpu_seconds);
    if (a->save)
        CHECK(dsb_model_save(model, a->save));
done:
    dsb_model_free(model);
    return status;
}

int main(int argc, char **argv)
{
    arguments a = {
        .model = "cifar_resnet:depth=20,shortcut=A", .recipe = "sgd", .epochs = 160, .threads = 1};
    images train_set = {0}, test_set = {0};
    dsb_runtime *rt = NULL;
    int status = argc > 1 ? read_arguments(&a, argc, argv) : EXIT_SUCCESS;
    if (status)
        return status;

    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = a.threads;
    CHECK(dsb_runtime_create(&rt, &opts));
    if (argc == 1) {
        a.model = "wrn:depth=10,width=1";
        a.epochs = 4;
        status = make_squares(&train_set, 1024) || make_squares(&test_set, 100);
    }
    for (uint64_t i = 0; i < a.n_train && status == EXIT_SUCCESS; i++)
        status = read_images(rt, &train_set, a.train[i]);
    for (uint64_t i = 0; i < a.n_test && status == EXIT_SUCCESS; i++)
        status = read_images(rt, &test_set, a.test[i]);
    if (status == EXIT_SUCCESS && train_set.n < BATCH) {
        fprintf(stderr, "train_cifar: %llu images, fewer than a batch of %d\n",
                (unsigned long long)train_set.n, BATCH);
        status = EXIT_FAILURE;
    }
    if (status == EXIT_SUCCESS)
        status = train(rt, &a, &train_set, &test_set);
done:
    free(train_set.pixels);
    free(train_set.labels);
    free(test_set.pixels);
    free(test_set.labels);
    dsb_runtime_free(rt);
    return status;
}
