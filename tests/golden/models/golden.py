"""What the golden files of networks are made of: weights, images and signs from a hash that the test
knows too, a training step and an evaluation in PyTorch in double precision, and of each tensor its
norm and PROJECTIONS sums of its elements with random signs, which every element enters: a difference
d shows in a projection with standard deviation |d|. Gradients in evaluation mode, where norms take
their running statistics and nothing is dropped, have FEWER of them.

Where rounding would decide, or sums cancel so far that it shows, no file is written: another size of
the images or another scale of some weights will do.

A family is a file family_<x>.py with a list CASES of Case. Parameter names of `model` are those of
dsbias, or `rename` maps PyTorch's to them."""
import copy
import dataclasses
import json
import math
from typing import Callable

import numpy as np
import torch

PROJECTIONS, FEWER = 6, 3
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
    scaled: dict = dataclasses.field(default_factory=dict)  # {end of a name: factor of its values}


MARGIN, STEP, PASSES, ROUNDS = 4e-4, 1 / 1024, 20, 40
FAR = 30  # times what rounding makes of a layer's numbers; Winograd's and plain sums round more
BOUND = 1e-4  # what the test asks


class Settling:
    """Of a million inputs of ReLUs one lies so near to 0 that rounding decides on which side, and
    one such decision moves PyTorch's own f32 gradients by some percent: nothing could be told from
    them. So where an input of a channel is within a margin of 0, the bias of the batch norm in front
    of the ReLU moves by as many STEPs as it takes to have none there. `moved`: {bias name:
    {channel: steps}}. Training and evaluation have inputs of their own: a move looks at those the
    other mode had last. The margin grows with the inputs, as rounding does: without statistics of
    the batch the sums of a deep ResNet reach some hundreds."""

    def __init__(self, model):
        self.names = {module: name for name, module in model.named_modules()}
        self.moved, self.start, self.norm, self.again = {}, {}, None, False
        # [training][norm]: inputs of the ReLU, less the bias; their margin
        self.seen = {True: {}, False: {}}
        hooks = [m.register_forward_hook(self.after_norm) for m in model.modules()
                 if isinstance(m, torch.nn.BatchNorm2d)]
        self.relu = torch.nn.functional.relu  # of the modules too
        torch.nn.functional.relu = self.settled_relu
        self.hooks = hooks

    def close(self):
        torch.nn.functional.relu = self.relu
        for hook in self.hooks:
            hook.remove()

    def after_norm(self, norm, _, y):
        self.norm = norm

    @staticmethod
    def margin(inputs):
        """By powers of 2, so that a move leaves it as it is."""
        return MARGIN * 2 ** max(0, int(math.log2(inputs.square().mean().sqrt().item())))

    def move(self, c, values, margin):
        """The least number of steps after which no value is near 0, and how far that is."""
        name, bias = self.names[self.norm] + ".bias", self.norm.bias.data
        start = self.start.setdefault((name, c), bias[c].item())
        before = self.moved.setdefault(name, {}).get(c, 0)
        near = [(values, margin)]
        if self.norm in self.seen[not self.norm.training]:
            other, its_margin = self.seen[not self.norm.training][self.norm]
            near.append((other[:, c] + bias[c], its_margin))
        for steps in (before + sign * k for k in range(1, 2000) for sign in (1, -1)):
            by = float(np.float32(start + steps * STEP)) - bias[c].item()
            if all((v + by).abs().min() >= m for v, m in near):
                break
        self.moved[name][c] = steps
        bias[c] += by
        return by

    def settled_relu(self, x, inplace=False):
        if self.norm is not None and x.dim() == 4 and x.shape[1] == self.norm.num_features:
            margin = self.margin(x)
            for c in torch.nonzero(x.abs().amin((0, 2, 3)) < margin).flatten().tolist():
                x[:, c] += self.move(c, x[:, c], margin)
                self.again = True
            less_bias = x - self.norm.bias.data[:, None, None]
            self.seen[self.norm.training][self.norm] = less_bias, margin
        return self.relu(x)


def settle_mode(model, settling, x):
    """Again while the sum in front of a ReLU moves otherwise than its last addend; whether any did."""
    any_moved = False
    for _ in range(PASSES):
        settling.again = False
        with torch.no_grad():
            model(x)
        if not settling.again:
            return any_moved
        any_moved = True
    raise RuntimeError("ReLUs do not settle")


def settle(model, x):
    """In training and in evaluation, by turns until neither undoes the other."""
    running = {k: v.clone() for k, v in model.state_dict().items() if "running" in k}
    settling, n_still = Settling(model), 0
    for turn in range(ROUNDS):
        moved = settle_mode(model.train(turn % 2 == 0), settling, x)
        model.load_state_dict(running, strict=False)
        n_still = 0 if moved else n_still + 1
        if n_still == 2:
            break
    assert n_still == 2
    settling.close()
    return settling.moved


def decisions(model, x):
    """How far each ReLU's input is from 0 and in each window of a maximum the two largest are from
    each other, but for zeros behind a ReLU, which let no gradient through: [(input, distances)]."""
    relu, max_pool2d = torch.nn.functional.relu, torch.nn.functional.max_pool2d
    found = []

    def see_relu(x, inplace=False):
        found.append((x.clone(), x.abs()))
        return relu(x)

    def see_maximum(x, kernel_size, stride=None, padding=0, *rest, **options):
        padded = torch.nn.functional.pad(x, [padding] * 4, value=-math.inf)
        step = kernel_size if stride is None else stride
        windows = padded.unfold(2, kernel_size, step).unfold(3, kernel_size, step).flatten(4)
        largest, second = windows.topk(2).values.unbind(-1)
        found.append((x.clone(), (largest - second)[largest != 0]))
        return max_pool2d(x, kernel_size, stride, padding, *rest, **options)

    torch.nn.functional.relu, torch.nn.functional.max_pool2d = see_relu, see_maximum
    try:
        with torch.no_grad():
            copy.deepcopy(model)(x)
    finally:
        torch.nn.functional.relu, torch.nn.functional.max_pool2d = relu, max_pool2d
    return found


def check_decisions(case, model, x):
    """None of them is left to rounding, whose size PyTorch's own f32 tells."""
    rounded = decisions(copy.deepcopy(model).float(), x.float())
    for k, ((exact, distances), (single, _)) in enumerate(zip(decisions(model, x), rounded)):
        rounding = (single - exact).square().mean().sqrt()
        if distances.min() < FAR * rounding:
            raise RuntimeError(f"{case.file}: decision {k} of the network is {distances.min():.1g} "
                               f"from the other one, rounding is {rounding:.1g}")


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


def value_of(name, shape, scaled):
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
    factor = math.prod(f for end, f in scaled.items() if name.endswith(end))
    return (u.astype(np.float32) * np.float32(factor)).reshape(shape)


def digest(name, tensor, projections=PROJECTIONS):
    x = tensor.detach().double().numpy().reshape(-1)
    sums = [float(np.where(hashed(f"{name}/{k}", x.size) >> 31, -x, x).sum())
            for k in range(projections)]
    return [float(np.linalg.norm(x))] + sums


def pixels(case):
    n = case.batch * case.height * case.width * 3
    u8 = (hashed("pixels", n) >> 24).astype(np.float64)
    x = torch.from_numpy(u8.reshape(case.batch, case.height, case.width, 3)).permute(0, 3, 1, 2)
    if case.raw:
        return x.contiguous()
    mean, std = (np.float32(v).astype(np.float64).reshape(1, 3, 1, 1) for v in (MEAN, STD))
    return ((x - 255 * mean) * (1 / (255 * std))).contiguous()


def begin(case):
    """The model in double precision with the weights of the golden file, the images, what moved."""
    torch.manual_seed(0)
    model, x, moved = case.model().double(), pixels(case), {}
    for key, tensor in model.state_dict().items():
        if not key.endswith("num_batches_tracked"):
            name = case.rename(key)
            tensor.copy_(torch.from_numpy(value_of(name, tuple(tensor.shape), case.scaled)))
    if any(isinstance(module, torch.nn.BatchNorm2d) for module in model.modules()):
        moved = settle(model, x)
    return model, x, moved


def backward(case, model, x):
    """Logits and loss of a step in the model's mode, whose gradients are in the model."""
    labels = torch.arange(case.batch) * 3 % case.classes
    model.zero_grad()
    logits = model(x)
    loss = torch.nn.functional.cross_entropy(logits, labels)
    loss.backward()
    return logits, loss


def check_own_error(case, model, x, exact):
    """A golden file that PyTorch's own f32 misses says nothing about anybody else's: sums cancel."""
    model = copy.deepcopy(model).float()
    backward(case, model, x.float())
    largest = max(gradient.norm() for gradient in exact.values())
    for name, parameter in model.named_parameters():
        norm = exact[name].norm()
        error = ((parameter.grad.double() - exact[name]).norm() / norm).item()
        if norm > 1e-6 * largest and error > BOUND:
            raise RuntimeError(f"{case.file}: PyTorch's own gradient of {name} is off by {error:.2g}")


def digests(case, tensors, projections=PROJECTIONS):
    return {case.rename(name): digest(case.rename(name), tensor, projections)
            for name, tensor in tensors if not name.endswith("num_batches_tracked")}


def run(case, folder):
    model, x, moved = begin(case)
    check_decisions(case, model.eval(), x)
    check_decisions(case, model.train(), x)
    evaluated, frozen_loss = backward(case, model.eval(), x)
    frozen = {name: p.grad.clone() for name, p in model.named_parameters()}
    check_own_error(case, model, x, frozen)
    before = copy.deepcopy(model.train())
    logits, loss = backward(case, model, x)
    exact = {name: p.grad for name, p in model.named_parameters()}
    check_own_error(case, before, x, exact)
    result = {"spec": case.spec, "height": case.height, "width": case.width, "batch": case.batch,
              "classes": case.classes, "scaled": case.scaled,
              "moved": {case.rename(k): v for k, v in moved.items()},
              "logits_evaluation": evaluated.detach().reshape(-1).tolist(),
              "loss_evaluation": frozen_loss.item(),
              "logits_training": logits.detach().reshape(-1).tolist(), "loss": loss.item(),
              "gradients": digests(case, exact.items()),
              "gradients_evaluation": digests(case, frozen.items(), FEWER),
              "buffers": digests(case, model.named_buffers())}
    text = ["{"]
    for i, (key, value) in enumerate(result.items()):
        end = "" if i + 1 == len(result) else ","
        if key in ("gradients", "gradients_evaluation", "buffers", "moved"):
            rows = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()]
            text.append(f'"{key}": {{\n' + ",\n".join(rows) + f"\n}}{end}")
        else:
            text.append(f'"{key}": {json.dumps(value)}{end}')
    path = folder / f"{case.file}.json"
    path.write_text("\n".join(text + ["}"]) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes, loss {loss.item():.6f}, "
          f"{sum(map(len, moved.values()))} moved", flush=True)
