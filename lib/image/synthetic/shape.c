/* See shape.h. Coverage of a pixel is its distance to the edge plus one half, in pixels: edges are
 * smooth. Fixed point: distances 24.8, directions 14 fraction bits. */
#include "image/synthetic/shape.h"

#include <stdlib.h>

/* cos of i/32 of a turn, 14 fraction bits. */
static const int32_t cosines[32] = {
    16384, 16069,  15137,  13623,  11585,  9102,   6270,   3196,   0,      -3196,  -6270,
    -9102, -11585, -13623, -15137, -16069, -16384, -16069, -15137, -13623, -11585, -9102,
    -6270, -3196,  0,      3196,   6270,   9102,   11585,  13623,  15137,  16069,
};

static int32_t cosine(uint32_t direction)
{
    return cosines[direction & 31];
}

static int32_t sine(uint32_t direction)
{
    return cosines[(direction + 24) & 31];
}

static int32_t clamp(int32_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* 0..256: how far the texture is on its way from colour 0 to colour 1. u, v: place on the shape,
 * 24.8. */
static int32_t texture_at(const dsbi_fractal *fractal, const dsbi_material *m, int32_t x, int32_t y,
                          int32_t u, int32_t v)
{
    uint32_t tile_u = (uint32_t)x * m->scale + m->at_u, tile_v = (uint32_t)y * m->scale + m->at_v;
    uint32_t wave_u = (uint32_t)((int64_t)u * m->scale >> 8), wave_v;
    switch (m->texture) {
    case DSBI_TEXTURE_CLOUD:
        return dsbi_tile_at(fractal->cloud, tile_u, tile_v);
    case DSBI_TEXTURE_RIDGE:
        return dsbi_tile_at(fractal->ridge, tile_u, tile_v);
    case DSBI_TEXTURE_STRIPES: /* triangle wave, 16 tile pixels long */
        wave_u += (uint32_t)(m->warp * dsbi_tile_at(fractal->cloud, tile_u >> 1, tile_v >> 1));
        wave_u = wave_u >> 11 & 511;
        return clamp((int32_t)(wave_u < 256 ? wave_u : 511 - wave_u) * 3 - 256, 0, 256);
    case DSBI_TEXTURE_CHECKER:
        wave_v = (uint32_t)((int64_t)v * m->scale >> 8);
        return ((wave_u ^ wave_v) >> 20 & 1) ? 256 : 0;
    case DSBI_TEXTURE_WINDOWS:
        wave_v = (uint32_t)((int64_t)v * m->scale >> 8);
        return (wave_u >> 16 & 15) < 9 && (wave_v >> 16 & 15) < 10 ? 256 : 0;
    default:
        return 0;
    }
}

/* Adds `cover` (0..256) of the material to a pixel. */
static void add_light(dsbi_canvas *canvas, const dsbi_material *m, int32_t x, int32_t y, int32_t u,
                      int32_t v, int32_t cover)
{
    size_t at = (size_t)y * DSBI_SCENE_WIDTH + (size_t)x;
    int32_t open = canvas->left[at];
    int32_t weight = open * cover >> 8;
    if (cover > 0 && weight == 0)
        weight = 1;
    int32_t t = texture_at(canvas->fractal, m, x, y, u, v);
    int32_t shade = 256 + ((m->light_u * u + m->light_v * v) >> 16);
    const uint8_t *fine = canvas->fractal->ridge; /* grain: at full scale, so that it is fine */
    uint32_t fx = (uint32_t)(x + (int32_t)(m->at_u >> 16)) & (DSBI_TILE - 1);
    uint32_t fy = (uint32_t)(y + (int32_t)(m->at_v >> 16)) & (DSBI_TILE - 1);
    shade += (fine[fy << DSBI_TILE_BITS | fx] - 140) * m->grain >> 8;
    shade = clamp(shade, 64, 440) * weight;
    uint16_t *sum = canvas->sum + at * 3;
    for (int c = 0; c < 3; c++) {
        int32_t colour = m->colours[0][c] * 256 + (m->colours[1][c] - m->colours[0][c]) * t;
        int32_t light = (colour >> 8) * shade >> 8; /* 255 * weight at shade 1 */
        sum[c] = (uint16_t)clamp(sum[c] + light, 0, 65535);
    }
    canvas->left[at] = (uint8_t)(open - weight);
}

enum { MAX_SIDES = 8 };

/* What is computed once a shape, so that no pixel divides. */
typedef struct outline {
    int64_t inverse_u, inverse_v;                 /* 1 / radius, 28 fraction bits */
    int32_t cosines[MAX_SIDES], sines[MAX_SIDES]; /* of the normals of a polygon */
} outline;

static outline outline_of(const dsbi_shape *s)
{
    outline o = {.inverse_u = ((int64_t)1 << 28) / s->radius_u,
                 .inverse_v = ((int64_t)1 << 28) / s->radius_v};
    for (uint32_t i = 0; i < s->n_sides && i < MAX_SIDES; i++) {
        o.cosines[i] = cosine(i * 32 / s->n_sides);
        o.sines[i] = sine(i * 32 / s->n_sides);
    }
    return o;
}

/* Distance to the edge, 24.8, positive inside. */
static int32_t edge_distance(const dsbi_shape *s, const outline *o, int32_t u, int32_t v)
{
    if (s->kind == DSBI_SHAPE_BOX) {
        int32_t du = s->radius_u - abs(u), dv = s->radius_v - abs(v);
        return du < dv ? du : dv;
    }
    if (s->kind == DSBI_SHAPE_POLYGON) {
        int32_t across = (int32_t)((v * o->inverse_v >> 14) * s->radius_u >> 14), most = INT32_MIN;
        for (uint32_t i = 0; i < s->n_sides; i++) {
            int64_t out = (int64_t)u * o->cosines[i] + (int64_t)across * o->sines[i];
            most = (int32_t)(out >> 14) > most ? (int32_t)(out >> 14) : most;
        }
        return s->radius_u - most;
    }
    int64_t nu = u * o->inverse_u >> 16, nv = v * o->inverse_v >> 16;
    int64_t inside = ((int64_t)1 << 24) - nu * nu - nv * nv; /* 1 - r^2 ~ 2 (1 - r) at the edge */
    int64_t smaller = s->radius_u < s->radius_v ? s->radius_u : s->radius_v;
    int64_t distance = inside * smaller >> 25;
    return distance > 65536 ? 65536 : distance < -65536 ? -65536 : (int32_t)distance;
}

/* Ellipse, box, polygon: the pixels of the bounding box. */
static void paint_bounded(dsbi_canvas *canvas, const dsbi_shape *s)
{
    int32_t c = cosine(s->direction), n = sine(s->direction);
    const outline o = outline_of(s);
    int32_t reach_u = (s->radius_u >> 8) + 2, reach_v = (s->radius_v >> 8) + 2;
    if (s->kind == DSBI_SHAPE_POLYGON) { /* corners lie outside the inner circle */
        reach_u = s->n_sides == 3 ? reach_u * 2 : reach_u * 3 / 2;
        reach_v = s->n_sides == 3 ? reach_v * 2 : reach_v * 3 / 2;
    }
    int32_t reach_x = (reach_u * abs(c) + reach_v * abs(n)) >> 14;
    int32_t reach_y = (reach_u * abs(n) + reach_v * abs(c)) >> 14;
    int32_t x0 = clamp(s->x - reach_x, 0, DSBI_SCENE_WIDTH);
    int32_t x1 = clamp(s->x + reach_x + 1, 0, DSBI_SCENE_WIDTH);
    int32_t y0 = clamp(s->y - reach_y, 0, DSBI_SCENE_HEIGHT);
    int32_t y1 = clamp(s->y + reach_y + 1, 0, DSBI_SCENE_HEIGHT);
    for (int32_t y = y0; y < y1; y++) {
        const uint8_t *left = canvas->left + (size_t)y * DSBI_SCENE_WIDTH;
        for (int32_t x = x0; x < x1; x++) {
            if (left[x] == 0)
                continue;
            int32_t dx = x - s->x, dy = y - s->y;
            int32_t u = (dx * c + dy * n) >> 6, v = (dy * c - dx * n) >> 6;
            int32_t cover = edge_distance(s, &o, u, v) + 128;
            if (cover > 0)
                add_light(canvas, &s->material, x, y, u, v, cover < 256 ? cover : 256);
        }
    }
}

/* Below a line whose height comes out of the tile. u is the depth below it, so that stripes are
 * layers. */
static void paint_ground(dsbi_canvas *canvas, const dsbi_shape *s)
{
    const dsbi_material *m = &s->material;
    for (int32_t x = 0; x < DSBI_SCENE_WIDTH; x++) {
        int32_t wave =
            dsbi_tile_at(canvas->fractal->cloud, (uint32_t)x * (m->scale / 2) + m->at_v, m->at_u) -
            128;
        int32_t line = s->y * 256 - wave * s->radius_v / 128;
        for (int32_t y = clamp(line / 256 - 1, 0, DSBI_SCENE_HEIGHT); y < DSBI_SCENE_HEIGHT; y++) {
            int32_t cover = y * 256 - line + 128;
            if (cover > 0 && canvas->left[(size_t)y * DSBI_SCENE_WIDTH + (size_t)x])
                add_light(canvas, m, x, y, y * 256 - line, (x - DSBI_SCENE_WIDTH / 2) * 256,
                          cover < 256 ? cover : 256);
        }
    }
}

static void paint_all(dsbi_canvas *canvas, const dsbi_shape *s)
{
    for (int32_t y = 0; y < DSBI_SCENE_HEIGHT; y++)
        for (int32_t x = 0; x < DSBI_SCENE_WIDTH; x++)
            if (canvas->left[(size_t)y * DSBI_SCENE_WIDTH + (size_t)x])
                add_light(canvas, &s->material, x, y, (x - s->x) * 256, (y - s->y) * 256, 256);
}

void dsbi_shape_paint(dsbi_canvas *canvas, const dsbi_shape *shape)
{
    if (shape->kind == DSBI_SHAPE_GROUND)
        paint_ground(canvas, shape);
    else if (shape->kind == DSBI_SHAPE_ALL)
        paint_all(canvas, shape);
    else
        paint_bounded(canvas, shape);
}
