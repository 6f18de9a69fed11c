"""The predicted body and its mean grey level as feature maps, so that bone density is easy to read off.

Ours, not the paper's (``NetworkConfig.grey_evidence``). Bone status is decided by the mean trabecular HU inside a body
that fills 6 % of the crop; a ReLU network with strided convolutions learns that mean slowly and badly. Beside the
decoders' features (Eq. 16) each scale therefore gets two channels, computed with averages only:

* ``core``: the share of each cell that lies in the body's core (the mask eroded by four pixels),
* ``grey``: the mean grey level of that part of the cell, in units of 50 HU around 120 HU; 0 where the cell has none.

Averaging ``grey`` with the weights ``core`` gives the mean grey level of the core at every scale. The mask
is detached: the class term must not move the boundary. A mask edited by a user enters in the predicted one's place.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

EVIDENCE_CHANNELS = 2
"""Channels that :func:`body_evidence` makes per scale: core, grey; they are the last two of a fused feature map."""

_ERODED_PX = 4
"""How far inside the mask the core begins, pixels (2 to 4 mm): beyond cortex and blur; chosen."""
_GREY_CENTER = 0.7
"""Grey of 120 HU in the window of [-160, 240] HU, amid osteopenia (110 to 160 HU at 120 kVp); chosen."""
_GREY_UNIT = 0.125
"""Grey of 50 HU: the classes lie within one or two units; chosen."""
_PRIOR_SHARE = 1e-3
"""Added to a cell's share of core, so that a cell without one says 0."""
_LEAST_WEIGHT = 1e-4
"""Weight of a cell without core, so that an empty mask gives the plain mean; chosen."""


def body_evidence(images: Tensor, mask: Tensor, sizes_px: Sequence[int]) -> tuple[Tensor, ...]:
    """Compute core share and core grey level at several scales.

    Args:
        images: (B, 1, H, W) crops in [0, 1], soft-tissue window.
        mask: (B, 1, H, W) body probability in [0, 1]; no gradient is passed to it.
        sizes_px: edge length of each scale's map; divides H and W.

    Returns:
        One (B, 2, size, size) float32 map per scale: core share in [0, 1] and grey level,
        ``(mean - 0.7) / 0.125`` of the core's pixels in the cell, drawn to 0 as the core's share vanishes.
    """
    # plain float32: bfloat16 would round grey levels to 1 HU at best, 2 HU in the upper half of the window
    images, mask = images.float(), mask.detach().float()
    core = erode(mask, _ERODED_PX)
    grey = core * ((images - _GREY_CENTER) / _GREY_UNIT)
    return tuple(_at_scale(core, grey, size) for size in sizes_px)


def erode(mask: Tensor, radius_px: int) -> Tensor:
    """Take the smallest value in the square around each pixel; beyond the edge the mask goes on.

    Args:
        mask: (B, 1, H, W).
        radius_px: half the square's edge, without the middle pixel.

    Returns:
        (B, 1, H, W).
    """
    edge = 2 * radius_px + 1
    rows = functional.max_pool2d(-mask, (edge, 1), stride=1, padding=(radius_px, 0))
    return -functional.max_pool2d(rows, (1, edge), stride=1, padding=(0, radius_px))


def _at_scale(core: Tensor, grey: Tensor, size: int) -> Tensor:
    stride = core.shape[-1] // size
    share = functional.avg_pool2d(core, stride)
    level = functional.avg_pool2d(grey, stride) / (share + _PRIOR_SHARE)
    return torch.cat((share, level), dim=1)


def evidence_pool(x: Tensor, core: Tensor) -> Tensor:
    """Average feature vectors over the body's core.

    Args:
        x: (B, C, h, w) features.
        core: (B, 1, h, w) core share of each cell.

    Returns:
        (B, C) float32 means weighted by ``core``; the plain mean where the mask is empty.
    """
    weight = core.float() + _LEAST_WEIGHT
    return (x.float() * weight).sum(dim=(2, 3)) / weight.sum(dim=(2, 3))
