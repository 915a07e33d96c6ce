"""ResNet and VGG as repositories of CIFAR networks change torchvision's: a 3x3 stem without a pool
(kuangliu/pytorch-cifar), features straight into the classifier (also chenyaofo's)."""
import torch
import mend_torchvision  # noqa: F401
import torchvision.models as tv
from golden import Case


def small_stem(model):
    model.conv1 = torch.nn.Conv2d(3, 64, 3, padding=1, bias=False)
    model.maxpool = torch.nn.Identity()
    return model


class Flat(torch.nn.Module):
    def __init__(self, classifier):
        super().__init__()
        self.features = tv.vgg11_bn().features
        self.classifier = classifier

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def hidden():
    linear, relu, none = torch.nn.Linear, torch.nn.ReLU, torch.nn.Identity
    return torch.nn.Sequential(linear(512 * 2, 16), relu(), none(), linear(16, 16), relu(), none(),
                               linear(16, 5))


CASES = [
    Case("resnet10_small_stem", "resnet:depths=1-1-1-1,block=basic,stem=cifar",
         lambda: small_stem(tv.ResNet(tv.resnet.BasicBlock, [1, 1, 1, 1], num_classes=5)),
         11, 14, 2),
    Case("vgg11_bn_linear_head", "vgg11_bn:pool=no,head=linear",
         lambda: Flat(torch.nn.Linear(512 * 2, 5)), 33, 65, 1),
    Case("vgg11_bn_flat", "vgg11_bn:pool=no,hidden=16,dropout=0", lambda: Flat(hidden()),
         65, 38, 1),
]
