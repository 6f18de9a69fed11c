"""The status term of Eq. 19: cross-entropy with soft labels, as mixing makes them (Eq. 2)."""

from __future__ import annotations

import torch
from torch import Tensor

from OsteoJointLib.errors import Reason, UsageError


def soft_cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Compute the mean over cases of -sum(q log softmax(z)).

    Args:
        logits: (B, C).
        target: (B, C) probabilities, each row summing to 1.

    Returns:
        A scalar >= 0.

    Raises:
        UsageError: shapes differ (class indices instead of probabilities, say).
    """
    if logits.shape != target.shape:
        raise UsageError(
            Reason.USAGE,
            f"The labels have the shape {tuple(target.shape)}, the logits {tuple(logits.shape)}: each class needs its "
            "probability. Turn class indices into one-hot rows first.",
        )
    return -(target.float() * torch.log_softmax(logits.float(), dim=1)).sum(dim=1).mean()
