"""The CIFAR networks of the CIFAR-10.1 paper, written from their papers with the parameter names of
hysts/pytorch_image_classification (WRN: xternalz/WideResNet-pytorch)."""
import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from golden import Case


def conv(c_in, c_out, kernel, stride=1, groups=1):
    return nn.Conv2d(c_in, c_out, kernel, stride, kernel // 2, groups=groups, bias=False)


def bn(c):
    return nn.BatchNorm2d(c)


class Stages(nn.Module):
    """Three stages, `make(c_in, stage, i, stride)` their blocks with attribute c_out."""

    def stages(self, c, blocks, make):
        for s in range(3):
            stage = nn.Sequential()
            for i in range(blocks):
                block = make(c, s, i, 2 if s and not i else 1)
                stage.add_module(f"block{i + 1}", block)
                c = block.c_out
            setattr(self, f"stage{s + 1}", stage)
        return c

    def run(self, x):
        return self.stage3(self.stage2(self.stage1(x)))


class PreBlock(nn.Module):
    def __init__(self, c_in, c_out, stride, first, bottleneck):
        super().__init__()
        self.c_out, self.first, self.bottleneck = c_out, first, bottleneck
        inner = c_out // 4 if bottleneck else c_out
        self.bn1 = bn(c_in)
        self.conv1 = conv(c_in, inner, 1) if bottleneck else conv(c_in, inner, 3, stride)
        self.bn2 = bn(inner)
        self.conv2 = conv(inner, inner, 3, stride if bottleneck else 1)
        if bottleneck:
            self.bn3, self.conv3 = bn(inner), conv(inner, c_out, 1)
        self.shortcut = nn.Sequential()
        if stride > 1 or c_in != c_out:
            self.shortcut.add_module("conv", conv(c_in, c_out, 1, stride))

    def forward(self, x):
        y = F.relu(self.bn1(x))
        x = y if self.first else x
        y = self.conv2(F.relu(self.bn2(self.conv1(y))))
        if self.bottleneck:
            y = self.conv3(F.relu(self.bn3(y)))
        return y + self.shortcut(x)


class PreResNet(Stages):
    def __init__(self, blocks, widths, bottleneck):
        super().__init__()
        self.conv = conv(3, 16, 3)
        c = self.stages(16, blocks, lambda c_in, s, i, stride: PreBlock(
            c_in, widths[s], stride, i == 0, bottleneck))
        self.bn, self.fc = bn(c), nn.Linear(c, 5)

    def forward(self, x):
        return self.fc(F.relu(self.bn(self.run(self.conv(x)))).mean((2, 3)))


class WideBlock(nn.Module):
    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.bn1, self.conv1 = bn(c_in), conv(c_in, c_out, 3, stride)
        self.bn2, self.conv2 = bn(c_out), conv(c_out, c_out, 3)
        self.convShortcut = conv(c_in, c_out, 1, stride) if c_in != c_out else None

    def forward(self, x):
        y = F.relu(self.bn1(x))
        x = self.convShortcut(y) if self.convShortcut else x
        return x + self.conv2(F.relu(self.bn2(self.conv1(y))))


class WideStage(nn.Module):
    def __init__(self, c_in, c_out, blocks, stride):
        super().__init__()
        self.layer = nn.Sequential(*[
            WideBlock(c_out if i else c_in, c_out, 1 if i else stride) for i in range(blocks)])

    def forward(self, x):
        return self.layer(x)


class WRN(nn.Module):
    def __init__(self, blocks, width):
        super().__init__()
        c = [16, 16 * width, 32 * width, 64 * width]
        self.conv1 = conv(3, 16, 3)
        for s in range(3):
            setattr(self, f"block{s + 1}", WideStage(c[s], c[s + 1], blocks, 2 if s else 1))
        self.bn1, self.fc = bn(c[3]), nn.Linear(c[3], 5)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(F.relu(self.bn1(x)).mean((2, 3)))


class NextBlock(nn.Module):
    def __init__(self, c_in, inner, c_out, stride, groups):
        super().__init__()
        self.c_out = c_out
        self.conv1, self.bn1 = conv(c_in, inner, 1), bn(inner)
        self.conv2, self.bn2 = conv(inner, inner, 3, stride, groups), bn(inner)
        self.conv3, self.bn3 = conv(inner, c_out, 1), bn(c_out)
        self.shortcut = nn.Sequential()
        if c_in != c_out:
            self.shortcut.add_module("conv", conv(c_in, c_out, 1, stride))
            self.shortcut.add_module("bn", bn(c_out))

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        return F.relu(self.bn3(self.conv3(y)) + self.shortcut(x))


class ResNeXt(Stages):
    def __init__(self, blocks, groups, width):
        super().__init__()
        self.conv, self.bn = conv(3, 64, 3), bn(64)
        c = self.stages(64, blocks, lambda c_in, s, i, stride: NextBlock(
            c_in, groups * width << s, 256 << s, stride, groups))
        self.fc = nn.Linear(c, 5)

    def forward(self, x):
        return self.fc(self.run(F.relu(self.bn(self.conv(x)))).mean((2, 3)))


class PyramidBlock(nn.Module):
    def __init__(self, c_in, c_out, stride, bottleneck):
        super().__init__()
        self.c_out, self.stride, self.bottleneck = c_out, stride, bottleneck
        inner = c_out // 4 if bottleneck else c_out
        self.bn1 = bn(c_in)
        self.conv1 = conv(c_in, inner, 1) if bottleneck else conv(c_in, inner, 3, stride)
        self.bn2 = bn(inner)
        self.conv2 = conv(inner, inner, 3, stride if bottleneck else 1)
        self.bn3 = bn(inner)
        if bottleneck:
            self.conv3, self.bn4 = conv(inner, c_out, 1), bn(c_out)

    def forward(self, x):
        y = self.bn3(self.conv2(F.relu(self.bn2(self.conv1(self.bn1(x))))))
        if self.bottleneck:
            y = self.bn4(self.conv3(F.relu(y)))
        if self.stride > 1:
            x = F.avg_pool2d(x, 2)
        return y + F.pad(x, (0, 0, 0, 0, 0, y.shape[1] - x.shape[1]))


class PyramidNet(Stages):
    def __init__(self, blocks, alpha, bottleneck):
        super().__init__()
        self.channels = 16.0
        self.conv, self.bn1 = conv(3, 16, 3), bn(16)

        def make(c_in, s, i, stride):
            self.channels += alpha / (3 * blocks)
            c_out = int(np.round(self.channels)) * (4 if bottleneck else 1)
            return PyramidBlock(c_in, c_out, stride, bottleneck)

        c = self.stages(16, blocks, make)
        self.bn2, self.fc = bn(c), nn.Linear(c, 5)

    def forward(self, x):
        return self.fc(F.relu(self.bn2(self.run(self.bn1(self.conv(x))))).mean((2, 3)))


class ShakePath(nn.Module):
    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.conv1, self.bn1 = conv(c_in, c_out, 3, stride), bn(c_out)
        self.conv2, self.bn2 = conv(c_out, c_out, 3), bn(c_out)

    def forward(self, x):
        return self.bn2(self.conv2(F.relu(self.bn1(self.conv1(F.relu(x))))))


class ShakeSkip(nn.Module):
    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.stride = stride
        self.conv1, self.conv2 = conv(c_in, c_out // 2, 1), conv(c_in, c_out // 2, 1)
        self.bn = bn(c_out)

    def forward(self, x):
        x, s = F.relu(x), self.stride
        shifted = F.pad(x[:, :, 1:, 1:], (0, 1, 0, 1))
        y = self.conv1(x[:, :, ::s, ::s]), self.conv2(shifted[:, :, ::s, ::s])
        return self.bn(torch.cat(y, 1))


class ShakeBlock(nn.Module):
    """alpha = beta = 1/2, in training too: the library's mix=even."""

    def __init__(self, c_in, c_out, stride):
        super().__init__()
        self.c_out = c_out
        self.residual_path1 = ShakePath(c_in, c_out, stride)
        self.residual_path2 = ShakePath(c_in, c_out, stride)
        self.shortcut = nn.Sequential()
        if c_in != c_out:
            self.shortcut.add_module("skip", ShakeSkip(c_in, c_out, stride))

    def forward(self, x):
        return self.shortcut(x) + (self.residual_path1(x) + self.residual_path2(x)) / 2


class ShakeShake(Stages):
    def __init__(self, blocks, width):
        super().__init__()
        self.conv, self.bn = conv(3, 16, 3), bn(16)
        c = self.stages(16, blocks, lambda c_in, s, i, stride: ShakeBlock(
            c_in, width << s, stride))
        self.fc = nn.Linear(c, 5)

    def forward(self, x):
        return self.fc(F.relu(self.run(self.bn(self.conv(x)))).mean((2, 3)))


class VGG(nn.Module):
    def __init__(self, layers, widths, flat):
        super().__init__()
        c = 3
        for s, (n, width) in enumerate(zip(layers, widths)):
            stage = nn.Sequential()
            for i in range(n):
                stage.add_module(f"conv{i}", nn.Conv2d(c, width, 3, padding=1))
                stage.add_module(f"bn{i}", bn(width))
                stage.add_module(f"relu{i}", nn.ReLU())
                c = width
            stage.add_module("pool", nn.MaxPool2d(2))
            setattr(self, f"stage{s + 1}", stage)
        self.fc = nn.Linear(c * flat, 5)

    def forward(self, x):
        for s in range(5):
            x = getattr(self, f"stage{s + 1}")(x)
        return self.fc(x.flatten(1))


CASES = [
    Case("cifar_preresnet", "cifar_preresnet:depth=14", lambda: PreResNet(2, (16, 32, 64), False),
         19, 22, 3),
    Case("cifar_preresnet_bottleneck", "cifar_preresnet:depth=20,block=bottleneck",
         lambda: PreResNet(2, (64, 128, 256), True), 16, 13, 2),
    Case("cifar_preresnet_narrow", "cifar_preresnet:depth=11,block=bottleneck,widths=16-32-64",
         lambda: PreResNet(1, (16, 32, 64), True), 15, 21, 1),
    Case("wrn_10_2", "wrn:depth=10,width=2", lambda: WRN(1, 2), 21, 18, 3),
    Case("wrn_16_1", "wrn_16_1", lambda: WRN(2, 1), 32, 27, 1),
    Case("resnext29", "resnext29:depth=20,groups=4,width=3", lambda: ResNeXt(2, 4, 3), 17, 14, 3),
    Case("resnext29_one", "resnext29:depth=11,groups=2,width=8", lambda: ResNeXt(1, 2, 8),
         13, 19, 1),
    Case("pyramidnet", "pyramidnet:depth=14,alpha=15", lambda: PyramidNet(2, 15, False), 20, 12, 3),
    Case("pyramidnet_bottleneck", "pyramidnet:block=bottleneck,depth=20,alpha=9",
         lambda: PyramidNet(2, 9, True), 16, 24, 1),
    Case("shake_shake", "shake_shake:depth=14,width=6,mix=even", lambda: ShakeShake(2, 6),
         19, 14, 3),
    Case("shake_shake_one", "shake_shake:depth=8,width=16,mix=even", lambda: ShakeShake(1, 16),
         16, 17, 1),
    Case("cifar_vgg", "cifar_vgg:layers=2-1-1-2-1,widths=8-12-16-20-24",
         lambda: VGG((2, 1, 1, 2, 1), (8, 12, 16, 20, 24), 2), 35, 66, 3),
    Case("cifar_vgg_one", "cifar_vgg:layers=2-1-1-2-1,widths=8-12-16-20-24",
         lambda: VGG((2, 1, 1, 2, 1), (8, 12, 16, 20, 24), 2), 67, 39, 1),
    Case("vgg_15_BN_64_narrow", "cifar_vgg:widths=6-8-10-12-16",
         lambda: VGG((2, 2, 3, 3, 3), (6, 8, 10, 12, 16), 1), 32, 32, 2),
]
