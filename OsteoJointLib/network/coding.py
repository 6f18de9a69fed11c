"""Anchor coding (Eq. 3): what the network puts out, as boxes.

A box's center is the sigmoid of (tx, ty) from the corner of its grid cell, in cells; its size is the anchor's times
exp(tw, th). The paper's text adds the anchor's *center* where the original (YOLOv3) and we take the cell's corner.
"""

from __future__ import annotations

import torch
from torch import Tensor

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
