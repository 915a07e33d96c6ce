"""ResNets for small images as akamaster/pytorch_resnet_cifar10 declares them (resnet.py), MLPerf
Tiny's ResNet-8 and a plain chain, written from their descriptions."""
import torch
import torch.nn.functional as F
from torch import nn

from golden import Case


class Shortcut(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        self.pad = (c_out - c_in) // 2

    def forward(self, x):
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))


class Block(nn.Module):
    def __init__(self, c_in, c_out, stride, option):
        super().__init__()
        self.conv1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(c_out)
        self.conv2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(c_out)
        self.shortcut = nn.Sequential()
        if c_in != c_out:
            self.shortcut = Shortcut(c_in, c_out) if option == "A" else nn.Sequential(
                nn.Conv2d(c_in, c_out, 1, stride, bias=False), nn.BatchNorm2d(c_out))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, blocks, option):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        for s, (c_in, c_out) in enumerate([(16, 16), (16, 32), (32, 64)]):
            layers = [Block(c_in if i == 0 else c_out, c_out, 2 if s and i == 0 else 1, option)
                      for i in range(blocks)]
            setattr(self, f"layer{s + 1}", nn.Sequential(*layers))
        self.linear = nn.Linear(64, 5)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.linear(x.mean((2, 3)))


class Same(nn.Conv2d):
    """TensorFlow's padding."""
    def forward(self, x):
        k, s = self.kernel_size[0], self.stride[0]
        pad = []
        for side in (x.shape[3], x.shape[2]):
            total = max((-(-side // s) - 1) * s + k - side, 0)
            pad += [total // 2, total - total // 2]
        return super().forward(F.pad(x, pad))


class TinyBlock(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        stride = 1 if c_in == c_out else 2
        self.conv1, self.bn1 = Same(c_in, c_out, 3, stride), nn.BatchNorm2d(c_out, eps=1e-3)
        self.conv2, self.bn2 = Same(c_out, c_out, 3), nn.BatchNorm2d(c_out, eps=1e-3)
        self.downsample = nn.Sequential(*([] if stride == 1 else [Same(c_in, c_out, 1, stride)]))

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(y + self.downsample(x))


class Tiny(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = Same(3, 16, 3), nn.BatchNorm2d(16, eps=1e-3)
        for s, (c_in, c_out) in enumerate([(16, 16), (16, 32), (32, 64)]):
            setattr(self, f"layer{s + 1}", nn.Sequential(TinyBlock(c_in, c_out)))
        self.fc = nn.Linear(64, 5)

    def forward(self, x):
        x = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return self.fc(x.mean((2, 3)))


class Plain(nn.Module):
    def __init__(self, flat):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, 3, padding=1)
        self.conv2 = nn.Conv2d(32, 64, 3, padding=1)
        self.conv3 = nn.Conv2d(64, 128, 3, padding=1)
        self.fc1, self.fc2 = nn.Linear(flat, 256), nn.Linear(256, 5)

    def forward(self, x):
        for conv in (self.conv1, self.conv2, self.conv3):
            x = F.max_pool2d(F.relu(conv(x)), 2)
        return self.fc2(F.relu(self.fc1(x.flatten(1))))


CASES = [
    Case("cifar_resnet20", "cifar_resnet:depth=20,shortcut=A", lambda: ResNet(3, "A"), 19, 26, 3),
    Case("cifar_resnet20_one", "cifar_resnet20", lambda: ResNet(3, "A"), 33, 31, 1),
    Case("cifar_resnet14_conv", "cifar_resnet:depth=14,shortcut=conv", lambda: ResNet(2, "B"),
         21, 23, 4),
    Case("resnet8_mlperf_tiny", "resnet8_mlperf_tiny", Tiny, 32, 28, 3, raw=True),
    Case("resnet8_odd", "resnet8_mlperf_tiny", Tiny, 31, 27, 2, raw=True),
    Case("resnet8_one", "resnet8_mlperf_tiny", Tiny, 29, 45, 1, raw=True),
    Case("plaincnn", "plaincnn", lambda: Plain(128 * 3 * 2), 25, 18, 3),
    Case("plaincnn_one", "plaincnn", lambda: Plain(128 * 2 * 3), 16, 30, 1),
]
