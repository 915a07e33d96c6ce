/* See camera.h. Order of the pipeline: white balance, resize to the sensor, noise, resize to the
 * size of the picture, local contrast, JPEG. */
#include "image/synthetic/camera.h"

#include <string.h>
#include "base/rng.h"
#include "base/text.h"
#include "image/synthetic/scene.h"

typedef struct camera {
    const char *name, *about;
    uint32_t sensor_width, sensor_height; /* what the scene is resized to */
    uint32_t width, height;               /* of the picture */
    dsbi_filter filter;                   /* of both resizes */
    int32_t gains[3];                     /* white balance, 256 = 1 */
    int32_t noise;                        /* standard deviation of a sensor value, 1/16 level */
    int32_t clarity;                      /* local contrast added, 256 = all of it again */
    uint32_t clarity_radius;              /* pixels of the picture */
    int quality;                          /* JPEG */
    bool subsampling_420;
} camera;

static const camera cameras[] = {
    {.name = "phone",
     .about = "288x216 bicubic, local contrast raised, slightly warm, JPEG 88 4:2:0",
     .sensor_width = 288,
     .sensor_height = 216,
     .width = 288,
     .height = 216,
     .filter = DSBI_RESIZE_BICUBIC,
     .gains = {261, 256, 248},
     .noise = 24,
     .clarity = 256,
     .clarity_radius = 7,
     .quality = 88,
     .subsampling_420 = true},
    {.name = "webcam",
     .about = "80x60 sensor with coarse noise, enlarged to 256x192, slightly cool, JPEG 50 4:2:0",
     .sensor_width = 80,
     .sensor_height = 60,
     .width = 256,
     .height = 192,
     .filter = DSBI_RESIZE_BILINEAR,
     .gains = {250, 256, 262},
     .noise = 80,
     .quality = 50,
     .subsampling_420 = true},
    {.name = "scanner",
     .about = "240x180 bilinear, neutral, film grain, JPEG 95 4:4:4",
     .sensor_width = 240,
     .sensor_height = 180,
     .width = 240,
     .height = 180,
     .filter = DSBI_RESIZE_BILINEAR,
     .gains = {256, 256, 256},
     .noise = 210,
     .quality = 95},
};
enum { N_CAMERAS = sizeof cameras / sizeof cameras[0] };

static const uint64_t scenes_apart = 1000000000; /* between the first scenes of two cameras */

struct dsbi_synthetic {
    const camera *camera;
    uint64_t seed;
    dsbi_fractal fractal;
};

const char *dsbi_camera_name(size_t i)
{
    return i < N_CAMERAS ? cameras[i].name : NULL;
}

const char *dsbi_camera_about(size_t i)
{
    return i < N_CAMERAS ? cameras[i].about : NULL;
}

static dsb_status no_such_camera(dsb_runtime *rt, const char *name)
{
    dsbi_text names;
    dsbi_text_init(&names, rt);
    for (size_t i = 0; i < N_CAMERAS; i++)
        dsbi_text_printf(&names, "%s%s", i ? ", " : "", cameras[i].name);
    dsb_status status = names.status == DSB_OK
                            ? dsbi_fail(DSB_E_NOTFOUND, "synthetic: no camera \"%s\"; there are %s",
                                        name, names.data)
                            : names.status;
    dsbi_text_free(&names);
    return status;
}

dsb_status dsbi_synthetic_create(dsb_runtime *rt, dsbi_synthetic **out, const char *name,
                                 uint64_t seed)
{
    *out = NULL;
    const camera *found = NULL;
    for (size_t i = 0; i < N_CAMERAS; i++)
        if (strcmp(cameras[i].name, name) == 0)
            found = &cameras[i];
    if (!found)
        return no_such_camera(rt, name);
    dsbi_synthetic *synthetic = dsbi_alloc(rt, sizeof *synthetic);
    if (!synthetic)
        return DSB_E_NOMEM;
    synthetic->camera = found;
    synthetic->seed = seed;
    dsbi_fractal_fill(&synthetic->fractal, seed);
    *out = synthetic;
    return DSB_OK;
}

void dsbi_synthetic_free(dsb_runtime *rt, dsbi_synthetic *synthetic)
{
    dsbi_free(rt, synthetic);
}

const char *dsbi_synthetic_camera(const dsbi_synthetic *synthetic)
{
    return synthetic->camera->name;
}

uint64_t dsbi_synthetic_first_scene(const dsbi_synthetic *synthetic)
{
    return (uint64_t)(synthetic->camera - cameras) * scenes_apart;
}

const char *dsbi_synthetic_kind(const dsbi_synthetic *synthetic, uint64_t scene)
{
    return dsbi_scene_kind(synthetic->seed, scene);
}

static uint8_t byte_of(int32_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static void balance(dsbi_image *image, const int32_t gains[3])
{
    uint8_t table[3][256];
    for (int c = 0; c < 3; c++)
        for (int i = 0; i < 256; i++)
            table[c][i] = byte_of((i * gains[c] + 128) >> 8);
    size_t n = (size_t)image->width * image->height;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < 3; c++)
            image->data[i * 3 + c] = table[c][image->data[i * 3 + c]];
}

/* xorshift64*: the noise of one picture is one stream from a seed of its own. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t x = *state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545f4914f6cdd1du;
}

/* Sum of four uniform bytes: nearly normal, standard deviation 147.8. */
static int32_t sum_of_bytes(uint32_t word)
{
    return (int32_t)((word & 255) + (word >> 8 & 255) + (word >> 16 & 255) + (word >> 24)) - 510;
}

static void add_noise(dsbi_image *image, int32_t noise, uint64_t state)
{
    if (noise == 0)
        return;
    size_t n = (size_t)image->width * image->height * 3;
    for (size_t i = 0; i < n; i += 2) {
        uint64_t word = next_random(&state);
        for (size_t k = i; k < n && k < i + 2; k++, word >>= 32) {
            int32_t drawn = sum_of_bytes((uint32_t)word) * noise; /* sd 148 * 16 a level */
            image->data[k] = byte_of((image->data[k] * 2365 + drawn + 1182) / 2365);
        }
    }
}

/* Mean of 2r+1 neighbours along a line of n values, `step` apart; the ends repeat. */
static void blur_line(uint8_t *restrict out, const uint8_t *restrict in, size_t n, size_t step,
                      uint32_t radius)
{
    uint32_t width = 2 * radius + 1, sum = in[0] * (radius + 1u), scale = 65536 / width;
    for (uint32_t i = 1; i <= radius; i++)
        sum += in[(i < n ? i : n - 1) * step];
    for (size_t i = 0; i < n; i++) {
        out[i * step] = (uint8_t)((sum * scale + 32768) >> 16);
        size_t in_at = i + radius + 1 < n ? i + radius + 1 : n - 1;
        size_t out_at = i >= radius ? i - radius : 0;
        sum += (uint32_t)in[in_at * step] - in[out_at * step];
    }
}

/* Adds `amount` of the difference to the local mean. */
static dsb_status add_clarity(dsb_runtime *rt, dsbi_image *image, int32_t amount, uint32_t radius)
{
    if (amount == 0)
        return DSB_OK;
    size_t row = (size_t)image->width * 3, size = row * image->height;
    uint8_t *across = dsbi_alloc(rt, size), *mean = dsbi_alloc(rt, size);
    if (across && mean) {
        for (size_t y = 0; y < image->height; y++)
            for (size_t c = 0; c < 3; c++)
                blur_line(across + y * row + c, image->data + y * row + c, image->width, 3, radius);
        for (size_t x = 0; x < row; x++)
            blur_line(mean + x, across + x, image->height, row, radius);
        for (size_t i = 0; i < size; i++)
            image->data[i] =
                byte_of(image->data[i] + ((image->data[i] - mean[i]) * amount + 128) / 256);
    }
    bool ok = across && mean;
    dsbi_free(rt, across);
    dsbi_free(rt, mean);
    return ok ? DSB_OK : DSB_E_NOMEM;
}

/* Noise differs from picture to picture and from camera to camera. */
static uint64_t noise_seed(const dsbi_synthetic *s, uint64_t scene)
{
    dsbi_rng rng;
    uint64_t key = s->seed + 0x9e3779b97f4a7c15u * (uint64_t)(s->camera - cameras + 1);
    dsbi_rng_init(&rng, key, DSBI_RNG_SYNTHETIC, scene);
    return dsbi_rng_u64(&rng) | 1; /* never 0 */
}

dsb_status dsbi_synthetic_shoot(const dsbi_synthetic *s, dsb_runtime *rt, uint8_t **bytes,
                                size_t *size, uint64_t scene)
{
    *bytes = NULL;
    *size = 0;
    const camera *c = s->camera;
    dsbi_image seen = {0}, sensed = {0}, picture = {0};
    dsb_status status;
    DSBI_GO(dsbi_scene_render(rt, &seen, &s->fractal, s->seed, scene));
    balance(&seen, c->gains);
    DSBI_GO(
        dsbi_image_resize(rt, &sensed, &seen, c->sensor_width, c->sensor_height, NULL, c->filter));
    add_noise(&sensed, c->noise, noise_seed(s, scene));
    dsbi_image *last = &sensed;
    if (c->width != c->sensor_width) {
        DSBI_GO(dsbi_image_resize(rt, &picture, &sensed, c->width, c->height, NULL, c->filter));
        last = &picture;
    }
    DSBI_GO(add_clarity(rt, last, c->clarity, c->clarity_radius));
    DSBI_GO(dsbi_jpeg_encode(rt, bytes, size, last, c->quality, c->subsampling_420));
done:
    dsbi_image_free(rt, &seen);
    dsbi_image_free(rt, &sensed);
    dsbi_image_free(rt, &picture);
    return status;
}
