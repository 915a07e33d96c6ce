#!/usr/bin/env python3
"""Compares WebP decoding with Pillow, bit for bit, on files made here. Not part of the tests.

    python3 compare.py build/dev/libdsbias.so [SEED]

Pictures of many sizes (1 x 1 to 700 x 500, odd ones, lines) in every way Pillow writes them: lossy
at several qualities, lossless, near lossless, with alpha, exact alpha, animated, with profiles. Then
the same files damaged: whether both refuse is counted, and where both decode the pixels must agree.
"""
import ctypes
import io
import os
import random
import sys

import numpy as np
import PIL
from PIL import Image, features

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../pil_resize"))
from compare import load_library, pixels  # noqa: E402

SIZES = [(1, 1), (1, 40), (40, 1), (2, 3), (16, 16), (17, 15), (45, 31), (64, 64), (255, 257), (333, 200), (700, 500)]


def picture(width, height, kind, rng):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(4), indexing="ij")
    if kind == 0:
        array = rng.integers(0, 256, (height, width, 4))
    elif kind == 1:
        array = (x * 3 + y * 2 + c * 20 + rng.integers(0, 9, (height, width, 4))) & 255
    else:
        array = (x // 7 * 40 + y // 5 * 30) % 5 * 50 + c
    return Image.fromarray(array.astype(np.uint8))


def encoded(image, **options):
    out = io.BytesIO()
    image.save(out, "WEBP", **options)
    return out.getvalue()


def variants(rgba):
    rgb = rgba.convert("RGB")
    for quality in (1, 30, 75, 100):
        yield encoded(rgb, quality=quality)
    yield encoded(rgb, quality=80, method=6)
    yield encoded(rgb, quality=50, method=0)
    yield encoded(rgb, lossless=True)
    yield encoded(rgb, lossless=True, quality=100, method=6)
    yield encoded(rgb.convert("L"), lossless=True)
    yield encoded(rgba, lossless=True)
    yield encoded(rgba, lossless=True, exact=True)
    yield encoded(rgba, quality=60)
    yield encoded(rgba, quality=60, alpha_quality=20)
    yield encoded(rgb, quality=60, icc_profile=b"none", exif=b"Exif\0\0II*\0", xmp=b"<x/>")
    if rgb.width > 1 and rgb.height > 1:
        turned = [rgb.rotate(180), rgb.rotate(90).resize(rgb.size)]
        yield encoded(rgb, save_all=True, append_images=turned, duration=50, quality=50)
        yield encoded(rgba, save_all=True, append_images=turned, duration=50, lossless=True)


def damaged(data, rnd):
    bad = bytearray(data)
    kind = rnd.randrange(4)
    if kind == 0:
        return bytes(bad[: rnd.randrange(len(bad))])
    for _ in range(rnd.randrange(1, 5)):
        at = rnd.randrange(min(len(bad), 60)) if kind == 1 else rnd.randrange(len(bad))
        bad[at] = rnd.randrange(256)
    if kind == 3:  # the size of the whole follows, as a repaired file's would
        bad[:12] = data[:12]
    return bytes(bad)


def ours(lib, rt, data):
    image = ctypes.c_void_p()
    if lib.dsb_image_decode(rt, ctypes.byref(image), None, data, ctypes.c_size_t(len(data))) != 0:
        return None
    result = pixels(lib, image).copy()
    lib.dsb_image_free(image)
    return result


def theirs(data):
    try:
        with Image.open(io.BytesIO(data)) as image:
            return np.asarray(image.convert("RGB")) if image.format == "WEBP" else None
    except Exception:
        return None


def main():
    lib = load_library(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    rng, rnd = np.random.default_rng(seed), random.Random(seed)
    rt = ctypes.c_void_p()
    assert lib.dsb_runtime_create_for(ctypes.byref(rt), None, 0) == 0, lib.dsb_last_error()
    equal = files = 0
    counts = {"both decode": 0, "both refuse": 0, "only Pillow decodes": 0, "only we decode": 0, "pixels differ": 0}
    for width, height in SIZES:
        for kind in range(3):
            for data in variants(picture(width, height, kind, rng)):
                a, b = ours(lib, rt, data), theirs(data)
                files += 1
                equal += a is not None and b is not None and np.array_equal(a, b)
                for _ in range(20 if len(data) < 20000 else 2):
                    bad = damaged(data, rnd)
                    if bad[8:12] != b"WEBP":
                        continue
                    a, b = ours(lib, rt, bad), theirs(bad)
                    if a is None or b is None:
                        key = "both refuse" if a is b else "only Pillow decodes" if a is None else "only we decode"
                        if a is not b and counts[key] < 5:
                            print(key, len(bad), bad[:60].hex(), lib.dsb_last_error().decode() if a is None else "")
                    else:
                        key = "both decode" if np.array_equal(a, b) else "pixels differ"
                    counts[key] += 1
    print(f"{equal} of {files} whole files the same; damaged: {counts}")
    print(f"Pillow {PIL.__version__}, its libwebp {features.version('webp')}")
    return equal != files or counts["pixels differ"] > 0


if __name__ == "__main__":
    sys.exit(main())
