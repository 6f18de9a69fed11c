"""The objectness term of Eq. 19: is there a vertebral body, asked of every anchor.

Anchors that answer for a body have target 1, all others 0; those not asked whose box overlaps a body well are left
out, as in YOLOv3. The sum is divided by the number of answering anchors, not by the 16,000 asked, so that the few
positives keep their say.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor

from OsteoJointLib.network.boxes import pairwise_iou


def objectness_loss(logits: Tensor, target: Tensor, asked: Tensor) -> Tensor:
    """Compute the binary cross-entropy over the asked anchors.

    Args:
        logits: (B, N).
        target: (B, N) bool, the anchors that answer for a body.
        asked: (B, N) bool, the anchors that count.

    Returns:
        A scalar: the sum over asked anchors divided by the number of positive ones (at least one per slice).
    """
    terms = functional.binary_cross_entropy_with_logits(logits, target.to(logits.dtype), reduction="none")
    return (terms * asked).sum() / target.sum().clamp(min=len(logits))


def asked_anchors(predicted_xyxy: Tensor, bodies_xyxy: Sequence[Tensor], target: Tensor, ignore_iou: float) -> Tensor:
    """Choose the anchors that count.

    Args:
        predicted_xyxy: (B, N, 4) decoded boxes; no gradient is passed to them.
        bodies_xyxy: per slice (G, 4).
        target: (B, N) bool, the anchors that answer.
        ignore_iou: an anchor that does not answer is left out when it overlaps a body by at least this much.

    Returns:
        (B, N) bool.
    """
    good = torch.zeros_like(target)
    for index, bodies in enumerate(bodies_xyxy):
        if len(bodies):
            overlap = pairwise_iou(predicted_xyxy[index].detach(), bodies.to(predicted_xyxy.dtype))
            good[index] = overlap.amax(dim=1) >= ignore_iou
    return target | ~good
