"""The classifier: a ResNet with gated stages, fed by the segmenter's features (paper, section 3.5, Eq. 12-16).

Before the first bottleneck of conv2_x to conv5_x stands a gated channel transformation; after each stage the
segmenter's features at the same scale are concatenated and a 1x1 convolution reduces them (Eq. 16). That convolution
starts as the identity on the ResNet's own channels. Names of the plain parts are torchvision's, so that its weights
load; without gates and fusion and with ResNet-101's sizes the network equals torchvision's without ``fc``.

Guided by a mask (ours), the body's share of each cell is one more fused channel, and the last map is pooled twice: over
all of it, and over the body. So a mask that a person corrects counts, and what counts is still what the picture shows.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.network.blocks import check_image, fill_bias
from OsteoJointLib.network.gct import GatedChannelTransformation

EXPANSION = 4
"""A bottleneck puts out four times as many channels as its inner width."""
_LEAST_WEIGHT = 1e-4
"""Weight of a cell without body, so that an empty mask gives the plain mean; chosen."""


class Bottleneck(nn.Module):
    """1x1, 3x3 (which carries the stride), 1x1 convolution with a shortcut (ResNet v1.5, as torchvision).

    Args:
        in_channels: before.
        planes: inner width; ``EXPANSION`` times as many come out.
        stride: 1 or 2.
    """

    def __init__(self, in_channels: int, planes: int, stride: int = 1):
        super().__init__()
        self.out_channels = planes * EXPANSION
        self.conv1 = nn.Conv2d(in_channels, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, self.out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(self.out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Module | None = None
        if stride != 1 or in_channels != self.out_channels:
            self.downsample = nn.Sequential(
                nn.Conv2d(in_channels, self.out_channels, 1, stride, bias=False), nn.BatchNorm2d(self.out_channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, in, H, W) to (B, 4 planes, H / stride, W / stride)."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return self.relu(y + (x if self.downsample is None else self.downsample(x)))


class GatedResNet(nn.Module):
    """Feature vector of one vertebra's crop.

    Args:
        stem: channels of the first convolution.
        planes: inner widths of the four stages.
        blocks: bottlenecks of the four stages.
        fused_channels: channels of the segmenter's features per stage; None for no layered fusion.
        gated: whether each stage's input is gated.
        in_channels: of the crop.
        guided: whether a mask of the body guides it.
    """

    def __init__(
        self,
        stem: int,
        planes: Sequence[int],
        blocks: Sequence[int],
        fused_channels: Sequence[int] | None = None,
        gated: bool = True,
        in_channels: int = 1,
        guided: bool = False,
    ):
        super().__init__()
        self.in_channels = in_channels
        self.fused_channels = None if fused_channels is None else tuple(fused_channels)
        self.guided = guided
        self.out_channels = planes[-1] * EXPANSION * (2 if guided else 1)
        self.conv1 = nn.Conv2d(in_channels, stem, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(stem)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, padding=1)
        inputs = (stem, *(p * EXPANSION for p in planes[:-1]))
        strides = (1, 2, 2, 2)
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            _stage(*sizes) for sizes in zip(inputs, planes, blocks, strides, strict=True)
        )
        self.gates = nn.ModuleList(GatedChannelTransformation(c) if gated else nn.Identity() for c in inputs)
        self.fuse: nn.ModuleList | None = None
        if fused_channels is not None:
            self.fuse = nn.ModuleList(
                _reducer(p * EXPANSION, c + int(guided)) for p, c in zip(planes, fused_channels, strict=True)
            )
        self._initialize()

    @property
    def fused_layers(self) -> tuple[nn.Module, ...]:
        """The four modules whose outputs are the stages' maps, after fusion, at H/4, H/8, H/16 and H/32.

        All that the class depends on passes through each of them, but for the features fused later.
        """
        stages = (self.layer1, self.layer2, self.layer3, self.layer4)
        return tuple(stage[-1] for stage in stages) if self.fuse is None else tuple(self.fuse)

    def forward(self, crops: Tensor, features: Sequence[Tensor] | None = None, body: Tensor | None = None) -> Tensor:
        """Describe crops.

        Args:
            crops: (B, in_channels, H, W) in [0, 1], H and W multiples of 32.
            features: the segmenter's four maps at H/4, H/8, H/16, H/32; needed if and only if there is layered fusion.
            body: (B, 1, H, W) mask in [0, 1]; needed if and only if a mask guides it.

        Returns:
            (B, out_channels) float32 feature vectors: the mean over the last map, then, guided, that over the body.

        Raises:
            UsageError: crops, features or mask do not fit.
        """
        check_image(crops, self.in_channels, 32, "classifier")
        self._check_features(features)
        guide = self._checked(body, crops)
        x = self.maxpool(self.relu(self.bn1(self.conv1(crops))))
        stages = (self.layer1, self.layer2, self.layer3, self.layer4)
        for index, (gate, stage) in enumerate(zip(self.gates, stages, strict=True)):
            x = stage(gate(x))
            if self.fuse is not None and features is not None:
                extra = [features[index]] if guide is None else [features[index], _share(guide, x)]
                x = self.fuse[index](torch.cat((x, *(part.to(x.dtype) for part in extra)), dim=1))
        mean = x.float().mean(dim=(2, 3))
        return mean if guide is None else torch.cat((mean, body_mean(x, _share(guide, x))), dim=1)

    def _checked(self, body: Tensor | None, crops: Tensor) -> Tensor | None:
        if not self.guided:
            return None
        if body is None or body.shape != (len(crops), 1, *crops.shape[2:]):
            raise UsageError(
                Reason.USAGE,
                f"A mask guides the classifier, one for each of the {len(crops)} crops and of their size. Give it "
                "SegmenterOutput.body, or a mask that was drawn.",
            )
        return body.float()

    def _check_features(self, features: Sequence[Tensor] | None) -> None:
        given = None if features is None else tuple(f.shape[1] for f in features)
        if self.fused_channels is not None and given != self.fused_channels:
            raise UsageError(
                Reason.USAGE,
                f"The classifier fuses feature maps of {self.fused_channels} channels, not of {given}. "
                "Give it SegmenterOutput.features of the segmenter it was built for.",
            )

    def _initialize(self) -> None:
        for name, module in self.named_modules():
            if isinstance(module, nn.Conv2d) and not name.startswith("fuse"):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")


def body_mean(x: Tensor, share: Tensor) -> Tensor:
    """Average feature vectors over the body.

    Args:
        x: (B, C, h, w) features.
        share: (B, 1, h, w) of each cell that is body.

    Returns:
        (B, C) float32 means weighted by ``share``; the plain mean where the mask is empty.
    """
    weight = share.float() + _LEAST_WEIGHT
    return (x.float() * weight).sum(dim=(2, 3)) / weight.sum(dim=(2, 3))


def _share(body: Tensor, like: Tensor) -> Tensor:
    """Average a mask over the cells of a map."""
    return functional.avg_pool2d(body, body.shape[-1] // like.shape[-1])


def _stage(in_channels: int, planes: int, blocks: int, stride: int) -> nn.Sequential:
    rest = (Bottleneck(planes * EXPANSION, planes) for _ in range(blocks - 1))
    return nn.Sequential(Bottleneck(in_channels, planes, stride), *rest)


def _reducer(channels: int, fused: int) -> nn.Conv2d:
    conv = nn.Conv2d(channels + fused, channels, 1)
    with torch.no_grad():
        conv.weight[:, :channels] = torch.eye(channels)[:, :, None, None]
    fill_bias(conv, 0.0)
    return conv
