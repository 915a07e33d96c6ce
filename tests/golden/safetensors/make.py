#!/usr/bin/env python3
"""Files of the reference writer, byte for byte what ours must write and read. Run here with
safetensors 0.8.0 and torch 2.13.0."""
import torch
from safetensors.torch import save_file


def values(*shape):
    n = 1
    for dim in shape:
        n *= dim
    # halves of integers, then numbers that bfloat16 must round: down, up, ties both ways
    rounded = [1.00390625, 1.01171875, -1.001, 3.1415927, 1e-40, 65504.0, 3.3895314e38]
    return torch.tensor([(rounded[i % 7] if i % 3 == 2 else i / 2 - 3) for i in range(n)]).reshape(shape)


# by name alone BF16 "a" would come first; F32 comes first by dtype
mixed = {
    "a": values(5, 3).bfloat16(),
    "b.weight": values(2, 3, 1, 1),
    "B.bias": values(1),
    "b": values(4).bfloat16(),
    "\u00e9t\u00e9 \"x\"\\\t": values(2),
    "empty": values(0, 5),
    "scalar": torch.tensor(2.5),
}
save_file(mixed, "mixed.safetensors", metadata={"format": "pt"})
save_file({k: v for k, v in mixed.items() if k == "a"}, "plain.safetensors")
halves = torch.tensor([0.1, -0.2, 65504.0, 6e-8, float("inf"), 0.0]).half()
others = {
    "half": halves,
    "half_as_float": halves.float(),
    "tracked": torch.tensor(7),
    "mask": torch.tensor([True, False]),
    "double": torch.tensor([1.5]).double(),
    "bytes": torch.arange(3, dtype=torch.uint8),
    "e5": torch.tensor([1.0]).to(torch.float8_e5m2),
}
save_file(others, "others.safetensors", metadata={"format": "pt"})
