#!/usr/bin/env python3
"""Compares decoding and resizing with Pillow on real images, bit for bit. Not part of the tests.

    python3 compare.py build/dev/libdsbias.so FOLDER [N]
    python3 compare.py build/dev/libdsbias.so --odd

Every file (or N, evenly spread) is decoded by both; where both succeed the pixels must be equal,
and so must seven resizes: squash to 64 bilinear, centre crop to 64 bicubic, 224 x 224 of a box with
fractions, and of a cut-out as random resized crops take it (both filters), and two odd sizes.
--odd makes files of sides 1 to 257 in every sampling, mode and kind that Pillow writes.
Equality needs the kind of libjpeg-turbo that Pillow has (2 and 3 decode alike), and Pillow 13.0 or
later: older ones resize tall images in another order of passes.
"""
import ctypes
import os
import random
import sys
import tempfile

import numpy as np
import PIL
from PIL import Image, features

Image.MAX_IMAGE_PIXELS = None


class Info(ctypes.Structure):
    _fields_ = [("struct_size", ctypes.c_uint64), ("rest", ctypes.c_uint8 * 4096)]


def load_library(path):
    lib = ctypes.CDLL(path)
    lib.dsb_last_error.restype = ctypes.c_char_p
    lib.dsb_image_pixels.restype = ctypes.c_void_p
    lib.dsb_image_width.restype = lib.dsb_image_height.restype = ctypes.c_uint32
    for name in ("dsb_image_pixels", "dsb_image_width", "dsb_image_height", "dsb_image_free"):
        getattr(lib, name).argtypes = [ctypes.c_void_p]
    return lib


def pixels(lib, image):
    h, w = lib.dsb_image_height(image), lib.dsb_image_width(image)
    data = ctypes.string_at(lib.dsb_image_pixels(image), h * w * 3)
    return np.frombuffer(data, np.uint8).reshape(h, w, 3)


def prepared(lib, image, size, mode, number):
    out = np.empty((size, size, 3), np.uint8)
    status = lib.dsb_image_prepare(image, ctypes.c_void_p(out.ctypes.data), size, mode, number)
    assert status == 0, lib.dsb_last_error()
    return out


def centre_crop(image, size, number):
    w, h = image.size
    short = min(w, h)
    w2, h2 = (size, int(size * h / w)) if w <= h else (int(size * w / h), size)
    assert short
    left, top = int(round((w2 - size) / 2)), int(round((h2 - size) / 2))
    return np.asarray(image.resize((w2, h2), number))[top : top + size, left : left + size]


def resize(lib, image, size, number, box=None):
    """The library's resize as an array."""
    out = ctypes.c_void_p()
    corners = (ctypes.c_double * 4)(*box) if box else None
    status = lib.dsb_image_resize(image, ctypes.byref(out), size[0], size[1], corners, number)
    assert status == 0, lib.dsb_last_error()
    result = pixels(lib, out).copy()
    lib.dsb_image_free(out)
    return result


def cut_differs(lib, rt, theirs, rng):
    """A random box is cut out, then resized to 224 x 224, by both filters."""
    w, h = theirs.size
    x0, y0 = rng.randrange(w), rng.randrange(h)
    cut = theirs.crop((x0, y0, rng.randint(x0 + 1, w), rng.randint(y0 + 1, h)))
    data, image = np.ascontiguousarray(cut), ctypes.c_void_p()
    status = lib.dsb_image_create(rt, ctypes.byref(image), ctypes.c_void_p(data.ctypes.data), *cut.size)
    assert status == 0, lib.dsb_last_error()
    wrong = [n for n in (2, 3)
             if not np.array_equal(resize(lib, image, (224, 224), n), np.asarray(cut.resize((224, 224), n)))]
    lib.dsb_image_free(image)
    return [f"cut {cut.size} filter {n}" for n in wrong]


def compare(lib, rt, path):
    rng = random.Random(os.path.basename(path))
    image = ctypes.c_void_p()
    status = lib.dsb_image_load(rt, ctypes.byref(image), None, os.fsencode(path))
    ours = lib.dsb_last_error().decode() if status else ""
    try:
        with Image.open(path) as opened:
            theirs = opened.convert("RGB")
    except Exception as error:
        if status == 0:
            lib.dsb_image_free(image)
        return f"pillow refuses ({error}); we {'refuse' if status else 'decode'}", status != 0
    if status:
        return f"we refuse: {ours}", False
    difference = []
    if not np.array_equal(pixels(lib, image), np.asarray(theirs)):
        a, b = pixels(lib, image).astype(int), np.asarray(theirs).astype(int)
        difference.append(f"decode ({a.shape} {b.shape}, max {np.abs(a - b).max() if a.shape == b.shape else '?'})")
    else:
        if not np.array_equal(prepared(lib, image, 64, 0, 2), np.asarray(theirs.resize((64, 64), 2))):
            difference.append("squash bilinear 64")
        if not np.array_equal(prepared(lib, image, 64, 1, 3), centre_crop(theirs, 64, 3)):
            difference.append("centre crop bicubic 64")
        w, h = theirs.size
        box = (w * 0.1, h * 0.2, w * 0.83, h * 0.97)
        if not np.array_equal(resize(lib, image, (224, 224), 3, box), np.asarray(theirs.resize((224, 224), 3, box=box))):
            difference.append("box bicubic 224")
        difference += cut_differs(lib, rt, theirs, rng)
        for size in ((33, 7), (rng.randint(1, 300), rng.randint(1, 300))):
            if not np.array_equal(resize(lib, image, size, 3), np.asarray(theirs.resize(size, 3))):
                difference.append(f"bicubic {size}")
    lib.dsb_image_free(image)
    return ", ".join(difference), not difference


def write_odd(folder):
    """Files of odd sizes, in all the ways Pillow writes JPEG, PNG, PPM and BMP."""
    rng = np.random.default_rng(1)
    sides = [1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 65, 127, 129, 255, 257]
    ways = [(mode, "jpg", dict(quality=q, subsampling=s, progressive=p, restart_marker_blocks=r))
            for mode in ("RGB", "L", "CMYK") for q in (30, 95) for s in (0, 1, 2)
            for p, r in ((False, 0), (True, 0), (False, 3))]
    ways += [(mode, "png", {}) for mode in ("RGB", "L", "1", "P", "RGBA", "LA", "I;16")]
    ways += [(mode, kind, {}) for mode in ("RGB", "L") for kind in ("ppm", "bmp")]
    for number, (mode, kind, options) in enumerate(ways * 6):
        w, h = (int(x) for x in rng.choice(sides, 2))
        coarse = rng.integers(0, 256, (h // 8 + 2, w // 8 + 2, 3), dtype=np.uint8)
        image = Image.fromarray(coarse).resize((w, h), Image.Resampling.BICUBIC)
        if mode == "I;16":
            image = Image.fromarray(rng.integers(0, 65536, (h, w), dtype=np.uint16))
        elif mode != "RGB":
            image = image.convert(mode)
        image.save(os.path.join(folder, f"{number:03d}_{mode.replace(';', '')}_{w}x{h}.{kind}"), **options)


def main():
    lib = load_library(sys.argv[1])
    odd = tempfile.TemporaryDirectory()
    if sys.argv[2] == "--odd":
        write_odd(odd.name)
        sys.argv[2] = odd.name
    rt = ctypes.c_void_p()
    assert lib.dsb_runtime_create_for(ctypes.byref(rt), None, 0) == 0, lib.dsb_last_error()
    paths = sorted(os.path.join(d, f) for d, _, names in os.walk(sys.argv[2]) for f in names)
    n = int(sys.argv[3]) if len(sys.argv) > 3 else len(paths)
    paths = [paths[i * len(paths) // n] for i in range(min(n, len(paths)))]
    equal = 0
    for path in paths:
        text, same = compare(lib, rt, path)
        equal += same
        if text:
            print(("same: " if same else "DIFFERS: ") + os.path.basename(path), text)
    print(f"{equal} of {len(paths)} the same; Pillow {PIL.__version__}, "
          f"libjpeg-turbo {features.version('libjpeg_turbo')}")
    return equal != len(paths)


if __name__ == "__main__":
    sys.exit(main())
