"""The segmenter: a U-Net of residual blocks with one shared encoder and two decoders (paper, section 3.4).

The encoder has six scales (224 to 7 pixels for the 224-pixel crop), so that each ResNet stage of the classifier has a
partner. One decoder regresses the boundary heat map, the other segments the body; the heat-map decoder's penultimate
features are concatenated to the mask decoder's. Without the boundary branch it is a U-Net with one decoder.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from OsteoJointLib.network.blocks import ConvNormAct, ResidualDoubleConv, check_image, fill_bias
from OsteoJointLib.network.evidence import EVIDENCE_CHANNELS, body_evidence

_HEATMAP_BIAS = -3.0
"""The heat map starts at sigmoid(-3) = 0.05: boundaries fill 2 % of a crop; chosen."""


@dataclass(frozen=True, eq=False)
class SegmenterOutput:
    """What the segmenter says of a batch of crops.

    Args:
        mask_logits: (B, 1, H, W) float32 of the vertebral body.
        heatmap: (B, 1, H, W) float32 in [0, 1], boundary heat map; None without the boundary branch.
        features: four maps for the classifier, at H/4, H/8, H/16 and H/32, of ``Segmenter.feature_channels``: both
            decoders' features (the shared bottleneck at the last), then core share and grey level where the
            segmenter gives evidence.
    """

    mask_logits: Tensor
    heatmap: Tensor | None
    features: tuple[Tensor, ...]


class Encoder(nn.Module):
    """Residual double convolutions with max pooling between them.

    Args:
        in_channels: of the image.
        channels: of each scale, finest first.
    """

    def __init__(self, in_channels: int, channels: Sequence[int]):
        super().__init__()
        self.out_channels = tuple(channels)
        sources = (in_channels, *channels[:-1])
        self.blocks = nn.ModuleList(ResidualDoubleConv(a, b) for a, b in zip(sources, channels, strict=True))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Map (B, in, H, W) to one (B, channels[i], H / 2^i, W / 2^i) map per scale."""
        maps = []
        for index, block in enumerate(self.blocks):
            x = block(functional.max_pool2d(x, 2) if index else x)
            maps.append(x)
        return maps


class Decoder(nn.Module):
    """The way back up: reduce, enlarge twofold, concatenate the encoder's map, residual double convolution.

    The reduction stands before the enlargement, where it costs a quarter.

    Args:
        channels: the encoder's, finest first.
    """

    def __init__(self, channels: Sequence[int]):
        super().__init__()
        self.out_channels = tuple(channels[:-1])
        self.reduce = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(channels))
        self.blocks = nn.ModuleList(ResidualDoubleConv(2 * a, a) for a in channels[:-1])

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Map the encoder's maps to one map per scale but the coarsest, finest (penultimate features) first."""
        x = maps[-1]
        decoded = []
        for reduce, block, skip in zip(self.reduce[::-1], self.blocks[::-1], maps[-2::-1], strict=True):
            x = functional.interpolate(reduce(x), scale_factor=2.0, mode="nearest")
            x = block(torch.cat((x, skip), dim=1))
            decoded.append(x)
        return decoded[::-1]


class Segmenter(nn.Module):
    """Body mask and boundary heat map of a crop.

    Args:
        channels: of the six scales, finest first.
        in_channels: of the crop; evidence needs 1.
        boundary_branch: whether there is a heat-map decoder.
        grey_evidence: whether the classifier's features end with core share and grey level.
    """

    def __init__(
        self,
        channels: Sequence[int],
        in_channels: int = 1,
        boundary_branch: bool = True,
        grey_evidence: bool = False,
    ):
        super().__init__()
        self.in_channels = in_channels
        self.grey_evidence = grey_evidence
        self.stride = 2 ** (len(channels) - 1)
        self.encoder = Encoder(in_channels, channels)
        self.mask_decoder = Decoder(channels)
        self.boundary_decoder = Decoder(channels) if boundary_branch else None
        branches = 2 if boundary_branch else 1
        finest = channels[0]
        self.mask_head = nn.Sequential(ConvNormAct(branches * finest, finest), nn.Conv2d(finest, 1, 1))
        if boundary_branch:
            self.boundary_head = nn.Conv2d(finest, 1, 1)
            fill_bias(self.boundary_head, _HEATMAP_BIAS)
        extra = EVIDENCE_CHANNELS if grey_evidence else 0
        decoded = [branches * c for c in channels[2:-1]]
        self.feature_channels = tuple(c + extra for c in (*decoded, channels[-1]))

    def forward(self, crops: Tensor) -> SegmenterOutput:
        """Segment crops.

        Args:
            crops: (B, in_channels, H, W) in [0, 1], H and W multiples of 32; 224 in both profiles.

        Returns:
            Mask logits, heat map and the classifier's features.

        Raises:
            UsageError: the crops have another shape.
        """
        check_image(crops, self.in_channels, self.stride, "segmenter")
        maps = self.encoder(crops)
        decoded = self.mask_decoder(maps)
        penultimate, levels, heatmap = decoded[0], [decoded], None
        if self.boundary_decoder is not None:
            boundary = self.boundary_decoder(maps)
            penultimate = torch.cat((penultimate, boundary[0]), dim=1)
            heatmap = torch.sigmoid(self.boundary_head(boundary[0]).float())
            levels.append(boundary)
        mask_logits = self.mask_head(penultimate).float()
        features = [torch.cat(scale, dim=1) for scale in zip(*(level[2:] for level in levels), strict=True)]
        features.append(maps[-1])
        if self.grey_evidence:
            features = self._with_evidence(features, crops, torch.sigmoid(mask_logits))
        return SegmenterOutput(mask_logits, heatmap, tuple(features))

    def with_mask(self, output: SegmenterOutput, crops: Tensor, mask: Tensor) -> SegmenterOutput:
        """Put a user's mask in place of the predicted one in what was said of crops; nothing else is computed again.

        Args:
            output: of these crops.
            crops: (B, 1, H, W) in [0, 1].
            mask: (B, 1, H, W) in [0, 1].

        Returns:
            The same logits and heat map; features whose evidence is of this mask.
        """
        if not self.grey_evidence:
            return output
        features = [feature[:, :-EVIDENCE_CHANNELS] for feature in output.features]
        return replace(output, features=tuple(self._with_evidence(features, crops, mask)))

    @staticmethod
    def _with_evidence(features: list[Tensor], crops: Tensor, body: Tensor) -> list[Tensor]:
        evidence = body_evidence(crops, body, [f.shape[-1] for f in features])
        return [torch.cat((f, e.to(f.dtype)), dim=1) for f, e in zip(features, evidence, strict=True)]
