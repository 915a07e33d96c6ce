"""Writes the golden files of networks: python make.py [CASE ...], all without arguments.
Made with torch 2.13.0, torchvision 0.29.2, timm 1.0.31, numpy 2."""
import importlib
import pathlib
import sys

import golden

folder = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(folder), str(folder.parent)]
for file in sorted(folder.glob("family_*.py")):
    for case in importlib.import_module(file.stem).CASES:
        if len(sys.argv) == 1 or case.file in sys.argv[1:]:
            golden.run(case, folder)
