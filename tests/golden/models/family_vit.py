"""Vision transformers as timm declares them (timm/models/vision_transformer.py)."""
from functools import partial

from timm.models.vision_transformer import VisionTransformer
from torch import nn

from golden import Case


def vit(height, width, eps=1e-6, **options):
    return lambda: VisionTransformer(img_size=(height, width), num_classes=5,
                                     norm_layer=partial(nn.LayerNorm, eps=eps), **options)


def case(file, spec, height, width, batch, **options):
    return Case(file, spec, vit(height, width, **options), height, width, batch)


# grids of 5 x 3, 3 x 4, 8 x 8 patches; 401 tokens, whose scores come in blocks
CASES = [
    case("vit_odd", "vit:patch=4,dim=24,depth=3,heads=3", 20, 12, 3,
         patch_size=4, embed_dim=24, depth=3, num_heads=3),
    case("vit_odd_one", "vit:patch=4,dim=24,depth=2,heads=4,mlp=50,layer_scale=0.5", 20, 12, 1,
         patch_size=4, embed_dim=24, depth=2, num_heads=4, mlp_ratio=50 / 24, init_values=0.5),
    case("vit_mean", "vit:patch=5,dim=20,depth=2,heads=2,pool=mean", 15, 20, 2,
         patch_size=5, embed_dim=20, depth=2, num_heads=2, global_pool="avg"),
    case("vit_mean_patches", "vit:patch=5,dim=20,depth=2,heads=1,pool=mean,class_token=no", 15, 20,
         3, patch_size=5, embed_dim=20, depth=2, num_heads=1, global_pool="avg",
         class_token=False),
    case("vit_cifar", "vit:patch=4,dim=128,depth=4,heads=4,mlp=256,eps=1e-5", 32, 32, 2, eps=1e-5,
         patch_size=4, embed_dim=128, depth=4, num_heads=4, mlp_ratio=2),
    case("vit_blocks", "vit:patch=2,dim=32,depth=1,heads=2", 40, 40, 1,
         patch_size=2, embed_dim=32, depth=1, num_heads=2),
    case("vit_tiny", "vit_tiny", 48, 80, 2,
         patch_size=16, embed_dim=192, depth=12, num_heads=3),
]
