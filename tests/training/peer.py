#!/usr/bin/env python3
"""The PyTorch side of docs/training-parity.md: ResNet-20 (shortcut A) or a small ViT on CIFAR-10
binary files, with the recipe that examples/train_cifar.c runs in the library.

    peer.py --model resnet20|vit --seed N --epochs N --train FILE.bin... --test FILE.bin... >> log

Prints one JSON line. Needs torch and numpy; the library, its build and its tests do not need this.

Both sides do the same: u8 pixels, zero padding of 4 and a random 32 x 32 crop, a flip with chance
1/2, (u8 / 255 - mean) / std; batches of 128 drawn without replacement, what is left of a pass
dropped; linear warm-up over the first epoch and half a cosine to zero, set for each step:
    t < W    lr * t / (W - 1)
    t >= W   lr / 2 * (1 + cos(pi (t - W) / (T - W)))
Random numbers differ, as they do between two seeds.
"""
import argparse
import json
import math
import platform
import sys
import time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2470, 0.2435, 0.2616)


def read_cifar(paths):
    records = np.concatenate([np.fromfile(p, np.uint8).reshape(-1, 3073) for p in paths])
    return records[:, 1:].reshape(-1, 3, 32, 32), records[:, 0].astype(np.int64)


class BasicBlock(nn.Module):
    def __init__(self, c_in, c, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c)
        self.conv2 = nn.Conv2d(c, c, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c)
        self.stride, self.pad = stride, (c - c_in) // 2

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.pad:  # shortcut A of He et al. 2016
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, self.pad, self.pad))
        return F.relu(y + x)


class CifarResNet(nn.Module):
    """He et al. 2016, section 4.2, with the names of akamaster/pytorch_resnet_cifar10."""

    def __init__(self, n_blocks):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        c_in = 16
        for i, c in enumerate((16, 32, 64)):
            blocks = []
            for j in range(n_blocks):
                blocks.append(BasicBlock(c_in, c, 2 if i and not j else 1))
                c_in = c
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
        self.linear = nn.Linear(64, 10)
        for m in self.modules():
            if isinstance(m, (nn.Conv2d, nn.Linear)):
                nn.init.kaiming_normal_(m.weight)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


class ViTBlock(nn.Module):
    def __init__(self, dim, heads, mlp):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim, 1e-6), nn.LayerNorm(dim, 1e-6)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, mlp), nn.Linear(mlp, dim)
        self.heads = heads

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).reshape(b, t, d)
        x = x + self.proj(y)
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class ViT(nn.Module):
    """Pre-norm ViT with a class token; initial weights as timm's VisionTransformer."""

    def __init__(self, patch=4, dim=128, depth=4, heads=4, mlp=256):
        super().__init__()
        self.proj = nn.Conv2d(3, dim, patch, patch)
        self.cls_token = nn.Parameter(torch.empty(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.empty(1, (32 // patch) ** 2 + 1, dim))
        self.blocks = nn.Sequential(*[ViTBlock(dim, heads, mlp) for _ in range(depth)])
        self.norm = nn.LayerNorm(dim, 1e-6)
        self.head = nn.Linear(dim, 10)
        nn.init.normal_(self.cls_token, std=1e-6)
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.trunc_normal_(m.weight, std=0.02)
                nn.init.zeros_(m.bias)

    def forward(self, x):
        x = self.proj(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.cls_token.expand(len(x), -1, -1), x), 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


def sgd(model):
    return torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)


def adamw(model):
    """Weights of products decay; biases, norms, class token and position embedding do not."""
    decay, rest = [], []
    for name, p in model.named_parameters():
        decay.append(p) if p.ndim >= 2 and not name.endswith(("token", "embed")) else rest.append(p)
    groups = [{"params": decay, "weight_decay": 0.05}, {"params": rest, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=1e-3, betas=(0.9, 0.999), eps=1e-8)


RECIPES = {
    "resnet20": dict(build=lambda: CifarResNet(3), optimiser=sgd, peak=0.1, smoothing=0.0),
    "vit": dict(build=ViT, optimiser=adamw, peak=1e-3, smoothing=0.1),
}
BATCH = 128


def step_size(peak, t, warm, total):
    if t < warm:
        return peak * t / max(warm - 1, 1)
    return peak / 2 * (1 + math.cos(math.pi * (t - warm) / (total - warm)))


def normalise(u8, channels_last):
    x = torch.from_numpy(u8).float()
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (MEAN, STD))
    x = (x / 255 - mean) / std
    return x.contiguous(memory_format=torch.channels_last) if channels_last else x


def augment(images, rng):
    """images [n, 3, 40, 40], padded -> [n, 3, 32, 32]."""
    n = len(images)
    tops, lefts, flips = rng.integers(0, 9, n), rng.integers(0, 9, n), rng.random(n) < 0.5
    out = np.empty((n, 3, 32, 32), np.uint8)
    for i in range(n):
        crop = images[i, :, tops[i] : tops[i] + 32, lefts[i] : lefts[i] + 32]
        out[i] = crop[:, :, ::-1] if flips[i] else crop
    return out


def accuracy(model, images, labels, channels_last):
    model.eval()
    correct = 0
    with torch.inference_mode():
        for i in range(0, len(images), 500):
            scores = model(normalise(images[i : i + 500], channels_last)).argmax(1).numpy()
            correct += int((scores == labels[i : i + 500]).sum())
    model.train()
    return correct


def run(args):
    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(args.seed)
    recipe = RECIPES[args.model]
    images, labels = read_cifar(args.train)
    padded = np.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4)))
    model = recipe["build"]()
    channels_last = args.channels_last
    if channels_last:
        model = model.to(memory_format=torch.channels_last)
    optimiser = recipe["optimiser"](model)
    network = torch.compile(model) if args.compile else model
    per_epoch = len(images) // BATCH
    total, warm, step = args.epochs * per_epoch, per_epoch, 0
    if args.max_steps:
        per_epoch = args.max_steps
    seconds, loss_mean = 0.0, 0.0
    for epoch in range(args.epochs):
        started = time.process_time()
        order, loss_sum = rng.permutation(len(images)), 0.0
        for b in range(per_epoch):
            pick = order[b * BATCH : (b + 1) * BATCH]
            x = normalise(augment(padded[pick], rng), channels_last)
            for group in optimiser.param_groups:
                group["lr"] = step_size(recipe["peak"], step, warm, total)
            loss = F.cross_entropy(network(x), torch.from_numpy(labels[pick]),
                                   label_smoothing=recipe["smoothing"])
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            loss_sum += float(loss.detach())
            step += 1
        seconds += time.process_time() - started
        loss_mean = loss_sum / per_epoch
        print(f"{args.model} seed {args.seed} epoch {epoch + 1}: loss {loss_mean:.4f}, "
              f"{seconds:.0f} s of CPU", file=sys.stderr, flush=True)
        if args.max_steps:
            return
    test_images, test_labels = read_cifar(args.test)
    correct = accuracy(model, test_images, test_labels, channels_last)
    print(json.dumps(dict(side="pytorch", model=args.model, seed=args.seed, epochs=args.epochs,
                          n_train=len(images), correct=correct, n_test=len(test_labels),
                          accuracy=correct / len(test_labels), last_loss=round(loss_mean, 4),
                          train_cpu_seconds=round(seconds, 1), threads=args.threads,
                          torch=torch.__version__, python=platform.python_version())), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=RECIPES, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--epochs", type=int, required=True)
    parser.add_argument("--train", nargs="+", required=True)
    parser.add_argument("--test", nargs="+", required=True)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--channels-last", action="store_true", help="a faster layout on some CPUs")
    parser.add_argument("--compile", action="store_true", help="torch.compile")
    parser.add_argument("--max-steps", type=int, default=0, help="only time so many steps")
    run(parser.parse_args())


if __name__ == "__main__":
    main()
