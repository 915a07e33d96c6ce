/* Inside of dsb_sheet: which images lie where, and the painting of one of them. */
#ifndef DSBI_DATA_SHEET_H
#define DSBI_DATA_SHEET_H

#include "data/duplicates.h"

typedef struct dsbi_tile {
    uint64_t item;    /* image of its collection; from its count on: its broken files */
    uint32_t dataset; /* number of its collection */
    uint32_t group;   /* collection or class, numbered from 0 without empty ones */
    uint32_t row, column;
    uint32_t x, y; /* pixels, of the upper left corner */
    char *problem; /* why it cannot be shown, owned; NULL: it can */
} dsbi_tile;

typedef struct dsbi_group {
    uint32_t dataset, class_id; /* class_id UINT32_MAX: a whole collection */
    uint32_t n_tiles;
    char *name; /* owned */
} dsbi_group;

struct dsb_sheet {
    dsb_runtime *rt; /* retained */
    dsbi_collections collections;
    dsb_sheet_opts opts;
    dsbi_group *groups; /* [n_groups] */
    dsbi_tile *tiles;   /* [n_tiles], by group and item */
    size_t n_groups, n_tiles;
    uint64_t n_rows;
    uint32_t width, height;
    dsb_image *image;
};

/* Draws the images of every group: groups and tiles without their places. */
dsb_status dsbi_sheet_draw(dsb_sheet *self);

/* A tile's image into the sheet's pixels; a failure of the image becomes a cross and `problem`. */
dsb_status dsbi_sheet_paint(const dsb_sheet *self, dsbi_image *sheet, dsbi_tile *tile);

#endif
