#!/usr/bin/env python3
"""Speed and memory of dsbias beside PyTorch, and for inference onnxruntime and OpenVINO.

    peers.py [--build DIR] [--venv DIR] [--cases NAME,...] [--modes train,infer] [--threads T]
             [--rounds R] [--warmup R] [--repeats R] [--budget SECONDS] [--quick]
             [--peer-modes NAME,...] [--prefix COMMAND] [--note TEXT] [--doc FILE] [--tables-only]

Without --venv makes a virtual environment in the build folder and installs the peers with pip.
For each case it tries every mode of the peer once, each in a process of its own, keeps the fastest,
then runs dsbias and that mode in turn; figures are medians over the rounds. What was measured is
kept in BUILD/peers.json, so that cases may be run one at a time, and all of it is written as tables
between the markers of docs/performance.md, whose other text stays as it is."""

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import venv

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PACKAGES = ["torch==2.13.0", "numpy", "onnx", "onnxruntime", "openvino"]
TORCH_MODES = ["eager", "channels_last", "compile"]
BEGIN, END = "<!-- peers.py: begin -->", "<!-- peers.py: end -->"

# case: what dsbias and peer_models.py call the model, image size, batch, times as fast it is to be
CASES = {
    "convnext_470k": ("convnext_470k", "convnext_470k", 64, 128, 3.0),
    "convnext_tiny": ("convnext_tiny", "convnext_tiny", 224, 16, 2.0),
    "vit_small": ("vit_small", "vit_small", 224, 16, 1.5),
    "resnet50": ("resnet50", "resnet50", 224, 16, 1.25),
    "vgg16": ("vgg16", "vgg16", 224, 16, 1.25),
    "alexnet": ("alexnet", "alexnet", 224, 16, 1.25),
    "cifar_resnet56": ("cifar_resnet:depth=56,shortcut=A", "cifar_resnet56", 32, 128, 2.0),
    "densenet_bc_100_12": ("densenet:blocks=16-16-16,growth=12,stem=conv", "densenet_bc_100_12",
                           32, 128, 2.0),
}
INFER_BATCH, INFER_GOAL = 16, 1.25


def arguments():
    p = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    p.add_argument("--build", default=os.path.join(ROOT, "build", "dev"))
    p.add_argument("--venv", help="reuse this virtual environment")
    p.add_argument("--cases", default=",".join(CASES))
    p.add_argument("--modes", default="train,infer")
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--rounds", type=int, default=3, help="times that the two run in turn")
    p.add_argument("--warmup", type=int, default=4, help="steps of a round before the clock starts: "
                   "the first tenths of a second of a process are slow")
    p.add_argument("--repeats", type=int, default=5, help="timed steps of a round")
    p.add_argument("--budget", type=float, default=30, help="seconds of a round, about")
    p.add_argument("--quick", action="store_true", help="one round of two steps: does it work?")
    p.add_argument("--peer-modes", default="", help="only these modes of the peer")
    p.add_argument("--prefix", default="", help="in front of each measured command: taskset -c 0,1")
    p.add_argument("--note", default="", help="how the machine was used, for the table")
    p.add_argument("--doc", default=os.path.join(ROOT, "docs", "performance.md"))
    p.add_argument("--tables-only", action="store_true", help="write the tables from peers.json")
    return p.parse_args()


def make_venv(folder):
    """The python of an environment with the peers in it."""
    python = os.path.join(folder, "bin", "python")
    if not os.path.exists(python):
        venv.create(folder, with_pip=True)
    if subprocess.run([python, "-c", "import torch, onnxruntime, openvino"],
                      capture_output=True).returncode:
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    return python


def run_json(command, **options):
    """The JSON a command prints, or the last line of its complaint as text."""
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        return lines[-1][:200] if lines else f"exit code {done.returncode}"
    return json.loads(done.stdout[done.stdout.index("{"):])


def run_peer(args, python, engine, case, mode, batch):
    _, name, size, _, _ = CASES[case]
    environment = dict(os.environ, OMP_NUM_THREADS=str(args.threads),
                       TORCHINDUCTOR_CACHE_DIR=os.path.join(args.build, "inductor"))
    command = [python, os.path.join(HERE, "peer_run.py"), engine, name, str(size), str(batch), mode,
               str(args.threads), str(args.warmup), str(args.repeats), str(args.budget)]
    return run_json(args.prefix.split() + command, env=environment, cwd=HERE)


def run_dsbias(args, case, mode, batch, classes, threads=None):
    model, _, size, _, _ = CASES[case]
    return run_json([*args.prefix.split(),
                     os.path.join(args.build, "examples", "dsbias"), "bench", "--model", model,
                     "--size", str(size), "--batch", str(batch), "--classes", str(classes),
                     "--mode", mode, "--threads", str(threads or args.threads),
                     "--warmup", str(args.warmup), "--repeats", str(args.repeats), "--json"])


def peer_classes(python, case):
    name = CASES[case][1]
    out = subprocess.run([python, "-c", f"import peer_models as p; m = p.MODELS[{name!r}]; "
                          "print(m[1], m[2])"], cwd=HERE, capture_output=True, text=True,
                         check=True)
    return [int(x) for x in out.stdout.split()]


def say(text):
    print(text, file=sys.stderr, flush=True)


def probe(args, python, case, mode, batch):
    """Each mode of the peer once: runs by mode, failures by mode."""
    modes = args.peer_modes.split(",") if args.peer_modes else list(TORCH_MODES)
    if mode == "infer" and not args.peer_modes:
        modes += ["onnxruntime", "openvino"]
    runs, failures = {}, {}
    for engine in modes:
        result = run_peer(args, python, engine, case, mode, batch)
        if isinstance(result, str):
            failures[engine] = result
            say(f"  {engine}: {result}")
        else:
            runs[engine] = [result]
            say(f"  {engine}: {batch / statistics.median(result['seconds']):.4g} images/s, "
                f"{result['peak_memory_bytes'] / 2**20:.0f} MiB")
    return runs, failures


def compare(args, python, case, mode):
    batch = CASES[case][3] if mode == "train" else INFER_BATCH
    classes, parameters = peer_classes(python, case)
    say(f"{case}, {mode}, batch {batch}, {args.threads} threads")
    ours = [run_dsbias(args, case, mode, batch, classes)]
    if isinstance(ours[0], str):
        say(f"  dsbias: {ours[0]}")
        return None
    if ours[0].get("parameters", parameters) != parameters:
        raise SystemExit(f"{case}: {ours[0]['parameters']} parameters, the peer has {parameters}")
    say(f"  dsbias: {ours[0]['images_per_second']:.4g} images/s, "
        f"{ours[0]['peak_memory_bytes'] / 2**20:.0f} MiB")
    runs, failures = probe(args, python, case, mode, batch)
    if not runs:
        return None
    speed = {e: batch / statistics.median(r[0]["seconds"]) for e, r in runs.items()}
    best = max(speed, key=speed.get)
    for _ in range(args.rounds - 1):
        ours.append(run_dsbias(args, case, mode, batch, classes))
        runs[best].append(run_peer(args, python, best, case, mode, batch))
        for result in (ours[-1], runs[best][-1]):
            if isinstance(result, str):
                raise SystemExit(f"{case}: worked the first time, now: {result}")
    speed[best] = batch / statistics.median(
        [statistics.median(r["seconds"]) for r in runs[best]])
    best = max(speed, key=speed.get)  # another mode's one run, where the fastest fell behind it
    rate = statistics.median([r["images_per_second"] for r in ours])
    result = {
        "case": case, "mode": mode, "batch": batch, "size": CASES[case][2],
        "threads": args.threads, "ours": rate,
        "share": rate / ours[0]["images_per_second"] * ours[0]["share_of_peak"],
        "peak_gflops": max(r["peak_gflops"] for r in ours),
        "our_memory": max(r["peak_memory_bytes"] for r in ours),
        "peer": best, "theirs": speed[best], "modes": speed, "failures": failures,
        "their_memory": max(r["peak_memory_bytes"] for r in runs[best]),
        "least_memory": min(x["peak_memory_bytes"] for r in runs.values() for x in r),
        "build": ours[0]["build"], "isa": ours[0]["isa"], "rounds": len(ours), "note": args.note,
        "date": datetime.date.today().isoformat(),
    }
    say(f"  {rate:.4g} images/s against {speed[best]:.4g} ({best}): "
        f"{rate / speed[best]:.2f} times as fast")
    return result


def cpu_name():
    with open("/proc/cpuinfo") as info:
        for line in info:
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.machine()


def versions(python):
    code = ("import torch, onnxruntime, openvino; print('PyTorch', torch.__version__ + ', '"
            "'onnxruntime', onnxruntime.__version__ + ', OpenVINO',"
            "openvino.__version__.split('-')[0])")
    return subprocess.run([python, "-c", code], capture_output=True, text=True).stdout.strip()


def table(results, mode):
    goals = {case: row[4] if mode == "train" else INFER_GOAL for case, row in CASES.items()}
    lines = ["| model | pixels | batch | dsbias img/s | % of FMA peak | peer img/s | best mode | "
             "times as fast | goal | memory MiB | peer MiB | ratio | when |",
             "|---|---|---|---|---|---|---|---|---|---|---|---|---|"]
    for case in CASES:
        r = results.get(f"{case} {mode}")
        if not r:
            continue
        when = r["date"] + (f", {r['note']}" if r["note"] else "")
        lines.append(
            f"| {case} | {r['size']} | {r['batch']} | {r['ours']:.4g} | {100 * r['share']:.0f} | "
            f"{r['theirs']:.4g} | {r['peer']} | **{r['ours'] / r['theirs']:.2f}** | "
            f"{goals[case]:g} | {r['our_memory'] / 2**20:.0f} | {r['their_memory'] / 2**20:.0f} | "
            f"{r['our_memory'] / r['their_memory']:.2f} | {when} |")
    return lines if len(lines) > 2 else []


def all_modes(results):
    """Every mode of the peer that was tried, so that the choice can be checked."""
    lines = []
    for key in sorted(results):
        r = results[key]
        tried = ", ".join(f"{e} {s:.4g}" for e, s in sorted(r["modes"].items(),
                                                            key=lambda x: -x[1]))
        failed = "".join(f"; {e} failed: {why}" for e, why in r["failures"].items())
        lines.append(f"- {r['case']}, {r['mode']}: {tried}{failed}")
    return lines


def write_tables(args, kept):
    results, machine = kept["results"], kept["machine"]
    threads = sorted({r["threads"] for r in results.values()})
    text = [BEGIN, "", f"{machine['cpu']}, {machine['cpus']} CPUs, {machine['system']}; "
            f"{', '.join(map(str, threads))} threads, f32; {machine['versions']}. "
            "Memory is the largest resident size of the process, libraries included.", ""]
    for mode, title in (("train", "Training: whole steps with AdamW"),
                        ("infer", "Inference")):
        rows = table(results, mode)
        if rows:
            text += [f"### {title}", "", *rows, ""]
    text += ["Images a second of every mode of the peer that was tried:", "",
             *all_modes(results), "", END]
    before, after = "# Performance\n\n", "\n"
    if os.path.exists(args.doc):
        with open(args.doc) as doc:
            old = doc.read()
        if BEGIN in old and END in old:
            before, after = old.split(BEGIN)[0], old.split(END)[1]
        else:
            before = old + "\n"
    with open(args.doc, "w") as doc:
        doc.write(before + "\n".join(text) + after)


def main():
    args = arguments()
    if args.quick:
        args.rounds, args.warmup, args.repeats, args.budget = 1, 1, 2, 5
    kept_path = os.path.join(args.build, "peers.json")
    kept = {"results": {}}
    if os.path.exists(kept_path):
        with open(kept_path) as file:
            kept = json.load(file)
    if not args.tables_only:
        python = make_venv(args.venv or os.path.join(args.build, "peers-venv"))
        kept["machine"] = {"cpu": cpu_name(), "cpus": os.cpu_count(),
                           "system": f"{platform.system()} {platform.release()}",
                           "versions": versions(python)}
        for case in args.cases.split(","):
            for mode in args.modes.split(","):
                result = compare(args, python, case, mode)
                if result:
                    kept["results"][f"{case} {mode}"] = result
                with open(kept_path, "w") as file:
                    json.dump(kept, file, indent=1)
    if kept["results"]:
        write_tables(args, kept)


if __name__ == "__main__":
    main()
