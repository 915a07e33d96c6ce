"""Import this before torchvision or timm: makes torchvision importable beside a torch that its
compiled operators were not built for (the CPU build of torch 2.13.0 and PyPI's torchvision 0.29.2),
by declaring those operators. None of the networks here uses one; where torchvision imports as it
is, nothing is done."""
import sys

import torch

OPERATORS = ("deform_conv2d", "nms", "ps_roi_align", "ps_roi_pool", "roi_align", "roi_pool", "qnms", "qroi_align",
             "qroi_pool", "_deform_conv2d_backward", "_ps_roi_align_backward", "_ps_roi_pool_backward",
             "_roi_align_backward", "_roi_pool_backward")

try:
    import torchvision  # noqa: F401
except RuntimeError:
    for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
        del sys.modules[name]
    library = torch.library.Library("torchvision", "DEF")
    for operator in OPERATORS:
        library.define(operator + "(Tensor a) -> Tensor")
    import torchvision  # noqa: F401
