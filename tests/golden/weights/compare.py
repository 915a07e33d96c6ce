#!/usr/bin/env python3
"""Whole networks of torchvision and timm, and of repositories with weights for CIFAR, with random
weights: saved as they are, or under names as others write them, evaluated by `dsbias eval`, logits
compared. Not part of ctest: it takes PyTorch and minutes.   compare.py DSBIAS [NAME ...]"""
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
import mend_torchvision  # noqa: E402, F401
import numpy as np
import timm
import torch
import torchvision.models as tv
from cifar_networks import CIFAR, bfloats, prefixed
from make import randomise, transformers_vit
from safetensors.torch import save_file


def renamed(*rules):
    def rename(name):
        for pattern, to in rules:
            name = re.sub(pattern, to, name)
        return name
    return lambda state: {rename(k): v for k, v in state.items()}


def mean_beside_weights(state):
    """A checkpoint with weights that are not to be taken and their running mean, which is."""
    raw = {"state_dict.module." + k: torch.zeros_like(v) for k, v in state.items()}
    return raw | {"state_dict_ema.module." + k: v for k, v in state.items()}


def halves(state):
    return {k: v.half() if v.is_floating_point() else v for k, v in state.items()}


authors = renamed((r"^stem\.", "downsample_layers.0."), (r"^stages\.(\d)\.downsample\.", r"downsample_layers.\1."),
                  (r"\.blocks\.", "."), ("conv_dw", "dwconv"), (r"mlp\.fc", "pwconv"), (r"head\.norm", "norm"), (r"head\.fc", "head"))
transformers = renamed((r"^stem\.0\.", "convnext.embeddings.patch_embeddings."), (r"^stem\.1\.", "convnext.embeddings.layernorm."),
                       (r"^stages\.(\d)\.downsample\.", r"convnext.encoder.stages.\1.downsampling_layer."),
                       (r"^stages\.(\d)\.blocks\.(\d+)\.", r"convnext.encoder.stages.\1.layers.\2."), ("conv_dw", "dwconv"),
                       (r"\.norm\.(?=weight|bias)", ".layernorm."), (r"mlp\.fc", "pwconv"), ("gamma", "layer_scale_parameter"),
                       (r"head\.layernorm", "convnext.layernorm"), (r"head\.fc", "classifier"))
def counted_down(match):
    return f"resnet.encoder.stages.{int(match[1]) - 1}.layers.{match[2]}."


def counted_layer(match):
    return f"layer.{int(match[2]) - 1}.{'convolution' if match[1] == 'conv' else 'normalization'}."


transformers_resnet = renamed((r"^conv1\.", "resnet.embedder.embedder.convolution."), (r"^bn1\.", "resnet.embedder.embedder.normalization."),
                              (r"^layer(\d)\.(\d+)\.", counted_down), (r"downsample\.0", "shortcut.convolution"),
                              (r"downsample\.1", "shortcut.normalization"), (r"(?<=\d\.)(conv|bn)(\d)\.", counted_layer),
                              (r"^fc\.", "classifier.1."))
old_densenet = renamed((r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2"))

# name: how PyTorch makes it, our name, pixels, what is put in front of the names or made of them
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
    "resnet18_224": (lambda: tv.resnet18(), "resnet18", 224, "model.module."),
    "resnet50_97": (lambda: tv.resnet50(), "resnet50", 97, mean_beside_weights),
    "vgg11_bn_224": (lambda: tv.vgg11_bn(), "vgg11_bn", 224, "state_dict.model."),
    "densenet121_224": (lambda: tv.densenet121(), "densenet121", 224, old_densenet),
    "densenet121_half": (lambda: tv.densenet121(), "densenet121", 70, halves),
    "alexnet_259": (lambda: tv.alexnet(), "alexnet", 259, "net._orig_mod."),
    "convnext_authors": (lambda: timm.create_model("convnext_tiny"), "convnext_tiny", 224, authors),
    "convnext_transformers": (lambda: timm.create_model("convnext_nano", conv_mlp=False), "convnext_nano", 65, transformers),
    "timm_resnext50": (lambda: timm.create_model("resnext50_32x4d"), "resnext50_32x4d", 83, "model."),
    "timm_vgg11_bn": (lambda: timm.create_model("vgg11_bn"), "vgg11_bn", 96, "model.model."),
    "timm_vit_small_224": (lambda: timm.create_model("vit_small_patch16_224"), "vit_small", 224, "model."),
    "timm_vit_tiny_160": (lambda: timm.create_model("vit_tiny_patch16_224", img_size=160), "vit_tiny", 160, "ema_model.module."),
    "vit_transformers": (lambda: timm.create_model("vit_small_patch16_224"), "vit_small", 224, transformers_vit),
    "vit_transformers_half": (lambda: timm.create_model("vit_tiny_patch16_224", img_size=96), "vit_tiny", 96,
                              lambda state: halves(prefixed("module.")(transformers_vit(state)))),
    "tv_vit_b_16_half": (lambda: tv.vit_b_16(image_size=64), "vit_base", 64, halves),
    "resnet18_transformers": (lambda: tv.resnet18(), "resnet18", 96, transformers_resnet),
    "resnet50_transformers": (lambda: tv.resnet50(), "resnet50", 96, transformers_resnet),
    "timm_wrapped": (lambda: timm.create_model("resnet18"), "resnet18", 64, "timm_model."),
} | CIFAR
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def compare(dsbias, name, folder):
    make, ours, size, names = NETWORKS[name]
    model = make()
    randomise(model)
    if name.endswith("half"):
        model.half().float()
    if names is bfloats:
        model.bfloat16().float()
    written = (prefixed(names) if isinstance(names, str) else names)(model.state_dict())
    model.eval()
    images = np.random.default_rng(1).integers(0, 256, (4, size, size, 3), dtype=np.uint8)
    x = (torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255 - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    with torch.no_grad():
        expected = model(x).numpy()
    np.save(folder / "images.npy", images)
    np.save(folder / "labels.npy", np.zeros(4, np.uint8))
    save_file({k: v.contiguous() for k, v in written.items()}, folder / "w.safetensors")
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
