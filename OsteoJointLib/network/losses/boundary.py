"""The boundary term of Eq. 19: the mean squared error of the heat map, in units of the target's own mean square.

A boundary fills 2 % of a crop, so the plain mean squared error of predicting nothing at all is 0.01 and its slope
vanishes beside the other terms. Divided by the target's mean square it is 1 for predicting nothing and 0 for the
truth, whatever the boundary's length and the Gaussian's width. It has the same minimum.
"""

from __future__ import annotations

from torch import Tensor


def heatmap_loss(heatmap: Tensor, target: Tensor, least_share: float = 2e-3) -> Tensor:
    """Compute the mean over images of sum((p - t)^2) / sum(t^2).

    Args:
        heatmap: (B, 1, H, W) in [0, 1].
        target: (B, 1, H, W) in [0, 1], Eq. 11.
        least_share: the divisor is at least this share of the image's pixels, so that an image without a boundary
            counts too and a sliver of one does not count without bound.

    Returns:
        A scalar >= 0.
    """
    predicted, target = heatmap.float().flatten(1), target.float().flatten(1)
    energy = target.square().sum(dim=1).clamp(min=least_share * target.shape[1])
    return ((predicted - target).square().sum(dim=1) / energy).mean()
