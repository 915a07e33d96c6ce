"""What the golden files of networks are made of: weights, images and signs from a hash that the test
knows too, a training step and an evaluation in PyTorch in double precision, and of each tensor its
norm and PROJECTIONS sums of its elements with random signs, which every element enters: a difference
d shows in a projection with standard deviation |d|.

A family is a file family_<x>.py with a list CASES of Case. Parameter names of `model` are those of
dsbias, or `rename` maps PyTorch's to them."""
import dataclasses
import json
import math
from typing import Callable

import numpy as np
import torch

PROJECTIONS = 6
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclasses.dataclass
class Case:
    file: str                     # written as <file>.json
    spec: str                     # the network as dsbias names it
    model: Callable[[], torch.nn.Module]
    height: int
    width: int
    batch: int
    classes: int = 5
    raw: bool = False             # pixels in 0 .. 255, not normalised
    rename: Callable[[str], str] = lambda name: name
    tolerance: float = 1e-4       # of f32 gradients; deep() where rounding alone does more


def deep(case):
    """Of some million activations one lies so near to 0 that rounding decides about its ReLU:
    PyTorch's own f32 gradients are up to 3 % away from its f64 ones. The f64 path shows the
    network, f32 only that nothing is grossly wrong."""
    case.tolerance = 0.1
    return case


def fnv1a(text):
    h = 2166136261
    for byte in text.encode():
        h = (h ^ byte) * 16777619 & 0xFFFFFFFF
    return h


def hashed(text, n):
    """n numbers of 32 bits."""
    h = np.arange(n, dtype=np.uint32) * np.uint32(2246822519) ^ np.uint32(fnv1a(text))
    h ^= h >> 15
    h *= np.uint32(2146121005)
    h ^= h >> 13
    h *= np.uint32(2221713035)
    return h ^ h >> 16


def value_of(name, shape):
    """Weights uniform with variance 2 / fan_in, the others around what they start from."""
    n = math.prod(shape)
    u = (hashed(name, n) >> 8).astype(np.float64) / 2**23 - 1
    if name.endswith("running_var"):
        u = 1 + u / 2
    elif len(shape) >= 2:
        u = u * math.sqrt(6 * shape[0] / n)
    elif name.endswith("weight") or name.endswith("gamma"):
        u = 1 + u / 4
    else:
        u = u / 4
    return u.astype(np.float32).reshape(shape)


def digest(name, tensor):
    x = tensor.detach().double().numpy().reshape(-1)
    sums = [float(np.where(hashed(f"{name}/{k}", x.size) >> 31, -x, x).sum())
            for k in range(PROJECTIONS)]
    return [float(np.linalg.norm(x))] + sums


def pixels(case):
    n = case.batch * case.height * case.width * 3
    u8 = (hashed("pixels", n) >> 24).astype(np.float64)
    x = torch.from_numpy(u8.reshape(case.batch, case.height, case.width, 3)).permute(0, 3, 1, 2)
    if case.raw:
        return x.contiguous()
    mean, std = (np.float32(v).astype(np.float64).reshape(1, 3, 1, 1) for v in (MEAN, STD))
    return ((x - 255 * mean) * (1 / (255 * std))).contiguous()


def run(case, folder):
    torch.manual_seed(0)
    model = case.model().double()
    state = {key: value for key, value in model.state_dict().items()
             if not key.endswith("num_batches_tracked")}
    for key, tensor in state.items():
        tensor.copy_(torch.from_numpy(value_of(case.rename(key), tuple(tensor.shape))))
    x, labels = pixels(case), torch.arange(case.batch) * 3 % case.classes
    model.eval()
    with torch.no_grad():
        evaluated = model(x)
    model.train()
    logits = model(x)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    gradients = {case.rename(k): digest(case.rename(k), p.grad)
                 for k, p in model.named_parameters()}
    trained = dict(model.named_buffers())
    buffers = {case.rename(k): digest(case.rename(k), trained[k])
               for k in state if k in trained}
    result = {"spec": case.spec, "height": case.height, "width": case.width, "batch": case.batch,
              "classes": case.classes, "tolerance": case.tolerance,
              "logits_evaluation": evaluated.reshape(-1).tolist(),
              "logits_training": logits.detach().reshape(-1).tolist(), "loss": loss.item(),
              "gradients": gradients, "buffers": buffers}
    text = ["{"]
    for i, (key, value) in enumerate(result.items()):
        end = "" if i + 1 == len(result) else ","
        if key in ("gradients", "buffers"):
            rows = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()]
            text.append(f'"{key}": {{\n' + ",\n".join(rows) + f"\n}}{end}")
        else:
            text.append(f'"{key}": {json.dumps(value)}{end}')
    path = folder / f"{case.file}.json"
    path.write_text("\n".join(text + ["}"]) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes, loss {loss.item():.6f}")
