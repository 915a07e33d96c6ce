/* Shapes and their painting, front to back: a pixel that is covered is never touched again. */
#ifndef DSBI_IMAGE_SYNTHETIC_SHAPE_H
#define DSBI_IMAGE_SYNTHETIC_SHAPE_H

#include "image/synthetic/scene.h"

typedef enum dsbi_texture {
    DSBI_TEXTURE_FLAT,
    DSBI_TEXTURE_CLOUD,   /* soft blotches */
    DSBI_TEXTURE_RIDGE,   /* veins */
    DSBI_TEXTURE_STRIPES, /* waves along the shape, bent by `warp` */
    DSBI_TEXTURE_CHECKER,
    DSBI_TEXTURE_WINDOWS, /* small rectangles in a grid */
    DSBI_N_TEXTURES
} dsbi_texture;

typedef struct dsbi_material {
    uint8_t colours[2][3]; /* the texture goes from one to the other */
    dsbi_texture texture;
    uint32_t scale;           /* 16.16: texture pixels a scene pixel */
    uint32_t at_u, at_v;      /* 16.16: place in the tile */
    int32_t warp;             /* stripes: how far the tile bends them */
    int32_t grain;            /* 0..256: strength of the fine structure all over */
    int32_t light_u, light_v; /* shading: change of brightness (of 256) over 256 pixels */
} dsbi_material;

typedef enum dsbi_shape_kind {
    DSBI_SHAPE_ELLIPSE,
    DSBI_SHAPE_BOX,
    DSBI_SHAPE_POLYGON, /* regular, `n_sides` */
    DSBI_SHAPE_GROUND,  /* everything below a line that wanders */
    DSBI_SHAPE_ALL,     /* what is left */
} dsbi_shape_kind;

typedef struct dsbi_shape {
    dsbi_shape_kind kind;
    int32_t x, y;               /* centre, pixels; GROUND: y is the mean height of its line */
    int32_t radius_u, radius_v; /* 24.8: half extents along its own axes; GROUND: radius_v = height
                               of its waves */
    uint32_t direction;         /* of 32 */
    uint32_t n_sides;           /* 3..8 */
    dsbi_material material;
} dsbi_shape;

typedef struct dsbi_canvas {
    const dsbi_fractal *fractal;
    uint16_t *sum; /* [height, width, 3] light gathered so far, 8.8 */
    uint8_t *left; /* [height, width] of 255: how much of the pixel is still open */
} dsbi_canvas;

void dsbi_shape_paint(dsbi_canvas *canvas, const dsbi_shape *shape);

#endif
