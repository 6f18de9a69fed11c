"""The level network's losses: weighted cross entropy, soft Dice, heat maps, kind of body; each a function first."""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as functional
from torch import Tensor

from OsteoJointLib.network.level_net import Landmark, LevelNetOutput, Tissue
from training.data.level_batches import LevelBatch
from training.data.level_crops import IGNORED

CLASS_WEIGHTS = (0.4, 1.0, 1.0, 2.0, 1.0, 0.7, 1.0)
"""Cross-entropy weight per tissue: ribs are thin and decide the names, background is most of the volume."""

LEAST_MASS = 1000.0
"""Of a heat map's target, that of three landmarks: where there is none, its error is divided by so much (chosen)."""

LUMBAR_WEIGHT = 0.3
"""Of the kind of body: it may not lead where ribs and sacrum are clear (chosen)."""

PEAK_WEIGHT = 20.0
"""How much more a voxel at a body's center counts than one far from all, in the heat map's error."""


class LevelLosses(NamedTuple):
    """The sum of the terms, and each of them; scalars."""

    total: Tensor
    cross_entropy: Tensor
    dice: Tensor
    bodies: Tensor
    rib_heads: Tensor
    sacrum: Tensor
    lumbar: Tensor


def soft_dice_loss(logits: Tensor, classes: Tensor, smooth: float = 10.0) -> Tensor:
    """Compute one minus the mean soft Dice of the classes but background, pooled over the batch.

    Args:
        logits: (B, K, D, H, W).
        classes: (B, D, H, W) int64; voxels of :data:`IGNORED` do not count.
        smooth: voxels added to both sides, so that an absent class that is not predicted costs nothing.

    Returns:
        Scalar, 1 - mean_k (2 sum p_k t_k + s) / (sum p_k + sum t_k + s).
    """
    valid = (classes != IGNORED).unsqueeze(1)
    probabilities = torch.softmax(logits.float(), dim=1) * valid
    known = torch.arange(logits.shape[1], device=classes.device)[:, None, None, None]  # one_hot() would ask for values
    target = (classes[:, None] == known) * valid
    axes = (0, 2, 3, 4)
    overlap = (probabilities * target).sum(axes)[1:]
    sizes = (probabilities.sum(axes) + target.sum(axes))[1:]
    return 1.0 - ((2.0 * overlap + smooth) / (sizes + smooth)).mean()


def heatmap_loss(heatmap: Tensor, target: Tensor, valid: Tensor) -> Tensor:
    """Compute the weighted squared error of a heat map, divided by the target's mass.

    Args:
        heatmap: (B, D, H, W) in [0, 1].
        target: (B, D, H, W) in [0, 1].
        valid: (B, D, H, W) bool, voxels that count.

    Returns:
        Scalar, sum w (h - t)^2 / sum w t with w = 1 + :data:`PEAK_WEIGHT` t; the denominator at least
        :data:`LEAST_MASS`.
    """
    weight = (1.0 + PEAK_WEIGHT * target) * valid
    return (weight * (heatmap.float() - target) ** 2).sum() / (weight * target).sum().clamp_min(LEAST_MASS)


def lumbar_loss(logits: Tensor, lumbar: Tensor) -> Tensor:
    """Compute the mean binary cross entropy over the voxels of bodies; 0 where there are none.

    Args:
        logits: (B, D, H, W).
        lumbar: (B, D, H, W) int64, 0 or 1, :data:`IGNORED` outside bodies.
    """
    held = lumbar != IGNORED
    target = lumbar.where(held, 0).to(torch.float32)
    errors = functional.binary_cross_entropy_with_logits(logits.float(), target, reduction="none")
    return (errors * held).sum() / held.sum().clamp_min(1)


def level_losses(output: LevelNetOutput, batch: LevelBatch) -> LevelLosses:
    """Compute all terms.

    Args:
        output: of the network.
        batch: what it was made from.
    """
    weight = torch.tensor(CLASS_WEIGHTS, device=output.logits.device)
    assert len(CLASS_WEIGHTS) == len(Tissue)
    valid = batch.classes != IGNORED
    terms = (
        functional.cross_entropy(output.logits.float(), batch.classes, weight=weight, ignore_index=IGNORED),
        soft_dice_loss(output.logits, batch.classes),
        *(heatmap_loss(output.landmarks[:, mark], batch.landmarks[:, mark], valid) for mark in Landmark),
        LUMBAR_WEIGHT * lumbar_loss(output.lumbar, batch.lumbar),
    )
    return LevelLosses(sum(terms[1:], terms[0]), *terms)
