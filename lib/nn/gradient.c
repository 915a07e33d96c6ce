/* Training by hand: forward and backward of a model through a plan it keeps, and its gradients in
 * the order of weight files. The logits come out as floats, whatever the model computes in. */
#include <string.h>
#include "nn/nn.h"

enum { MOST_IMAGES = 65536 };

static size_t image_bytes(const dsb_model *model)
{
    return (size_t)model->opts.height * model->opts.width * 3;
}

static dsb_status plan_for(dsb_model *model, size_t n)
{
    if (model->learn && dsbi_plan_batch(model->learn) >= n)
        return dsbi_plan_set_count(model->learn, n);
    dsbi_plan_free(model->learn);
    model->learn = NULL;
    return dsbi_plan_create(model, &model->learn, n, true);
}

static dsb_status forward(dsb_model *model, float *logits, const uint8_t *images, uint64_t n,
                          const char *function, bool frozen)
{
    dsbi_clear_error();
    if (!model || !logits || !images)
        return dsbi_fail(DSB_E_INVALID, "%s: NULL argument", function);
    if (n < 1 || n > MOST_IMAGES)
        return dsbi_fail(DSB_E_INVALID, "%s: %llu images, not 1..%d", function,
                         (unsigned long long)n, MOST_IMAGES);
    model->learn_state = DSBI_LEARN_NOTHING;
    DSBI_TRY(plan_for(model, (size_t)n));
    memcpy(dsbi_plan_input(model->learn), images, (size_t)n * image_bytes(model));
    dsbi_plan_set_frozen(model->learn, frozen);
    DSBI_TRY(dsbi_plan_forward(model->learn, frozen ? 0 : model->learn_steps++));
    model->learn_state = DSBI_LEARN_FORWARD;
    dsbi_reals_read(model->math, logits, dsbi_plan_logits(model->learn),
                    (size_t)n * model->opts.n_classes);
    return DSB_OK;
}

dsb_status dsb_model_forward(dsb_model *model, float *logits, const uint8_t *images, uint64_t n)
{
    return forward(model, logits, images, n, "dsb_model_forward", false);
}

dsb_status dsb_model_forward_frozen(dsb_model *model, float *logits, const uint8_t *images,
                                    uint64_t n)
{
    return forward(model, logits, images, n, "dsb_model_forward_frozen", true);
}

dsb_status dsb_model_backward(dsb_model *model, const float *dlogits)
{
    dsbi_clear_error();
    if (!model || !dlogits)
        return dsbi_fail(DSB_E_INVALID, "dsb_model_backward: NULL argument");
    if (model->learn_state != DSBI_LEARN_FORWARD)
        return dsbi_fail(DSB_E_STATE, "dsb_model_backward without dsb_model_forward before it");
    model->learn_state = DSBI_LEARN_NOTHING;
    dsbi_reals_write(model->math, dsbi_plan_dlogits(model->learn), dlogits,
                     dsbi_plan_count(model->learn) * model->opts.n_classes);
    DSBI_TRY(dsbi_plan_backward(model->learn));
    model->learn_state = DSBI_LEARN_BACKWARD;
    return DSB_OK;
}

dsb_status dsb_model_gradient(const dsb_model *model, float *out, uint64_t n, uint64_t i)
{
    dsbi_clear_error();
    if (!model || !out)
        return dsbi_fail(DSB_E_INVALID, "dsb_model_gradient: NULL argument");
    DSBI_TRY(dsbi_model_check_param(model, i, n));
    const dsbi_param *param = &model->graph->params[i];
    if (param->buffer)
        return dsbi_fail(DSB_E_INVALID, "%s is a buffer, it has no gradient", param->name);
    if (model->learn_state != DSBI_LEARN_BACKWARD)
        return dsbi_fail(DSB_E_STATE, "dsb_model_gradient without dsb_model_backward before it");
    dsbi_param_read(param, model->math, dsbi_plan_grads(model->learn), out);
    return DSB_OK;
}
