/* Folding neighbours into products:
 *     affine -> gelu                                    bias and GELU while the block is in cache
 *     affine -> [layer scale] -> [drop path] -> add     the product adds onto the residual
 *     pixels -> convolution                             bytes are normalised while patches are made
 *     affine -> ReLU                                    the same
 *     batch norm -> [add] -> [ReLU]                     one pass over memory instead of three
 * and in inference
 *     affine -> batch norm -> [add] -> [ReLU]           one product with other weights (fold.h)
 * Only where the value in between has no other reader. A fused sum stands where the sum stood, so
 * that the other operand is there whatever the order of declaration. */
#include <string.h>
#include "nn/plan.h"

typedef struct fuse_state {
    dsb_runtime *rt;
    const dsbi_graph *graph;
    dsbi_node *nodes; /* copies, same numbers as the graph */
    bool inference;
    bool *gone;
    uint32_t *readers;
    dsbi_value *alias; /* value that stands for a folded one */
} fuse_state;

static bool is_affine(const dsbi_node *node)
{
    return (node->layer->role == DSBI_ROLE_AFFINE || node->layer->role == DSBI_ROLE_PATCHES) &&
           !node->gelu && !node->relu && !node->residual;
}

static void fold_gelu(fuse_state *s, dsbi_value i)
{
    const dsbi_value from = s->nodes[i].inputs[0];
    if (!is_affine(&s->nodes[from]) || s->readers[from] != 1)
        return;
    s->nodes[from].gelu = true;
    s->gone[i] = true;
    s->alias[i] = from;
}

/* Walks back from an operand of a sum: drop path, layer scale, product. NONE if it is otherwise. */
static dsbi_value branch_root(const fuse_state *s, dsbi_value x, dsbi_value *drop,
                              dsbi_value *scale)
{
    *drop = *scale = DSBI_NONE;
    if (s->readers[x] == 1 && s->nodes[x].layer->role == DSBI_ROLE_DROP) {
        *drop = x;
        x = s->nodes[x].inputs[0];
    }
    if (s->readers[x] == 1 && s->nodes[x].layer->role == DSBI_ROLE_SCALE) {
        *scale = x;
        x = s->nodes[x].inputs[0];
    }
    return s->readers[x] == 1 && !s->gone[x] && is_affine(&s->nodes[x]) ? x : DSBI_NONE;
}

/* The sum becomes the norm in front of it, with the other operand as residual. */
static bool fold_sum_into_norm(fuse_state *s, dsbi_value i)
{
    dsbi_node *sum = &s->nodes[i];
    for (size_t k = 2; k-- > 0;) {
        const dsbi_value norm = sum->inputs[k], residual = sum->inputs[1 - k];
        const dsbi_node *from = &s->nodes[norm];
        if (from->layer->role != DSBI_ROLE_BATCHNORM || s->readers[norm] != 1 || from->relu ||
            from->residual || from->inputs[0] == residual)
            continue;
        dsbi_value *inputs = sum->inputs;
        *sum = *from;
        sum->inputs = inputs;
        sum->inputs[0] = from->inputs[0];
        sum->inputs[1] = residual;
        sum->n_inputs = 2;
        sum->residual = true;
        s->gone[norm] = true;
        return true;
    }
    return false;
}

/* May a ReLU follow in the same pass? Backward of a product with a residual knows none. */
static bool takes_relu(const fuse_state *s, const dsbi_node *node)
{
    if (node->layer->role == DSBI_ROLE_BATCHNORM)
        return !node->relu;
    const bool plain = is_affine(node) && node->gamma == DSBI_NONE;
    const bool summed = s->inference && node->residual && !node->gelu && !node->relu;
    return plain || summed;
}

static void fold_relu(fuse_state *s, dsbi_value i)
{
    const dsbi_value from = s->nodes[i].inputs[0];
    if (!takes_relu(s, &s->nodes[from]) || s->readers[from] != 1)
        return;
    s->nodes[from].relu = true;
    s->gone[i] = true;
    s->alias[i] = from;
}

/* The norm becomes the product in front of it. */
static void fold_norm(fuse_state *s, dsbi_value i)
{
    dsbi_node *node = &s->nodes[i];
    const dsbi_value from = node->inputs[0];
    const dsbi_node *product = &s->nodes[from];
    if (!is_affine(product) || product->norm[0] != DSBI_NONE || s->readers[from] != 1)
        return;
    const dsbi_node norm = *node;
    *node = *product;
    node->inputs = norm.inputs;
    node->inputs[0] = product->inputs[0];
    for (size_t p = 0; p < 4; p++)
        node->norm[p] = norm.params[p];
    node->norm_eps = norm.attrs.eps;
    s->gone[from] = true;
}

static void fold_sum(fuse_state *s, dsbi_value i)
{
    if (fold_sum_into_norm(s, i))
        return;
    dsbi_node *sum = &s->nodes[i];
    for (size_t k = 2; k-- > 0;) {
        dsbi_value drop, scale;
        const dsbi_value branch = branch_root(s, sum->inputs[k], &drop, &scale);
        if (branch == DSBI_NONE)
            continue;
        const dsbi_value residual = sum->inputs[1 - k];
        dsbi_value *inputs = sum->inputs;
        *sum = s->nodes[branch];
        sum->inputs = inputs;
        sum->inputs[0] = s->nodes[branch].inputs[0];
        sum->inputs[1] = residual;
        sum->n_inputs = 2;
        sum->residual = true;
        s->gone[branch] = true;
        if (scale != DSBI_NONE) {
            sum->gamma = s->nodes[scale].params[0];
            s->gone[scale] = true;
        }
        if (drop != DSBI_NONE) {
            sum->drop_rate = s->nodes[drop].attrs.rate;
            sum->drop_id = s->nodes[drop].id;
            s->gone[drop] = true;
        }
        return;
    }
}

static void fold_pixels(fuse_state *s, dsbi_value i)
{
    const dsbi_node *input = &s->nodes[s->nodes[i].inputs[0]];
    if (s->nodes[i].attrs.groups > 1 || s->nodes[i].attrs.dilation > 1)
        return; /* runs of whole pixels only */
    if (input->layer->role == DSBI_ROLE_INPUT && input->pixels && s->readers[input->id] == 1)
        s->nodes[i].pixels = true;
}

static void fold_all(fuse_state *s)
{
    for (dsbi_value i = 0; i < s->graph->n_nodes; i++) {
        dsbi_node *node = &s->nodes[i];
        for (size_t k = 0; k < node->n_inputs; k++)
            node->inputs[k] = s->alias[node->inputs[k]];
        if (node->layer->role == DSBI_ROLE_GELU)
            fold_gelu(s, i);
        else if (node->layer->role == DSBI_ROLE_RELU)
            fold_relu(s, i);
        else if (node->layer->role == DSBI_ROLE_BATCHNORM && s->inference)
            fold_norm(s, i);
        else if (node->layer->role == DSBI_ROLE_ADD)
            fold_sum(s, i);
        else if (node->layer->role == DSBI_ROLE_PATCHES)
            fold_pixels(s, i);
        if (s->gone[i])
            s->readers[s->alias[i]] = s->readers[i];
    }
}

/* Closes the gaps and renumbers. */
static size_t compact(fuse_state *s, dsbi_value *output)
{
    size_t n = 0;
    *output = s->alias[s->graph->output];
    dsbi_value *number = s->alias;
    for (dsbi_value i = 0; i < s->graph->n_nodes; i++) {
        if (s->gone[i]) {
            dsbi_free(s->rt, s->nodes[i].inputs);
            continue;
        }
        dsbi_node *node = &s->nodes[i];
        for (size_t k = 0; k < node->n_inputs; k++)
            node->inputs[k] = number[node->inputs[k]];
        if (*output == i)
            *output = (dsbi_value)n;
        number[i] = (dsbi_value)n;
        s->nodes[n++] = *node;
    }
    return n;
}

static dsb_status copy_nodes(fuse_state *s, size_t *copied)
{
    for (*copied = 0; *copied < s->graph->n_nodes; ++*copied) {
        const dsbi_node *node = &s->graph->nodes[*copied];
        s->nodes[*copied] = *node;
        s->nodes[*copied].inference = s->inference;
        dsbi_value *inputs = dsbi_alloc_array(s->rt, node->n_inputs, sizeof *inputs);
        if (!inputs)
            return DSB_E_NOMEM;
        for (size_t k = 0; k < node->n_inputs; k++) {
            inputs[k] = node->inputs[k];
            s->readers[inputs[k]]++;
        }
        s->nodes[*copied].inputs = inputs;
        s->alias[*copied] = (dsbi_value)*copied;
    }
    s->readers[s->graph->output]++;
    return DSB_OK;
}

dsb_status dsbi_fuse(dsb_runtime *rt, dsbi_node **nodes, size_t *n_nodes, dsbi_value *output,
                     const dsbi_graph *graph, bool fold, bool training)
{
    const size_t n = graph->n_nodes;
    fuse_state s = {.rt = rt, .graph = graph, .inference = !training};
    size_t copied = 0;
    dsb_status status = DSB_E_NOMEM;
    s.nodes = dsbi_calloc(rt, n, sizeof *s.nodes);
    s.gone = dsbi_calloc(rt, n, sizeof *s.gone);
    s.readers = dsbi_calloc(rt, n, sizeof *s.readers);
    s.alias = dsbi_calloc(rt, n, sizeof *s.alias);
    if (s.nodes && s.gone && s.readers && s.alias)
        status = copy_nodes(&s, &copied);
    if (status == DSB_OK) {
        if (fold)
            fold_all(&s);
        *n_nodes = compact(&s, output);
        *nodes = s.nodes;
    } else {
        dsbi_fuse_free(rt, s.nodes, copied);
    }
    dsbi_free(rt, s.gone);
    dsbi_free(rt, s.readers);
    dsbi_free(rt, s.alias);
    return status;
}

void dsbi_fuse_free(dsb_runtime *rt, dsbi_node *nodes, size_t n_nodes)
{
    for (size_t i = 0; nodes && i < n_nodes; i++)
        dsbi_free(rt, nodes[i].inputs);
    dsbi_free(rt, nodes);
}

const char *dsbi_fused_name(const dsbi_node *node)
{
    const bool norm = node->norm[0] != DSBI_NONE, sum = node->residual;
    if (node->gelu)
        return "gelu";
    if (node->relu)
        return norm && sum ? "norm, sum, relu" : norm ? "norm, relu" : sum ? "sum, relu" : "relu";
    return norm && sum ? "norm, sum" : norm ? "norm" : sum ? "sum" : "";
}
