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
    """Maps (B, 1, H, W) to maps of 256, 512 and 1024 channels (times ``width``) at strides 8, 16 and 32."""

    strides, in_channels = (8, 16, 32), 1

    def __init__(self, width=1.0):
        super().__init__()
        c32, c64, c128, c256, c512, c1024 = (int(width * channels) for channels in (32, 64, 128, 256, 512, 1024))
        self.out_channels = (c256, c512, c1024)
        layers, before = [Conv(1, c32, 3)], c32
        for channels, count in ((c64, 1), (c128, 2), (c256, 8), (c512, 8), (c1024, 4)):
            layers += [Conv(before, channels, 3, 2), several(channels, count, True)]
            before = channels
        layers += [Bottleneck(c1024, c1024, False), Conv(c1024, c512, 1), Conv(c512, c1024, 3)]
        layers += [Conv(c1024, c512, 1), Conv(c512, c1024, 3)]
        layers += [Conv(c512, c256, 1), Up(), nn.Identity(), Bottleneck(c256 + c512, c512, False)]
        layers += [several(c512, 1, False), Conv(c512, c256, 1), Conv(c256, c512, 3)]
        layers += [Conv(c256, c128, 1), Up(), nn.Identity(), Bottleneck(c128 + c256, c256, False)]
        layers += [several(c256, 2, False)]
        self.layers = nn.ModuleList(layers)

    def forward(self, x):
        kept = {}
        for index, layer in enumerate(self.layers):
            if index in (16, 23):
                x = kept[index - 2]
            x = torch.cat((x, kept[{18: 8, 25: 6}[index]]), dim=1) if index in (18, 25) else layer(x)
            kept[index] = x
        return kept[27], kept[22], kept[15]
