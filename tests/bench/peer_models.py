"""The models of the comparison, as PyTorch modules: compact, in the form their authors use.

    build(name, classes)   -> torch.nn.Module
    PARAMETERS[name]       number of parameters at the case's number of classes, from the papers and
                           the reference implementations; checked by peer_run.py, and against dsbias

Running this file builds every model and checks its count."""

import torch
from torch import nn
from torch.nn import functional as F


# --- ConvNeXt: facebookresearch/ConvNeXt, models/convnext.py ---


class LayerNorm2d(nn.LayerNorm):
    """Over the channels of [N, C, H, W]; permuted, which channels-last makes free of copies."""

    def forward(self, x):
        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class ConvNeXtBlock(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.dwconv = nn.Conv2d(c, c, 7, padding=3, groups=c)
        self.norm = nn.LayerNorm(c, eps=1e-6)
        self.pwconv1 = nn.Linear(c, 4 * c)
        self.pwconv2 = nn.Linear(4 * c, c)
        self.gamma = nn.Parameter(1e-6 * torch.ones(c))

    def forward(self, x):
        y = self.norm(self.dwconv(x).permute(0, 2, 3, 1))
        y = self.gamma * self.pwconv2(F.gelu(self.pwconv1(y)))
        return x + y.permute(0, 3, 1, 2)


class ConvNeXt(nn.Module):
    def __init__(self, depths, dims, classes):
        super().__init__()
        layers, c_in = [], 3
        for stage, (depth, c) in enumerate(zip(depths, dims)):
            if stage == 0:
                layers += [nn.Conv2d(c_in, c, 4, 4), LayerNorm2d(c, eps=1e-6)]
            else:
                layers += [LayerNorm2d(c_in, eps=1e-6), nn.Conv2d(c_in, c, 2, 2)]
            layers += [ConvNeXtBlock(c) for _ in range(depth)]
            c_in = c
        self.features = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(c_in, eps=1e-6)
        self.head = nn.Linear(c_in, classes)

    def forward(self, x):
        return self.head(self.norm(self.features(x).mean((2, 3))))


# --- ViT: timm, models/vision_transformer.py ---


class Attention(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(d, 3 * d), nn.Linear(d, d)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.proj(y.transpose(1, 2).reshape(b, t, d))


class ViTBlock(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(d, eps=1e-6), nn.LayerNorm(d, eps=1e-6)
        self.attn = Attention(d, heads)
        self.fc1, self.fc2 = nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x):
        x = x + self.attn(self.norm1(x))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class ViT(nn.Module):
    def __init__(self, size, patch, d, depth, heads, classes):
        super().__init__()
        self.patch_embed = nn.Conv2d(3, d, patch, patch)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, d))
        self.pos_embed = nn.Parameter(0.02 * torch.randn(1, (size // patch) ** 2 + 1, d))
        self.blocks = nn.Sequential(*[ViTBlock(d, heads) for _ in range(depth)])
        self.norm, self.head = nn.LayerNorm(d, eps=1e-6), nn.Linear(d, classes)

    def forward(self, x):
        x = self.patch_embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], 1) + self.pos_embed
        return self.head(self.norm(self.blocks(x))[:, 0])


# --- torchvision: resnet.py (v1.5), vgg.py, alexnet.py ---


def conv_bn(c_in, c_out, kernel, stride=1):
    return [nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(c_out)]


class Bottleneck(nn.Module):
    def __init__(self, c_in, width, stride):
        super().__init__()
        relu = nn.ReLU(inplace=True)
        self.branch = nn.Sequential(
            *conv_bn(c_in, width, 1), relu, *conv_bn(width, width, 3, stride), relu,
            *conv_bn(width, 4 * width, 1))
        same = stride == 1 and c_in == 4 * width
        self.shortcut = nn.Identity() if same else nn.Sequential(
            *conv_bn(c_in, 4 * width, 1, stride))

    def forward(self, x):
        return F.relu(self.branch(x) + self.shortcut(x), inplace=True)


def resnet50(classes):
    layers = [*conv_bn(3, 64, 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    c_in = 64
    for stage, depth in enumerate((3, 4, 6, 3)):
        width = 64 << stage
        for i in range(depth):
            layers.append(Bottleneck(c_in, width, 2 if stage and i == 0 else 1))
            c_in = 4 * width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c_in, classes))


def vgg16(classes):
    layers, c_in = [], 3
    for c in (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0):
        if c == 0:
            layers.append(nn.MaxPool2d(2, 2))
        else:
            layers += [nn.Conv2d(c_in, c, 3, padding=1), nn.ReLU(inplace=True)]
            c_in = c
    return nn.Sequential(
        *layers, nn.AdaptiveAvgPool2d(7), nn.Flatten(),
        nn.Linear(512 * 49, 4096), nn.ReLU(inplace=True), nn.Dropout(0.5),
        nn.Linear(4096, 4096), nn.ReLU(inplace=True), nn.Dropout(0.5), nn.Linear(4096, classes))


def alexnet(classes):
    relu = nn.ReLU(inplace=True)
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, 4, 2), relu, nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2), relu, nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1), relu, nn.Conv2d(384, 256, 3, padding=1), relu,
        nn.Conv2d(256, 256, 3, padding=1), relu, nn.MaxPool2d(3, 2),
        nn.AdaptiveAvgPool2d(6), nn.Flatten(), nn.Dropout(0.5),
        nn.Linear(256 * 36, 4096), relu, nn.Dropout(0.5),
        nn.Linear(4096, 4096), relu, nn.Linear(4096, classes))


# --- CIFAR ResNet: akamaster/pytorch_resnet_cifar10, shortcut A ---


class BasicBlock(nn.Module):
    def __init__(self, c_in, c, stride):
        super().__init__()
        self.branch = nn.Sequential(
            *conv_bn(c_in, c, 3, stride), nn.ReLU(inplace=True), *conv_bn(c, c, 3))
        self.stride, self.extra = stride, c - c_in

    def forward(self, x):
        y = self.branch(x)
        if self.stride > 1 or self.extra:
            half = self.extra // 2
            x = F.pad(x[:, :, ::self.stride, ::self.stride], (0, 0, 0, 0, half, self.extra - half))
        return F.relu(y + x, inplace=True)


def cifar_resnet(depth, classes):
    layers, c_in = [*conv_bn(3, 16, 3), nn.ReLU(inplace=True)], 16
    for stage in range(3):
        for i in range((depth - 2) // 6):
            layers.append(BasicBlock(c_in, 16 << stage, 2 if stage and i == 0 else 1))
            c_in = 16 << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c_in, classes))


# --- DenseNet-BC: liuzhuang13/DenseNet for CIFAR ---


def norm_relu_conv(c_in, c_out, kernel):
    return nn.Sequential(nn.BatchNorm2d(c_in), nn.ReLU(inplace=True),
                         nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=False))


class DenseLayer(nn.Module):
    def __init__(self, c_in, growth):
        super().__init__()
        self.bottleneck = norm_relu_conv(c_in, 4 * growth, 1)
        self.grow = norm_relu_conv(4 * growth, growth, 3)

    def forward(self, x):
        return torch.cat([x, self.grow(self.bottleneck(x))], 1)


def densenet_bc(depth, growth, classes):
    c = 2 * growth
    layers = [nn.Conv2d(3, c, 3, padding=1, bias=False)]
    for stage in range(3):
        for _ in range((depth - 4) // 6):
            layers.append(DenseLayer(c, growth))
            c += growth
        if stage < 2:
            layers += [norm_relu_conv(c, c // 2, 1), nn.AvgPool2d(2)]
            c //= 2
    return nn.Sequential(*layers, nn.BatchNorm2d(c), nn.ReLU(inplace=True),
                         nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(c, classes))


# name: (builder of classes, classes of the case, parameters)
MODELS = {
    "convnext_470k": (lambda n: ConvNeXt((1, 1, 3, 1), (20, 40, 80, 160), n), 3, 470663),
    "convnext_tiny": (lambda n: ConvNeXt((3, 3, 9, 3), (96, 192, 384, 768), n), 1000, 28589128),
    "vit_small": (lambda n: ViT(224, 16, 384, 12, 6, n), 1000, 22050664),
    "resnet50": (resnet50, 1000, 25557032),
    "vgg16": (vgg16, 1000, 138357544),
    "alexnet": (alexnet, 1000, 61100840),
    "cifar_resnet56": (lambda n: cifar_resnet(56, n), 10, 853018),
    "densenet_bc_100_12": (lambda n: densenet_bc(100, 12, n), 10, 769162),
}


def build(name):
    """The model of a case, with its number of parameters checked."""
    builder, classes, expected = MODELS[name]
    model = builder(classes)
    found = sum(p.numel() for p in model.parameters())
    if found != expected:
        raise SystemExit(f"{name}: {found} parameters, expected {expected}")
    return model, classes


if __name__ == "__main__":
    for model_name in MODELS:
        build(model_name)
        print(f"{model_name}: {MODELS[model_name][2]} parameters")
