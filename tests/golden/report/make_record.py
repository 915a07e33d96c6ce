#!/usr/bin/env python3
"""Writes classify.json, a record as `dsbias classify` writes it, for the tests of the report.
Python's own library only; the numbers are invented but fit each other (Wilson intervals, shares)."""
import base64, json, math, random, struct, zlib

random.seed(2)


def wilson(k, n, z=1.959964):
    p, d = k / n, 1 + z * z / n
    c, h = (p + z * z / (2 * n)) / d, z / d * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return [c - h, c + h]


def png(pixels, size):
    raw = b"".join(b"\0" + bytes(v for px in row for v in px) for row in pixels)

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    head = struct.pack(">IIBBBBB", size, size, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(raw, 9)) + chunk(b"IEND", b"")


def thumb(tint, size=32):
    blobs = [(random.random(), random.random(), 0.1 + 0.25 * random.random(), random.randint(-90, 90)) for _ in range(5)]
    pixels = []
    for y in range(size):
        row = []
        for x in range(size):
            v = 0
            for bx, by, r, a in blobs:
                if (x / size - bx) ** 2 + (y / size - by) ** 2 < r * r:
                    v += a
            row.append([max(0, min(255, (c + v - 40 * y // size) & 0xF8)) for c in tint])
        pixels.append(row)
    return "data:image/png;base64," + base64.b64encode(png(pixels, size)).decode()


names = ["cc", "coco", "caltech101"]
tints = [(120, 140, 190), (120, 160, 110), (200, 170, 130)]
confusion = [[234, 47, 19], [41, 246, 13], [9, 12, 279]]
n = sum(map(sum, confusion))
correct = sum(confusion[i][i] for i in range(3))


def rung(name, kind, k, seconds, select, **more):
    return dict(name=name, kind=kind, accuracy=k / n if k else None, correct=k, ci95=wilson(k, n) if k else None,
                select_accuracy=select, seconds=seconds, confusion=None, state="done" if k else "skipped", **more)


curve = [{"samples_seen": 2240 * i, "loss": 0.55 + 0.62 * math.exp(-i / 5) + 0.015 * random.random(),
          "select_accuracy": None if i == 0 else 0.345 + 0.34 * (1 - math.exp(-i / 6)) + 0.02 * random.random()} for i in range(21)]
rungs = [
    rung("metadata", "metadata", 764, 0.31, 0.853),
    rung("meancolor", "pixels", 422, 0.44, 0.487),
    rung("patches", "pixels", correct, 96.2, 0.837),
    rung("convnext_7k", "pixels", 560, 41.5, 0.613, curve=[dict(c, loss=c["loss"] + 0.09, select_accuracy=c["select_accuracy"] and c["select_accuracy"] - 0.07) for c in curve[:11]]),
    rung("convnext_470k", "pixels", 607, 288.0, 0.67, curve=curve),
    rung("convnext_atto", "pixels", None, None, None, why="would need about 41 min; the limit is 10 min"),
]
examples = []
for i, name in enumerate(names):
    for k in range(6):
        examples.append(dict(dataset=name, kind="typical", path=f"{name}/{'n%05d/' % (k * 7) if i == 2 else ''}{random.randint(10**8, 10**9):012d}.jpg",
                             predicted=name, probability=0.999 - 0.006 * k, thumb=thumb(tints[i])))
    for k in range(4):
        j = (i + 1 + k % 2) % 3
        examples.append(dict(dataset=name, kind="confused", path=f"{name}/{random.randint(10**8, 10**9):012d}.jpg",
                             predicted=names[j], probability=0.93 - 0.05 * k, thumb=thumb(tints[j])))

record = {
    "schema": "dsbias.classify/1",
    "verdict": {"level": "strong", "sentence": "A classifier names the collection of 84.3% of unseen images from their pixels alone; guessing would reach 33.3%."},
    "accuracy": correct / n, "correct": correct, "n_test": n, "ci95": wilson(correct, n), "chance": 1 / 3, "p_value": 3e-222,
    "headline_rung": "patches", "margin_test": {"z": 44.1, "p_value": 0.0},
    "tv_lower_bound": {"value": 0.765, "lower95": 0.739}, "mutual_information_bits": {"value": 0.89, "lower95": 0.83},
    "sample_size": [{"difference": 0.01, "n_test": 13807, "enough": False}, {"difference": 0.02, "n_test": 3468, "enough": False}, {"difference": 0.05, "n_test": 562, "enough": True}],
    "confusion": confusion,
    "datasets": [dict(name=m, spec=f"{m}=/data/dsclass/{m}", path=f"/data/dsclass/{m}", n_images=1500 - (7 if i == 0 else 0), n_train=1045, n_select=149, n_test=300,
                      recall=confusion[i][i] / 300, ci95=wilson(confusion[i][i], 300), broken=7 if i == 0 else 0, classes=101 if i == 2 else 0,
                      formats={"jpeg": 1493 if i == 0 else 1500}, median_width=[640, 640, 300][i], median_height=[480, 480, 233][i],
                      median_bytes=[58211, 158733, 12210][i], duplicates_within=4 if i == 0 else 0) for i, m in enumerate(names)],
    "rungs": rungs,
    "beyond_metadata": {"sentence": "Pixels and file properties give it away equally well.", "difference": (correct - 764) / n, "ci95": [-0.035, 0.024], "p_value": 0.81},
    "null_control": {"accuracy": 0.347, "ci95": wilson(104, 300), "n_test": 300, "correct": 104, "p_value": 0.33, "passed": True, "dataset": "coco", "rung": "patches"},
    "broken": [dict(dataset="cc", path=f"000{41 + k}.jpg", cause=c, message=m) for k, (c, m) in enumerate([
        ("truncated", "jpeg: the data end in row 112 of 480"), ("not_an_image", "begins with \"<!DOCTYPE html>\""), ("empty", "0 bytes"),
        ("truncated", "jpeg: the data end in row 31 of 683"), ("corrupt", "png: bad CRC in chunk IDAT"), ("limit", "jpeg: 65500 x 65500 pixels are above the limit of 178956970"),
        ("corrupt", "jpeg: huffman code 0x1ff in scan 1")])],
    "broken_total": 7,
    "duplicates": {"within": [{"dataset": "cc", "groups": 2, "files": 4}, {"dataset": "coco", "groups": 0, "files": 0}, {"dataset": "caltech101", "groups": 0, "files": 0}],
                   "across_total": 1, "across": [{"files": [{"dataset": "cc", "path": "00987.jpg"}, {"dataset": "coco", "path": "000000451.jpg"}]}]},
    "examples": examples,
    "record": {"command": "dsbias classify /data/dsclass/cc /data/dsclass/coco /data/dsclass/caltech101 --out report",
               "options": {"model": "auto", "size": 64, "n_train": 1045, "n_select": 149, "n_test": 300, "samples_seen": 44800, "batch": 128, "lr": 0.001, "augment": "crop", "null_control": True, "time_limit_s": 600},
               "version": "0.1.0", "build": "libdsbias 0.1.0 (6b54818, 12.2.0)", "isa": "avx512", "threads": 2, "blas": "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY Cooperlake MAX_THREADS=64",
               "kernels": {"add_f32": "avx512", "gelu_f32": "avx2"}, "seed": 0, "seconds_total": 511.3, "peak_memory_bytes": 402653184, "time_limit": 600,
               "plan": {"images_per_second": 412.5, "rungs": ["metadata", "meancolor", "patches", "convnext_7k", "convnext_470k"], "patches": {"filters": 4000, "width": 5}},
               "data": [{"name": m, "sha256_of_index": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"} for m in names], "started": "2026-11-21T19:00:00Z"},
}
with open("classify.json", "w") as f:
    json.dump(record, f, indent=1)
    f.write("\n")
