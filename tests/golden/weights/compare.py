#!/usr/bin/env python3
"""Whole networks of torchvision and timm with random weights: saved as they are, evaluated by
`dsbias eval` under the names they have, logits compared. Not part of ctest: it takes PyTorch and
minutes.   compare.py DSBIAS [NAME ...]"""
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
import tvfix  # noqa: F401  makes torchvision import where it has no compiled operators
import timm
import torch
import torchvision.models as tv
from make import randomise
from safetensors.torch import save_file

# name: how PyTorch makes it, our name, pixels, what is put in front of the names
NETWORKS = {
    "tv_resnet18": (lambda: tv.resnet18(), "resnet18", 96, ""),
    "tv_resnet50": (lambda: tv.resnet50(), "resnet50", 96, "module."),
    "tv_resnet101": (lambda: tv.resnet101(), "resnet101", 64, ""),
    "tv_resnext50": (lambda: tv.resnext50_32x4d(), "resnext50_32x4d", 64, "model."),
    "tv_densenet169": (lambda: tv.densenet169(), "densenet169", 64, ""),
    "tv_vgg13_bn": (lambda: tv.vgg13_bn(), "vgg13_bn", 64, "_orig_mod."),
    "tv_vgg11": (lambda: tv.vgg11(), "vgg11", 224, ""),
    "tv_alexnet": (lambda: tv.alexnet(), "alexnet", 224, ""),
    "tv_convnext_tiny": (lambda: tv.convnext_tiny(), "convnext_tiny", 96, ""),
    "tv_vit_b_16": (lambda: tv.vit_b_16(image_size=96), "vit_base", 96, ""),
    "timm_resnet34": (lambda: timm.create_model("resnet34"), "resnet34", 96, "state_dict."),
    "timm_resnet152": (lambda: timm.create_model("resnet152"), "resnet152", 64, ""),
    "timm_densenet121": (lambda: timm.create_model("densenet121"), "densenet121", 64, "model_ema."),
    "timm_vgg16": (lambda: timm.create_model("vgg16"), "vgg16", 64, ""),
    "timm_convnext_atto": (lambda: timm.create_model("convnext_atto"), "convnext_atto", 96, "module."),
    "timm_convnext_small": (lambda: timm.create_model("convnext_small"), "convnext_small", 64, ""),
    "timm_vit_tiny": (lambda: timm.create_model("vit_tiny_patch16_224", img_size=96), "vit_tiny", 96, ""),
    "timm_vit_small_mean": (lambda: timm.create_model("vit_small_patch16_224", img_size=64, class_token=True, global_pool="avg"),
                            "vit_small:pool=mean", 64, ""),
    "timm_deit_small": (lambda: timm.create_model("deit_small_patch16_224"), "vit_small", 224, ""),
}
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def compare(dsbias, name, folder):
    make, ours, size, prefix = NETWORKS[name]
    model = make()
    randomise(model)
    model.eval()
    images = np.random.default_rng(1).integers(0, 256, (4, size, size, 3), dtype=np.uint8)
    x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    with torch.no_grad():
        expected = model(x).numpy()
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", np.zeros(4, np.uint8))
    save_file({prefix + k: v.contiguous() for k, v in model.state_dict().items()}, folder / "w.safetensors")
    command = [dsbias, "eval", "--model", ours, "--weights", folder / "w.safetensors", "--size", str(size), "--out", folder / "out",
               "--quiet", folder / "images.npy"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        return f"exit code {done.returncode}: {done.stderr.strip()[:600]}"
    got = np.load(folder / "out" / "logits.npy")
    error = np.abs(got - expected).max() / np.abs(expected).max()
    return f"{error:.1e}{'' if error < 1e-4 else '  TOO FAR'}"


def main():
    torch.set_num_threads(2)
    failed = 0
    for name in sys.argv[2:] or NETWORKS:
        with tempfile.TemporaryDirectory() as folder:
            result = compare(sys.argv[1], name, pathlib.Path(folder))
        failed += "e-" not in result or "FAR" in result
        print(f"{name:24} {NETWORKS[name][1]:20} {result}", flush=True)
    return failed > 0


if __name__ == "__main__":
    sys.exit(main())
