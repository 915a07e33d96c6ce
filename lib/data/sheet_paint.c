/* One tile of a contact sheet: the image whole, reduced with PIL's bilinear filter or enlarged a
 * whole number of times so that the pixels of small images stay visible, in the tile's middle. What
 * cannot be decoded is a cross. */
#include <stdlib.h>
#include <string.h>
#include "data/pixels.h"
#include "data/sheet.h"

static const uint8_t paper[3] = {228, 230, 233}, crossed[3] = {250, 222, 216},
                     ink[3] = {190, 40, 24};

static uint8_t *pixel(const dsbi_image *sheet, uint32_t x, uint32_t y)
{
    return sheet->data + ((size_t)y * sheet->width + x) * 3;
}

static void fill(const dsbi_image *sheet, const dsbi_tile *tile, uint32_t side,
                 const uint8_t colour[3])
{
    for (uint32_t y = 0; y < side; y++)
        for (uint32_t x = 0; x < side; x++)
            memcpy(pixel(sheet, tile->x + x, tile->y + y), colour, 3);
}

static void paint_cross(const dsbi_image *sheet, const dsbi_tile *tile, uint32_t side)
{
    const int thick = (int)side / 32 + 1;
    fill(sheet, tile, side, crossed);
    for (uint32_t y = 0; y < side; y++)
        for (uint32_t x = 0; x < side; x++)
            if (abs((int)x - (int)y) < thick || abs((int)(x + y) - (int)side + 1) < thick)
                memcpy(pixel(sheet, tile->x + x, tile->y + y), ink, 3);
}

/* `times` as wide and high, in the tile's middle. */
static void paint_image(const dsbi_image *sheet, const dsbi_tile *tile, uint32_t side,
                        const dsbi_image *image, uint32_t times)
{
    uint32_t left = tile->x + (side - image->width * times) / 2;
    uint32_t top = tile->y + (side - image->height * times) / 2;
    fill(sheet, tile, side, paper);
    for (uint32_t y = 0; y < image->height * times; y++)
        for (uint32_t x = 0; x < image->width * times; x++)
            memcpy(pixel(sheet, left + x, top + y), pixel(image, x / times, y / times), 3);
}

static uint32_t reduced(uint32_t side, uint32_t longest, uint32_t tile)
{
    uint32_t out = (uint32_t)(((uint64_t)side * tile + longest / 2) / longest);
    return out ? out : 1;
}

static dsb_status paint_fitting(const dsb_sheet *self, const dsbi_image *sheet,
                                const dsbi_tile *tile, const dsbi_image *image)
{
    uint32_t side = self->opts.tile;
    uint32_t longest = image->width > image->height ? image->width : image->height;
    if (longest <= side) {
        paint_image(sheet, tile, side, image, side / longest);
        return DSB_OK;
    }
    dsbi_image small;
    DSBI_TRY(dsbi_image_resize(self->rt, &small, image, reduced(image->width, longest, side),
                               reduced(image->height, longest, side), NULL, DSBI_RESIZE_BILINEAR));
    paint_image(sheet, tile, side, &small, 1);
    dsbi_image_free(self->rt, &small);
    return DSB_OK;
}

static dsb_status cross_out(const dsb_sheet *self, const dsbi_image *sheet, dsbi_tile *tile,
                            const char *problem)
{
    paint_cross(sheet, tile, self->opts.tile);
    size_t size = strlen(problem) + 1;
    tile->problem = dsbi_alloc(self->rt, size);
    if (!tile->problem)
        return DSB_E_NOMEM;
    memcpy(tile->problem, problem, size);
    return DSB_OK;
}

dsb_status dsbi_sheet_paint(const dsb_sheet *self, dsbi_image *sheet, dsbi_tile *tile)
{
    const dsb_dataset *dataset = self->collections.datasets[tile->dataset];
    if (tile->item >= dataset->entries.n) {
        const dsbi_problem *problem = &dataset->broken.items[tile->item - dataset->entries.n];
        return cross_out(self, sheet, tile, dsbi_names_get(&dataset->names, problem->message));
    }
    dsbi_image image;
    dsb_status status =
        dsbi_dataset_decode_least(dataset, self->rt, &image, tile->item, self->opts.tile);
    if (status == DSB_OK)
        status = paint_fitting(self, sheet, tile, &image);
    dsbi_image_free(self->rt, &image);
    return dsbi_is_image_failure(status) ? cross_out(self, sheet, tile, dsb_last_error()) : status;
}
