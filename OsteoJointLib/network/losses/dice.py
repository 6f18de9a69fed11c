"""The mask term of Eq. 19: one minus the soft Dice coefficient."""

from __future__ import annotations

import torch
from torch import Tensor

_SMOOTH_PX = 1.0
"""Added to either sum, pixels; small beside a body's 2,000."""
_EMPTY_PX = 1000.0
"""The same where the target is empty, chosen: a speck then has the slope that it has beside a body of 2,000 pixels.
With 1 pixel the loss of a disc taken for a body would be flat at 0.9995 and teach nothing; it is 0.67."""


def dice_loss(logits: Tensor, target: Tensor, counted: Tensor | None = None) -> Tensor:
    """Compute the mean over masks of 1 - (2 sum(p g) + s) / (sum(p) + sum(g) + s), p the sigmoid of the logits.

    Each mask counts alike, however large its body. With an empty target the loss is sum(p) / (sum(p) + s), s wider: it
    falls to 0 only when nothing is predicted.

    Args:
        logits: (B, C, H, W).
        target: (B, C, H, W) in [0, 1] or bool.
        counted: (B,) bool, the images whose masks count; None counts all.

    Returns:
        A scalar in [0, 1); 0 where none counts.
    """
    probability, target = torch.sigmoid(logits.float()).flatten(2), target.float().flatten(2)
    common = (probability * target).sum(dim=2)
    true = target.sum(dim=2)
    smooth = torch.where(true > 0, _SMOOTH_PX, _EMPTY_PX)
    loss = (1 - (2 * common + smooth) / (probability.sum(dim=2) + true + smooth)).mean(dim=1)
    return loss.mean() if counted is None else (loss * counted).sum() / counted.sum().clamp(min=1)
