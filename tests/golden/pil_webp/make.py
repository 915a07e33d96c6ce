#!/usr/bin/env python3
"""Writes vectors.h: what Pillow makes of the WebP files in tests/fuzz/corpus/webp.

    python3 tests/golden/pil_webp/make.py > tests/golden/pil_webp/vectors.h

Stored is the FNV-1a 64 hash of convert("RGB"). The file in the tree was made with the versions it
names.
"""
import os
import sys

import PIL
from PIL import Image, features

FOLDER = os.path.join(os.path.dirname(__file__), "../../fuzz/corpus/webp")


def fnv(data):
    h = 0xCBF29CE484222325
    for b in data:
        h = (h ^ b) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


def main():
    print(f"/* Made by tests/golden/pil_webp/make.py with Pillow {PIL.__version__}, "
          f"libwebp {features.version('webp')}. Do not edit. */")
    print("/* clang-format off */")
    print("static const webp_vector webp_vectors[] = {")
    for name in sorted(os.listdir(FOLDER)):
        with Image.open(os.path.join(FOLDER, name)) as image:
            alpha = int(image.mode == "RGBA")
            hashed = fnv(image.convert("RGB").tobytes())
            print(f'    {{"{name}", {image.width}, {image.height}, {alpha}, 0x{hashed:016x}u}},')
    print("};")


sys.exit(main())
