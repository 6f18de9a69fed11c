"""The localizer: anchor head over the backbone's three maps, and what is read from its raw output (Eq. 3).

Raw outputs are one (B, A, H, W, 7) tensor per stride: tx, ty, tw, th, objectness logit, logits of the classes L1, L2.
An axial slice holds one vertebral body, so suppression is across classes: the network may be unsure which level it
sees, not where the body lies.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from OsteoJointLib.config import Anchors, NetworkConfig
from OsteoJointLib.network.blocks import check_image
from OsteoJointLib.network.boxes import suppress
from OsteoJointLib.network.coding import cell_grid, decode_boxes

if TYPE_CHECKING:
    from OsteoJointLib.network.backbone import Backbone

CLASSES = 2
"""L1 and L2, in this order."""
OUTPUTS = 5 + CLASSES
"""Numbers per anchor and cell."""
STRIDES = (8, 16, 32)
"""Pixels per cell of the three raw outputs."""
_PRIOR = 1e-3
"""Objectness at the start of training: bodies are rare among 16,000 anchors; chosen (RetinaNet starts at 1e-2)."""
_CANDIDATES = 300
"""Boxes that go into suppression, best first; chosen, a hundred times more than a slice has bodies."""


@dataclass(frozen=True, eq=False)
class Detections:
    """The boxes found in one slice, best first.

    Args:
        boxes_xyxy: (N, 4) float32, pixels, edge coordinates, clipped to the slice.
        label_scores: (N, 2) objectness times the probability of the label L1 and of L2.
        objectness: (N,) probability that it is a vertebral body at all.
    """

    boxes_xyxy: Tensor
    label_scores: Tensor
    objectness: Tensor

    @property
    def scores(self) -> Tensor:
        """(N,) score of the likelier label."""
        return self.label_scores.amax(dim=-1)


@dataclass(frozen=True, eq=False)
class DecodedBoxes:
    """All predictions of a batch, strides 8, 16, 32 joined; N is the sum of A x H x W.

    Args:
        boxes_xyxy: (B, N, 4) pixels.
        objectness_logits: (B, N).
        class_logits: (B, N, 2).
    """

    boxes_xyxy: Tensor
    objectness_logits: Tensor
    class_logits: Tensor


class Localizer(nn.Module):
    """Backbone and anchor head.

    Args:
        backbone: maps (B, 1, H, W) to three maps and publishes ``out_channels``, ``strides`` and ``in_channels``.
        anchors: how many per cell.
    """

    def __init__(self, backbone: Backbone, anchors: int = 3):
        super().__init__()
        self.backbone = backbone
        self.anchors = anchors
        self.strides = tuple(backbone.strides)
        self.in_channels = backbone.in_channels
        self.heads = nn.ModuleList(_head(c, anchors) for c in backbone.out_channels)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Map (B, 1, H, W) slices in [0, 1] to three float32 (B, A, H / stride, W / stride, 7) outputs.

        Raises:
            UsageError: the images have another shape, or sides that are no multiples of 32.
        """
        check_image(images, self.in_channels, self.strides[-1], "localizer")
        raw = []
        for head, features in zip(self.heads, self.backbone(images), strict=True):
            batch, _, height, width = features.shape
            output = head(features).view(batch, self.anchors, OUTPUTS, height, width)
            raw.append(output.permute(0, 1, 3, 4, 2).float().contiguous())
        return tuple(raw)


def _head(channels: int, anchors: int) -> nn.Conv2d:
    head = nn.Conv2d(channels, anchors * OUTPUTS, 1)
    nn.init.normal_(head.weight, std=1e-2)  # as RetinaNet's heads
    bias = torch.zeros(anchors, OUTPUTS)
    bias[:, 4] = math.log(_PRIOR / (1 - _PRIOR))
    head.bias = nn.Parameter(bias.flatten())
    return head


def decode(raw: Sequence[Tensor], anchors: Anchors) -> DecodedBoxes:
    """Decode all raw outputs (Eq. 3).

    Args:
        raw: per stride 8, 16, 32 a (B, A, H, W, 7) tensor.
        anchors: per stride, (width, height) in pixels.

    Returns:
        Every anchor's box and logits; differentiable.
    """
    boxes, rest = [], []
    for output, scale, stride in zip(raw, anchors, STRIDES, strict=True):
        _, _, height, width, _ = output.shape
        cells = cell_grid(height, width, output.device)
        sizes = torch.tensor(scale).to(output.device, non_blocking=True)[:, None, None, :]
        boxes.append(decode_boxes(output[..., :4], cells, sizes, stride).flatten(1, 3))
        rest.append(output[..., 4:].flatten(1, 3))
    logits = torch.cat(rest, dim=1)
    return DecodedBoxes(torch.cat(boxes, dim=1), logits[..., 0], logits[..., 1:])


def detect(raw: Sequence[Tensor], config: NetworkConfig) -> list[Detections]:
    """Read the boxes out of the raw outputs: decode, threshold, suppress.

    Args:
        raw: the localizer's output for B slices.
        config: anchors, score threshold, suppression overlap, slice size.

    Returns:
        One :class:`Detections` per slice, maybe empty.
    """
    decoded = decode([output.detach() for output in raw], config.anchors)
    return [
        _detections(boxes, objectness, classes, config)
        for boxes, objectness, classes in zip(
            decoded.boxes_xyxy, decoded.objectness_logits.sigmoid(), decoded.class_logits.sigmoid(), strict=True
        )
    ]


def _detections(boxes: Tensor, objectness: Tensor, classes: Tensor, config: NetworkConfig) -> Detections:
    candidates = objectness.topk(min(_CANDIDATES, len(objectness))).indices
    candidates = candidates[objectness[candidates] >= config.score_threshold]
    boxes = boxes[candidates].clamp(0.0, float(config.slice_px))
    kept = suppress(boxes, objectness[candidates], config.nms_iou)
    chosen = candidates[kept]
    return Detections(boxes[kept], objectness[chosen, None] * classes[chosen], objectness[chosen])
