#!/usr/bin/env python3
"""Speed of the loader beside torchvision, OpenCV, simplejpeg, Pillow, and libjpeg-turbo alone.

    loader_peers.py [--build DIR] [--venv DIR] [--images FOLDER] [--photos WxH] [--seconds S]
                    [--rounds R] [--note TEXT] [--doc FILE] [--fresh] [--tables-only]

The same job for all: read the file, decode, random resized crop (area 0.08 to 1, aspect 3/4 to 4/3)
to 224 x 224, bilinear, mirror half of them, batches of 128 x 224 x 224 x 3 bytes. Peers run with one
and two threads or processes, torchvision's DataLoader with 0 to 3 workers; nobody waits for a
consumer. Without --venv makes a virtual environment in the build folder and installs the peers with
pip; one that is given is used as it is. --photos makes files of another size out of the images first. Each round runs everything once, one
after the other; ratios are of one round, figures medians over the rounds. What was measured is kept in
BUILD/loader_peers.json (--fresh: begun anew) and written as tables between the markers of
docs/loader.md."""

import argparse
import datetime
import glob
import json
import os
import platform
import statistics
import subprocess
import sys
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SHARED = os.path.join(os.path.dirname(ROOT), "shared", "data", "dsclass")
PACKAGES = ["torch", "torchvision", "opencv-python-headless", "simplejpeg", "pillow", "numpy"]
BEGIN, END = "<!-- loader_peers.py: begin -->", "<!-- loader_peers.py: end -->"


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--build", default=os.path.join(ROOT, "build", "dev"))
    p.add_argument("--venv", help="use this virtual environment as it is, install nothing")
    p.add_argument("--images", default=SHARED, help="folder of JPEG files, or of such folders")
    p.add_argument("--photos", default="", help="WxH: make 1,200 files of this size and use them")
    p.add_argument("--seconds", type=float, default=3, help="of each figure, about")
    p.add_argument("--rounds", type=int, default=1)
    p.add_argument("--note", default="", help="how the machine was used, for the table")
    p.add_argument("--doc", default=os.path.join(ROOT, "docs", "loader.md"))
    p.add_argument("--fresh", action="store_true", help="forget what was measured of these images")
    p.add_argument("--tables-only", action="store_true")
    return p.parse_args()


def find_python(args):
    """Of the environment given, which is never changed, or of one made here."""
    if args.venv:
        return os.path.join(args.venv, "bin", "python")
    folder = os.path.join(args.build, "loader_venv")
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        venv.create(folder, with_pip=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return python


def run_json(command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)}: {done.stderr.strip()[-500:]}")
    return json.loads(done.stdout[done.stdout.index("{"):])


def folders_of(images):
    below = sorted(d for d in glob.glob(os.path.join(images, "*")) if os.path.isdir(d))
    return below or [images]


def run_dsbias(args, where, threads, fast):
    batches = max(10, int(args.seconds * 4000 * threads / 128))
    if args.photos:
        batches = max(10, batches // 3)
    command = [os.path.join(args.build, "examples", "dsbias"), "data", "bench", where, "--json",
               "--headers-only", "--threads", str(threads), "--batches", str(batches)]
    return run_json(command + (["--fast"] if fast else []))["images_per_second"]


def run_libjpeg(args, mode, threads):
    return run_json([os.path.join(args.build, "tests", "bench", "bench_jpeg"), mode, str(threads),
                     str(args.seconds), *folders_of(args.images)])["images_per_second"]


def one_round(args, python):
    """name: images a second."""
    figures = {}
    shards = os.path.join(args.work, "shards")
    for threads in (1, 2):
        for mode in ("full", "cropend", "crop224"):
            figures[f"libjpeg {mode}, {threads}"] = run_libjpeg(args, mode, threads)
        for fast in (False, True):
            name = "dsbias fast" if fast else "dsbias exact"
            figures[f"{name}, {threads}"] = run_dsbias(args, args.images, threads, fast)
        figures[f"dsbias fast from tar, {threads}"] = run_dsbias(args, shards, threads, True)
    peers = run_json([python, os.path.join(HERE, "loader_peer.py"), str(args.seconds),
                      *folders_of(args.images)])
    return dict(figures, **peers["figures"]), peers["versions"]


def best(figures, *beginnings):
    """The fastest of the peers whose names begin so."""
    names = [n for n in figures if n.startswith(beginnings)]
    return max(names, key=figures.get)


def ratios(figures):
    """what: (ratio, goal) of one round."""
    torch = figures[best(figures, "torchvision")]
    others = figures[best(figures, "OpenCV", "simplejpeg", "Pillow")]
    rows = {}
    for mode, modes_alone in (("exact", ("full", "cropend")), ("fast", ("crop224",)),
                              ("fast from tar", ("crop224",))):
        two = figures[f"dsbias {mode}, 2"]
        rows[f"{mode} / best torchvision DataLoader"] = (two / torch, 2.5)
        rows[f"{mode} / best of OpenCV, simplejpeg, Pillow"] = (two / others, 1.3)
        for alone, threads in ((a, t) for a in modes_alone for t in (1, 2)):
            rows[f"{mode} / libjpeg-turbo alone, {alone}, {threads} thread{'s' * (threads > 1)}"] = (
                figures[f"dsbias {mode}, {threads}"] / figures[f"libjpeg {alone}, {threads}"], 0.9)
        for alone in modes_alone:  # what the machine gives
            rows[f"libjpeg-turbo alone, {alone}: two threads / one"] = (
                figures[f"libjpeg {alone}, 2"] / figures[f"libjpeg {alone}, 1"], "")
        rows[f"{mode}: two threads / one"] = (two / figures[f"dsbias {mode}, 1"], 1.9)
    return rows


def table(entry):
    rounds = entry["rounds"]
    lines = [f"**{entry['title']}**, {entry['machine']}, {entry['date']}, {len(rounds)} rounds"
             f"{', ' + entry['note'] if entry['note'] else ''}; {entry['versions']}.", "",
             "| pipeline, threads or processes | images/s |", "|---|---|"]
    names = list(rounds[0])
    medians = {n: statistics.median(r[n] for r in rounds) for n in names}
    lines += [f"| {n} | {medians[n]:,.0f} |" for n in sorted(names, key=medians.get, reverse=True)]
    lines += ["", "| ratio | median | goal |", "|---|---|---|"]
    per_round = [ratios(r) for r in rounds]
    lines += [f"| {what} | {statistics.median(r[what][0] for r in per_round):.2f} | {goal} |"
              for what, (_, goal) in per_round[0].items()]
    return "\n".join(lines)


def write_tables(args, kept):
    with open(args.doc) as f:
        text = f.read()
    head, rest = text.split(BEGIN)
    tail = rest.split(END)[1]
    body = "\n\n".join(table(kept[key]) for key in sorted(kept))
    with open(args.doc, "w") as f:
        f.write(f"{head}{BEGIN}\n{body}\n{END}{tail}")


def machine():
    with open("/proc/cpuinfo") as f:
        model = next((l.split(":")[1].strip() for l in f if l.startswith("model name")), "?")
    return f"{model}, {os.cpu_count()} cores, {platform.system()}"


def prepare(args, python):
    """Files of another size, and the shards."""
    args.work = os.path.join(args.build, "loader_peers", args.photos or "images")
    os.makedirs(args.work, exist_ok=True)
    if args.photos:
        photos = os.path.join(args.work, "photos")
        if not os.path.isdir(photos):
            subprocess.run([python, os.path.join(HERE, "loader_peer.py"), "--photos", args.photos,
                            photos, *folders_of(args.images)], check=True)
        args.images = photos
    shards = os.path.join(args.work, "shards")
    if not os.path.isdir(shards):
        subprocess.run([os.path.join(args.build, "examples", "dsbias"), "data", "convert",
                        args.images, shards, "--to", "webdataset", "--headers-only"], check=True)


def main():
    args = arguments()
    store = os.path.join(args.build, "loader_peers.json")
    kept = {}
    if os.path.exists(store):
        with open(store) as f:
            kept = json.load(f)
    if not args.tables_only:
        python = find_python(args)
        prepare(args, python)
        key = args.photos or "images"
        entry = kept.get(key) if not args.fresh else None
        for _ in range(args.rounds):
            figures, versions = one_round(args, python)
            entry = entry or {"rounds": []}
            entry["rounds"].append(figures)
        sizes = [os.path.getsize(f) for d in folders_of(args.images) for f in glob.glob(d + "/*.jp*g")]
        entry.update(title=f"{len(sizes):,} JPEG files, {args.photos or 'of the shared folder'}, "
                           f"{sum(sizes) / len(sizes) / 1000:.0f} kB on average",
                     machine=machine(), date=datetime.date.today().isoformat(),
                     versions=versions, note=args.note)
        kept[key] = entry
        with open(store, "w") as f:
            json.dump(kept, f, indent=1)
    write_tables(args, kept)


if __name__ == "__main__":
    main()
