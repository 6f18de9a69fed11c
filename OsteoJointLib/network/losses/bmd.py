"""The ordinal head's part of the status term: the continuous ranked probability score of a normal distribution.

Proper, as the negative log-likelihood is, so that mean and SD both settle where they belong; but never below 0, which
the learned weights of Eq. 19 need, and linear in a gross error (Gneiting and Raftery 2007, Eq. 21).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_UNIT_MG_CM3 = 20.0
"""What counts as 1: half the width of osteopenia, so that the score is about as large as the cross-entropy; chosen."""


def bmd_loss(bmd: Tensor, target_mg_cm3: Tensor) -> Tensor:
    """Compute the mean score, sd (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)) with z = (target - mean) / sd, over 20.

    Args:
        bmd: (B, 2) mean and SD in mg/cm3.
        target_mg_cm3: (B,); one that is no number isn't known, and its row counts nothing.

    Returns:
        A scalar >= 0, in units of 20 mg/cm3.
    """
    mean, sd = bmd.unbind(dim=1)
    known = target_mg_cm3.isfinite()
    z = (torch.where(known, target_mg_cm3, mean.detach()) - mean) / sd
    density = torch.exp(-0.5 * z.square()) / math.sqrt(2 * math.pi)
    score = sd * (z * (2 * torch.special.ndtr(z) - 1) + 2 * density - 1 / math.sqrt(math.pi))
    return (score * known).sum() / known.sum().clamp(min=1) / _UNIT_MG_CM3
