"""Which anchors answer for which body (YOLOv3's rule, widened for boxes of similar size).

At each stride the cell that holds a body's center answers for it, with every anchor whose shape overlaps the body's
by at least ``match_iou`` and always with the best-shaped one. YOLOv3 takes the best one only; vertebral bodies are so
alike that several anchors fit, and one positive among 16,000 anchors would learn slowly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from OsteoJointLib.config import Anchors
from OsteoJointLib.errors import Reason, UsageError


class Assignment(NamedTuple):
    """P matched pairs of body and anchor; a named tuple, because Fabric moves those between devices.

    Args:
        image: (P,) int64, index of the slice.
        slot: (P,) int64, index of the anchor among all predictions of a slice (order of ``DecodedBoxes``).
        boxes_xyxy: (P, 4) the bodies' boxes in pixels.
        labels: (P,) int64, 0 for L1, 1 for L2.
    """

    image: Tensor
    slot: Tensor
    boxes_xyxy: Tensor
    labels: Tensor


def shape_iou(sizes_a: Tensor, sizes_b: Tensor) -> Tensor:
    """Intersection over union of boxes laid on a common center.

    Args:
        sizes_a: (N, 2) widths and heights.
        sizes_b: (M, 2).

    Returns:
        (N, M) in (0, 1].
    """
    common = torch.minimum(sizes_a[:, None], sizes_b[None]).prod(dim=-1)
    return common / (sizes_a.prod(dim=-1)[:, None] + sizes_b.prod(dim=-1)[None] - common)


def assign(
    boxes_xyxy: Sequence[Tensor],
    labels: Sequence[Tensor],
    anchors: Anchors,
    grids: Sequence[tuple[int, int]],
    strides: Sequence[int],
    match_iou: float,
) -> Assignment:
    """Match bodies to anchors.

    Args:
        boxes_xyxy: per slice (G, 4) boxes in pixels; G may be 0.
        labels: per slice (G,) int64.
        anchors: per stride, (width, height) in pixels.
        grids: per stride, rows and columns of cells.
        strides: pixels per cell.
        match_iou: shape overlap from which an anchor answers beside the best one.

    Returns:
        The pairs; all in the boxes' device.

    Raises:
        UsageError: a box is empty or its center lies outside the slice.
    """
    counts = torch.tensor([len(b) for b in boxes_xyxy], device=boxes_xyxy[0].device)
    image = torch.repeat_interleave(torch.arange(len(counts), device=counts.device), counts)
    boxes, names = torch.cat(list(boxes_xyxy)).float(), torch.cat(list(labels))
    center, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
    _check_boxes(boxes, center, size, grids, strides)

    flat = torch.tensor([a for scale in anchors for a in scale], device=boxes.device)
    fit = shape_iou(size, flat)
    chosen = fit >= match_iou
    if len(boxes):
        chosen.scatter_(1, fit.argmax(dim=1, keepdim=True), True)
    body, anchor = chosen.nonzero(as_tuple=True)
    return Assignment(image[body], _slots(center[body], anchor, anchors, grids, strides), boxes[body], names[body])


def _slots(
    center: Tensor, anchor: Tensor, anchors: Anchors, grids: Sequence[tuple[int, int]], strides: Sequence[int]
) -> Tensor:
    slots = torch.zeros_like(anchor)
    first_slot, first_anchor = 0, 0
    for scale, (rows, columns), stride in zip(anchors, grids, strides, strict=True):
        here = (anchor >= first_anchor) & (anchor < first_anchor + len(scale))
        cell = (center[here] / stride).floor().long()
        slots[here] = first_slot + ((anchor[here] - first_anchor) * rows + cell[:, 1]) * columns + cell[:, 0]
        first_slot += len(scale) * rows * columns
        first_anchor += len(scale)
    return slots


def _check_boxes(
    boxes: Tensor, center: Tensor, size: Tensor, grids: Sequence[tuple[int, int]], strides: Sequence[int]
) -> None:
    rows, columns = grids[0]
    limit = torch.tensor([columns * strides[0], rows * strides[0]], device=boxes.device)
    good = (size > 0).all(dim=1) & (center >= 0).all(dim=1) & (center < limit).all(dim=1)
    if not bool(good.all()):
        raise UsageError(
            Reason.USAGE,
            f"The box {boxes[~good][0].tolist()} is empty or its center lies outside the slice of {limit.tolist()} "
            "pixels. Leave slices without a body without a box.",
        )
