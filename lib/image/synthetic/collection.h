/* "synthetic:CAMERA?n=600&seed=7&offset=0": a collection of pictures made by a camera. */
#ifndef DSBI_IMAGE_SYNTHETIC_COLLECTION_H
#define DSBI_IMAGE_SYNTHETIC_COLLECTION_H

#include "image/synthetic/camera.h"

typedef struct dsbi_synthetic_spec {
    dsbi_synthetic *camera; /* owned */
    uint64_t n_images;      /* default 500 */
    uint64_t first_scene;   /* offset; default dsbi_synthetic_first_scene */
} dsbi_synthetic_spec;

enum { DSBI_SYNTHETIC_NAME_BYTES = 32 };

bool dsbi_synthetic_is_spec(const char *text); /* begins with "synthetic:" */

/* INVALID for what is no such text, with the place; NOTFOUND for a camera. */
dsb_status dsbi_synthetic_parse(dsb_runtime *rt, dsbi_synthetic_spec *out, const char *text);
void dsbi_synthetic_spec_free(dsb_runtime *rt, dsbi_synthetic_spec *spec);

/* Relative path of image i: "hills/scene-000000012.jpg", the number is the scene's. */
void dsbi_synthetic_path(char out[DSBI_SYNTHETIC_NAME_BYTES], const dsbi_synthetic_spec *spec,
                         uint64_t i);

#endif
