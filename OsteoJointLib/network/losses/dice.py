"""The mask term of Eq. 19: one minus the soft Dice coefficient."""

from __future__ import annotations

import torch
from torch import Tensor


def dice_loss(logits: Tensor, target: Tensor, smooth_px: float = 1.0) -> Tensor:
    """Compute the mean over images of 1 - (2 sum(p g) + s) / (sum(p) + sum(g) + s), p the sigmoid of the logits.

    Each image counts alike, however large its body. With an empty target the loss is sum(p) / (sum(p) + s): it falls
    to 0 only when nothing is predicted.

    Args:
        logits: (B, 1, H, W).
        target: (B, 1, H, W) in [0, 1] or bool.
        smooth_px: s, in pixels; small beside a body's 2,000.

    Returns:
        A scalar in [0, 1).
    """
    probability, target = torch.sigmoid(logits.float()).flatten(1), target.float().flatten(1)
    common = (probability * target).sum(dim=1)
    total = probability.sum(dim=1) + target.sum(dim=1)
    return (1 - (2 * common + smooth_px) / (total + smooth_px)).mean()
