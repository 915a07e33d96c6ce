"""Seeds for the reader of weight files, made by the reference writer: python3 make_weights.py
(safetensors 0.8.0, NumPy 1.24 or later). The tensors are those of the models in fuzz_safetensors.c."""
import json
import pathlib

import numpy as np
from safetensors.numpy import save

here = pathlib.Path(__file__).parent / "corpus" / "safetensors"


def number(*shape):
    return (np.arange(np.prod(shape, dtype=int), dtype=np.float32) / 8).reshape(shape)


def convnext():
    t = {"stem.0.weight": number(1, 3, 4, 4), "stem.0.bias": number(1), "stem.1.weight": number(1), "stem.1.bias": number(1)}
    for s in range(4):
        if s:
            t |= {f"stages.{s}.downsample.0.weight": number(1), f"stages.{s}.downsample.0.bias": number(1),
                  f"stages.{s}.downsample.1.weight": number(1, 1, 2, 2), f"stages.{s}.downsample.1.bias": number(1)}
        b = f"stages.{s}.blocks.0."
        t |= {b + "conv_dw.weight": number(1, 1, 7, 7), b + "conv_dw.bias": number(1), b + "norm.weight": number(1),
              b + "norm.bias": number(1), b + "mlp.fc1.weight": number(4, 1, 1, 1), b + "mlp.fc1.bias": number(4),
              b + "mlp.fc2.weight": number(1, 4), b + "mlp.fc2.bias": number(1), b + "gamma": number(1)}
    return t | {"head.norm.weight": number(1), "head.norm.bias": number(1), "head.fc.weight": number(1, 1), "head.fc.bias": number(1)}


def vit(side):
    t = {"class_token": number(1, 1, 2), "encoder.pos_embedding": number(1, 1 + side * side, 2),
         "conv_proj.weight": number(2, 3, 16, 16).astype(np.float16), "conv_proj.bias": number(2)}
    b = "encoder.layers.encoder_layer_0."
    t |= {b + "ln_1.weight": number(2), b + "ln_1.bias": number(2), b + "self_attention.in_proj_weight": number(6, 2),
          b + "self_attention.in_proj_bias": number(6), b + "self_attention.out_proj.weight": number(2, 2),
          b + "self_attention.out_proj.bias": number(2), b + "ln_2.weight": number(2), b + "ln_2.bias": number(2),
          b + "mlp.0.weight": number(2, 2), b + "mlp.0.bias": number(2), b + "mlp.3.weight": number(2, 2), b + "mlp.3.bias": number(2)}
    return t | {"encoder.ln.weight": number(2), "encoder.ln.bias": number(2), "heads.head.weight": number(1, 2), "heads.head.bias": number(1)}


def wrapped(tensors, prefix):
    return {prefix + name: tensor for name, tensor in tensors.items()}


files = {
    "timm_convnext": save(convnext()),
    "ema": save(wrapped(convnext(), "module.") | wrapped(convnext(), "model_ema.") | {"n_averaged": np.int64([1])[0:1]}),
    "torchvision_vit": save(vit(2), metadata={"format": "pt"}),
    "other_grid": save(vit(3)),
}
x = convnext()
x["w"] = x.pop("head.fc.weight")
keymap = json.dumps({"head.weight": "w", "norm.bias": "nowhere", "bn.num_batches_tracked": "w"}).encode()
files["keymap"] = keymap + b"\0" + save(x)
for name, data in files.items():
    (here / name).write_bytes(data)
