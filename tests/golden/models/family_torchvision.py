"""AlexNet, VGG, ResNet, ResNeXt and DenseNet by torchvision's own classes. Layers that would make
the files of weights huge are narrowed, nothing else changes; dropout is off."""
import torch
import mend_torchvision  # noqa: F401
import torchvision.models as tv
from golden import Case


def without_dropout(model):
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def narrowed(model, first, hidden):
    """The classifier with `hidden` features."""
    layers = [i for i, m in enumerate(model.classifier) if isinstance(m, torch.nn.Linear)]
    sizes = [model.classifier[layers[0]].in_features, hidden, hidden,
             model.classifier[layers[2]].out_features]
    for i, layer in enumerate(layers):
        model.classifier[layer] = torch.nn.Linear(sizes[i], sizes[i + 1])
    return without_dropout(model)


def vgg(name, hidden):
    return lambda: narrowed(getattr(tv, name)(num_classes=5), 7, hidden)


# keeps what residual branches add small, so that rounding grows no faster with depth than the sum
SMALL_BRANCHES = {"bn3.weight": 1 / 4}
# the norms behind the first one undo its gain but for its bias: with small ones that gain's gradient
# is what little is left of sums that cancel
LARGE_FIRST_BIAS = {"norm0.bias": 4}
CASES = [
    Case("alexnet", "alexnet:hidden=24,dropout=0",
         lambda: narrowed(tv.alexnet(num_classes=5), 6, 24), 71, 68, 3),
    Case("alexnet_one", "alexnet:hidden=24,dropout=0",
         lambda: narrowed(tv.alexnet(num_classes=5), 6, 24), 66, 91, 1),
    Case("vgg11", "vgg11:hidden=16,dropout=0", vgg("vgg11", 16), 37, 67, 1),
    Case("vgg11_bn", "vgg11_bn:hidden=16,dropout=0", vgg("vgg11_bn", 16), 33, 40, 3),
    Case("vgg11_bn_one", "vgg11_bn:hidden=16,dropout=0", vgg("vgg11_bn", 16), 65, 43, 1),
    Case("vgg13_bn", "vgg13_bn:hidden=16,dropout=0", vgg("vgg13_bn", 16), 37, 37, 2),
    Case("resnet10", "resnet:depths=1-1-1-1,block=basic", lambda: tv.ResNet(
        tv.resnet.BasicBlock, [1, 1, 1, 1], num_classes=5), 33, 35, 2),
    Case("resnet18", "resnet18", lambda: tv.resnet18(num_classes=5), 97, 65, 1),
    Case("resnet34", "resnet34", lambda: tv.resnet34(num_classes=5), 67, 70, 2),
    Case("resnet14", "resnet:depths=1-1-1-1", lambda: bottlenecks(1, 64), 33, 43, 2),
    Case("resnet14_one", "resnet:depths=1-1-1-1", lambda: bottlenecks(1, 64), 65, 71, 1),
    Case("resnet50", "resnet50", lambda: tv.resnet50(num_classes=5), 65, 67, 3,
         scaled=SMALL_BRANCHES),
    Case("resnext14", "resnet:depths=1-1-1-1,groups=32,width=4", lambda: bottlenecks(32, 4),
         41, 33, 2),
    Case("resnext14_one", "resnet:depths=1-1-1-1,groups=32,width=4", lambda: bottlenecks(32, 4),
         73, 67, 1),
    Case("resnext50", "resnext50_32x4d", lambda: tv.resnext50_32x4d(num_classes=5), 67, 65, 2,
         scaled=SMALL_BRANCHES),
    Case("densenet121", "densenet121", lambda: tv.densenet121(num_classes=5), 161, 131, 1,
         scaled=LARGE_FIRST_BIAS),
    Case("densenet_conv_norm", "densenet:blocks=3-2-4,growth=6,neck=2,stem=conv-norm",
         lambda: small_densenet(True), 21, 26, 3, scaled=LARGE_FIRST_BIAS),
    Case("densenet_conv", "densenet:blocks=3-2-4,growth=6,neck=2,stem=conv",
         lambda: small_densenet(False), 23, 17, 2),
]


def bottlenecks(groups, width):
    return tv.ResNet(tv.resnet.Bottleneck, [1, 1, 1, 1], num_classes=5, groups=groups,
                     width_per_group=width)


def small_densenet(norm):
    model = tv.DenseNet(growth_rate=6, block_config=(3, 2, 4), num_init_features=12, bn_size=2,
                        num_classes=5)
    features = model.features
    features.conv0 = torch.nn.Conv2d(3, 12, 3, padding=1, bias=False)
    features.pool0 = torch.nn.Identity()
    if not norm:
        features.norm0 = features.relu0 = torch.nn.Identity()
    return model
