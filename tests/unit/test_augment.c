/* Augmentation: repeatable per sample, windows where they should be, draws as the recipe says. */
#include "testing.h"

#include <math.h>
#include "image/augment/augment.h"

enum { SIDE = 24 };

static uint8_t pixels[SIDE * SIDE * 3];

static dsbi_image test_image(void)
{
    for (uint32_t i = 0; i < sizeof pixels; i++)
        pixels[i] = (uint8_t)((i * 2654435761u) >> 24);
    return (dsbi_image){pixels, SIDE, SIDE, 3};
}

START_TEST(same_sample_same_pixels)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_image image = test_image();
    const char *policies[] = {"none", "shift", "pad", "crop", "randaug", "full"};
    for (int p = 0; p < 6; p++) {
        dsbi_augment spec;
        ck_assert_ok(dsbi_augment_init(&spec, policies[p]));
        uint8_t first[16 * 16 * 3], again[16 * 16 * 3];
        int differ = 0;
        for (uint64_t sample = 0; sample < 40; sample++) {
            ck_assert_ok(dsbi_augment_apply(rt, first, &image, 16, &spec, 7, sample, NULL));
            ck_assert_ok(dsbi_augment_apply(rt, again, &image, 16, &spec, 7, sample, NULL));
            ck_assert_mem_eq(first, again, sizeof first);
            ck_assert_ok(dsbi_augment_apply(rt, again, &image, 16, &spec, 8, sample, NULL));
            differ += memcmp(first, again, sizeof first) != 0;
        }
        if (p == 0)
            ck_assert_int_eq(differ, 0);
        else
            ck_assert_int_gt(differ, 30);
    }
    ck_assert_uint_eq(image.data[5], (uint8_t)((5 * 2654435761u) >> 24)); /* input untouched */
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(none_is_the_centre)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_image image = test_image();
    dsbi_augment spec;
    ck_assert_ok(dsbi_augment_init(&spec, "none"));
    uint8_t out[16 * 16 * 3];
    ck_assert_ok(dsbi_augment_apply(rt, out, &image, 16, &spec, 1, 1, NULL));
    for (size_t y = 0; y < 16; y++)
        ck_assert_mem_eq(out + y * 48, pixels + ((y + 4) * SIDE + 4) * 3, 48);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(reflection_does_not_repeat_the_border)
{
    uint8_t row[4 * 3], out[8 * 8 * 3];
    for (uint8_t i = 0; i < 12; i++)
        row[i] = (uint8_t)(i / 3);
    dsbi_image image = {row, 4, 1, 3};
    dsbi_augment_reflect_crop(out, &image, 8, -3, -2);
    const uint8_t expected[8] = {3, 2, 1, 0, 1, 2, 3, 2};
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            ck_assert_uint_eq(out[(y * 8 + x) * 3], expected[x]);
}
END_TEST

/* Every place of the window comes, each with its zeros, mirrored half the time. */
START_TEST(padding_is_zeros_and_all_places_come)
{
    enum { PAD = 4, PLACES = 2 * PAD + 1, SAMPLES = 81 * 40 };
    dsb_runtime *rt = make_runtime(1);
    dsbi_image image = test_image();
    for (size_t i = 0; i < sizeof pixels; i++)
        pixels[i] |= 1; /* no zeros inside */
    dsbi_augment spec;
    ck_assert_ok(dsbi_augment_init(&spec, "pad"));
    int seen[PLACES][PLACES] = {0}, flipped = 0;
    for (uint64_t sample = 0; sample < SAMPLES; sample++) {
        uint8_t out[SIDE * SIDE * 3], expected[sizeof out];
        ck_assert_ok(dsbi_augment_apply(rt, out, &image, SIDE, &spec, 3, sample, NULL));
        bool found = false;
        for (int place = 0; place < PLACES * PLACES * 2 && !found; place++) {
            int top = place / 2 / PLACES - PAD, left = place / 2 % PLACES - PAD;
            for (int i = 0; i < SIDE * SIDE * 3; i++) {
                int y = i / (SIDE * 3), x = i / 3 % SIDE;
                int from_y = y + top, from_x = (place % 2 ? SIDE - 1 - x : x) + left;
                bool in = from_y >= 0 && from_y < SIDE && from_x >= 0 && from_x < SIDE;
                expected[i] = in ? pixels[(from_y * SIDE + from_x) * 3 + i % 3] : 0;
            }
            found = memcmp(out, expected, sizeof out) == 0;
            if (found) {
                seen[top + PAD][left + PAD]++;
                flipped += place % 2;
            }
        }
        ck_assert_msg(found, "sample %d is no window", (int)sample);
    }
    for (int i = 0; i < PLACES * PLACES; i++)
        ck_assert_int_ge(seen[i / PLACES][i % PLACES], 15); /* 40 expected, 4 deviations */
    ck_assert_double_lt(fabs(flipped / (double)SAMPLES - 0.5), 0.04);
    dsb_runtime_free(rt);
}
END_TEST

/* A larger image is padded before the window is drawn, as torchvision's RandomCrop does. */
START_TEST(padded_windows_of_larger_images_reach_the_corners)
{
    enum { OUT = 16 };
    dsb_runtime *rt = make_runtime(1);
    dsbi_image image = test_image();
    dsbi_augment spec;
    ck_assert_ok(dsbi_augment_init(&spec, "pad"));
    int empty_rows[2] = {0};
    for (uint64_t sample = 0; sample < 600; sample++) {
        uint8_t out[OUT * OUT * 3], zeros[OUT * 3] = {0};
        ck_assert_ok(dsbi_augment_apply(rt, out, &image, OUT, &spec, 3, sample, NULL));
        empty_rows[0] += memcmp(out + 3 * sizeof zeros, zeros, sizeof zeros) == 0;
        empty_rows[1] += memcmp(out + (OUT - 4) * sizeof zeros, zeros, sizeof zeros) == 0;
    }
    for (int end = 0; end < 2; end++) /* one of 17 places shows all four rows of zeros */
        ck_assert(empty_rows[end] > 15 && empty_rows[end] < 60);
    uint8_t far[4 * 4 * 3], zeros[sizeof far] = {0};
    dsbi_augment_zero_crop(far, &image, 4, SIDE + 10, -40);
    ck_assert_mem_eq(far, zeros, sizeof far);
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(boxes_follow_area_and_aspect)
{
    dsbi_augment spec;
    ck_assert_ok(dsbi_augment_init(&spec, "crop"));
    dsbi_rng rng;
    dsbi_rng_init(&rng, 3, DSBI_RNG_TEST, 0);
    double area = 0.0;
    enum { N = 20000 };
    for (int i = 0; i < N; i++) {
        dsbi_box box = dsbi_augment_draw_box(&rng, &spec, 400, 300);
        ck_assert_uint_le(box.x + box.width, 400);
        ck_assert_uint_le(box.y + box.height, 300);
        double aspect = (double)box.width / box.height, part = box.width * box.height / 120000.0;
        ck_assert_double_gt(aspect, 0.74);
        ck_assert_double_lt(aspect, 1.35);
        ck_assert_double_gt(part, 0.078);
        area += part;
    }
    /* 0.434 by simulation in Python; uniform would be 0.54, but boxes that do not fit are redrawn
     */
    ck_assert_double_gt(area / N, 0.43);
    ck_assert_double_lt(area / N, 0.44);
}
END_TEST

START_TEST(boxes_of_long_images_fall_back_to_the_centre)
{
    dsbi_augment spec;
    ck_assert_ok(dsbi_augment_init(&spec, "crop"));
    spec.scale_min = spec.scale_max = 1.0;
    dsbi_rng rng;
    dsbi_rng_init(&rng, 3, DSBI_RNG_TEST, 0);
    dsbi_box wide = dsbi_augment_draw_box(&rng, &spec, 300, 90);
    ck_assert_uint_eq(wide.width, 120); /* 90 * 4/3 */
    ck_assert_uint_eq(wide.height, 90);
    ck_assert_uint_eq(wide.x, 90);
    dsbi_box tall = dsbi_augment_draw_box(&rng, &spec, 90, 300);
    ck_assert_uint_eq(tall.width, 90);
    ck_assert_uint_eq(tall.height, 120); /* 90 / (3/4) */
    dsbi_box dot = dsbi_augment_draw_box(&rng, &spec, 1, 1);
    ck_assert_uint_eq(dot.width * dot.height, 1);
}
END_TEST

START_TEST(randaugment_draws_as_the_recipe)
{
    dsbi_augment spec;
    ck_assert_ok(dsbi_augment_init(&spec, "randaug"));
    ck_assert_uint_eq(spec.n_ops, 2);
    dsbi_rng rng;
    dsbi_rng_init(&rng, 4, DSBI_RNG_TEST, 0);
    enum { N = 150000 };
    int drawn[DSBI_N_AUG_OPS] = {0}, positive[DSBI_N_AUG_OPS] = {0}, applied = 0, black = 0;
    double rotation = 0.0, rotation2 = 0.0;
    for (int i = 0; i < N; i++) {
        dsbi_aug_step step = dsbi_augment_draw_op(&rng, &spec);
        drawn[step.op]++;
        applied += step.applied;
        positive[step.op] +=
            step.argument >
            (step.op >= DSBI_AUG_COLOR && step.op <= DSBI_AUG_SHARPNESS ? 1.0 : 0.0);
        if (step.op == DSBI_AUG_ROTATE) {
            ck_assert_double_le(fabs(step.argument), 30.0);
            rotation += fabs(step.argument);
            rotation2 += step.argument * step.argument;
        }
        if (step.op == DSBI_AUG_POSTERIZE) {
            ck_assert_double_le(step.argument, 2.0);
            black += step.argument == 0.0;
        }
        if (step.op == DSBI_AUG_SOLARIZE_ADD)
            ck_assert_double_ge(step.argument, 70.0);
    }
    ck_assert_double_lt(fabs(applied / (double)N - 0.5), 0.01);
    for (int op = 0; op < DSBI_N_AUG_OPS; op++)
        ck_assert_double_lt(fabs(drawn[op] * 15.0 / N - 1.0), 0.05);
    for (int op = DSBI_AUG_COLOR; op < DSBI_N_AUG_OPS; op++)
        ck_assert_double_lt(fabs(positive[op] / (double)drawn[op] - 0.5), 0.03);
    double mean = rotation / drawn[DSBI_AUG_ROTATE];
    double variance = rotation2 / drawn[DSBI_AUG_ROTATE] - mean * mean;
    ck_assert_double_lt(fabs(mean - 27.0), 0.1);               /* 3 * 9, clipped at 30 */
    ck_assert_double_lt(fabs(sqrt(variance) - 1.5), 0.06);     /* 3 * 0.5 */
    double at_ten = black / (double)drawn[DSBI_AUG_POSTERIZE]; /* P(N(9, 0.5) >= 10) = 0.0228 */
    ck_assert_double_lt(fabs(at_ten - 0.0228), 0.006);
}
END_TEST

START_TEST(nonsense_is_refused)
{
    dsb_runtime *rt = make_runtime(1);
    dsbi_image image = test_image();
    dsbi_augment spec;
    uint8_t out[64 * 64 * 3];
    ck_assert_fails(dsbi_augment_init(&spec, "fancy"), DSB_E_NOTFOUND, "fancy");
    ck_assert_ok(dsbi_augment_init(&spec, "shift"));
    ck_assert_fails(dsbi_augment_apply(rt, out, &image, 64, &spec, 0, 0, NULL), DSB_E_INVALID,
                    "24 x 24");
    ck_assert_ok(dsbi_augment_init(&spec, "crop"));
    spec.scale_max = 1.5;
    ck_assert_fails(dsbi_augment_apply(rt, out, &image, 16, &spec, 0, 0, NULL), DSB_E_INVALID,
                    "1.5");
    spec.scale_max = 1.0;
    spec.flip_probability = NAN;
    ck_assert_fails(dsbi_augment_apply(rt, out, &image, 16, &spec, 0, 0, NULL), DSB_E_INVALID,
                    "nan");
    image.channels = 1;
    ck_assert_fails(dsbi_augment_apply(rt, out, &image, 16, &spec, 0, 0, NULL), DSB_E_INVALID,
                    "x 1");
    dsb_runtime_free(rt);
}
END_TEST

int main(void)
{
    return run_tests("augment", same_sample_same_pixels, none_is_the_centre,
                     reflection_does_not_repeat_the_border, padding_is_zeros_and_all_places_come,
                     padded_windows_of_larger_images_reach_the_corners,
                     boxes_follow_area_and_aspect, boxes_of_long_images_fall_back_to_the_centre,
                     randaugment_draws_as_the_recipe, nonsense_is_refused, NULL);
}
