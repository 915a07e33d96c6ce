#!/usr/bin/env python3
"""The table of docs/training-parity.md from the JSON lines of peer.py and train_cifar.

    compare.py runs.jsonl [more.jsonl ...]
"""
import json
import statistics
import sys


def network(run):
    return "ResNet-20" if "resnet" in run["model"] else "small ViT"


def main():
    runs = [json.loads(line) for path in sys.argv[1:] for line in open(path) if line.strip()]
    groups = {}
    for run in runs:
        groups.setdefault((network(run), run["epochs"]), {}).setdefault(run["side"], {})[
            run["seed"]] = run
    print("| network | side | accuracy % for each seed | mean | sd | CPU seconds of training |")
    print("|---|---|---|---|---|---|")
    for (name, epochs), sides in sorted(groups.items()):
        means = {}
        for side in ("pytorch", "dsbias"):
            seeds = sides.get(side, {})
            values = [100 * seeds[s]["accuracy"] for s in sorted(seeds)]
            if not values:
                continue
            means[side] = statistics.mean(values)
            spread = f"{statistics.stdev(values):.2f}" if len(values) > 1 else ""
            seconds = statistics.mean(seeds[s]["train_cpu_seconds"] for s in seeds)
            print(f"| {name}, {epochs} epochs | {side} | "
                  f"{', '.join(f'{v:.2f}' for v in values)} | {means[side]:.2f} | {spread} | "
                  f"{seconds:.0f} |")
        if len(means) == 2:
            print(f"| | dsbias - pytorch | | {means['dsbias'] - means['pytorch']:+.2f} | | |")


if __name__ == "__main__":
    main()
