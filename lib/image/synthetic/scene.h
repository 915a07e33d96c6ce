/* Scenes made of nothing but numbers: hills under a sky, leaves on leaves, houses in rows. A scene
 * is a function of (seed, number): shapes with edges, shading and texture, painted front to back.
 * Integer arithmetic and square roots only, so that every machine makes the same bytes. */
#ifndef DSBI_IMAGE_SYNTHETIC_SCENE_H
#define DSBI_IMAGE_SYNTHETIC_SCENE_H

#include "image/image.h"
#include "image/synthetic/fractal.h"

enum { DSBI_SCENE_WIDTH = 320, DSBI_SCENE_HEIGHT = 240 };

/* What the scene shows: "hills", "leaves", "houses". Static text. */
const char *dsbi_scene_kind(uint64_t seed, uint64_t number);

/* out: DSBI_SCENE_WIDTH x DSBI_SCENE_HEIGHT, allocated. */
dsb_status dsbi_scene_render(dsb_runtime *rt, dsbi_image *out, const dsbi_fractal *fractal,
                             uint64_t seed, uint64_t number);

#endif
