#!/usr/bin/env python3
"""Writes vectors.h: PyTorch's AdamW, SGD, MultiStepLR and cross-entropy, and ConvNeXt's step sizes,
on small inputs.

    python3 tests/golden/train_parts/make.py > tests/golden/train_parts/vectors.h

Inputs are dyadic formulas that C repeats exactly. The file in the tree was made with the version it
names.
"""
import math

import torch

STEPS, DECAYED, PLAIN = 8, 12, 5  # DECAYED: a 3 x 4 weight, PLAIN: a vector without decay


def start(i):
    return ((i * 37 + 11) % 64 - 32) / 32


def gradient(step, i):
    return ((step * 29 + i * 53 + 7) % 128 - 64) / 256 * (0.001 if i % 3 == 2 else 1)


def numbers(name, values):
    print(f"static const double {name}[] = {{")
    for k in range(0, len(values), 4):
        print("    " + " ".join(f"{float(v)!r}," for v in values[k:k + 4]))
    print("};")


def adamw():
    weight = torch.nn.Parameter(torch.tensor([start(i) for i in range(DECAYED)]).reshape(3, 4))
    vector = torch.nn.Parameter(torch.tensor([start(DECAYED + i) for i in range(PLAIN)]))
    groups = [{"params": [weight], "weight_decay": 0.3}, {"params": [vector], "weight_decay": 0.0}]
    optimiser = torch.optim.AdamW(groups, betas=(0.9, 0.95), eps=1e-8, foreach=False)
    trace = []
    for step in range(STEPS):
        for group in optimiser.param_groups:
            group["lr"] = 0.01 * (step + 1)
        weight.grad = torch.tensor([gradient(step, i) for i in range(DECAYED)]).reshape(3, 4)
        vector.grad = torch.tensor([gradient(step, DECAYED + i) for i in range(PLAIN)])
        optimiser.step()
        trace += weight.detach().flatten().tolist() + vector.detach().tolist()
    numbers("adamw_trace", trace)


def sgd(nesterov):
    params = torch.nn.Parameter(torch.tensor([start(i) for i in range(DECAYED)]))
    optimiser = torch.optim.SGD([params], lr=0.1, momentum=0.9, weight_decay=0.01,
                                nesterov=nesterov, foreach=False)
    trace = []
    for step in range(STEPS):
        optimiser.param_groups[0]["lr"] = 0.02 * (step + 1)
        params.grad = torch.tensor([gradient(step, i) for i in range(DECAYED)])
        optimiser.step()
        trace += params.detach().tolist()
    numbers("nesterov_trace" if nesterov else "sgd_trace", trace)


def multi_step():
    """20 steps, milestones at 1/2 and 3/4."""
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.1)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, [10, 15], gamma=0.1)
    values = []
    for _ in range(20):
        values.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        schedule.step()
    numbers("multi_step_lr", values)


def loss():
    rows, classes = 6, 4
    values = [((r * 31 + c * 17) % 23 - 11) / 4 for r in range(rows) for c in range(classes)]
    logits = torch.tensor(values, dtype=torch.float64).reshape(rows, classes).requires_grad_()
    labels = torch.tensor([r * 3 % classes for r in range(rows)])
    value = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=0.1)
    value.backward()
    numbers("loss_value", [value.item()])
    numbers("loss_gradient", logits.grad.flatten().tolist())


def cosine_scheduler():
    """ConvNeXt utils.cosine_scheduler: 10 epochs of 7 steps, 2 of warm-up."""
    base, final, epochs, n, warm = 1e-3, 1e-6, 10, 7, 2
    w = warm * n
    values = [base * t / (w - 1) for t in range(w)]
    m = epochs * n - w
    values += [final + 0.5 * (base - final) * (1 + math.cos(math.pi * i / m)) for i in range(m)]
    numbers("cosine_lr", values)


print(f"/* Made by tests/golden/train_parts/make.py with PyTorch {torch.__version__}. Do not edit. */")
print("/* clang-format off */")
adamw()
sgd(False)
sgd(True)
multi_step()
loss()
cosine_scheduler()
