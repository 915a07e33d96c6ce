/* Which images a contact sheet shows: of each group a sample without repeats, every sample equally
 * likely (Vitter 1985, algorithm R: item number m, counted from 1, takes the place of a random one
 * of k with probability k / m). One pass, memory for the sample alone. */
#include <string.h>
#include "base/rng.h"
#include "base/sort.h"
#include "base/text.h"
#include "data/sheet.h"

typedef struct drawing {
    dsb_sheet *sheet;
    uint32_t **group_of; /* [collections][classes]: group or UINT32_MAX; by class only */
    uint64_t *n_seen;    /* [groups] */
    size_t *first;       /* [groups] tile where the group's begin */
} drawing;

static dsb_status add_group(dsb_sheet *self, size_t dataset, uint32_t class_id, uint64_t n_items)
{
    const dsb_dataset *d = self->collections.datasets[dataset];
    dsbi_group *group = &self->groups[self->n_groups];
    *group = (dsbi_group){.dataset = (uint32_t)dataset, .class_id = class_id};
    group->n_tiles = n_items < self->opts.tiles ? (uint32_t)n_items : self->opts.tiles;
    dsbi_text name;
    dsbi_text_init(&name, self->rt);
    if (class_id == UINT32_MAX || self->collections.n > 1)
        dsbi_text_add(&name, d->name);
    if (class_id != UINT32_MAX) {
        const char *word = dsb_dataset_class_name(d, class_id);
        dsbi_text_printf(&name, "%s%s", name.size ? "/" : "", *word ? word : "(top)");
    }
    dsb_status status = name.status;
    group->name = status == DSB_OK ? dsbi_text_take(&name) : NULL;
    dsbi_text_free(&name);
    self->n_groups++;
    self->n_tiles += group->n_tiles;
    return status;
}

/* Images of every class; the caller's: dsbi_free. */
static uint64_t *count_classes(const dsb_sheet *self, const dsb_dataset *d)
{
    uint64_t *counts =
        dsbi_calloc(self->rt, (size_t)dsb_dataset_class_count(d) + 1, sizeof *counts);
    for (uint64_t i = 0; counts && i < d->entries.n; i++)
        counts[dsbi_dataset_entry(d, i)->stratum]++;
    return counts;
}

static dsb_status add_classes(drawing *self, size_t dataset)
{
    const dsb_dataset *d = self->sheet->collections.datasets[dataset];
    uint32_t n = dsb_dataset_class_count(d);
    uint64_t *counts = count_classes(self->sheet, d);
    uint32_t *group_of = dsbi_alloc_array(self->sheet->rt, (size_t)n + 1, sizeof *group_of);
    dsb_status status = counts && group_of ? DSB_OK : DSB_E_NOMEM;
    for (uint32_t c = 0; status == DSB_OK && c < n; c++) {
        group_of[c] = UINT32_MAX;
        if (counts[c] == 0)
            continue;
        group_of[c] = (uint32_t)self->sheet->n_groups;
        status = add_group(self->sheet, dataset, c, counts[c]);
    }
    self->group_of[dataset] = group_of;
    dsbi_free(self->sheet->rt, counts);
    return status;
}

static dsb_status add_groups(drawing *self)
{
    dsb_sheet *sheet = self->sheet;
    size_t most = sheet->collections.n;
    for (size_t d = 0; sheet->opts.by_class && d < sheet->collections.n; d++)
        most += dsb_dataset_class_count(sheet->collections.datasets[d]);
    sheet->groups = dsbi_calloc(sheet->rt, most, sizeof *sheet->groups);
    if (!sheet->groups)
        return DSB_E_NOMEM;
    for (size_t d = 0; d < sheet->collections.n; d++) {
        const dsb_dataset *dataset = sheet->collections.datasets[d];
        uint64_t n_items = dataset->entries.n + dataset->broken.n;
        if (sheet->opts.by_class)
            DSBI_TRY(add_classes(self, d));
        else if (n_items)
            DSBI_TRY(add_group(sheet, d, UINT32_MAX, n_items));
    }
    if (sheet->n_tiles == 0)
        return dsbi_fail(DSB_E_DATA, "sheet: no image to show");
    return DSB_OK;
}

/* Item `item` is the next of its group: it fills the group's places, then replaces one or none. */
static void offer(drawing *self, uint32_t dataset, uint32_t group, uint64_t item)
{
    uint64_t seen = self->n_seen[group]++, place = seen;
    uint32_t n_tiles = self->sheet->groups[group].n_tiles;
    if (seen >= n_tiles) {
        dsbi_rng rng;
        dsbi_rng_init(&rng, self->sheet->opts.seed ^ (uint64_t)dataset << 32, DSBI_RNG_SHEET, item);
        place = dsbi_rng_below(&rng, seen + 1);
    }
    if (place < n_tiles)
        self->sheet->tiles[self->first[group] + place] =
            (dsbi_tile){.item = item, .dataset = dataset, .group = group};
}

static void offer_all(drawing *self)
{
    const dsb_sheet *sheet = self->sheet;
    uint32_t whole = 0; /* group of a collection: those without an image have none */
    for (uint32_t d = 0; d < sheet->collections.n; d++) {
        const dsb_dataset *dataset = sheet->collections.datasets[d];
        bool by_class = sheet->opts.by_class;
        uint64_t n_items = dataset->entries.n + (by_class ? 0 : dataset->broken.n);
        for (uint64_t i = 0; i < n_items; i++)
            offer(self, d,
                  by_class ? self->group_of[d][dsbi_dataset_entry(dataset, i)->stratum] : whole, i);
        whole += n_items > 0;
    }
}

static int compare_tiles(const void *a, const void *b, void *user)
{
    (void)user;
    const dsbi_tile *s = a, *t = b;
    if (s->group != t->group)
        return s->group < t->group ? -1 : 1;
    return (s->item > t->item) - (s->item < t->item);
}

static dsb_status draw(drawing *self)
{
    dsb_sheet *sheet = self->sheet;
    DSBI_TRY(add_groups(self));
    self->n_seen = dsbi_calloc(sheet->rt, sheet->n_groups, sizeof *self->n_seen);
    self->first = dsbi_calloc(sheet->rt, sheet->n_groups, sizeof *self->first);
    sheet->tiles = dsbi_calloc(sheet->rt, sheet->n_tiles, sizeof *sheet->tiles);
    if (!self->n_seen || !self->first || !sheet->tiles)
        return DSB_E_NOMEM;
    for (size_t g = 1; g < sheet->n_groups; g++)
        self->first[g] = self->first[g - 1] + sheet->groups[g - 1].n_tiles;
    offer_all(self);
    dsbi_sort(sheet->tiles, sheet->n_tiles, sizeof *sheet->tiles, compare_tiles, NULL);
    return DSB_OK;
}

dsb_status dsbi_sheet_draw(dsb_sheet *sheet)
{
    dsb_runtime *rt = sheet->rt;
    drawing self = {.sheet = sheet};
    self.group_of = dsbi_calloc(rt, sheet->collections.n, sizeof *self.group_of);
    dsb_status status = self.group_of ? draw(&self) : DSB_E_NOMEM;
    for (size_t d = 0; self.group_of && d < sheet->collections.n; d++)
        dsbi_free(rt, self.group_of[d]);
    dsbi_free(rt, self.group_of);
    dsbi_free(rt, self.n_seen);
    dsbi_free(rt, self.first);
    return status;
}
