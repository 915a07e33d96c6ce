/* Cameras: the same scene through different pipelines. A camera changes nothing of what is seen,
 * only how: resolution, filter, local contrast, white balance, noise, JPEG. */
#ifndef DSBI_IMAGE_SYNTHETIC_CAMERA_H
#define DSBI_IMAGE_SYNTHETIC_CAMERA_H

#include "image/image.h"

/* A camera with its scenes; does not change once made, any number of threads may use it. */
typedef struct dsbi_synthetic dsbi_synthetic;

/* Names "phone", "webcam", "scanner" ...; NULL from n on. */
const char *dsbi_camera_name(size_t i);
/* One line about the pipeline. NULL from n on. */
const char *dsbi_camera_about(size_t i);

/* DSB_E_NOTFOUND with the list of names when there is no such camera. */
dsb_status dsbi_synthetic_create(dsb_runtime *rt, dsbi_synthetic **out, const char *camera,
                                 uint64_t seed);
void dsbi_synthetic_free(dsb_runtime *rt, dsbi_synthetic *synthetic);

/* Its camera's name; static text. */
const char *dsbi_synthetic_camera(const dsbi_synthetic *synthetic);

/* Where a camera's scenes begin when nothing else is said: far enough apart that two cameras never
 * see the same scene. */
uint64_t dsbi_synthetic_first_scene(const dsbi_synthetic *synthetic);

/* Kind of scene: "hills", "houses", "leaves"; static text. Cheap. */
const char *dsbi_synthetic_kind(const dsbi_synthetic *synthetic, uint64_t scene);

/* The picture as the JPEG file the camera writes. *bytes is the caller's: dsbi_free. The same bytes
 * on every machine with the same libjpeg. */
dsb_status dsbi_synthetic_shoot(const dsbi_synthetic *synthetic, dsb_runtime *rt, uint8_t **bytes,
                                size_t *size, uint64_t scene);

#endif
