#!/usr/bin/env python3
"""Compares decoding and resizing with Pillow on real images, bit for bit. Not part of the tests.

    python3 compare.py build/dev/libdsbias.so FOLDER [N]

Every file (or N, evenly spread) is decoded by both; where both succeed the pixels must be equal,
and so must three resizes (squash to 64 bilinear, centre crop to 64 bicubic, 224 x 224 of a box).
Equality of decoding needs Pillow and the library to use the same kind of libjpeg (libjpeg-turbo 2).
"""
import ctypes
import os
import sys

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


def compare(lib, rt, path):
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
        resized = ctypes.c_void_p()
        status = lib.dsb_image_resize(image, ctypes.byref(resized), 224, 224, (ctypes.c_double * 4)(*box), 3)
        assert status == 0, lib.dsb_last_error()
        if not np.array_equal(pixels(lib, resized), np.asarray(theirs.resize((224, 224), 3, box=box))):
            difference.append("box bicubic 224")
        lib.dsb_image_free(resized)
    lib.dsb_image_free(image)
    return ", ".join(difference), not difference


def main():
    lib = load_library(sys.argv[1])
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
