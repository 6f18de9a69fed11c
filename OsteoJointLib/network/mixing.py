"""Balanced-MixUp of crops and labels (Galdran et al. 2021; the paper's section 3.2, Eq. 1-2).

An instance-based and a class-based draw are mixed, x = lambda x_I + (1 - lambda) x_C with lambda ~ Beta(alpha, 1), and
their one-hot labels alike. With alpha = 0.1 lambda is mostly near 0: class-based cases with a touch of another. Only
crops for the class term are mixed; boxes and masks have no meaningful mixture. (Galdran writes lambda on the other
draw; we keep the paper's order.)
"""

from __future__ import annotations

import torch
from torch import Tensor

from OsteoJointLib.errors import Reason, UsageError


def draw_mixing(cases: int, generator: torch.Generator, alpha: float = 0.1) -> Tensor:
    """Draw lambda ~ Beta(alpha, 1) for each case, by inverting its distribution function lambda^alpha.

    Args:
        cases: how many.
        generator: source of chance.
        alpha: > 0; the paper's 0.1.

    Returns:
        (cases,) float32 in [0, 1].
    """
    if alpha <= 0:
        raise UsageError(Reason.USAGE, f"Mixing needs alpha above 0; got {alpha}. The paper's value is 0.1.")
    uniform = torch.rand(cases, generator=generator, dtype=torch.float64, device=generator.device)
    return uniform.pow(1.0 / alpha).float()


def mix(instance: Tensor, class_based: Tensor, factor: Tensor) -> Tensor:
    """Mix two batches case by case (Eq. 2); crops and one-hot labels alike.

    Args:
        instance: (B, ...) drawn by instance.
        class_based: (B, ...) drawn by class.
        factor: (B,) lambda.

    Returns:
        (B, ...) ``lambda * instance + (1 - lambda) * class_based``.
    """
    if instance.shape != class_based.shape or factor.shape != instance.shape[:1]:
        raise UsageError(
            Reason.USAGE,
            f"Mixing needs two batches of one shape and a factor per case; got {tuple(instance.shape)}, "
            f"{tuple(class_based.shape)} and {tuple(factor.shape)}. Draw both with the same batch size.",
        )
    factor = factor.view(-1, *(1,) * (instance.ndim - 1)).to(instance)
    return factor * instance + (1 - factor) * class_based
