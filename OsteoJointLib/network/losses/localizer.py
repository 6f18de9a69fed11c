"""The three localizer terms of Eq. 19 from the raw outputs and the true boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from OsteoJointLib.config import Anchors
from OsteoJointLib.network.detection import STRIDES, decode
from OsteoJointLib.network.losses.anchor_matching import Assignment, assign
from OsteoJointLib.network.losses.box import box_loss
from OsteoJointLib.network.losses.box_class import box_class_loss
from OsteoJointLib.network.losses.objectness import asked_anchors, objectness_loss

_MATCH_IOU = 0.6
"""Overlap in shape from which an anchor answers beside the best one; chosen."""
_IGNORE_IOU = 0.5
"""Overlap with a body from which an anchor that does not answer is not asked (YOLOv3's value)."""


@dataclass(frozen=True, eq=False)
class DetectionLosses:
    """Scalars: L_IoU, L_cla and L_conf of Eq. 19."""

    box: Tensor
    box_class: Tensor
    objectness: Tensor


def assigned(
    boxes_xyxy: Sequence[Tensor], labels: Sequence[Tensor], anchors: Anchors, size_px: Sequence[int]
) -> Assignment:
    """Match the bodies of slices to anchors; best on the CPU, since a card would wait at each of its questions.

    Args:
        boxes_xyxy: B tensors (G, 4) in pixels, or one tensor (B, G, 4); G may be 0.
        labels: B tensors (G,) int64, 0 for L1, 1 for L2, or one tensor (B, G).
        anchors: the config's.
        size_px: height and width of the slices.

    Raises:
        UsageError: a box is empty or outside the slice.
    """
    grids = [(size_px[0] // stride, size_px[1] // stride) for stride in STRIDES]
    return assign(list(boxes_xyxy), list(labels), anchors, grids, STRIDES, _MATCH_IOU)


def detection_losses(
    raw: Sequence[Tensor], boxes_xyxy: Sequence[Tensor], pairs: Assignment, anchors: Anchors
) -> DetectionLosses:
    """Compute the localizer's terms.

    Args:
        raw: per stride 8, 16, 32 a (B, A, H, W, 7) float32 tensor.
        boxes_xyxy: B tensors (G, 4) in pixels, or one tensor (B, G, 4); G may be 0.
        pairs: of :func:`assigned`, on the device of ``raw``.
        anchors: the config's.

    Returns:
        The three terms.
    """
    decoded = decode(raw, anchors)
    target = torch.zeros_like(decoded.objectness_logits, dtype=torch.bool)
    target[pairs.image, pairs.slot] = True
    asked = asked_anchors(decoded.boxes_xyxy, boxes_xyxy, target, _IGNORE_IOU)
    return DetectionLosses(
        box=box_loss(decoded.boxes_xyxy[pairs.image, pairs.slot], pairs.boxes_xyxy),
        box_class=box_class_loss(decoded.class_logits[pairs.image, pairs.slot], pairs.labels),
        objectness=objectness_loss(decoded.objectness_logits, target, asked),
    )
