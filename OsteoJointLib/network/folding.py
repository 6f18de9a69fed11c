"""Batch normalization folded into the convolutions before it: the same output in fewer passes, for reading only."""

from __future__ import annotations

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

_CONVOLUTIONS, _NORMALIZATIONS = (nn.Conv2d, nn.Conv3d), (nn.BatchNorm2d, nn.BatchNorm3d)


def fold_batch_norm(network: nn.Module) -> None:
    """Let each convolution of a network do what the normalization after it does, and leave that out.

    Args:
        network: in eval mode, changed in place. Where a convolution and a normalization are neighbors among a module's
            children, the one follows the other in its ``forward``, as everywhere in this package.
    """
    for module in list(network.modules()):
        for (name, before), (next_name, after) in pairwise(list(module.named_children())):
            if isinstance(before, _CONVOLUTIONS) and isinstance(after, _NORMALIZATIONS):
                setattr(module, name, fuse_conv_bn_eval(before, after))
                setattr(module, next_name, nn.Identity())
