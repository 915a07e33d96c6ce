"""The pipelines of loader_peers.py: python3 loader_peer.py SECONDS FOLDER... prints JSON.

Each worker, a thread or a process, makes whole batches in a buffer of its own and counts; nothing
is handed over, which is more than fair. Only torchvision's DataLoader hands its batches over, as it
always does.
    loader_peer.py --photos WxH OUT FOLDER...   makes files of another size from some images"""

import glob
import json
import math
import multiprocessing
import os
import random
import sys
import threading
import time

import numpy as np

SIZE, BATCH = 224, 128


def paths_of(folders):
    paths = sorted(p for d in folders for p in glob.glob(d + "/*.jp*g"))
    random.Random(1).shuffle(paths)
    return paths


def draw_box(rng, width, height):
    """torchvision's RandomResizedCrop."""
    for _ in range(10):
        area = rng.uniform(0.08, 1) * width * height
        aspect = math.exp(rng.uniform(-math.log(4 / 3), math.log(4 / 3)))
        w, h = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
        if 0 < w <= width and 0 < h <= height:
            return rng.randint(0, width - w), rng.randint(0, height - h), w, h
    return 0, 0, width, height


def read(path):
    with open(path, "rb", buffering=0) as f:
        return f.read()


def finish_cv(out, pixels, rng, box, scale=1.0):
    import cv2
    x, y, w, h = (round(v * scale) for v in box)
    result = cv2.resize(pixels[y : y + h, x : x + w], (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        cv2.flip(result, 1, out)
    else:
        out[:] = result


def opencv(out, path, rng):
    import cv2
    pixels = cv2.imdecode(np.frombuffer(read(path), np.uint8), cv2.IMREAD_COLOR_RGB)
    finish_cv(out, pixels, rng, draw_box(rng, pixels.shape[1], pixels.shape[0]))


def simplejpeg_full(out, path, rng):
    import simplejpeg
    pixels = simplejpeg.decode_jpeg(read(path), "RGB")
    finish_cv(out, pixels, rng, draw_box(rng, pixels.shape[1], pixels.shape[0]))


def simplejpeg_scaled(out, path, rng):
    """Decoded at a reduced size where the crop allows it."""
    import simplejpeg
    data = read(path)
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    box = draw_box(rng, width, height)
    scale = min(1.0, SIZE / min(box[2:]))
    pixels = simplejpeg.decode_jpeg(data, "RGB", min_height=math.ceil(height * scale),
                                    min_width=math.ceil(width * scale))
    finish_cv(out, pixels, rng, box, pixels.shape[1] / width)


def pillow(out, path, rng, draft=False):
    from PIL import Image
    image = Image.open(path)
    width, height = image.size
    box = draw_box(rng, width, height)
    if draft:
        scale = min(1.0, SIZE / min(box[2:]))
        image.draft("RGB", (math.ceil(width * scale), math.ceil(height * scale)))
    scale = image.size[0] / width
    x, y, w, h = (v * scale for v in box)
    corners = (x, y, min(x + w, image.size[0]), min(y + h, image.size[1]))
    image = image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR, box=corners)
    if rng.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    out[:] = np.asarray(image)


def pillow_draft(out, path, rng):
    pillow(out, path, rng, True)


def work(job, paths, seed, seconds, barrier, counts):
    """Batches until the time is over; one is for warming up."""
    import cv2
    cv2.setNumThreads(0)
    rng = random.Random(seed)
    batch = np.zeros((BATCH, SIZE, SIZE, 3), np.uint8)
    n, at, start, took = -BATCH, seed * 37, 0, 0
    while n < 0 or took < seconds:
        for i in range(BATCH):
            job(batch[i], paths[(at + i) % len(paths)], rng)
        at += BATCH
        n += BATCH
        if n == 0:
            barrier.wait()
            start = time.perf_counter()
        took = time.perf_counter() - start
    counts[seed] = n / took


def measure(job, paths, seconds, workers, processes):
    if processes:
        context = multiprocessing.get_context("fork")
        barrier, counts, make = context.Barrier(workers), context.Array("d", workers), context.Process
    else:
        barrier, counts, make = threading.Barrier(workers), [0.0] * workers, threading.Thread
    all_workers = [make(target=work, args=(job, paths, i, seconds, barrier, counts))
                   for i in range(workers)]
    for w in all_workers:
        w.start()
    for w in all_workers:
        w.join()
    return sum(counts)


class Files:
    """A dataset as torch wants it."""

    def __init__(self, paths, kind):
        from torchvision.transforms import v2
        steps = [v2.RandomResizedCrop(SIZE, antialias=True), v2.RandomHorizontalFlip()]
        self.paths, self.kind = paths, kind
        self.transform = v2.Compose(steps + ([v2.PILToTensor()] if kind == "PIL" else []))

    def __len__(self):
        return 1 << 30

    def __getitem__(self, i):
        path = self.paths[i % len(self.paths)]
        if self.kind == "PIL":
            from PIL import Image
            with open(path, "rb") as f:
                return self.transform(Image.open(f).convert("RGB"))
        from torchvision.io import ImageReadMode, decode_image, read_file
        return self.transform(decode_image(read_file(path), ImageReadMode.RGB))


def has_torchvision_io(path):
    """Not every build of torchvision reads images itself."""
    try:
        Files([path], "io")[0]
    except RuntimeError:
        return False
    return True


def torchvision(paths, seconds, workers, kind):
    import torch
    torch.set_num_threads(1)
    loader = torch.utils.data.DataLoader(Files(paths, kind), batch_size=BATCH, num_workers=workers,
                                         prefetch_factor=2 if workers else None)
    batches = iter(loader)
    for _ in range(max(1, workers)):
        next(batches)
    n, start = 0, time.perf_counter()
    while time.perf_counter() - start < seconds or n == 0:
        n += len(next(batches))
    rate = n / (time.perf_counter() - start)
    del batches
    return rate


def versions():
    import cv2
    import PIL
    import simplejpeg
    import torch
    import torchvision as tv
    from PIL import features
    return (f"Python {sys.version.split()[0]}, torch {torch.__version__}, torchvision {tv.__version__}, "
            f"OpenCV {cv2.__version__}, simplejpeg {simplejpeg.__version__}, Pillow {PIL.__version__} "
            f"(libjpeg-turbo {features.version('libjpeg_turbo')})")


def import_torchvision():
    sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))
    import mend_torchvision  # noqa: F401


def make_photos(size, out, folders):
    from PIL import Image
    os.makedirs(out)
    width, height = (int(v) for v in size.split("x"))
    rng = np.random.default_rng(1)
    for number, path in enumerate(paths_of(folders)[:1200]):
        image = Image.open(path).convert("RGB").resize((width, height), Image.Resampling.BICUBIC)
        noisy = np.asarray(image).astype(np.int16) + rng.normal(0, 4, (height, width, 1)).astype(np.int16)
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(
            os.path.join(out, f"{number:05d}.jpg"), quality=90)


def main():
    if sys.argv[1] == "--photos":
        make_photos(sys.argv[2], sys.argv[3], sys.argv[4:])
        return
    seconds, paths = float(sys.argv[1]), paths_of(sys.argv[2:])
    import_torchvision()
    figures = {}
    for name, job in (("OpenCV", opencv), ("simplejpeg", simplejpeg_full),
                      ("simplejpeg scaled", simplejpeg_scaled), ("Pillow", pillow),
                      ("Pillow draft", pillow_draft)):
        figures[f"{name}, 2 processes"] = measure(job, paths, seconds, 2, True)
        figures[f"{name}, 2 threads"] = measure(job, paths, seconds, 2, False)
    for kind in ["PIL"] + ["io"] * has_torchvision_io(paths[0]):
        for workers in range(4):
            figures[f"torchvision DataLoader, {kind}, {workers} workers"] = torchvision(
                paths, seconds, workers, kind)
    print(json.dumps({"figures": figures, "versions": versions()}))


if __name__ == "__main__":
    main()
