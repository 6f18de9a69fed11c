"""Arithmetic of boxes: overlap, generalized overlap, suppression.

Boxes are (x1, y1, x2, y2) with x1 <= x2 and y1 <= y2, in edge coordinates (see :mod:`OsteoJointLib.frames`).
"""

from __future__ import annotations

import torch
from torch import Tensor

_SMALLEST = 1e-9
"""Least area that is divided by, pixels^2: the IoU of empty boxes is 0."""


def box_area(boxes: Tensor) -> Tensor:
    """Area of (..., 4) boxes, (...,).

    >>> box_area(torch.tensor([1.0, 2.0, 4.0, 4.0])).item()
    6.0
    """
    return (boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1])


def pairwise_iou(boxes_a: Tensor, boxes_b: Tensor) -> Tensor:
    """Intersection over union of every box of one list with every box of another.

    Args:
        boxes_a: (N, 4).
        boxes_b: (M, 4).

    Returns:
        (N, M) in [0, 1]; 0 where both are empty.
    """
    return matched_iou(boxes_a[:, None], boxes_b[None])


def matched_iou(boxes_a: Tensor, boxes_b: Tensor) -> Tensor:
    """Intersection over union of (..., 4) boxes with (..., 4) boxes, broadcast; (...,) in [0, 1]."""
    intersection, union = _intersection_and_union(boxes_a, boxes_b)
    return intersection / union.clamp(min=_SMALLEST)


def generalized_iou(boxes_a: Tensor, boxes_b: Tensor) -> Tensor:
    """IoU minus the share of the smallest common box that neither fills (Rezatofighi et al. 2019).

    Args:
        boxes_a, boxes_b: (..., 4), broadcast.

    Returns:
        (...,) in [-1, 1]; it has a slope even where the boxes do not touch.
    """
    intersection, union = _intersection_and_union(boxes_a, boxes_b)
    low = torch.minimum(boxes_a[..., :2], boxes_b[..., :2])
    high = torch.maximum(boxes_a[..., 2:], boxes_b[..., 2:])
    hull = (high - low).prod(dim=-1).clamp(min=_SMALLEST)
    return intersection / union.clamp(min=_SMALLEST) - (hull - union) / hull


def suppress(boxes: Tensor, scores: Tensor, iou: float) -> Tensor:
    """Keep the best of overlapping boxes (greedy non-maximum suppression).

    Args:
        boxes: (N, 4).
        scores: (N,).
        iou: a box that overlaps a better kept one by more than this goes.

    Returns:
        (K,) int64 indices of the boxes that stay, best first.
    """
    order = scores.argsort(descending=True, stable=True)
    overlap = pairwise_iou(boxes[order], boxes[order]) > iou
    stays = torch.ones(len(order), dtype=torch.bool, device=boxes.device)
    for index in range(len(order)):
        if stays[index]:
            stays[index + 1 :] &= ~overlap[index, index + 1 :]
    return order[stays]


def _intersection_and_union(boxes_a: Tensor, boxes_b: Tensor) -> tuple[Tensor, Tensor]:
    low = torch.maximum(boxes_a[..., :2], boxes_b[..., :2])
    high = torch.minimum(boxes_a[..., 2:], boxes_b[..., 2:])
    intersection = (high - low).clamp(min=0).prod(dim=-1)
    return intersection, box_area(boxes_a) + box_area(boxes_b) - intersection
