/* See scene.h. What is in a scene, where, and in which colours; shape.c paints it.
 *
 * Sizes of the scattered shapes follow a cube law (many small, few large), which with occlusion
 * gives the scale-free statistics of photographs: the "dead leaves" model, Lee, Mumford, Huang
 * 2001.
 */
#include "image/synthetic/scene.h"

#include <math.h>
#include <string.h>
#include "base/rng.h"
#include "image/synthetic/shape.h"

enum { N_PALETTES = 12, PALETTE_COLOURS = 5, MAX_LEAVES = 260 };

/* From far and light to near and dark. */
static const uint8_t palettes[N_PALETTES][PALETTE_COLOURS][3] = {
    {{206, 224, 236}, {152, 186, 202}, {104, 142, 128}, {70, 104, 74}, {42, 58, 44}},
    {{250, 226, 190}, {240, 172, 122}, {206, 110, 84}, {132, 66, 74}, {66, 40, 60}},
    {{232, 228, 214}, {204, 190, 150}, {162, 134, 92}, {112, 88, 64}, {64, 52, 46}},
    {{224, 214, 234}, {178, 164, 206}, {130, 118, 172}, {88, 78, 126}, {50, 44, 74}},
    {{236, 242, 224}, {192, 212, 142}, {140, 172, 90}, {88, 124, 64}, {46, 72, 48}},
    {{198, 216, 222}, {236, 196, 88}, {222, 126, 64}, {90, 112, 130}, {40, 54, 76}},
    {{244, 238, 226}, {222, 146, 132}, {180, 92, 96}, {96, 120, 120}, {52, 60, 72}},
    {{214, 232, 230}, {126, 196, 190}, {60, 146, 152}, {40, 98, 116}, {28, 54, 72}},
    {{226, 220, 216}, {190, 178, 174}, {148, 136, 134}, {104, 96, 98}, {58, 54, 60}},
    {{252, 234, 206}, {246, 206, 120}, {176, 168, 84}, {106, 122, 72}, {58, 70, 56}},
    {{218, 226, 242}, {160, 182, 226}, {214, 150, 148}, {112, 108, 150}, {54, 56, 92}},
    {{238, 222, 216}, {216, 174, 156}, {170, 124, 110}, {118, 84, 82}, {70, 50, 56}},
};

/* Trap: C leaves the order of arguments and of initialisers open. Each draw is a statement of its
 * own where two would meet, or compilers would make different scenes. */
typedef struct painter {
    dsbi_canvas canvas;
    dsbi_rng rng;
    uint8_t colours[PALETTE_COLOURS][3];
} painter;

/* Integer in [low, high]. */
static int32_t pick(dsbi_rng *rng, int32_t low, int32_t high)
{
    return low + (int32_t)dsbi_rng_below(rng, (uint64_t)(high - low + 1));
}

static bool chance(dsbi_rng *rng, uint32_t percent)
{
    return dsbi_rng_below(rng, 100) < percent;
}

static uint8_t byte_of(int32_t value)
{
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* A palette in the light of this scene: brightness, contrast about the middle, a tint. */
static void draw_colours(painter *p)
{
    const uint8_t(*palette)[3] = palettes[dsbi_rng_below(&p->rng, N_PALETTES)];
    int32_t gain = pick(&p->rng, 190, 290), contrast = pick(&p->rng, 200, 310);
    int32_t tint[3];
    for (int c = 0; c < 3; c++)
        tint[c] = pick(&p->rng, -14, 14);
    for (int i = 0; i < PALETTE_COLOURS; i++)
        for (int c = 0; c < 3; c++)
            p->colours[i][c] =
                byte_of(((palette[i][c] - 128) * contrast / 256 + 128) * gain / 256 + tint[c]);
}

static void copy_colour(uint8_t out[3], const uint8_t from[3], dsbi_rng *rng, int32_t spread)
{
    int32_t brighter = pick(rng, -spread, spread);
    for (int c = 0; c < 3; c++)
        out[c] = byte_of(from[c] + brighter + pick(rng, -spread / 2, spread / 2));
}

/* A material around one colour of the palette; the second texture colour is a neighbour's. */
static dsbi_material draw_material(painter *p, int32_t colour, dsbi_texture texture)
{
    dsbi_rng *rng = &p->rng;
    dsbi_material m = {.texture = texture};
    copy_colour(m.colours[0], p->colours[colour], rng, 12);
    int32_t other = colour + (chance(rng, 50) ? 1 : -1);
    other = other < 0 ? 1 : other >= PALETTE_COLOURS ? PALETTE_COLOURS - 2 : other;
    copy_colour(m.colours[1], p->colours[other], rng, 12);
    m.scale = (uint32_t)pick(rng, 26000, 140000);
    m.at_u = dsbi_rng_u32(rng);
    m.at_v = dsbi_rng_u32(rng);
    m.warp = chance(rng, 60) ? pick(rng, 2000, 14000) : 0;
    m.grain = pick(rng, 10, 90);
    m.light_u = pick(rng, -60, 60);
    m.light_v = pick(rng, -60, 60);
    return m;
}

/* Radius in [low, high] pixels with density as 1 / r^3, 24.8. */
static int32_t draw_radius(dsbi_rng *rng, double low, double high)
{
    double ratio = low / high, u = dsbi_rng_uniform(rng);
    return (int32_t)(low / sqrt(1.0 - u * (1.0 - ratio * ratio)) * 256.0);
}

static void paint_sky(painter *p)
{
    dsbi_shape sky = {.kind = DSBI_SHAPE_ALL, .x = DSBI_SCENE_WIDTH / 2, .y = 84};
    sky.material = draw_material(p, 0, DSBI_TEXTURE_CLOUD);
    sky.material.scale = (uint32_t)pick(&p->rng, 16000, 60000);
    sky.material.grain = pick(&p->rng, 0, 16);
    sky.material.light_u = pick(&p->rng, -30, 30);
    sky.material.light_v = pick(&p->rng, -20, 70);
    dsbi_shape_paint(&p->canvas, &sky);
}

static void paint_sun(painter *p)
{
    if (!chance(&p->rng, 35))
        return;
    dsbi_shape sun = {.kind = DSBI_SHAPE_ELLIPSE};
    sun.radius_u = sun.radius_v = pick(&p->rng, 7, 22) * 256;
    sun.x = pick(&p->rng, 20, DSBI_SCENE_WIDTH - 20);
    sun.y = pick(&p->rng, 16, 90);
    sun.material = draw_material(p, 0, DSBI_TEXTURE_FLAT);
    for (int c = 0; c < 3; c++)
        sun.material.colours[0][c] = byte_of(sun.material.colours[0][c] + 60 - 15 * c);
    sun.material.grain = 0;
    dsbi_shape_paint(&p->canvas, &sun);
}

/* One thing of the dead-leaves kind. */
static dsbi_shape draw_leaf(painter *p, double low, double high)
{
    dsbi_rng *rng = &p->rng;
    dsbi_shape leaf = {.kind = (dsbi_shape_kind)dsbi_rng_below(rng, 3)};
    leaf.x = pick(rng, -20, DSBI_SCENE_WIDTH + 20);
    leaf.y = pick(rng, -20, DSBI_SCENE_HEIGHT + 20);
    leaf.direction = (uint32_t)dsbi_rng_below(rng, 32);
    leaf.n_sides = (uint32_t)pick(rng, 3, 8);
    leaf.radius_u = draw_radius(rng, low, high);
    leaf.radius_v = leaf.radius_u * pick(rng, 90, 256) / 256;
    dsbi_texture texture = (dsbi_texture)dsbi_rng_below(rng, DSBI_TEXTURE_WINDOWS);
    leaf.material = draw_material(p, pick(rng, 0, PALETTE_COLOURS - 1), texture);
    /* a small thing shades as much as a large one */
    int32_t steeper = 60 * 256 / (leaf.radius_u / 256 + 8);
    leaf.material.light_u = pick(rng, -steeper, steeper);
    leaf.material.light_v = pick(rng, -steeper, steeper);
    return leaf;
}

static void paint_leaves(painter *p)
{
    uint32_t n = (uint32_t)pick(&p->rng, 60, MAX_LEAVES);
    double low = (double)pick(&p->rng, 4, 10), high = (double)pick(&p->rng, 60, 125);
    for (uint32_t i = 0; i < n; i++) {
        dsbi_shape leaf = draw_leaf(p, low, high);
        dsbi_shape_paint(&p->canvas, &leaf);
    }
    paint_sky(p);
}

/* A bush or a stone on the ground. */
static void paint_bush(painter *p, int32_t ground)
{
    dsbi_rng *rng = &p->rng;
    dsbi_shape bush = draw_leaf(p, 5.0, 50.0);
    if (chance(rng, 60)) {
        bush.kind = DSBI_SHAPE_ELLIPSE;
        bush.direction = 0;
        bush.material.texture = chance(rng, 50) ? DSBI_TEXTURE_CLOUD : DSBI_TEXTURE_RIDGE;
    }
    bush.y = pick(rng, ground, DSBI_SCENE_HEIGHT);
    dsbi_shape_paint(&p->canvas, &bush);
}

static void paint_hills(painter *p)
{
    dsbi_rng *rng = &p->rng;
    int32_t n_hills = pick(rng, 2, 5), horizon = pick(rng, 66, 158);
    int32_t step = (DSBI_SCENE_HEIGHT - horizon) / (n_hills + 1);
    int32_t n_bushes = pick(rng, 0, 14);
    for (int32_t i = 0; i < n_bushes; i++)
        paint_bush(p, horizon + step);
    for (int32_t i = n_hills; i >= 1; i--) {
        static const dsbi_texture textures[4] = {DSBI_TEXTURE_CLOUD, DSBI_TEXTURE_RIDGE,
                                                 DSBI_TEXTURE_CLOUD, DSBI_TEXTURE_STRIPES};
        dsbi_shape hill = {.kind = DSBI_SHAPE_GROUND, .radius_u = 256};
        hill.y = horizon + (i - 1) * step + pick(rng, -8, 8);
        hill.radius_v = pick(rng, 13, 58) * 256;
        int32_t colour = 1 + i * (PALETTE_COLOURS - 1) / (n_hills + 1);
        colour = colour >= PALETTE_COLOURS ? PALETTE_COLOURS - 1 : colour;
        hill.material = draw_material(p, colour, textures[dsbi_rng_below(rng, 4)]);
        hill.material.scale = (uint32_t)pick(rng, 30000, 110000);
        hill.material.light_u = pick(rng, -70, 10); /* u is depth below the line */
        hill.material.light_v = pick(rng, -40, 40);
        dsbi_shape_paint(&p->canvas, &hill);
    }
    paint_sun(p);
    paint_sky(p);
}

/* A wall with its windows in front. */
static void paint_house(painter *p, int32_t ground)
{
    dsbi_rng *rng = &p->rng;
    int32_t half_width = pick(rng, 8, 38), half_height = pick(rng, 14, 92);
    dsbi_shape house = {.kind = DSBI_SHAPE_BOX,
                        .x = pick(rng, -10, DSBI_SCENE_WIDTH + 10),
                        .y = ground - half_height + 6,
                        .radius_u = half_width * 256,
                        .radius_v = half_height * 256};
    int32_t colour = pick(rng, 1, PALETTE_COLOURS - 1);
    dsbi_texture texture = chance(rng, 70) ? DSBI_TEXTURE_WINDOWS : DSBI_TEXTURE_STRIPES;
    house.material = draw_material(p, colour, texture);
    house.material.scale = (uint32_t)pick(rng, 70000, 170000);
    if (chance(rng, 30)) { /* a roof, wider than the wall */
        dsbi_shape roof = {.kind = DSBI_SHAPE_POLYGON,
                           .x = house.x,
                           .y = house.y - half_height - half_width / 4,
                           .radius_u = half_width * 150,
                           .radius_v = half_width * 170,
                           .direction = 8,
                           .n_sides = 3};
        roof.material = draw_material(p, PALETTE_COLOURS - 1, DSBI_TEXTURE_RIDGE);
        dsbi_shape_paint(&p->canvas, &roof);
    }
    dsbi_shape_paint(&p->canvas, &house);
}

static void paint_houses(painter *p)
{
    dsbi_rng *rng = &p->rng;
    int32_t street = pick(rng, 158, 225), n_houses = pick(rng, 6, 26);
    int32_t n_bushes = pick(rng, 0, 10);
    for (int32_t i = 0; i < n_bushes; i++)
        paint_bush(p, street);
    dsbi_shape ground = {
        .kind = DSBI_SHAPE_GROUND, .y = street, .radius_u = 256, .radius_v = pick(rng, 0, 4) * 256};
    int32_t colour = pick(rng, 2, PALETTE_COLOURS - 1);
    dsbi_texture texture = chance(rng, 50) ? DSBI_TEXTURE_CLOUD : DSBI_TEXTURE_RIDGE;
    ground.material = draw_material(p, colour, texture);
    dsbi_shape_paint(&p->canvas, &ground);
    for (int32_t i = 0; i < n_houses; i++)
        paint_house(p, street - i * 2);
    paint_sun(p);
    paint_sky(p);
}

typedef struct scene_kind {
    const char *name;
    void (*paint)(painter *p);
} scene_kind;

static const scene_kind kinds[] = {
    {"hills", paint_hills},
    {"houses", paint_houses},
    {"leaves", paint_leaves},
};

/* The first draw of each scene. */
static const scene_kind *kind_of(dsbi_rng *rng, uint64_t seed, uint64_t number)
{
    dsbi_rng_init(rng, seed, DSBI_RNG_SYNTHETIC, number);
    return &kinds[dsbi_rng_below(rng, sizeof kinds / sizeof kinds[0])];
}

const char *dsbi_scene_kind(uint64_t seed, uint64_t number)
{
    dsbi_rng rng;
    return kind_of(&rng, seed, number)->name;
}

dsb_status dsbi_scene_render(dsb_runtime *rt, dsbi_image *out, const dsbi_fractal *fractal,
                             uint64_t seed, uint64_t number)
{
    enum { N_PIXELS = DSBI_SCENE_WIDTH * DSBI_SCENE_HEIGHT };
    DSBI_TRY(dsbi_image_alloc(rt, out, DSBI_SCENE_WIDTH, DSBI_SCENE_HEIGHT, 3));
    painter p = {.canvas = {.fractal = fractal}};
    p.canvas.sum = dsbi_calloc(rt, N_PIXELS, 3 * sizeof *p.canvas.sum);
    p.canvas.left = dsbi_alloc(rt, N_PIXELS);
    bool ok = p.canvas.sum && p.canvas.left;
    if (ok) {
        memset(p.canvas.left, 255, N_PIXELS);
        const scene_kind *kind = kind_of(&p.rng, seed, number);
        draw_colours(&p);
        kind->paint(&p);
        for (size_t i = 0; i < N_PIXELS * 3; i++) {
            uint32_t value = ((uint32_t)p.canvas.sum[i] + 127) / 255;
            out->data[i] = (uint8_t)(value < 255 ? value : 255);
        }
    } else {
        dsbi_image_free(rt, out);
    }
    dsbi_free(rt, p.canvas.sum);
    dsbi_free(rt, p.canvas.left);
    return ok ? DSB_OK : DSB_E_NOMEM;
}
