"""Darknet-53 with its feature pyramid in plain PyTorch, for machines that measure speed and have no ultralytics.

The same layers under the same names as :mod:`OsteoJointLib.network.backbone` builds from Ultralytics' yolov3.yaml, so
that weights load both ways; a test holds that both say the same. It is for measuring, not a second backbone.
"""

import torch
import torch.nn.functional as functional
from torch import nn


class Conv(nn.Module):
    """Convolution, normalization, SiLU."""

    def __init__(self, before, after, kernel, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(after, eps=1e-3)

    def forward(self, x):
        return functional.silu(self.bn(self.conv(x)))


class Bottleneck(nn.Module):
    """A 1x1 and a 3x3 convolution, with a shortcut in the backbone and without in the pyramid."""

    def __init__(self, before, after, shortcut):
        super().__init__()
        self.cv1, self.cv2, self.shortcut = Conv(before, after // 2, 1), Conv(after // 2, after, 3), shortcut

    def forward(self, x):
        y = self.cv2(self.cv1(x))
        return x + y if self.shortcut else y


class Up(nn.Module):
    """Twice the size."""

    def forward(self, x):
        return functional.interpolate(x, scale_factor=2.0, mode="nearest")


def several(channels, count, shortcut):
    parts = [Bottleneck(channels, channels, shortcut) for _ in range(count)]
    return nn.Sequential(*parts) if count > 1 else parts[0]


class Darknet53(nn.Module):
    """Maps (B, 1, H, W) to maps of 256, 512 and 1024 channels at strides 8, 16 and 32."""

    strides, in_channels, out_channels = (8, 16, 32), 1, (256, 512, 1024)

    def __init__(self):
        super().__init__()
        layers = [Conv(1, 32, 3)]
        for channels, count in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
            layers += [Conv(channels // 2, channels, 3, 2), several(channels, count, True)]
        layers += [Bottleneck(1024, 1024, False), Conv(1024, 512, 1), Conv(512, 1024, 3)]
        layers += [Conv(1024, 512, 1), Conv(512, 1024, 3)]
        for channels, blocks in ((512, 1), (256, 2)):  # of the map that comes out
            before = channels // 2 + channels
            layers += [Conv(channels, channels // 2, 1), Up(), nn.Identity(), Bottleneck(before, channels, False)]
            layers += [several(channels, blocks, False)]
            layers += [Conv(512, 256, 1), Conv(256, 512, 3)] if channels == 512 else []
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        kept = {}
        for index, layer in enumerate(self.layers):
            if index in (16, 23):
                x = kept[index - 2]
            x = torch.cat((x, kept[{18: 8, 25: 6}[index]]), dim=1) if index in (18, 25) else layer(x)
            kept[index] = x
        return kept[27], kept[22], kept[15]
