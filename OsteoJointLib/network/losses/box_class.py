"""The box class term of Eq. 19: binary cross-entropy of the labels L1 and L2, each on its own, as in YOLOv3."""

from __future__ import annotations

import torch
import torch.nn.functional as functional
from torch import Tensor


def box_class_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Compute the mean binary cross-entropy over boxes and classes.

    Args:
        logits: (P, classes).
        labels: (P,) int64.

    Returns:
        A scalar; 0 with a zero gradient when P = 0: without a body there is no level to learn.
    """
    if len(logits) == 0:
        return logits.sum()
    # not one_hot(), which asks what the labels are
    target = (labels[:, None] == torch.arange(logits.shape[1], device=labels.device)).to(logits.dtype)
    return functional.binary_cross_entropy_with_logits(logits, target)
