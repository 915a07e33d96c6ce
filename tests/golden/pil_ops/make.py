#!/usr/bin/env python3
"""Writes vectors.h: what Pillow's operators make of small images given by a formula.

    python3 tests/golden/pil_ops/make.py > tests/golden/pil_ops/vectors.h

The operators are called as timm's RandAugment calls them. Stored is the FNV-1a 64 hash of the
output pixels. The file in the tree was made with the version it names.
"""
import PIL
from PIL import Image, ImageEnhance, ImageOps

IMAGES = [(k, w, h) for k in (0, 1, 2) for w, h in ((64, 64), (37, 23), (8, 40))]
IMAGES += [(0, 3, 2), (0, 1, 1), (3, 37, 23), (4, 37, 23)]
FILL = (124, 116, 104)
M32 = 0xFFFFFFFF


def pixel(kind, x, y, c):
    h = (x * 73856093 ^ y * 19349663 ^ c * 83492791 ^ kind * 2654435761) & M32
    h ^= h >> 13
    h = h * 0x5BD1E995 & M32
    h ^= h >> 15
    if kind == 0:
        return h & 255  # noise
    if kind == 1:
        return min(255, x * 3 + y * 2 + c * 20 + h % 7)  # gradient
    if kind == 2:
        return 60 + c * 20 + h % 90  # narrow range
    if kind == 3:
        return 200 if h & 1 else 31 + c  # two levels
    return 77 + c  # constant


def image(kind, width, height):
    return Image.frombytes(
        "RGB", (width, height),
        bytes(pixel(kind, x, y, c) for y in range(height) for x in range(width) for c in range(3)))


def fnv(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = (h ^ b) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


def solarize_add(img, add):
    lut = [min(255, i + add) if i < 128 else i for i in range(256)]
    return img.point(lut * 3)


def affine(img, matrix):
    return img.transform(img.size, Image.AFFINE, matrix, resample=Image.BICUBIC, fillcolor=FILL)


def operations():
    yield "AUTOCONTRAST", 0.0, ImageOps.autocontrast
    yield "EQUALIZE", 0.0, ImageOps.equalize
    yield "INVERT", 0.0, ImageOps.invert
    for angle in (-30.0, -27.123456789, 0.0, 11.5, 26.9):
        yield "ROTATE", angle, lambda im, a=angle: im.rotate(a, resample=Image.BICUBIC, fillcolor=FILL)
    for bits in (1, 2, 4, 8):
        yield "POSTERIZE", float(bits), lambda im, b=bits: ImageOps.posterize(im, b)
    for threshold in (0, 26, 128, 256):
        yield "SOLARIZE", float(threshold), lambda im, t=threshold: ImageOps.solarize(im, t)
    for add in (0, 99, 110):
        yield "SOLARIZE_ADD", float(add), lambda im, a=add: solarize_add(im, a)
    for name in ("Color", "Contrast", "Brightness", "Sharpness"):
        for factor in (0.1, 0.1876543, 1.0, 1.5, 1.8123456):
            yield name.upper(), factor, lambda im, f=factor, n=name: getattr(ImageEnhance, n)(im).enhance(f)
    for v in (-0.3, -0.2712345, 0.05, 0.27):
        yield "SHEAR_X", v, lambda im, f=v: affine(im, (1, f, 0, 0, 1, 0))
        yield "SHEAR_Y", v, lambda im, f=v: affine(im, (1, 0, 0, f, 1, 0))
    for v in (-0.45, -0.4012345, 0.1, 0.405):
        yield "TRANSLATE_X", v, lambda im, f=v: affine(im, (1, 0, f * im.size[0], 0, 1, 0))
        yield "TRANSLATE_Y", v, lambda im, f=v: affine(im, (1, 0, 0, 0, 1, f * im.size[1]))


def main():
    print(f"/* Made by tests/golden/pil_ops/make.py with Pillow {PIL.__version__}. Do not edit. */")
    print("/* clang-format off */")
    print("static const pil_vector pil_vectors[] = {")
    for kind, width, height in IMAGES:
        source = image(kind, width, height)
        for name, argument, function in operations():
            hashed = fnv(function(source).tobytes())
            print(f"    {{{kind}, {width}, {height}, DSBI_AUG_{name}, {argument!r}, 0x{hashed:016x}u}},")
    print("};")


main()
