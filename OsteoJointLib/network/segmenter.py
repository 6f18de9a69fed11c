"""The segmenter: a U-Net of residual blocks with one shared encoder and two decoders (paper, section 3.4).

The encoder has six scales (224 to 7 pixels for the 224-pixel crop), so that each ResNet stage of the classifier has a
partner. One decoder regresses the boundary heat map, the other segments the body; the heat-map decoder's penultimate
features are concatenated to the mask decoder's. Without the boundary branch it is a U-Net with one decoder.

The mask's head may know the reference tissues too (ours): fat, muscle and blood tell of tube voltage, contrast and the
scanner's own error, and what it takes to see them is in the features that the classifier is fed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from OsteoJointLib.config import ReferenceTissue
from OsteoJointLib.network.blocks import ConvNormAct, ResidualDoubleConv, check_image, fill_bias

_FUSED_FROM = 2
"""Scale of the finest features that the classifier is fed: H/4, that of the first ResNet stage."""
_HEATMAP_BIAS = -3.0
"""The heat map starts at sigmoid(-3) = 0.05: boundaries fill 2 % of a crop; chosen."""


@dataclass(frozen=True, eq=False)
class SegmenterOutput:
    """What the segmenter says of a batch of crops.

    Args:
        mask_logits: (B, 1, H, W) float32 of the vertebral body.
        heatmap: (B, 1, H, W) float32 in [0, 1], boundary heat map; None without the boundary branch.
        features: four maps for the classifier, at H/4, H/8, H/16 and H/32, of ``Segmenter.feature_channels``: both
            decoders' features (the shared bottleneck at the last).
        body: (B, 1, H, W) in [0, 1], the mask that guides the classifier: the predicted one, without gradient, or one
            that somebody drew.
        tissue_logits: (B, 3, H, W) float32 in the order of :class:`ReferenceTissue`; None where it knows none.
    """

    mask_logits: Tensor
    heatmap: Tensor | None
    features: tuple[Tensor, ...]
    body: Tensor
    tissue_logits: Tensor | None = None

    def with_mask(self, body: Tensor) -> SegmenterOutput:
        """Put a (B, 1, H, W) mask in [0, 1] in the place of the one that guides the classifier; the rest stays."""
        return replace(self, body=body)

    def rows(self, chosen: slice | Tensor) -> SegmenterOutput:
        """Take some of the batch: a slice, or a (B,) bool or index tensor."""
        return SegmenterOutput(
            self.mask_logits[chosen],
            None if self.heatmap is None else self.heatmap[chosen],
            tuple(feature[chosen] for feature in self.features),
            self.body[chosen],
            None if self.tissue_logits is None else self.tissue_logits[chosen],
        )


def join_outputs(parts: Sequence[SegmenterOutput]) -> SegmenterOutput:
    """Join what one segmenter said of several batches to one."""
    heatmaps = [part.heatmap for part in parts if part.heatmap is not None]
    tissues = [part.tissue_logits for part in parts if part.tissue_logits is not None]
    return SegmenterOutput(
        torch.cat([part.mask_logits for part in parts]),
        torch.cat(heatmaps) if heatmaps else None,
        tuple(torch.cat(scale) for scale in zip(*(part.features for part in parts), strict=True)),
        torch.cat([part.body for part in parts]),
        torch.cat(tissues) if tissues else None,
    )


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

    def forward(self, maps: Sequence[Tensor], finest: int = 0) -> list[Tensor]:
        """Map the encoder's maps to one map per scale but the coarsest, finest (penultimate features) first.

        Args:
            maps: of the encoder, finest first.
            finest: scale to stop at, 0 for that of the crop.
        """
        x = maps[-1]
        decoded = []
        for scale in range(len(self.blocks) - 1, finest - 1, -1):
            reduce, block, skip = self.reduce[scale], self.blocks[scale], maps[scale]
            x = functional.interpolate(reduce(x), scale_factor=2.0, mode="nearest")
            x = block(torch.cat((x, skip), dim=1))
            decoded.append(x)
        return decoded[::-1]


class Segmenter(nn.Module):
    """Body mask and boundary heat map of a crop.

    Args:
        channels: of the six scales, finest first.
        in_channels: of the crop.
        boundary_branch: whether there is a heat-map decoder.
        reference_tissues: whether the mask's head knows fat, muscle and blood.
    """

    def __init__(
        self,
        channels: Sequence[int],
        in_channels: int = 1,
        boundary_branch: bool = True,
        reference_tissues: bool = False,
    ):
        super().__init__()
        self.in_channels = in_channels
        self.stride = 2 ** (len(channels) - 1)
        self.encoder = Encoder(in_channels, channels)
        self.mask_decoder = Decoder(channels)
        self.boundary_decoder = Decoder(channels) if boundary_branch else None
        branches = 2 if boundary_branch else 1
        finest = channels[0]
        masks = 1 + (len(ReferenceTissue) if reference_tissues else 0)
        self.mask_head = nn.Sequential(ConvNormAct(branches * finest, finest), nn.Conv2d(finest, masks, 1))
        if boundary_branch:
            self.boundary_head = nn.Conv2d(finest, 1, 1)
            fill_bias(self.boundary_head, _HEATMAP_BIAS)
        self.feature_channels = (*(branches * c for c in channels[_FUSED_FROM:-1]), channels[-1])

    def forward(self, crops: Tensor) -> SegmenterOutput:
        """Segment crops.

        Args:
            crops: (B, in_channels, H, W) in [0, 1], H and W multiples of 32; 224 in both profiles.

        Returns:
            Masks, heat map and the classifier's features.

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
        logits = self.mask_head(penultimate).float()
        mask_logits, tissue_logits = logits[:, :1], logits[:, 1:] if logits.shape[1] > 1 else None
        body = torch.sigmoid(mask_logits.detach())
        features = _for_classifier([level[_FUSED_FROM:] for level in levels], maps[-1])
        return SegmenterOutput(mask_logits, heatmap, features, body, tissue_logits)

    def features(self, crops: Tensor) -> tuple[Tensor, ...]:
        """Give the classifier's features of crops alone: without the finest scales, in two fifths of the time."""
        check_image(crops, self.in_channels, self.stride, "segmenter")
        maps = self.encoder(crops)
        decoders = (self.mask_decoder, self.boundary_decoder)
        levels = [decoder(maps, _FUSED_FROM) for decoder in decoders if decoder is not None]
        return _for_classifier(levels, maps[-1])


def _for_classifier(levels: Sequence[Sequence[Tensor]], bottleneck: Tensor) -> tuple[Tensor, ...]:
    """Join what the decoders have at each scale from H/4 on, and the bottleneck."""
    return (*(torch.cat(scale, dim=1) for scale in zip(*levels, strict=True)), bottleneck)
