/* dsb_model_summary: the declaration as a table. */
#include "nn/nn.h"

static size_t own_params(const dsbi_graph *graph, const dsbi_node *node)
{
    size_t n = 0;
    for (size_t p = 0; p < node->n_params; p++)
        n += graph->params[node->params[p]].buffer ? 0 : graph->params[node->params[p]].size;
    return n;
}

const char *dsb_model_summary(dsb_model *model)
{
    dsbi_clear_error();
    dsbi_text *text = &model->summary;
    dsbi_text_free(text);
    dsbi_text_init(text, model->rt);
    const dsbi_graph *graph = model->graph;
    dsbi_text_printf(text, "%-36s %-10s %18s %12s %14s\n", "layer", "kind", "output", "parameters",
                     "MACs");
    for (size_t i = 0; i < graph->n_nodes; i++) {
        const dsbi_node *node = &graph->nodes[i];
        const uint64_t macs = node->layer->macs ? node->layer->macs(node) : 0;
        dsbi_text_printf(text, "%-36s %-10s %7zu x %4zu x %4zu %12zu %14llu\n", node->name,
                         node->layer->name, node->out.h, node->out.w, node->out.c,
                         own_params(graph, node), (unsigned long long)macs);
    }
    dsbi_text_printf(text, "%s: %zu parameters, %llu MACs an image of %u x %u\n", model->spec,
                     graph->n_elements, (unsigned long long)dsb_model_macs(model),
                     model->opts.height, model->opts.width);
    if (text->status == DSB_OK)
        return text->data;
    dsbi_text_free(text);
    dsbi_text_init(text, model->rt);
    return NULL;
}
