/* The operations of dsbias/ops.h refuse what cannot be: NULL, zeros, sizes that overflow or do not
 * fit, structs of another age; with a sentence that names the function. */
#include "testing.h"

#include <math.h>
#include "dsbias/ops.h"
#include "rationed.h"

static float a[64], b[64], c[64], d[64];
static uint8_t bytes[64];

static dsb_conv2d_shape small_conv(void)
{
    dsb_conv2d_shape s;
    dsb_conv2d_shape_init(&s, sizeof s);
    s.n = s.kernel = s.c_in = s.c_out = 1;
    s.h = s.w = 4;
    return s;
}

START_TEST(convolutions_refuse)
{
    dsb_runtime *rt = make_runtime(1);
    const dsb_conv2d_shape good = small_conv();
    uint64_t h, w;
    ck_assert_ok(dsb_conv2d_forward(rt, a, b, c, NULL, &good));
    ck_assert_fails(dsb_conv2d_forward(NULL, a, b, c, NULL, &good), DSB_E_INVALID,
                    "dsb_conv2d_forward: NULL");
    ck_assert_fails(dsb_conv2d_forward(rt, NULL, b, c, NULL, &good), DSB_E_INVALID, "NULL");
    ck_assert_fails(dsb_conv2d_forward(rt, a, NULL, c, NULL, &good), DSB_E_INVALID, "NULL");
    ck_assert_fails(dsb_conv2d_forward(rt, a, b, NULL, NULL, &good), DSB_E_INVALID, "NULL");
    ck_assert_fails(dsb_conv2d_forward(rt, a, b, c, NULL, NULL), DSB_E_INVALID, "NULL");
    ck_assert_fails(dsb_conv2d_backward_data(rt, a, NULL, c, &good), DSB_E_INVALID,
                    "backward_data");
    ck_assert_fails(dsb_conv2d_backward_weights(rt, NULL, NULL, b, c, &good), DSB_E_INVALID,
                    "backward_weights");
    ck_assert_fails(dsb_conv2d_output(&good, NULL, &w), DSB_E_INVALID, "NULL");
    ck_assert_ok(dsb_conv2d_output(&good, &h, &w));

    static const struct {
        size_t field; /* of 64 bits */
        uint64_t value;
        dsb_status status;
        const char *says;
    } wrong[] = {
        {offsetof(dsb_conv2d_shape, n), 0, DSB_E_INVALID, "nothing to work on"},
        {offsetof(dsb_conv2d_shape, n), UINT64_MAX, DSB_E_LIMIT, "elements"},
        {offsetof(dsb_conv2d_shape, n), (uint64_t)1 << 37, DSB_E_LIMIT, "elements"},
        {offsetof(dsb_conv2d_shape, h), 0, DSB_E_INVALID, "h is 0"},
        {offsetof(dsb_conv2d_shape, h), UINT64_MAX, DSB_E_LIMIT, "h is 18446744073709551615"},
        {offsetof(dsb_conv2d_shape, w), 0, DSB_E_INVALID, "w is 0"},
        {offsetof(dsb_conv2d_shape, c_in), 0, DSB_E_INVALID, "c_in is 0"},
        {offsetof(dsb_conv2d_shape, c_out), 0, DSB_E_INVALID, "c_out is 0"},
        {offsetof(dsb_conv2d_shape, c_out), UINT64_MAX, DSB_E_LIMIT, "c_out"},
        {offsetof(dsb_conv2d_shape, kernel), 0, DSB_E_INVALID, "kernel is 0"},
        {offsetof(dsb_conv2d_shape, kernel), 5, DSB_E_SHAPE, "over 5 pixels on 4 x 4"},
        {offsetof(dsb_conv2d_shape, kernel), (uint64_t)1 << 63, DSB_E_LIMIT, "kernel"},
        {offsetof(dsb_conv2d_shape, stride), 0, DSB_E_INVALID, "stride is 0"},
        {offsetof(dsb_conv2d_shape, pad), (uint64_t)1 << 63, DSB_E_LIMIT, "pad"},
        {offsetof(dsb_conv2d_shape, dilation), 0, DSB_E_INVALID, "dilation is 0"},
        {offsetof(dsb_conv2d_shape, groups), 0, DSB_E_INVALID, "groups is 0"},
        {offsetof(dsb_conv2d_shape, groups), 2, DSB_E_SHAPE, "in 2 groups"},
        {offsetof(dsb_conv2d_shape, struct_size), 1, DSB_E_INVALID, "dsb_conv2d_shape"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        dsb_conv2d_shape s = small_conv();
        memcpy((char *)&s + wrong[i].field, &wrong[i].value, sizeof wrong[i].value);
        ck_assert_fails(dsb_conv2d_forward(rt, a, b, c, d, &s), wrong[i].status, wrong[i].says);
        ck_assert_fails(dsb_conv2d_backward_data(rt, a, b, c, &s), wrong[i].status, wrong[i].says);
        ck_assert_fails(dsb_conv2d_backward_weights(rt, a, b, c, d, &s), wrong[i].status,
                        wrong[i].says);
    }
    dsb_conv2d_shape s = small_conv();
    s.c_in = s.c_out = s.h = s.w = s.kernel = (uint64_t)1 << 20; /* each may be, not together */
    ck_assert_fails(dsb_conv2d_forward(rt, a, b, c, NULL, &s), DSB_E_LIMIT, "elements");
    s = small_conv();
    s.h = s.w = 1024;
    s.c_in = 1 << 20;
    s.c_out = 1 << 20;
    s.kernel = 1024;
    ck_assert_fails(dsb_conv2d_forward(rt, a, b, c, NULL, &s), DSB_E_LIMIT, "dsb_conv2d_forward");
    s = small_conv();
    s.stride = 2;
    ck_assert_fails(dsb_depthwise2d_forward(rt, a, b, c, NULL, &s), DSB_E_SHAPE, "stride");
    s = small_conv();
    s.pad = 1;
    ck_assert_fails(dsb_depthwise2d_forward(rt, a, b, c, NULL, &s), DSB_E_SHAPE, "depthwise");
    ck_assert_fails(dsb_linear_forward(rt, a, b, c, NULL, 0, 1, 1), DSB_E_INVALID, "nothing");
    ck_assert_fails(dsb_linear_forward(rt, a, b, c, NULL, 1, 0, 1), DSB_E_INVALID, "c_in");
    ck_assert_fails(dsb_linear_forward(rt, a, b, c, NULL, UINT64_MAX, 4, 4), DSB_E_LIMIT,
                    "dsb_linear_forward");
    ck_assert_fails(dsb_linear_backward_data(rt, a, b, c, 1, 1, UINT64_MAX), DSB_E_LIMIT, "c_out");
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(norms_refuse)
{
    dsb_runtime *rt = make_runtime(1);
    dsb_norm_shape s;
    dsb_norm_shape_init(&s, sizeof s);
    s.n = 2;
    s.c = 4;
    ck_assert_ok(dsb_layernorm_forward(rt, a, NULL, b, c, d, &s));
    ck_assert_fails(dsb_layernorm_forward(rt, a, NULL, b, NULL, d, &s), DSB_E_INVALID, "NULL");
    ck_assert_fails(dsb_layernorm_backward(rt, a, NULL, NULL, b, c, NULL, d, &s), DSB_E_INVALID,
                    "dsb_layernorm_backward");
    ck_assert_fails(dsb_batchnorm_forward(rt, a, b, c, NULL, d, d, d, &s), DSB_E_INVALID,
                    "one running statistic");
    s.groups = 3;
    ck_assert_fails(dsb_groupnorm_forward(rt, a, NULL, b, c, d, &s), DSB_E_SHAPE,
                    "dsb_groupnorm_forward: 4 channels in 3 groups");
    s.groups = 1;
    s.eps = -1;
    ck_assert_fails(dsb_groupnorm_forward(rt, a, NULL, b, c, d, &s), DSB_E_INVALID, "eps is -1");
    s.eps = (double)NAN;
    ck_assert_fails(dsb_batchnorm_infer(rt, a, b, c, d, c, d, &s), DSB_E_INVALID, "eps");
    s.eps = 0;
    s.n = UINT64_MAX;
    s.rows = 4;
    ck_assert_fails(dsb_layernorm_forward(rt, a, NULL, b, c, d, &s), DSB_E_LIMIT, "layernorm");
    s.n = 1;
    s.rows = 0;
    ck_assert_fails(dsb_layernorm_forward(rt, a, NULL, b, c, d, &s), DSB_E_INVALID, "rows is 0");
    dsb_runtime_free(rt);
}
END_TEST

START_TEST(the_others_refuse)
{
    dsb_runtime *rt = make_runtime(1);
    ck_assert_fails(dsb_relu_forward(rt, a, b, 0), DSB_E_INVALID, "nothing to work on");
    ck_assert_fails(dsb_relu_forward(rt, NULL, b, 1), DSB_E_INVALID, "NULL");
    ck_assert_fails(dsb_gelu_backward(rt, a, b, c, UINT64_MAX), DSB_E_LIMIT, "dsb_gelu_backward");
    ck_assert_fails(dsb_dropout(rt, a, b, 4, 1, 0, 0), DSB_E_INVALID, "dropout of 1");
    ck_assert_fails(dsb_dropout(rt, a, b, 4, (double)NAN, 0, 0), DSB_E_INVALID, "dropout");
    ck_assert_fails(dsb_droppath(rt, a, b, 1, 2, 2, -0.5, 0, 0), DSB_E_INVALID, "-0.5");
    ck_assert_ok(dsb_dropout(rt, a, b, 4, 0, 0, 0));
    ck_assert_ok(dsb_droppath(rt, a, b, 1, 2, 2, 0, 0, 0));

    dsb_pool2d_shape p;
    dsb_pool2d_shape_init(&p, sizeof p);
    p.n = p.c = 1;
    p.h = p.w = 4;
    p.kernel = 2;
    ck_assert_ok(dsb_maxpool2d_forward(rt, a, bytes, b, &p));
    ck_assert_fails(dsb_maxpool2d_backward(rt, a, b, NULL, &p), DSB_E_INVALID, "NULL");
    p.kernel = 5;
    ck_assert_fails(dsb_avgpool2d_forward(rt, a, b, &p), DSB_E_SHAPE, "5 x 5 on 4 x 4");
    p.kernel = 2;
    p.pad = 2;
    ck_assert_fails(dsb_avgpool2d_forward(rt, a, b, &p), DSB_E_SHAPE, "padded by 2");
    p.pad = (uint64_t)1 << 63;
    ck_assert_fails(dsb_maxpool2d_forward(rt, a, NULL, b, &p), DSB_E_LIMIT, "pad");
    p.pad = 0;
    p.stride = 0;
    ck_assert_fails(dsb_maxpool2d_forward(rt, a, NULL, b, &p), DSB_E_INVALID, "stride is 0");
    p.stride = 1;
    p.h = p.w = p.kernel = 16;
    ck_assert_fails(dsb_maxpool2d_forward(rt, a, NULL, b, &p), DSB_E_SHAPE, "16 x 16");
    ck_assert_fails(dsb_global_avgpool_forward(rt, a, b, 1, 0, 1), DSB_E_INVALID, "height is 0");

    dsb_attention_shape s;
    dsb_attention_shape_init(&s, sizeof s);
    s.n = 1;
    s.tokens = 3;
    s.dim = 4;
    ck_assert_fails(dsb_attention_forward(rt, a, NULL, b, &s), DSB_E_INVALID, "heads is 0");
    s.heads = 3;
    ck_assert_fails(dsb_attention_forward(rt, a, NULL, b, &s), DSB_E_SHAPE, "3 heads");
    s.heads = 2;
    ck_assert_ok(dsb_attention_forward(rt, a, NULL, b, &s));
    ck_assert_fails(dsb_attention_backward(rt, a, b, c, NULL, &s), DSB_E_INVALID, "NULL");
    s.tokens = UINT64_MAX;
    ck_assert_fails(dsb_attention_forward(rt, a, NULL, b, &s), DSB_E_LIMIT, "tokens");

    ck_assert_fails(dsb_softmax_xent(rt, a, b, c, NULL, 1, 1), DSB_E_INVALID, "NULL");
    ck_assert_fails(dsb_softmax_xent(rt, a, b, c, d, 1, 0), DSB_E_INVALID, "classes is 0");
    ck_assert_fails(dsb_softmax_xent(rt, a, b, c, d, UINT64_MAX, 2), DSB_E_LIMIT, "2 classes");
    ck_assert_fails(dsb_softmax_xent(NULL, a, b, c, d, 1, 1), DSB_E_INVALID, "NULL");
    dsb_runtime_free(rt);
}
END_TEST

static dsb_status run_convolution(dsb_runtime *rt)
{
    const dsb_conv2d_shape s = small_conv();
    return dsb_conv2d_backward_weights(rt, a, b, c, d, &s);
}

static dsb_status run_attention(dsb_runtime *rt)
{
    dsb_attention_shape s;
    dsb_attention_shape_init(&s, sizeof s);
    s.n = s.heads = 1;
    s.tokens = s.dim = 4;
    return dsb_attention_forward(rt, a, NULL, b, &s);
}

/* Each allocation of a call fails in turn: reported, nothing lost. */
START_TEST(memory_that_ends_is_reported)
{
    dsb_status (*const runs[])(dsb_runtime *) = {run_convolution, run_attention};
    for (size_t i = 0; i < 2; i++) {
        rationed memory = {0};
        dsb_runtime *rt = make_rationed(&memory);
        uint64_t failures = 0;
        dsb_status status = DSB_E_NOMEM;
        for (; status != DSB_OK; failures++) {
            const uint64_t before = memory.in_use;
            memory.left = failures;
            status = runs[i](rt);
            ck_assert(status == DSB_OK || status == DSB_E_NOMEM);
            ck_assert_uint_eq(memory.in_use, before);
        }
        ck_assert_uint_gt(failures, 3);
        dsb_runtime_free(rt);
        ck_assert_uint_eq(memory.in_use, 0);
    }
}
END_TEST

int main(void)
{
    return run_tests("ops_refusals", convolutions_refuse, norms_refuse, the_others_refuse,
                     memory_that_ends_is_reported, NULL);
}
