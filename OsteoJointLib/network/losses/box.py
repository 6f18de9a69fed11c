"""The box term of Eq. 19: one minus the generalized IoU (Rezatofighi et al. 2019).

The paper names the term L_IoU without a formula; the generalized form is the plain one plus a slope where boxes do
not touch.
"""

from __future__ import annotations

from torch import Tensor

from OsteoJointLib.network.boxes import generalized_iou


def box_loss(predicted_xyxy: Tensor, target_xyxy: Tensor) -> Tensor:
    """Compute the mean of 1 - GIoU.

    Args:
        predicted_xyxy: (P, 4) boxes in pixels.
        target_xyxy: (P, 4).

    Returns:
        A scalar in [0, 2]; 0 with a zero gradient when P = 0: without a body there is no box to learn.
    """
    if len(predicted_xyxy) == 0:
        return predicted_xyxy.sum()
    return (1 - generalized_iou(predicted_xyxy, target_xyxy)).mean()
