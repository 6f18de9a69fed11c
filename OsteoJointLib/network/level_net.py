"""The level network: a small 3-D U-Net that names tissue and landmarks, not levels.

It sees the whole CT on a coarse isotropic grid (4 mm) and predicts, per voxel, one of seven tissue classes and, beside
them, heat maps that peak at the centers of the vertebral bodies, at the rib heads and at the first sacral body, and
whether a body that the voxel lies in is a lumbar one, as its shape and all around it look. It never counts: a rib cage
or a sacrum may be far away from the body in question, and counting is not what a convolution does well. The names are
given afterward by :mod:`OsteoJointLib.levels.assignment`, from what is seen at each body.

Not part of Zhang et al. 2023, who start from slices picked by hand. Convolutions of stride 2 lead down; skips are
added, not concatenated, so that no layer has more than 16 channels at full resolution. Two dilated convolutions at the
bottom widen the view: 596 mm with the default sizes, a rib from end to end or the sacrum from T12.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from OsteoJointLib.level_config import Landmark, LevelNetConfig, Tissue

__all__ = ["Landmark", "LevelNet", "LevelNetConfig", "LevelNetOutput", "Tissue", "window_channels"]


@dataclass(frozen=True, eq=False)
class LevelNetOutput:
    """What the level network says of every voxel.

    Args:
        logits: (B, 7, D, H, W) tissue classes in the order of :class:`Tissue`.
        landmarks: (B, 3, D, H, W) in [0, 1] in the order of :class:`Landmark`, 1 at a landmark.
        lumbar: (B, D, H, W) logit of the body at that voxel being a lumbar one; says nothing outside bodies.
    """

    logits: Tensor
    landmarks: Tensor
    lumbar: Tensor


def window_channels(hu: Tensor, config: LevelNetConfig) -> Tensor:
    """Map HU to the network's input channels, one per window, clipped to [0, 1].

    Args:
        hu: (B, D, H, W) HU.
        config: holds the windows.

    Returns:
        (B, C, D, H, W) float32.
    """
    channels = [((hu.float() - low) / (high - low)).clamp_(0.0, 1.0) for low, high in config.windows_hu]
    return torch.stack(channels, dim=1)


_DILATIONS = (2, 4)
"""Of the bottom's further convolutions."""


def _convolution(channels_in: int, channels_out: int, stride: int = 1, dilation: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, 3, stride=stride, padding=dilation, dilation=dilation, bias=False),
        nn.BatchNorm3d(channels_out),
        nn.ReLU(inplace=True),
    )


def _double(coarse: Tensor, like: Tensor) -> Tensor:
    """Repeat every voxel twice along each axis and cut to the finer grid: fine voxel i lies in coarse i // 2."""
    doubled = functional.interpolate(coarse, scale_factor=2, mode="nearest")
    depth, height, width = like.shape[2:]
    return doubled[:, :, :depth, :height, :width]


class LevelNet(nn.Module):
    """The 3-D U-Net. Any volume size goes in; the output has the same size."""

    def __init__(self, config: LevelNetConfig):
        super().__init__()
        self.config = config
        sizes = config.channels
        self.stem = _convolution(len(config.windows_hu), sizes[0])
        self.down = nn.ModuleList(
            nn.Sequential(_convolution(coarse_in, coarse_out, stride=2), _convolution(coarse_out, coarse_out))
            for coarse_in, coarse_out in itertools.pairwise(sizes)
        )
        self.bottom = nn.Sequential(*(_convolution(sizes[-1], sizes[-1], dilation=step) for step in _DILATIONS))
        pairs = list(itertools.pairwise(sizes))[::-1]
        self.reduce = nn.ModuleList(nn.Conv3d(coarse, fine, 1) for fine, coarse in pairs)
        self.up = nn.ModuleList(_convolution(fine, fine) for fine, _ in pairs)
        self.head = nn.Conv3d(sizes[0], len(Tissue) + len(Landmark) + 1, 1)

    def forward(self, image: Tensor) -> LevelNetOutput:
        """Predict tissue, landmarks and kind of body.

        Args:
            image: (B, C, D, H, W) windowed channels in [0, 1] from :func:`window_channels`.

        Raises:
            ValueError: the image has another number of channels or axes.
        """
        if image.ndim != 5 or image.shape[1] != len(self.config.windows_hu):
            raise ValueError(f"image must be (B, {len(self.config.windows_hu)}, D, H, W), got {tuple(image.shape)}.")
        features = self.stem(image)
        skips = []
        for down in self.down:
            skips.append(features)
            features = down(features)
        features = features + self.bottom(features)
        for reduce, up, skip in zip(self.reduce, self.up, reversed(skips), strict=True):
            features = up(skip + _double(reduce(features), skip))
        with torch.autocast(features.device.type, enabled=False):  # bfloat16's steps would make plateaus of peaks
            outputs = self._say(features.float())
        logits, landmarks, lumbar = outputs.split((len(Tissue), len(Landmark), 1), dim=1)
        return LevelNetOutput(logits, torch.sigmoid(landmarks), lumbar[:, 0])

    def _say(self, features: Tensor) -> Tensor:
        """Apply the head as a matrix to every voxel: on a CPU a convolution of 1x1x1 takes ten times as long."""
        bias = self.head.bias
        return functional.linear(features.movedim(1, -1), self.head.weight.flatten(1), bias).movedim(-1, 1)
