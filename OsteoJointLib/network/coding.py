"""Anchor coding, both ways (Eq. 3).

A box's center is the sigmoid of (tx, ty) from the corner of its grid cell, in cells; its size is the anchor's times
exp(tw, th). The paper's text adds the anchor's *center* where the original (YOLOv3) and we take the cell's corner.
"""

from __future__ import annotations

import torch
from torch import Tensor

_EDGE = 1e-4
"""Offsets are kept this far inside the cell, where the sigmoid's inverse is finite."""
_LARGEST_LOG = 4.0
"""exp(tw) is bounded by exp(4) = 55 anchors, so that a wild early prediction stays finite."""


def decode_boxes(coded: Tensor, cells_xy: Tensor, anchors_px: Tensor, stride: int | Tensor) -> Tensor:
    """Turn network outputs into boxes (Eq. 3).

    Args:
        coded: (..., 4) tx, ty, tw, th.
        cells_xy: (..., 2) column and row of the grid cell.
        anchors_px: (..., 2) width and height of the anchor.
        stride: pixels per cell; an integer or (..., 1).

    Returns:
        (..., 4) boxes (x1, y1, x2, y2) in pixels.
    """
    center = (torch.sigmoid(coded[..., :2]) + cells_xy) * stride
    half = anchors_px * torch.exp(coded[..., 2:].clamp(max=_LARGEST_LOG)) / 2
    return torch.cat((center - half, center + half), dim=-1)


def encode_boxes(boxes: Tensor, anchors_px: Tensor, stride: int | Tensor) -> tuple[Tensor, Tensor]:
    """Turn boxes into what the network should put out; the inverse of :func:`decode_boxes`.

    Args:
        boxes: (..., 4) boxes in pixels, width and height above 0.
        anchors_px: (..., 2) width and height of the anchor.
        stride: pixels per cell.

    Returns:
        (..., 4) tx, ty, tw, th, and (..., 2) int64 column and row of the cell the center lies in.
    """
    center = (boxes[..., :2] + boxes[..., 2:]) / 2 / stride
    cells_xy = center.floor()
    offset = (center - cells_xy).clamp(_EDGE, 1 - _EDGE)
    size = torch.log((boxes[..., 2:] - boxes[..., :2]) / anchors_px)
    return torch.cat((torch.logit(offset), size), dim=-1), cells_xy.long()


def cell_grid(height: int, width: int, device: torch.device | str = "cpu") -> Tensor:
    """Column and row of every cell.

    Args:
        height, width: cells.
        device: where the result lies.

    Returns:
        (height, width, 2) float32.
    """
    rows, columns = torch.meshgrid(
        torch.arange(height, device=device, dtype=torch.float32),
        torch.arange(width, device=device, dtype=torch.float32),
        indexing="ij",
    )
    return torch.stack((columns, rows), dim=-1)
