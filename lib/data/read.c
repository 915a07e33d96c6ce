/* Reading and decoding one image within the memory budget, on any thread. Memory is taken once per
 * image: a file above LARGE_FILE takes the whole budget before it is read, any other what its
 * decoder will need once its header is known. So n threads hold at most the budget and n small
 * files. */
#include "data/dataset.h"

#include <string.h>

static const uint64_t LARGE_FILE = (uint64_t)16 << 20;

dsbi_member dsbi_member_of(const dsb_dataset *dataset, const dsbi_entry *entry)
{
    return (dsbi_member){
        .path = dsbi_names_get(&dataset->names, entry->name),
        .locator = entry->locator,
        .size_bytes = dsbi_entry_size(entry),
        .container = entry->container,
        .class_id = entry->stratum,
    };
}

dsb_status dsbi_read_member(const dsb_dataset *dataset, dsb_runtime *rt, uint8_t **bytes,
                            size_t *size, const dsbi_member *member, uint64_t *budget)
{
    *bytes = NULL;
    *size = 0;
    *budget = 0;
    uint64_t max_bytes = dataset->opts.max_file_bytes;
    if (member->size_bytes > max_bytes)
        return dsbi_fail(DSB_E_LIMIT, "%llu bytes, above the limit of %llu",
                         (unsigned long long)member->size_bytes, (unsigned long long)max_bytes);
    if (member->size_bytes > LARGE_FILE)
        *budget = dsbi_budget_take(rt, DSBI_BUDGET_BYTES);
    else if (max_bytes > LARGE_FILE)
        max_bytes = LARGE_FILE; /* a file that grew since it was listed */
    return dataset->format->read(dataset->state, rt, bytes, size, member, (size_t)max_bytes);
}

/* Pixels, their rows as stored, and the coefficients of a progressive file (2 bytes a sample). */
static uint64_t decoder_bytes(const dsb_image_info *info)
{
    uint64_t pixels = (uint64_t)info->width * info->height;
    uint64_t channels = info->channels ? info->channels : 1;
    uint64_t coefficients = info->progressive || info->format == DSB_FORMAT_JPEG ? 2 * channels : 0;
    return pixels * (3 + channels + coefficients) + ((uint64_t)1 << 20);
}

static dsbi_decode_limits limits_of(const dsb_dataset *dataset)
{
    dsbi_decode_limits limits = dsbi_decode_limits_default;
    limits.max_pixels = dataset->opts.max_pixels;
    limits.max_blocks = dataset->opts.max_blocks;
    limits.max_scans = dataset->opts.max_scans;
    return limits;
}

/* A large file lies in memory beside its pixels. */
static void leave_room(dsbi_decode_limits *limits, size_t file_bytes)
{
    if (file_bytes > LARGE_FILE)
        limits->max_memory_bytes -=
            file_bytes < limits->max_memory_bytes / 2 ? file_bytes : limits->max_memory_bytes / 2;
}

dsb_status dsbi_check_header(const dsb_dataset *dataset, const dsb_image_info *info, size_t size)
{
    dsbi_decode_limits limits = limits_of(dataset);
    leave_room(&limits, size);
    return dsbi_check_size(dsb_image_format_name(info->format), info->width, info->height, &limits);
}

dsb_status dsbi_decode_bytes(const dsb_dataset *dataset, dsbi_image *out, dsb_image_info *info,
                             const uint8_t *bytes, size_t size, uint64_t budget)
{
    dsbi_decode_limits limits = limits_of(dataset);
    leave_room(&limits, size);
    *out = (dsbi_image){0};
    uint64_t taken = budget ? 0 : dsbi_budget_take(dataset->rt, decoder_bytes(info));
    dsb_status status = dsbi_image_decode(dataset->rt, out, info, bytes, size, &limits);
    if (taken)
        dsbi_budget_give(dataset->rt, taken);
    return status;
}

dsb_status dsbi_dataset_read(const dsb_dataset *dataset, dsb_runtime *rt, uint8_t **bytes,
                             size_t *size, uint64_t i)
{
    *bytes = NULL;
    *size = 0;
    dsbi_member member = dsbi_member_of(dataset, dsbi_dataset_entry(dataset, i));
    if (!dataset->format->read)
        return dsbi_fail(DSB_E_UNSUPPORTED, "%s: %s holds no image files", member.path,
                         dataset->format->name);
    return dsbi_fail_at(dataset->format->read(dataset->state, rt, bytes, size, &member,
                                              (size_t)dataset->opts.max_file_bytes),
                        "%s: %s", dataset->name, member.path);
}

static void choose(dsbi_wish *wish, uint32_t width, uint32_t height)
{
    wish->cut = (dsbi_cut){.width = width, .height = height, .scale = 1};
    if (wish->choose)
        wish->choose(wish->user, width, height, &wish->cut);
}

/* One decoding while it runs. */
typedef struct wished {
    dsb_runtime *rt;
    dsbi_wish *wish;
    dsbi_decode_limits limits;
    uint64_t taken; /* of the memory budget */
    bool has_budget;
    uint32_t orientation;
} wished;

static void on_header(void *user, const dsb_image_info *info)
{
    wished *self = user;
    dsbi_wish *wish = self->wish;
    self->orientation = wish->is_upright ? info->exif_orientation : 0;
    const bool is_turned = self->orientation >= 5;
    choose(wish, is_turned ? info->height : info->width, is_turned ? info->width : info->height);
    if (wish->choose && self->orientation <= 1)
        self->limits.cut = &wish->cut;
    if (!self->has_budget)
        self->taken = dsbi_budget_take(self->rt, decoder_bytes(info));
}

static dsb_status decode_as_wished(const dsb_dataset *dataset, dsb_runtime *rt, dsbi_image *out,
                                   const uint8_t *bytes, size_t size, uint64_t budget,
                                   dsbi_wish *wish)
{
    wished self = {.rt = rt, .wish = wish, .limits = limits_of(dataset), .has_budget = budget > 0};
    self.limits.min_side = wish->min_side;
    self.limits.pixels = wish->pixels;
    self.limits.on_header = on_header;
    self.limits.user = &self;
    leave_room(&self.limits, size);
    *out = (dsbi_image){0};
    dsb_status status = dsbi_image_decode(rt, out, NULL, bytes, size, &self.limits);
    if (self.taken)
        dsbi_budget_give(rt, self.taken);
    if (status == DSB_OK && self.orientation > 1)
        status = dsbi_image_orient(rt, out, self.orientation, wish->pixels);
    return status;
}

static dsb_status decode_member(const dsb_dataset *dataset, dsb_runtime *rt, dsbi_image *out,
                                const dsbi_member *member, dsbi_wish *wish)
{
    if (!dataset->format->read) {
        dsb_image_info info;
        dsb_image_info_init(&info, sizeof info);
        DSBI_TRY(dataset->format->decode(dataset->state, rt, out, &info, member));
        choose(wish, out->width, out->height);
        return DSB_OK;
    }
    uint8_t *bytes;
    size_t size;
    uint64_t budget;
    dsb_status status = dsbi_read_member(dataset, rt, &bytes, &size, member, &budget);
    if (status == DSB_OK)
        status = decode_as_wished(dataset, rt, out, bytes, size, budget, wish);
    dsbi_free(rt, bytes);
    if (budget)
        dsbi_budget_give(rt, budget);
    return status;
}

dsb_status dsbi_dataset_decode_wish(const dsb_dataset *dataset, dsb_runtime *rt, dsbi_image *out,
                                    uint64_t i, dsbi_wish *wish)
{
    *out = (dsbi_image){0};
    dsbi_member member = dsbi_member_of(dataset, dsbi_dataset_entry(dataset, i));
    return dsbi_fail_at(decode_member(dataset, rt, out, &member, wish), "%s: %s", dataset->name,
                        member.path);
}

dsb_status dsbi_dataset_decode_least(const dsb_dataset *dataset, dsb_runtime *rt, dsbi_image *out,
                                     uint64_t i, uint32_t min_side)
{
    return dsbi_dataset_decode_wish(dataset, rt, out, i, &(dsbi_wish){.min_side = min_side});
}

dsb_status dsbi_dataset_decode(const dsb_dataset *dataset, dsb_runtime *rt, dsbi_image *out,
                               uint64_t i)
{
    return dsbi_dataset_decode_least(dataset, rt, out, i, 0);
}
