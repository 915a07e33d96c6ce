/* Memory that ends in the image layer: the n-th allocation fails, for n = 1, 2, 3 ... until none is
 * left to fail. Each time NOMEM, a sentence, no result and nothing kept. libjpeg's own memory is
 * the C library's and not part of this; libpng's comes through the runtime. */
#include "testing.h"

#include "image/image.h"
#include "image/synthetic/camera.h"

typedef struct faulty {
    long left; /* allocations until the one that fails; counts down */
    long live; /* blocks not given back */
} faulty;

static void *faulty_alloc(void *user, size_t size, size_t alignment)
{
    faulty *self = user;
    if (--self->left == 0)
        return NULL;
    void *block = aligned_alloc(alignment, size);
    self->live += block != NULL;
    return block;
}

static void faulty_free(void *user, void *block)
{
    ((faulty *)user)->live--;
    free(block);
}

static dsb_runtime *faulty_runtime(faulty *self)
{
    dsb_runtime_opts opts;
    dsb_runtime_opts_init(&opts, sizeof opts);
    opts.n_threads = 1;
    opts.alloc = faulty_alloc;
    opts.free = faulty_free;
    opts.alloc_user = self;
    dsb_runtime *rt;
    ck_assert_ok(dsb_runtime_create(&rt, &opts));
    return rt;
}

typedef dsb_status (*scenario_fn)(dsb_runtime *rt, const dsbi_image *image);

static dsb_status jpeg_and_back(dsb_runtime *rt, const dsbi_image *image)
{
    uint8_t *bytes;
    size_t size;
    DSBI_TRY(dsbi_jpeg_encode(rt, &bytes, &size, image, 100, false));
    dsbi_image again;
    dsb_status status = dsbi_image_decode(rt, &again, NULL, bytes, size, NULL);
    ck_assert(status == DSB_OK || !again.data);
    if (status == DSB_OK)
        dsbi_image_free(rt, &again);
    dsbi_free(rt, bytes);
    return status;
}

static dsb_status squared(dsb_runtime *rt, const dsbi_image *image)
{
    static uint8_t square[64 * 64 * 3];
    DSBI_TRY(
        dsbi_image_prepare(rt, square, image, 64, DSBI_PREPARE_CENTRE_CROP, DSBI_RESIZE_BICUBIC));
    dsbi_image part;
    DSBI_TRY(dsbi_image_crop(rt, &part, image, 1, 2, 30, 20));
    dsbi_image_free(rt, &part);
    return DSB_OK;
}

static dsb_status by_handle(dsb_runtime *rt, const dsbi_image *image)
{
    dsb_image *first, *second = NULL;
    DSBI_TRY(dsb_image_create(rt, &first, image->data, image->width, image->height));
    dsb_status status = dsb_image_resize(first, &second, 31, 17, NULL, DSB_FILTER_BILINEAR);
    ck_assert(status == DSB_OK || !second);
    dsb_image_free(first);
    dsb_image_free(second);
    return status;
}

static dsb_status taken(dsb_runtime *rt, const dsbi_image *image)
{
    (void)image;
    dsbi_synthetic *camera;
    DSBI_TRY(dsbi_synthetic_create(rt, &camera, "phone", 1));
    uint8_t *bytes;
    size_t size;
    dsb_status status = dsbi_synthetic_shoot(camera, rt, &bytes, &size, 2);
    ck_assert(status == DSB_OK || !bytes);
    dsbi_free(rt, bytes);
    dsbi_synthetic_free(rt, camera);
    return status;
}

#if DSBI_HAVE_PNG
static dsb_status png_and_back(dsb_runtime *rt, const dsbi_image *image)
{
    uint8_t *bytes;
    size_t size;
    DSBI_TRY(dsbi_png_encode(rt, &bytes, &size, image));
    dsbi_image again;
    dsb_status status = dsbi_image_decode(rt, &again, NULL, bytes, size, NULL);
    ck_assert(status == DSB_OK || !again.data);
    if (status == DSB_OK)
        dsbi_image_free(rt, &again);
    dsbi_free(rt, bytes);
    return status;
}
#endif

static void fail_each(scenario_fn scenario)
{
    faulty memory = {0};
    dsb_runtime *rt = faulty_runtime(&memory);
    dsbi_image image;
    ck_assert_ok(dsbi_image_alloc(rt, &image, 100, 75, 3));
    for (size_t i = 0; i < 100 * 75 * 3; i++)
        image.data[i] = (uint8_t)(i * i >> 3);
    long before = memory.live;
    for (long n = 1;; n++) {
        ck_assert_int_lt(n, 500);
        memory.left = n;
        dsb_status status = scenario(rt, &image);
        ck_assert_int_eq(memory.live, before);
        if (memory.left > 0) { /* nothing failed */
            ck_assert_ok(status);
            break;
        }
        ck_assert_msg(status == DSB_E_NOMEM, "allocation %ld: %s: %s", n, dsb_status_name(status),
                      dsb_last_error());
        ck_assert_uint_gt(strlen(dsb_last_error()), 8);
    }
    dsbi_image_free(rt, &image);
    dsb_runtime_free(rt);
    ck_assert_int_eq(memory.live, 0);
}

START_TEST(each_allocation_may_fail)
{
    fail_each(jpeg_and_back);
    fail_each(squared);
    fail_each(by_handle);
    fail_each(taken);
#if DSBI_HAVE_PNG
    fail_each(png_and_back);
#endif
}
END_TEST

int main(void)
{
    return run_tests("image_memory", each_allocation_may_fail, NULL);
}
