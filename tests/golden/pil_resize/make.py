#!/usr/bin/env python3
"""Makes cases.tsv: does our resize equal Pillow's, bit for bit?

Images are a formula (pattern below, the same in test_pil_resize.c), so only sizes, boxes and
hashes of Pillow's results are stored. Run with Pillow 13.0.0 (before 13 columns
always came first, see resize.c):  python3 make.py > cases.tsv
"""
import hashlib
import sys

import numpy as np
import PIL
from PIL import Image


def pattern(width, height):
    """Ramps, edges and noise, so that rounding, overshoot and clipping all occur."""
    y, x, c = np.meshgrid(
        np.arange(height, dtype=np.uint32),
        np.arange(width, dtype=np.uint32),
        np.arange(3, dtype=np.uint32),
        indexing="ij",
    )
    noise = (x * np.uint32(73856093)) ^ (y * np.uint32(19349663)) ^ (c * np.uint32(83492791))
    noise = (noise * np.uint32(2654435761)) >> np.uint32(24)
    ramp = x * 5 + y * 3 + c * 40
    edge = np.where(((x // 7 + y // 5 + c) & 1) == 1, 255, 0)
    kind = ((x // 16) + (y // 16) * 2) % 3
    return np.choose(kind, [noise, ramp & 255, edge]).astype(np.uint8)


SIZES = [
    # in, out
    ((64, 48), (64, 48)), ((64, 48), (32, 24)), ((64, 48), (31, 23)), ((64, 48), (96, 72)),
    ((61, 47), (64, 64)), ((333, 250), (64, 64)), ((500, 375), (64, 48)), ((375, 500), (224, 299)),
    ((320, 240), (341, 256)), ((97, 101), (13, 300)), ((640, 1), (64, 1)), ((1, 640), (1, 64)),
    ((1, 1), (64, 64)), ((1, 1), (1, 1)), ((2, 2), (5, 7)), ((3, 500), (64, 64)), ((64, 64), (1, 1)),
    ((255, 257), (2, 3)), ((40, 30), (40, 300)), ((40, 30), (400, 30)), ((1000, 17), (33, 17)),
    ((17, 1000), (17, 33)), ((128, 128), (127, 129)), ((200, 100), (64, 64)), ((77, 77), (64, 64)),
    # on both sides of the rule by which rows come first
    ((180, 300), (224, 224)), ((250, 277), (224, 224)), ((250, 276), (224, 224)), ((64, 65), (64, 64)),
    ((64, 64), (64, 65)), ((300, 1000), (128, 655)), ((300, 1000), (128, 657)), ((1, 200), (3, 197)),
]
BOXES = [
    # in, out, box
    ((320, 240), (64, 64), (10, 20, 300, 200)), ((320, 240), (64, 64), (0.5, 0.25, 319.5, 239.75)),
    ((320, 240), (224, 224), (100, 80, 150, 130)), ((320, 240), (64, 64), (319, 239, 320, 240)),
    ((333, 250), (65, 63), (3.3, 7.7, 123.4, 99.9)), ((64, 64), (64, 64), (0, 0, 64, 63)),
    ((64, 64), (64, 64), (0.1, 0, 64, 64)), ((50, 40), (64, 64), (12.5, 3.75, 12.75, 40)),
    ((500, 375), (64, 64), (0, 0, 500, 375)), ((500, 375), (64, 64), (62, 0, 437, 375)),
    ((160, 256), (224, 224), (16, 51.2, 132.8, 248.32)), ((64, 90), (64, 64), (0.5, 3.25, 60, 87)),
]


def main():
    print(f"# in_w in_h out_w out_h box filter sha256[:16] -- Pillow {PIL.__version__}, numpy {np.__version__}")
    cases = [(i, o, None) for i, o in SIZES] + BOXES
    for size, out, box in cases:
        image = Image.fromarray(pattern(*size))
        for number in (Image.Resampling.BILINEAR, Image.Resampling.BICUBIC):
            result = image.resize(out, number, box=box)
            digest = hashlib.sha256(np.asarray(result).tobytes()).hexdigest()[:16]
            b = box or (0, 0, *size)
            print(*size, *out, *b, int(number), digest, sep="\t")
    # one whole result, to see where a difference lies
    tiny = np.asarray(Image.fromarray(pattern(23, 17)).resize((5, 4), Image.Resampling.BICUBIC))
    print("#tiny", *tiny.reshape(-1).tolist())


if __name__ == "__main__":
    sys.exit(main())
