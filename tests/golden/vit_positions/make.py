#!/usr/bin/env python3
"""Writes vectors.h: position embeddings resampled to other grids by timm.

    python3 tests/golden/vit_positions/make.py | clang-format-14 --style=file > vectors.h

Embeddings [1, prefix + side^2, D] hold a formula that C repeats exactly. The file in the tree was
made with the versions it names.
"""
import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
import mend_torchvision  # noqa: E402, F401
import numpy as np
import timm
import torch
from timm.layers import resample_abs_pos_embed

DIM = 2
CASES = [  # side of the file's grid, class tokens, new grid
    (4, 1, 5, 3), (4, 1, 2, 2), (7, 1, 3, 8), (3, 0, 7, 7), (2, 1, 9, 1), (1, 0, 2, 3), (14, 1, 4, 6),
]


def main():
    print("/* Made by make.py with timm %s, torch %s. */" % (timm.__version__, torch.__version__))
    print("enum { DIM = %d, N_CASES = %d };" % (DIM, len(CASES)))
    print("static const struct {\n    size_t side, prefix, h, w, at;\n} cases[N_CASES] = {")
    at, values = 0, []
    for side, prefix, h, w in CASES:
        n = (prefix + side * side) * DIM
        x = (np.arange(n, dtype=np.int64) * 7919 % 1009 / 1009 - 0.5).astype(np.float32)
        x = torch.from_numpy(x.reshape(1, -1, DIM))
        y = resample_abs_pos_embed(x, [h, w], num_prefix_tokens=prefix)
        print("    {%d, %d, %d, %d, %d}," % (side, prefix, h, w, at))
        values += y.flatten().tolist()
        at += y.numel()
    print("};\nstatic const float expected[] = {")
    for i in range(0, len(values), 6):
        print("    " + " ".join("%.9gf," % v if "." in "%.9g" % v else "%.1ff," % v for v in values[i : i + 6]))
    print("};")


main()
