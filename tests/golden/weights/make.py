#!/usr/bin/env python3
"""Small networks as timm and torchvision build and name them, with random weights, and their logits
for two images: files that the names alone must explain. Run here with torch 2.13.0,
torchvision 0.29.2, timm 1.0.31, safetensors 0.8.0. Each file also holds "images" [2, S, S, 3] u8
and "logits" [2, 5]; mean and std are 0 and 1."""
import pathlib
import re
import sys

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
import mend_torchvision  # noqa: E402, F401
import torch
import timm.models.convnext
import timm.models.densenet
import timm.models.vision_transformer
import timm.models.vgg
import torchvision.models as tv
from safetensors.torch import save_file
from torchvision.models.convnext import CNBlockConfig, ConvNeXt

CLASSES = 5


def randomise(model):
    generator = torch.Generator().manual_seed(1)
    for name, p in list(model.named_parameters()) + list(model.named_buffers()):
        if not p.is_floating_point():
            continue
        noise = torch.randn(p.shape, generator=generator)
        fan_in = max(1, p[0].numel()) if p.dim() > 1 else 1
        if name.endswith("running_var"):
            p.data = noise.abs() * 0.2 + 0.5
        elif p.dim() > 1:
            p.data = noise / fan_in**0.5
        else:
            p.data = noise * 0.1 + (0 if name.endswith(("bias", "running_mean")) else 1)


def transformers_vit(state):
    """timm's names as ViTForImageClassification of transformers has them, query, key and value apart."""
    rules = [(r"^cls_token", "vit.embeddings.cls_token"), (r"^pos_embed", "vit.embeddings.position_embeddings"),
             (r"^patch_embed\.proj", "vit.embeddings.patch_embeddings.projection"), (r"^norm", "vit.layernorm"),
             (r"^head", "classifier"), (r"^blocks\.(\d+)\.", r"vit.encoder.layer.\1."), (r"norm1", "layernorm_before"),
             (r"norm2", "layernorm_after"), (r"attn\.proj", "attention.output.dense"), (r"mlp\.fc1", "intermediate.dense"),
             (r"mlp\.fc2", "output.dense")]
    out = {}
    for name, value in state.items():
        for pattern, to in rules:
            name = re.sub(pattern, to, name)
        if "attn.qkv" in name:
            for part, third in zip(("query", "key", "value"), value.chunk(3)):
                out[name.replace("attn.qkv", f"attention.attention.{part}")] = third.clone()
        else:
            out[name] = value
    return out


def save(name, model, size, rename=lambda k: k, rewrite=lambda state: state):
    randomise(model)
    model.eval()
    images = ((torch.arange(2 * size * size * 3) * 37 % 251) ^ 85).reshape(2, size, size, 3)
    with torch.no_grad():
        logits = model(images.permute(0, 3, 1, 2).float() / 255)
    tensors = {rename(k): v.contiguous() for k, v in rewrite(model.state_dict()).items()}
    tensors |= {"images": images.to(torch.uint8), "logits": logits}
    save_file(tensors, f"{name}.safetensors")


def main():
    save("timm_convnext", timm.models.convnext.ConvNeXt(depths=(1, 1, 2, 1), dims=(4, 6, 8, 10), num_classes=CLASSES, conv_mlp=True), 32)
    blocks = [CNBlockConfig(4, 6, 1), CNBlockConfig(6, 8, 1), CNBlockConfig(8, 10, 2), CNBlockConfig(10, None, 1)]
    save("torchvision_convnext", ConvNeXt(blocks, num_classes=CLASSES), 32)
    save("timm_vit", timm.models.vision_transformer.VisionTransformer(img_size=16, patch_size=8, embed_dim=12, depth=2, num_heads=3,
         mlp_ratio=2, num_classes=CLASSES, global_pool="avg"), 16, lambda k: "module." + k)
    save("torchvision_vit", tv.VisionTransformer(image_size=16, patch_size=8, num_layers=2, num_heads=3, hidden_dim=12, mlp_dim=24,
         num_classes=CLASSES), 16)
    save("transformers_vit", timm.models.vision_transformer.VisionTransformer(img_size=24, patch_size=8, embed_dim=12, depth=2,
         num_heads=2, mlp_ratio=2, num_classes=CLASSES), 24, rewrite=transformers_vit)
    save("timm_densenet", timm.models.densenet.DenseNet(growth_rate=4, block_config=(2, 2, 1, 1), num_classes=CLASSES), 40)
    old = tv.DenseNet(growth_rate=4, block_config=(2, 2, 1, 1), num_init_features=8, num_classes=CLASSES)
    save("torchvision_densenet", old, 40, lambda k: "state_dict." + re.sub(r"(denselayer\d+\.(?:norm|conv))(\d)", r"\1.\2", k))
    widths = [2, "M", 4, "M", 8, 8, "M", 16, 16, "M", 16, 16, "M"]
    vgg = timm.models.vgg.VGG(widths, num_classes=CLASSES, mlp_ratio=2 / 4096, norm_layer=torch.nn.BatchNorm2d)
    vgg.pre_logits = timm.models.vgg.ConvMlp(16, 4)
    vgg.head.fc = torch.nn.Linear(4, CLASSES)
    save("timm_vgg", vgg, 64)


if __name__ == "__main__":
    main()
