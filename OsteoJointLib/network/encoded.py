"""Crops with what the segmenter says of them: what the classifier is fed, kept so that an edit doesn't run it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.network.segmenter import SegmenterOutput


@dataclass(frozen=True, eq=False)
class EncodedCrops:
    """Crops as the classifier takes them.

    Args:
        crops: (N, 1, 224, 224).
        segmentation: what the segmenter says of them.
        made_by: by which weights and where; another network can't take them.
    """

    crops: torch.Tensor
    segmentation: SegmenterOutput
    made_by: str = ""

    def split(self) -> list[EncodedCrops]:
        """Part them, each crop by itself."""
        parts = [slice(index, index + 1) for index in range(len(self.crops))]
        return [EncodedCrops(self.crops[part], self.segmentation.rows(part), self.made_by) for part in parts]


def join_crops(parts: Sequence[EncodedCrops]) -> EncodedCrops:
    """Join several crops to one batch."""
    import torch

    from OsteoJointLib.network.segmenter import join_outputs

    whole = join_outputs([part.segmentation for part in parts])
    return EncodedCrops(torch.cat([part.crops for part in parts]), whole, parts[0].made_by)
