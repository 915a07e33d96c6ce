/* The image operators of Pillow that RandAugment is made of, to the bit on 8-bit RGB.
 * Every array is tight [H, W, 3] u8. "factor" is Pillow's enhancement factor: 1 changes nothing.
 * Source: Pillow 13.0.0, ImageOps.py, ImageEnhance.py, src/libImaging/{Blend,Filter,Geometry}.c;
 * the golden vectors of tests/golden/pil_ops were made with it. */
#ifndef DSBI_IMAGE_PIL_OPS_H
#define DSBI_IMAGE_PIL_OPS_H

#include <stddef.h>
#include <stdint.h>

/* Lookup tables, in place (pil_point.c). */
void dsbi_pil_autocontrast(uint8_t *rgb, size_t n_pixels);
void dsbi_pil_equalize(uint8_t *rgb, size_t n_pixels);
void dsbi_pil_invert(uint8_t *rgb, size_t n_pixels);
void dsbi_pil_posterize(uint8_t *rgb, size_t n_pixels, uint32_t bits);     /* bits kept, 0..8 */
void dsbi_pil_solarize(uint8_t *rgb, size_t n_pixels, uint32_t threshold); /* 0..256 */
void dsbi_pil_solarize_add(uint8_t *rgb, size_t n_pixels, uint32_t add);   /* below 128 */

/* Blends with a degenerate image, in place (pil_enhance.c). */
void dsbi_pil_color(uint8_t *rgb, size_t n_pixels, double factor);
void dsbi_pil_contrast(uint8_t *rgb, size_t n_pixels, double factor);
void dsbi_pil_brightness(uint8_t *rgb, size_t n_pixels, double factor);
/* `out` must not overlap `in`. */
void dsbi_pil_sharpness(uint8_t *out, const uint8_t *in, uint32_t width, uint32_t height,
                        double factor);

/* Image.transform(size, AFFINE, a, BICUBIC, fillcolor=fill): output pixel (x, y) is read at
 * (a0 (x+.5) + a1 (y+.5) + a2, a3 (x+.5) + a4 (y+.5) + a5). `out` must not overlap `in`. */
void dsbi_pil_affine(uint8_t *out, const uint8_t *in, uint32_t width, uint32_t height,
                     const double a[6], const uint8_t fill[3]);
/* The matrix Image.rotate(angle_deg) uses: counter-clockwise about the centre. */
void dsbi_pil_rotation(double a[6], uint32_t width, uint32_t height, double angle_deg);

#endif
