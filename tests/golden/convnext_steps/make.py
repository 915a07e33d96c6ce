#!/usr/bin/env python3
"""Writes vectors.h: ten AdamW steps of the 470K ConvNeXt in PyTorch: losses and all gradients.

    python3 tests/golden/convnext_steps/make.py > tests/golden/convnext_steps/vectors.h

Weights and images come from integer hashes that C repeats exactly. The run is made in f64 and in
f32. Of each gradient tensor and step the L2 norm and two projections on +-1 vectors (hashes too)
are stored, from f64, so every element takes part; `torch_*` is how far PyTorch's own f32 run is
from it: the yardstick of the test. The file in the tree was made with the version it names.
"""
import math

import numpy as np
import torch
import torch.nn.functional as F

DEPTHS, DIMS, CLASSES, SIDE, BATCH, STEPS = (1, 1, 3, 1), (20, 40, 80, 160), 3, 64, 8, 10
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def hashes(stream, n):
    h = np.arange(n, dtype=np.uint64) * 2246822519 % 2**32 ^ (stream * 2654435761 % 2**32)
    h ^= h >> 15
    h = h * 2146121005 % 2**32
    h ^= h >> 13
    h = h * 2221713035 % 2**32
    return h ^ h >> 16


class LayerNorm(torch.nn.Module):
    """Over channels, of NCHW or of the last dimension."""

    def __init__(self, dim):
        super().__init__()
        self.weight, self.bias = torch.nn.Parameter(torch.ones(dim)), torch.nn.Parameter(torch.zeros(dim))

    def forward(self, x):
        if x.dim() == 4 and x.shape[1] == self.weight.shape[0]:
            x = F.layer_norm(x.permute(0, 2, 3, 1), self.weight.shape, self.weight, self.bias, 1e-6)
            return x.permute(0, 3, 1, 2)
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, 1e-6)


class Block(torch.nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.gamma = torch.nn.Parameter(torch.ones(dim))
        self.dwconv = torch.nn.Conv2d(dim, dim, 7, padding=3, groups=dim)
        self.norm = LayerNorm(dim)
        self.pwconv1, self.pwconv2 = torch.nn.Linear(dim, 4 * dim), torch.nn.Linear(4 * dim, dim)

    def forward(self, x):
        y = self.norm(self.dwconv(x)).permute(0, 2, 3, 1)
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class ConvNeXt(torch.nn.Module):
    """State dict of facebookresearch/ConvNeXt."""

    def __init__(self):
        super().__init__()
        self.downsample_layers = torch.nn.ModuleList(
            [torch.nn.Sequential(torch.nn.Conv2d(3, DIMS[0], 4, 4), LayerNorm(DIMS[0]))])
        for i in range(3):
            self.downsample_layers.append(
                torch.nn.Sequential(LayerNorm(DIMS[i]), torch.nn.Conv2d(DIMS[i], DIMS[i + 1], 2, 2)))
        self.stages = torch.nn.ModuleList(
            torch.nn.Sequential(*[Block(c) for _ in range(d)]) for d, c in zip(DEPTHS, DIMS))
        self.norm = LayerNorm(DIMS[-1])
        self.head = torch.nn.Linear(DIMS[-1], CLASSES)

    def forward(self, x):
        for down, stage in zip(self.downsample_layers, self.stages):
            x = stage(down(x))
        return self.head(self.norm(x.mean([2, 3])))


def start(model):
    """Stream k, the k-th name in alphabetical order: weights uniform in +-2^-3, vectors +-2^-4, norm
    weights and layer scales around 1 and 1/2."""
    with torch.no_grad():
        for k, (name, p) in enumerate(sorted(model.named_parameters())):
            u = (hashes(k + 1, p.numel()).astype(np.float64) / 2**32 * 65536 // 1 / 65536 - 0.5) / 4
            if p.dim() == 1:
                u = u / 2
                u += 0.5 if name.endswith("gamma") else 1.0 if "weight" in name else 0.0
            p.copy_(torch.from_numpy(u).reshape(p.shape))


def batch(step):
    """Image b shows one of three textures under noise; its label says which."""
    n = SIDE * SIDE * 3
    labels = np.array([(b + step) % CLASSES for b in range(BATCH)])
    images = np.empty((BATCH, SIDE, SIDE, 3))
    for b in range(BATCH):
        noise = (hashes(1000 + step * BATCH + b, n) % 128).reshape(SIDE, SIDE, 3).astype(np.int64)
        y, x, c = np.ogrid[:SIDE, :SIDE, :3]
        images[b] = noise + (x * (labels[b] + 1) + y * 2 + c * 9) * 3 % 128
    return images, torch.from_numpy(labels)


def learning_rate(step):
    """3 steps of warm-up, then half a cosine to 1e-6."""
    if step < 3:
        return 1e-3 * step / 2
    return 1e-6 + 0.5 * (1e-3 - 1e-6) * (1 + math.cos(math.pi * (step - 3) / (STEPS - 3)))


def run(dtype):
    model = ConvNeXt()
    start(model)
    model = model.to(dtype)
    decayed = [p for n, p in model.named_parameters() if p.dim() > 1]
    plain = [p for n, p in model.named_parameters() if p.dim() == 1]
    optimiser = torch.optim.AdamW([{"params": decayed, "weight_decay": 0.3},
                                   {"params": plain, "weight_decay": 0.0}], betas=(0.9, 0.95), eps=1e-8)
    losses, facts = [], []
    for step in range(STEPS):
        images, labels = batch(step)
        x = (torch.from_numpy(images / 255) - torch.tensor(MEAN)) / torch.tensor(STD)
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step)
        optimiser.zero_grad()
        loss = F.cross_entropy(model(x.permute(0, 3, 1, 2).to(dtype)), labels, label_smoothing=0.1)
        loss.backward()
        losses.append(loss.item())
        row = []
        for k, (name, p) in enumerate(sorted(model.named_parameters())):
            g = p.grad.double().numpy().ravel()
            signs = hashes(k + 101, g.size)
            row.append([np.linalg.norm(g)] +
                       [float((g * np.where(signs >> np.uint64(bit) & np.uint64(1), 1, -1)).sum()) for bit in (3, 17)])
        facts.append(row)
        optimiser.step()
    names = sorted((n, p.numel()) for n, p in model.named_parameters())
    return names, np.array(losses), np.array(facts)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    names, losses, facts = run(torch.float64)
    _, losses32, facts32 = run(torch.float32)
    print(f"/* Made by tests/golden/convnext_steps/make.py with PyTorch {torch.__version__}. Do not edit. */")
    print("/* clang-format off */")
    print(f"enum {{ STEPS = {STEPS}, BATCH = {BATCH}, SIDE = {SIDE}, CLASSES = {CLASSES}, TENSORS = {len(names)} }};")
    print("static const char *const tensor_names[TENSORS] = {")
    for name, _ in names:
        print(f'    "{name}",')
    print("};")
    print("static const double torch_loss[STEPS] = {" + ", ".join(f"{v:.9g}" for v in losses) + "};")
    print("static const double torch_loss_error[STEPS] = {" +
          ", ".join(f"{v:.2g}" for v in abs(losses32 - losses)) + "};")
    error = abs(facts32 - facts).max(axis=2) / facts[:, :, 0]
    print("/* largest over tensors of |f32 - f64| / |gradient|, norm and projections */")
    print("static const double torch_gradient_error[STEPS] = {" +
          ", ".join(f"{v:.2g}" for v in error.max(axis=1)) + "};")
    print("/* norm, projection on bit 3, on bit 17 */")
    print("static const double torch_gradient[STEPS][TENSORS][3] = {")
    for step in range(STEPS):
        print("    {" + "\n     ".join("{" + ", ".join(f"{v:.8g}" for v in row) + "}," for row in facts[step]) + "},")
    print("};")


main()
