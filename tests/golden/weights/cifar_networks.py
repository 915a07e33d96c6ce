"""Networks for CIFAR built and named as public repositories of trained weights do: kuangliu/pytorch-cifar,
akamaster/pytorch_resnet_cifar10, chenyaofo/pytorch-cifar-models, weiaicunzai/pytorch-cifar100,
andreasveit/densenet-pytorch, bearpaw/pytorch-classification. Only forward in evaluation mode."""
import torch
import torch.nn.functional as F
from torch import nn


def conv(a, b, k, stride=1, bias=False):
    return nn.Conv2d(a, b, k, stride, k // 2, bias=bias)


class PlainBlock(nn.Module):
    """kuangliu, akamaster, chenyaofo: two convolutions; the shortcut goes by two names."""

    def __init__(self, a, b, stride, shortcut, option_a=False):
        super().__init__()
        self.conv1, self.bn1, self.conv2, self.bn2 = conv(a, b, 3, stride), nn.BatchNorm2d(b), conv(b, b, 3), nn.BatchNorm2d(b)
        self.pad = (b - a) // 2 if option_a and a != b else 0
        if (stride != 1 or a != b) and not option_a:
            setattr(self, shortcut, nn.Sequential(conv(a, b, 1, stride), nn.BatchNorm2d(b)))
        self.way = getattr(self, shortcut, None) and shortcut

    def forward(self, x):
        y = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.pad:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, self.pad, self.pad))
        elif self.way:
            x = getattr(self, self.way)(x)
        return F.relu(y + x)


class PlainResNet(nn.Module):
    def __init__(self, widths, depth, shortcut, last, option_a=False):
        super().__init__()
        self.conv1, self.bn1 = conv(3, widths[0], 3), nn.BatchNorm2d(widths[0])
        a = widths[0]
        for i, b in enumerate(widths):
            blocks = [PlainBlock(a if k == 0 else b, b, 2 if i and k == 0 else 1, shortcut, option_a) for k in range(depth)]
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))
            a = b
        setattr(self, last, nn.Linear(a, 10))
        self.n, self.last = len(widths), last

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for i in range(self.n):
            x = getattr(self, f"layer{i + 1}")(x)
        return getattr(self, self.last)(x.mean((2, 3)))


class WeiBlock(nn.Module):
    def __init__(self, a, b, stride, bottleneck):
        super().__init__()
        out = 4 * b if bottleneck else b
        norm, relu = nn.BatchNorm2d, nn.ReLU()
        if bottleneck:
            layers = [conv(a, b, 1), norm(b), relu, conv(b, b, 3, stride), norm(b), relu, conv(b, out, 1), norm(out)]
        else:
            layers = [conv(a, b, 3, stride), norm(b), relu, conv(b, b, 3), norm(b)]
        self.residual_function = nn.Sequential(*layers)
        self.shortcut = nn.Sequential()
        if stride != 1 or a != out:
            self.shortcut = nn.Sequential(conv(a, out, 1, stride), norm(out))

    def forward(self, x):
        return F.relu(self.residual_function(x) + self.shortcut(x))


class WeiResNet(nn.Module):
    def __init__(self, depths, bottleneck):
        super().__init__()
        self.conv1 = nn.Sequential(conv(3, 64, 3), nn.BatchNorm2d(64), nn.ReLU())
        a, self.stages = 64, []
        for i, n in enumerate(depths):
            blocks = []
            for k in range(n):
                blocks.append(WeiBlock(a, 64 << i, 2 if i and k == 0 else 1, bottleneck))
                a = (64 << i) * (4 if bottleneck else 1)
            self.add_module(f"conv{i + 2}_x", nn.Sequential(*blocks))
        self.fc = nn.Linear(a, 10)

    def forward(self, x):
        x = self.conv1(x)
        for i in range(4):
            x = getattr(self, f"conv{i + 2}_x")(x)
        return self.fc(x.mean((2, 3)))


class DenseLayer(nn.Module):
    def __init__(self, a, growth):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(a), conv(a, 4 * growth, 1)
        self.bn2, self.conv2 = nn.BatchNorm2d(4 * growth), conv(4 * growth, growth, 3)

    def forward(self, x):
        return torch.cat([x, self.conv2(F.relu(self.bn2(self.conv1(F.relu(self.bn1(x))))))], 1)


class Transition(nn.Module):
    def __init__(self, a, b):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(a), conv(a, b, 1)

    def forward(self, x):
        return F.avg_pool2d(self.conv1(F.relu(self.bn1(x))), 2)


class DenseBlock(nn.Module):  # andreasveit has one around the layers
    def __init__(self, layers):
        super().__init__()
        self.layer = layers

    def forward(self, x):
        return self.layer(x)


class DenseNet(nn.Module):
    def __init__(self, n, growth, blocks, wrap, last_norm):
        super().__init__()
        a = 2 * growth
        self.conv1, self.names = conv(3, a, 3), []
        for i in range(3):
            layers = nn.Sequential(*[DenseLayer(a + k * growth, growth) for k in range(n)])
            self.names.append(f"{blocks}{i + 1}")
            setattr(self, self.names[-1], DenseBlock(layers) if wrap else layers)
            a += n * growth
            if i < 2:
                self.names.append(f"trans{i + 1}")
                setattr(self, self.names[-1], Transition(a, a // 2))
                a //= 2
        setattr(self, last_norm, nn.BatchNorm2d(a))
        self.fc, self.last_norm = nn.Linear(a, 10), last_norm

    def forward(self, x):
        x = self.conv1(x)
        for name in self.names:
            x = getattr(self, name)(x)
        return self.fc(F.relu(getattr(self, self.last_norm)(x)).mean((2, 3)))


class Vgg(nn.Module):
    """kuangliu: convolutions with bias and one linear layer; chenyaofo: three layers behind them."""

    def __init__(self, widths, classifier):
        super().__init__()
        layers, a = [], 3
        for b in widths:
            if b == "M":
                layers.append(nn.MaxPool2d(2))
            else:
                layers += [conv(a, b, 3, bias=True), nn.BatchNorm2d(b), nn.ReLU()]
                a = b
        self.features, self.classifier = nn.Sequential(*layers), classifier

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


VGG11 = [64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M"]


def three_layers(hidden):
    return nn.Sequential(nn.Linear(512, hidden), nn.ReLU(), nn.Dropout(), nn.Linear(hidden, hidden), nn.ReLU(), nn.Dropout(),
                         nn.Linear(hidden, 10))


def prefixed(prefix):
    return lambda state: {prefix + k: v for k, v in state.items()}


def bfloats(state):
    return {k: v.bfloat16() if v.is_floating_point() else v for k, v in state.items()}


CIFAR = {  # name: how it is made, our name, pixels, what is put in front of the names or made of them
    "kuangliu_resnet18": (lambda: PlainResNet([64, 128, 256, 512], 2, "shortcut", "linear"), "resnet18_cifar", 32, "module."),
    "kuangliu_vgg11": (lambda: Vgg(VGG11, nn.Linear(512, 10)), "vgg11_bn:head=linear,pool=no", 32, "net.module."),
    "akamaster_resnet20": (lambda: PlainResNet([16, 32, 64], 3, "shortcut", "linear", True), "cifar_resnet20:shortcut=A", 32,
                           prefixed("state_dict.module.")),
    "akamaster_resnet32_b": (lambda: PlainResNet([16, 32, 64], 5, "shortcut", "linear"), "cifar_resnet32:shortcut=conv", 32, bfloats),
    "chenyaofo_resnet20": (lambda: PlainResNet([16, 32, 64], 3, "downsample", "fc"), "cifar_resnet20:shortcut=conv", 32, ""),
    "chenyaofo_vgg11": (lambda: Vgg(VGG11, three_layers(512)), "vgg11_bn:hidden=512,pool=no", 32, ""),
    "weiaicunzai_vgg11": (lambda: Vgg(VGG11, three_layers(4096)), "vgg11_bn:pool=no", 32, ""),
    "weiaicunzai_resnet18": (lambda: WeiResNet([2, 2, 2, 2], False), "resnet18_cifar", 32, ""),
    "weiaicunzai_resnet50": (lambda: WeiResNet([3, 4, 6, 3], True), "resnet50:stem=cifar", 32, "module."),
    "andreasveit_densenet": (lambda: DenseNet(6, 12, "block", True, "bn1"), "densenet:blocks=6-6-6,growth=12,stem=conv", 32, ""),
    "bearpaw_densenet": (lambda: DenseNet(4, 12, "dense", False, "bn"), "densenet:blocks=4-4-4,growth=12,stem=conv", 32,
                         prefixed("state_dict.module.")),
}
