"""The level network: a small 3-D U-Net that names tissue, not levels.

It sees the whole CT on a coarse isotropic grid (4 mm) and predicts, per voxel, one of six tissue classes and, beside
them, a heat map that peaks at the center of every vertebral body. It never says which body is L1: a rib cage or a
sacrum may be far away from the body in question, and counting is not what a convolution does well. The names are
given afterward by :mod:`OsteoJointLib.levels.assignment`, from what is seen at each body.

Not part of Zhang et al. 2023, who start from slices picked by hand. Convolutions of stride 2 lead down; skips are
added, not concatenated, so that no layer has more than 16 channels at full resolution. The receptive field of the
default sizes is 236 mm, enough to see a rib from end to end or the sacrum from L3.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from OsteoJointLib.level_config import LevelNetConfig, Tissue

__all__ = ["LevelNet", "LevelNetConfig", "LevelNetOutput", "Tissue", "window_channels"]


@dataclass(frozen=True, eq=False)
class LevelNetOutput:
    """What the level network says of every voxel.

    Args:
        logits: (B, 6, D, H, W) tissue classes in the order of :class:`Tissue`.
        heatmap: (B, D, H, W) in [0, 1], 1 at the center of a vertebral body.
    """

    logits: Tensor
    heatmap: Tensor


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


def _convolution(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv3d(channels_in, channels_out, 3, stride=stride, padding=1, bias=False),
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
        pairs = list(itertools.pairwise(sizes))[::-1]
        self.reduce = nn.ModuleList(nn.Conv3d(coarse, fine, 1) for fine, coarse in pairs)
        self.up = nn.ModuleList(_convolution(fine, fine) for fine, _ in pairs)
        self.head = nn.Conv3d(sizes[0], len(Tissue) + 1, 1)

    def forward(self, image: Tensor) -> LevelNetOutput:
        """Predict tissue and body centers.

        Args:
            image: (B, C, D, H, W) windowed channels in [0, 1] from :func:`window_channels`.

        Returns:
            Logits (B, 6, D, H, W) and heat map (B, D, H, W).

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
        for reduce, up, skip in zip(self.reduce, self.up, reversed(skips), strict=True):
            features = up(skip + _double(reduce(features), skip))
        out = self.head(features)
        return LevelNetOutput(out[:, : len(Tissue)], torch.sigmoid(out[:, len(Tissue)]))
