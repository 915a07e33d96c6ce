/* What the record of a run says of single images: the broken ones, those found more than once, and
 * examples. Lists are cut; their counts are whole. */
#include "bias/result.h"

enum { MAX_BROKEN_LISTED = 1000, MAX_DUPLICATES_LISTED = 200, MAX_GROUP_LISTED = 16 };

typedef dsbi_json_writer writer;

static void put_broken(writer *w, const dsb_bias_result *result)
{
    uint64_t total = 0, listed = 0;
    for (size_t d = 0; d < result->n_datasets; d++)
        total += dsb_dataset_broken_count(result->datasets[d]);
    dsbi_json_put_uint(w, "broken_total", total);
    dsbi_json_write_key(w, "broken");
    dsbi_json_begin_array(w);
    for (size_t d = 0; d < result->n_datasets; d++)
        listed += dsbi_dataset_write_broken(result->datasets[d], w, MAX_BROKEN_LISTED - listed);
    dsbi_json_end_array(w);
}

static void put_group(writer *w, const dsb_bias_result *result, const dsb_duplicates *duplicates,
                      uint64_t g)
{
    dsbi_json_begin_flat_object(w);
    dsbi_json_write_key(w, "files");
    dsbi_json_begin_flat_array(w);
    for (uint64_t k = 0; k < dsb_duplicates_size(duplicates, g) && k < MAX_GROUP_LISTED; k++) {
        uint64_t d, image;
        if (dsb_duplicates_file(duplicates, g, k, &d, &image) != DSB_OK)
            break;
        dsbi_json_begin_flat_object(w);
        dsbi_json_put_string(w, "dataset", dsb_dataset_name(result->datasets[d]));
        dsbi_json_put_string(w, "path", dsb_dataset_path(result->datasets[d], image));
        dsbi_json_end_object(w);
    }
    dsbi_json_end_array(w);
    dsbi_json_end_object(w);
}

static uint64_t groups_across(const dsb_duplicates *duplicates)
{
    const uint64_t n_groups = dsb_duplicates_count(duplicates);
    uint64_t across = 0;
    for (uint64_t g = 0; g < n_groups; g++)
        across += dsb_duplicates_is_across(duplicates, g);
    return across;
}

static void put_within(writer *w, const dsb_bias_result *result, const dsb_duplicates *duplicates,
                       const char *counted)
{
    dsbi_json_write_key(w, "within");
    dsbi_json_begin_array(w);
    for (size_t d = 0; d < result->n_datasets; d++) {
        dsbi_json_begin_flat_object(w);
        dsbi_json_put_string(w, "dataset", dsb_dataset_name(result->datasets[d]));
        dsbi_json_put_uint(w, counted, dsb_duplicates_within(duplicates, d));
        dsbi_json_put_uint(w, "shared", dsb_duplicates_shared(duplicates, d));
        dsbi_json_end_object(w);
    }
    dsbi_json_end_array(w);
}

/* What the splits made of near duplicates, null if they were not looked for. */
static void put_near(writer *w, const dsb_bias_result *result)
{
    const dsb_duplicates *near = result->similar;
    dsbi_json_write_key(w, "near");
    if (!near) {
        dsbi_json_write_null(w);
        return;
    }
    dsbi_json_begin_object(w);
    dsbi_json_put_string(w, "policy", dsbi_split_policy_name(result->opts.near_duplicates));
    dsbi_json_put_double(w, "max_distance", dsb_duplicates_distance(near));
    dsbi_json_put_uint(w, "groups", dsb_duplicates_count(near));
    dsbi_json_put_uint(w, "groups_across", groups_across(near));
    put_within(w, result, near, "images");
    dsbi_json_end_object(w);
}

static void put_duplicates(writer *w, const dsb_bias_result *result)
{
    const dsb_duplicates *duplicates = dsb_split_duplicates(result->split);
    const uint64_t n_groups = dsb_duplicates_count(duplicates);
    dsbi_json_write_key(w, "duplicates");
    dsbi_json_begin_object(w);
    put_within(w, result, duplicates, "files");
    dsbi_json_put_uint(w, "across_total", groups_across(duplicates));
    dsbi_json_write_key(w, "across");
    dsbi_json_begin_array(w);
    for (uint64_t g = 0, listed = 0; g < n_groups && listed < MAX_DUPLICATES_LISTED; g++)
        if (dsb_duplicates_is_across(duplicates, g)) {
            put_group(w, result, duplicates, g);
            listed++;
        }
    dsbi_json_end_array(w);
    put_near(w, result);
    dsbi_json_put_uint(w, "classes_matched", dsb_split_shared_classes(result->split));
    dsbi_json_end_object(w);
}

/* The k-th most certain image of collection d that is right (typical) or wrong (confused). */
static uint64_t pick_example(const dsb_bias_result *result, uint32_t d, bool right,
                             const uint64_t *taken, size_t n_taken)
{
    const dsbi_outcome *o = &result->outcomes[result->headline];
    uint64_t best = UINT64_MAX;
    float best_p = -1;
    for (uint64_t i = 0; i < result->n_test; i++) {
        if (result->test_labels[i] != d || (o->predicted[i] == d) != right)
            continue;
        float p = o->probabilities[i * result->n_datasets + o->predicted[i]];
        bool fresh = true;
        for (size_t t = 0; t < n_taken; t++)
            fresh = fresh && taken[t] != i;
        if (fresh && p > best_p) {
            best_p = p;
            best = i;
        }
    }
    return best;
}

static dsb_status put_example(writer *w, const dsb_bias_result *result, uint64_t i,
                              const char *kind)
{
    const dsbi_outcome *o = &result->outcomes[result->headline];
    dsbi_item item = dsbi_split_item(result->split, DSB_PART_TEST, i);
    const dsb_dataset *dataset = item.dataset;
    dsbi_text uri;
    dsbi_text_init(&uri, result->rt);
    dsb_status status = dsbi_thumbnail(result->rt, &uri, dataset, item.image);
    if (status == DSB_OK) {
        dsbi_json_begin_object(w);
        dsbi_json_put_string(w, "dataset", dsb_dataset_name(dataset));
        dsbi_json_put_string(w, "kind", kind);
        dsbi_json_put_string(w, "path", dsbi_dataset_path(dataset, item.image));
        dsbi_json_put_string(w, "predicted", dsb_dataset_name(result->datasets[o->predicted[i]]));
        dsbi_json_put_double(w, "probability",
                             o->probabilities[i * result->n_datasets + o->predicted[i]]);
        dsbi_json_put_string(w, "thumb", uri.data);
        dsbi_json_end_object(w);
    }
    dsbi_text_free(&uri);
    return status == DSB_E_NOMEM ? status : DSB_OK; /* a picture that fails is left out */
}

static dsb_status put_examples(writer *w, const dsb_bias_result *result)
{
    enum { MOST = 24 };
    size_t wanted = result->opts.n_examples < MOST ? (size_t)result->opts.n_examples : MOST;
    dsbi_json_write_key(w, "examples");
    dsbi_json_begin_array(w);
    for (uint32_t d = 0; d < result->n_datasets; d++)
        for (int wrong = 0; wrong < 2; wrong++) {
            uint64_t taken[MOST];
            for (size_t k = 0; k < wanted; k++) {
                taken[k] = pick_example(result, d, !wrong, taken, k);
                if (taken[k] == UINT64_MAX)
                    break;
                DSBI_TRY(put_example(w, result, taken[k], wrong ? "confused" : "typical"));
            }
        }
    dsbi_json_end_array(w);
    return DSB_OK;
}

dsb_status dsbi_record_images(dsbi_json_writer *w, const dsb_bias_result *result)
{
    put_broken(w, result);
    put_duplicates(w, result);
    return put_examples(w, result);
}
