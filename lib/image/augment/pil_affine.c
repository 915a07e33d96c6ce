/* Affine transforms with Pillow's bicubic sampling (a = -1), f64, truncated to 8 bit.
 * Geometry.c samples a 4 x 4 neighbourhood: columns outside the image repeat the edge; rows outside
 * repeat the row before, which for the upper edge is the same thing. */
#include "image/augment/pil_ops.h"

#include <math.h>
#include <stdbool.h>
#include <stddef.h>

static double cubic(double v1, double v2, double v3, double v4, double d)
{
    double p2 = -v1 + v3;
    double p3 = 2 * (v1 - v2) + v3 - v4;
    double p4 = -v1 + v2 - v3 + v4;
    return v2 + d * (p2 + d * (p3 + d * p4));
}

static ptrdiff_t clamp(ptrdiff_t v, ptrdiff_t size)
{
    return v < 0 ? 0 : v < size ? v : size - 1;
}

static uint8_t truncate8(double v)
{
    return (uint8_t)(v <= 0.0 ? 0.0 : v >= 255.0 ? 255.0 : v);
}

/* One channel of a 4 x 4 neighbourhood; columns k lie at columns[k] in each row. */
static inline uint8_t sample_channel(const uint8_t *const rows[4], const ptrdiff_t columns[4],
                                     ptrdiff_t c, double dx, double dy)
{
    double v[4];
    for (int k = 0; k < 4; k++)
        v[k] = cubic(rows[k][columns[0] + c], rows[k][columns[1] + c], rows[k][columns[2] + c],
                     rows[k][columns[3] + c], dx);
    return truncate8(cubic(v[0], v[1], v[2], v[3], dy));
}

/* One output pixel; false where (x, y) lies outside the image. */
static bool sample(uint8_t out[3], const uint8_t *in, ptrdiff_t width, ptrdiff_t height, double x,
                   double y)
{
    if (!(x >= 0.0 && x < (double)width && y >= 0.0 && y < (double)height))
        return false;
    x -= 0.5;
    y -= 0.5;
    ptrdiff_t left = x < 0.0 ? -1 : (ptrdiff_t)x, top = y < 0.0 ? -1 : (ptrdiff_t)y; /* floor */
    double dx = x - (double)left, dy = y - (double)top;
    if (left >= 1 && left + 2 < width && top >= 1 && top + 2 < height) {
        const uint8_t *corner = in + 3 * (width * (top - 1) + left - 1);
        const uint8_t *rows[4] = {corner, corner + 3 * width, corner + 6 * width,
                                  corner + 9 * width};
        for (ptrdiff_t c = 0; c < 3; c++)
            out[c] = sample_channel(rows, (const ptrdiff_t[4]){0, 3, 6, 9}, c, dx, dy);
        return true;
    }
    ptrdiff_t columns[4];
    const uint8_t *rows[4];
    for (ptrdiff_t k = 0; k < 4; k++) {
        columns[k] = 3 * clamp(left - 1 + k, width);
        rows[k] = in + 3 * width * clamp(top - 1 + k, height);
    }
    for (ptrdiff_t c = 0; c < 3; c++)
        out[c] = sample_channel(rows, columns, c, dx, dy);
    return true;
}

void dsbi_pil_affine(uint8_t *out, const uint8_t *in, uint32_t width, uint32_t height,
                     const double a[6], const uint8_t fill[3])
{
    for (uint32_t y = 0; y < height; y++)
        for (uint32_t x = 0; x < width; x++, out += 3) {
            double xc = x + 0.5, yc = y + 0.5;
            double from_x = a[0] * xc + a[1] * yc + a[2];
            double from_y = a[3] * xc + a[4] * yc + a[5];
            if (!sample(out, in, width, height, from_x, from_y)) {
                out[0] = fill[0];
                out[1] = fill[1];
                out[2] = fill[2];
            }
        }
}

/* Python's round(v, 15) for |v| <= 1: the double nearest to the decimal. v * 1e15 is taken exactly
 * (product and its rounding error), so that the integer is right; both it and 1e15 are exact in
 * f64, hence the quotient is the nearest double. */
static double round15(double v)
{
    double product = v * 1e15, error = fma(v, 1e15, -product);
    double n = rint(product), rest = (product - n) + error;
    if (rest > 0.5)
        n += 1.0;
    else if (rest < -0.5)
        n -= 1.0;
    return n / 1e15;
}

void dsbi_pil_rotation(double a[6], uint32_t width, uint32_t height, double angle_deg)
{
    double turn = fmod(angle_deg, 360.0); /* Python's %: the sign of the divisor */
    if (turn < 0.0)
        turn += 360.0;
    double angle = -(turn * (3.14159265358979323846 / 180.0));
    double centre_x = width / 2.0, centre_y = height / 2.0;
    a[0] = round15(cos(angle));
    a[1] = round15(sin(angle));
    a[3] = round15(-sin(angle));
    a[4] = round15(cos(angle));
    a[2] = a[0] * -centre_x + a[1] * -centre_y + 0.0 + centre_x;
    a[5] = a[3] * -centre_x + a[4] * -centre_y + 0.0 + centre_y;
}
