#!/usr/bin/env python3
"""Shards written by `dsbias data convert` read by Python's webdataset. Not part of the tests.

    python3 compare.py build/dev/examples/dsbias [SPEC ...]

A folder of odd files is made (grey, 16-bit, CMYK, alpha, sizes from 1 x 1, class names with blanks,
accents and markup), written as shards, and every sample compared: bytes, label, class name, pixels
as Pillow decodes them. The same for each SPEC, with what the program itself says of it; a SPEC whose
images are pixels is written as PNG, and the shards are converted to an array and back, too.
"""
import glob
import io
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import PIL
import webdataset
from PIL import Image

CLASSES = ["two words", "grüß", "猫", "<b>&amp;", "plain"]


def pattern(width, height, channels, kind=np.uint8):
    y, x, c = np.meshgrid(np.arange(height), np.arange(width), np.arange(channels), indexing="ij")
    return ((x * 13 + y * 7 + c * 50 + (x * y) % 17) * (251 if kind == np.uint16 else 1)).astype(kind)


def odd_images():
    for i, (width, height) in enumerate([(1, 1), (2, 7), (19, 13), (64, 64), (101, 37)]):
        rgb = Image.fromarray(pattern(width, height, 3))
        yield f"rgb{i}.jpg", rgb, {"quality": 80}
        yield f"progressive{i}.jpg", rgb, {"progressive": True}
        yield f"grey{i}.jpg", rgb.convert("L"), {}
        yield f"cmyk{i}.jpg", rgb.convert("CMYK"), {}
        yield f"deep{i}.png", Image.fromarray(pattern(width, height, 1, np.uint16)[:, :, 0]), {}
        yield f"alpha{i}.png", Image.fromarray(pattern(width, height, 4)), {}
        yield f"palette{i}.png", rgb.quantize(7), {}
        yield f"bits{i}.bmp", rgb.convert("1"), {}
        yield f"lossy{i}.webp", rgb, {"quality": 40}
        yield f"exact{i}.webp", Image.fromarray(pattern(width, height, 4)), {"lossless": True, "exact": True}


def make_folder(root):
    for i, (name, image, options) in enumerate(odd_images()):
        folder = os.path.join(root, CLASSES[i % len(CLASSES)])
        os.makedirs(folder, exist_ok=True)
        image.save(os.path.join(folder, f"{i:03d} {name}"), **options)


def run(program, *args):
    return subprocess.run([program, "data", *args], check=True, capture_output=True, text=True).stdout


def pixels(data):
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def samples(shards):
    data = webdataset.WebDataset(sorted(glob.glob(f"{shards}/*.tar")), shardshuffle=False)
    for sample in data:
        kinds = [k for k in sample if not k.startswith("__") and k != "cls"]
        assert len(kinds) == 1, kinds
        yield sample["__key__"], sample[kinds[0]], int(sample["cls"])


def check_folder(program, work):
    root, shards = f"{work}/odd", f"{work}/shards"
    make_folder(root)
    run(program, "convert", f"{root}?format=imagefolder", shards, "--per-shard", "17")
    names = open(f"{shards}/classes.txt", encoding="utf-8").read().split("\n")[:-1]
    files = [os.path.join(root, folder, name)
             for folder in sorted(os.listdir(root), key=os.fsencode)
             for name in sorted(os.listdir(os.path.join(root, folder)), key=os.fsencode)]
    n = 0
    for (key, data, label), path in zip(samples(shards), files, strict=True):
        assert int(key) == n and data == open(path, "rb").read(), path
        assert names[label] == os.path.basename(os.path.dirname(path)), (names[label], path)
        pixels(data)
        n += 1
    print(f"odd folder: {n} samples in {len(glob.glob(shards + '/*.tar'))} shards, bytes and classes the same")


def check_spec(program, work, spec, number):
    shards, array = f"{work}/s{number}", f"{work}/a{number}.npy"
    facts = json.loads(run(program, "scan", spec, "--json", "--pixels", "0"))["datasets"][0]
    run(program, "convert", spec, shards)
    counts, images = {}, []
    for key, data, label in samples(shards):
        assert int(key) == len(images)
        counts[label] = counts.get(label, 0) + 1
        images.append(pixels(data))
    names = open(f"{shards}/classes.txt", encoding="utf-8").read().split("\n")[:-1]
    for c, said in enumerate(facts["classes"]):
        assert said["images"] == counts.get(c, 0), (said, counts.get(c))
        assert said["folder"] in (names[c], ""), (said, names[c])
    assert facts["n_images"] == len(images)
    line = f"{spec}: {len(images)} samples"
    if len({i.shape for i in images}) == 1:
        run(program, "convert", shards, array, "--to", "npy")
        stored = np.load(array)
        stored = stored if stored.ndim == 4 else np.repeat(stored[..., None], 3, 3)
        assert np.array_equal(stored, np.stack(images))
        line += f", as an array {stored.shape} the same"
    print(line)


def main():
    program = os.path.abspath(sys.argv[1])
    with tempfile.TemporaryDirectory(dir="/var/tmp") as work:
        check_folder(program, work)
        for number, spec in enumerate(sys.argv[2:]):
            check_spec(program, work, spec, number)
    print(f"webdataset {webdataset.__version__}, Pillow {PIL.__version__}")


if __name__ == "__main__":
    main()
