/* One layer on arrays of a caller: the call record that a plan makes, without the plan. Behind the
 * functions of dsbias/ops.h.
 *
 *     dsbi_op op;
 *     DSBI_TRY(dsbi_op_open(&op, rt, "dsb_gelu_forward", (dsbi_shape){1, 1, 1}, n));
 *     op.value = dsbi_gelu(&op.builder, op.input);
 *     op.x = x; op.y = y;
 *     return dsbi_op_forward(&op);                    (closes op) */
#ifndef DSBI_NN_OP_H
#define DSBI_NN_OP_H

#include "dsbias/ops.h"
#include "nn/layer.h"

typedef struct dsbi_op {
    dsb_runtime *rt;
    const char *what; /* name of the public function, for errors */
    dsbi_builder builder;
    dsbi_value input, value;
    size_t batch;
    bool training;
    uint64_t seed, draw;
    const float *x, *dy;
    void *y; /* written by forward; backward of a ReLU reads it */
    float *dx;
    void *saved;
    const float *params[DSBI_MAX_NODE_PARAMS];
    float *grads[DSBI_MAX_NODE_PARAMS]; /* overwritten; NULL: not wanted */
    float *buffers[DSBI_MAX_NODE_PARAMS];
} dsbi_op;

/* Refuses sizes of 0 (INVALID) and above what arrays can have (LIMIT). After a failure nothing is
 * to be closed. */
dsb_status dsbi_op_open(dsbi_op *op, dsb_runtime *rt, const char *what, dsbi_shape image,
                        uint64_t batch);

/* Run the layer declared by op->builder as op->value, and close op. */
dsb_status dsbi_op_forward(dsbi_op *op);
dsb_status dsbi_op_backward(dsbi_op *op);

/* Numbers of a shape given by a caller: each in 1 .. 2^20 (zero: from 0 on). INVALID, LIMIT. */
typedef struct dsbi_op_number {
    const char *name;
    uint64_t value;
    bool zero;
} dsbi_op_number;
dsb_status dsbi_op_numbers(const char *what, const dsbi_op_number *numbers, size_t n);

/* INVALID where one of the n pointers is NULL. */
dsb_status dsbi_op_arrays(const char *what, const void *const *arrays, size_t n);
#define DSBI_OP_ARRAYS(what, ...)                              \
    dsbi_op_arrays((what), (const void *const[]){__VA_ARGS__}, \
                   sizeof((const void *const[]){__VA_ARGS__}) / sizeof(void *))

#endif
