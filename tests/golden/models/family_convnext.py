"""ConvNeXt as timm declares it (timm/models/convnext.py), under the authors' names."""
import re

import mend_torchvision  # noqa: F401
from timm.models.convnext import ConvNeXt

from golden import Case


def ours(name):
    name = re.sub(r"^stem\.", "downsample_layers.0.", name)
    name = re.sub(r"^stages\.(\d)\.downsample\.", r"downsample_layers.\1.", name)
    name = re.sub(r"^stages\.(\d)\.blocks\.", r"stages.\1.", name)
    for theirs, own in (("conv_dw", "dwconv"), ("mlp.fc", "pwconv"), ("head.norm", "norm"), ("head.fc", "head")):
        name = name.replace(theirs, own)
    return name


def case(file, spec, depths, dims, height, width, batch):
    return Case(file, spec, lambda: ConvNeXt(depths=depths, dims=dims, num_classes=5), height, width, batch, rename=ours)


CASES = [
    case("convnext", "convnext:depths=1-1-2-1,dims=12-20-28-36", (1, 1, 2, 1), (12, 20, 28, 36), 71, 45, 3),
    case("convnext_one", "convnext:depths=1-2-1-1,dims=7-9-16-33", (1, 2, 1, 1), (7, 9, 16, 33), 33, 50, 1),
    case("convnext_atto", "convnext_atto", (2, 2, 6, 2), (40, 80, 160, 320), 65, 67, 2),
]
