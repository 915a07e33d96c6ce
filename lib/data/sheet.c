/* dsb_sheet: a contact sheet of some collections. See sheet_draw.c for what is on it and
 * sheet_paint.c for how it looks. */
#include "data/sheet.h"

#include <math.h>
#include <string.h>
#include "base/event.h"
#include "base/file.h"
#include "base/json_write.h"
#include "base/opts.h"
#include "base/pool.h"

_Static_assert(offsetof(dsb_sheet_opts, by_class) + sizeof(uint32_t) == sizeof(dsb_sheet_opts),
               "no hole at the end of dsb_sheet_opts");

enum {
    GAP = 4,        /* pixels between tiles and around them */
    GROUP_GAP = 10, /* more of them between groups */
    ROUND = 64,     /* tiles between two events */
    MAX_TILES = 10000,
    MAX_COLUMNS = 1000,
};
static const uint64_t MAX_PIXELS = (uint64_t)64 << 20;

static const dsb_sheet_opts defaults = {.struct_size = sizeof(dsb_sheet_opts), .tile = 128};

void dsb_sheet_opts_init(dsb_sheet_opts *opts, size_t size)
{
    dsbi_opts_fill(opts, size, &defaults, sizeof defaults);
}

static dsb_status read_opts(dsb_sheet_opts *out, const dsb_sheet_opts *given, uint64_t n_datasets)
{
    *out = defaults;
    DSBI_TRY(dsbi_opts_read(out, sizeof *out, given, "dsb_sheet_opts"));
    if (out->tiles > MAX_TILES || out->columns > MAX_COLUMNS || out->tile < 8 || out->tile > 1024 ||
        out->by_class > 1)
        return dsbi_fail(DSB_E_INVALID,
                         "dsb_sheet_opts: tiles %u (1..%d), columns %u (1..%d), tile %u (8..1024), "
                         "by_class %u (0, 1)",
                         out->tiles, MAX_TILES, out->columns, MAX_COLUMNS, out->tile,
                         out->by_class);
    bool several = n_datasets > 1 || out->by_class;
    if (!out->tiles)
        out->tiles = !several ? 64 : out->columns ? out->columns : 10;
    if (!out->columns && several)
        out->columns = 10;
    return DSB_OK;
}

/* Rows and columns, then pixels; the sheet is as wide as its widest group. */
static dsb_status place(dsb_sheet *self)
{
    uint32_t widest = 0;
    for (size_t g = 0; g < self->n_groups; g++)
        widest = self->groups[g].n_tiles > widest ? self->groups[g].n_tiles : widest;
    if (!self->opts.columns)
        self->opts.columns = (uint32_t)ceil(sqrt((double)widest));
    if (self->opts.columns > widest)
        self->opts.columns = widest;
    const uint64_t step = self->opts.tile + GAP;
    uint64_t y = GAP, width = GAP + self->opts.columns * step;
    dsbi_tile *tile = self->tiles;
    for (size_t g = 0; g < self->n_groups; g++) {
        for (uint32_t k = 0; k < self->groups[g].n_tiles; k++, tile++) {
            uint32_t row = k / self->opts.columns, column = k % self->opts.columns;
            tile->row = (uint32_t)self->n_rows + row;
            tile->column = column;
            tile->x = (uint32_t)(GAP + column * step);
            tile->y = (uint32_t)(y + row * step);
        }
        uint64_t n_rows = (self->groups[g].n_tiles + self->opts.columns - 1) / self->opts.columns;
        self->n_rows += n_rows;
        y += n_rows * step + (g + 1 < self->n_groups ? GROUP_GAP : 0);
        if (y > MAX_PIXELS || width * y > MAX_PIXELS)
            return dsbi_fail(DSB_E_LIMIT,
                             "sheet: %zu tiles of %u pixels are above the limit of %llu pixels",
                             self->n_tiles, self->opts.tile, (unsigned long long)MAX_PIXELS);
    }
    self->width = (uint32_t)width;
    self->height = (uint32_t)y;
    return DSB_OK;
}

typedef struct painting {
    dsb_sheet *sheet;
    dsbi_image image;
    size_t first;
} painting;

static dsb_status paint_task(void *user, size_t task, size_t worker)
{
    (void)worker;
    painting *self = user;
    return dsbi_sheet_paint(self->sheet, &self->image, &self->sheet->tiles[self->first + task]);
}

static dsb_status paint_all(painting *self, dsb_event_fn fn, void *user)
{
    dsb_sheet *sheet = self->sheet;
    const double start = dsbi_now();
    memset(self->image.data, 255, (size_t)sheet->width * sheet->height * 3);
    for (self->first = 0; self->first < sheet->n_tiles; self->first += ROUND) {
        size_t left = sheet->n_tiles - self->first, n = left < ROUND ? left : ROUND;
        DSBI_TRY(dsbi_parallel(sheet->rt, n, paint_task, self));
        DSBI_TRY(
            dsbi_event_send(fn, user, "sheet", self->first + n, sheet->n_tiles, start, NAN, ""));
    }
    return dsb_image_create(sheet->rt, &sheet->image, self->image.data, sheet->width,
                            sheet->height);
}

static dsb_status make(dsb_sheet *sheet, dsb_event_fn fn, void *user)
{
    DSBI_TRY(dsbi_sheet_draw(sheet));
    DSBI_TRY(place(sheet));
    painting self = {.sheet = sheet};
    DSBI_TRY(dsbi_image_alloc(sheet->rt, &self.image, sheet->width, sheet->height, 3));
    dsb_status status = paint_all(&self, fn, user);
    dsbi_image_free(sheet->rt, &self.image);
    return status;
}

dsb_status dsb_sheet_create(dsb_runtime *rt, dsb_sheet **out, const dsb_dataset *const *datasets,
                            uint64_t n_datasets, const dsb_sheet_opts *opts, dsb_event_fn fn,
                            void *user)
{
    dsbi_clear_error();
    if (out)
        *out = NULL;
    if (!rt || !out || !datasets || n_datasets == 0)
        return dsbi_fail(DSB_E_INVALID, "dsb_sheet_create: an argument is NULL or 0");
    dsb_sheet_opts own;
    DSBI_TRY(read_opts(&own, opts, n_datasets));
    dsb_sheet *self = dsbi_calloc(rt, 1, sizeof *self);
    if (!self)
        return DSB_E_NOMEM;
    dsbi_runtime_retain(rt);
    self->rt = rt;
    self->opts = own;
    dsb_status status = dsbi_collections_init(rt, &self->collections, datasets, n_datasets);
    if (status == DSB_OK)
        status = make(self, fn, user);
    if (status != DSB_OK) {
        dsb_sheet_free(self);
        return status;
    }
    *out = self;
    return DSB_OK;
}

void dsb_sheet_free(dsb_sheet *self)
{
    if (!self)
        return;
    dsb_runtime *rt = self->rt;
    for (size_t i = 0; self->tiles && i < self->n_tiles; i++)
        dsbi_free(rt, self->tiles[i].problem);
    for (size_t g = 0; self->groups && g < self->n_groups; g++)
        dsbi_free(rt, self->groups[g].name);
    dsbi_free(rt, self->tiles);
    dsbi_free(rt, self->groups);
    dsb_image_free(self->image);
    dsbi_collections_free(rt, &self->collections);
    dsbi_free(rt, self);
    dsbi_runtime_release(rt);
}

const dsb_image *dsb_sheet_image(const dsb_sheet *self)
{
    return self->image;
}

uint64_t dsb_sheet_count(const dsb_sheet *self)
{
    return self->n_tiles;
}

uint64_t dsb_sheet_broken_count(const dsb_sheet *self)
{
    uint64_t n = 0;
    for (size_t i = 0; i < self->n_tiles; i++)
        n += self->tiles[i].problem != NULL;
    return n;
}

uint64_t dsb_sheet_row_count(const dsb_sheet *self)
{
    return self->n_rows;
}

const char *dsb_sheet_row_name(const dsb_sheet *self, uint64_t row)
{
    for (size_t i = 0; i < self->n_tiles; i++)
        if (self->tiles[i].row == row)
            return self->groups[self->tiles[i].group].name;
    return NULL;
}

static void write_tile(dsbi_json_writer *w, const dsb_sheet *self, const dsbi_tile *tile)
{
    const dsb_dataset *dataset = self->collections.datasets[tile->dataset];
    bool is_image = tile->item < dataset->entries.n;
    dsbi_json_begin_flat_object(w);
    dsbi_json_put_uint(w, "row", tile->row);
    dsbi_json_put_uint(w, "column", tile->column);
    dsbi_json_put_string(w, "dataset", dataset->name);
    if (is_image) {
        dsbi_json_put_uint(w, "image", tile->item);
        dsbi_json_put_string(w, "path", dsbi_dataset_path(dataset, tile->item));
        dsbi_json_put_string(
            w, "class", dsb_dataset_class_name(dataset, dsb_dataset_class(dataset, tile->item)));
    } else {
        const dsbi_problem *problem = &dataset->broken.items[tile->item - dataset->entries.n];
        dsbi_json_put_string(w, "path", dsbi_names_get(&dataset->names, problem->path));
    }
    if (tile->problem)
        dsbi_json_put_string(w, "problem", tile->problem);
    dsbi_json_end_object(w);
}

dsb_status dsb_sheet_json(const dsb_sheet *self, char **json, size_t *size)
{
    dsbi_clear_error();
    if (json)
        *json = NULL;
    if (!self || !json)
        return dsbi_fail(DSB_E_INVALID, "dsb_sheet_json: an argument is NULL");
    dsbi_text text;
    dsbi_json_writer w;
    dsbi_text_init(&text, self->rt);
    dsbi_json_writer_init(&w, &text, 2);
    dsbi_json_begin_object(&w);
    dsbi_json_put_string(&w, "schema", "dsbias.sheet/1");
    dsbi_json_put_string(&w, "version", dsb_version());
    dsbi_json_put_uint(&w, "seed", self->opts.seed);
    dsbi_json_put_uint(&w, "width", self->width);
    dsbi_json_put_uint(&w, "height", self->height);
    dsbi_json_put_uint(&w, "tile", self->opts.tile);
    dsbi_json_put_uint(&w, "columns", self->opts.columns);
    dsbi_json_put_uint(&w, "rows", self->n_rows);
    dsbi_json_put_uint(&w, "n_broken", dsb_sheet_broken_count(self));
    dsbi_json_write_key(&w, "tiles");
    dsbi_json_begin_array(&w);
    for (size_t i = 0; i < self->n_tiles; i++)
        write_tile(&w, self, &self->tiles[i]);
    dsbi_json_end_array(&w);
    dsbi_json_end_object(&w);
    dsbi_text_add(&text, "\n");
    dsb_status status = text.status;
    if (status == DSB_OK && size)
        *size = text.size;
    *json = status == DSB_OK ? dsbi_text_take(&text) : NULL;
    dsbi_text_free(&text);
    return status;
}
