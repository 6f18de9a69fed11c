"""The level network's sizes, grid, classes and landmarks; importable without torch, so that the stages may use it."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any

from OsteoJointLib.config import MOST_CHANNELS

_SPACING_MM = (0.5, 20.0)
"""Finer takes more memory than there is; on a coarser grid no body can be seen."""


class Tissue(IntEnum):
    """The classes of a voxel, in the order of the network's logits."""

    BACKGROUND = 0
    BODY = 1
    POSTERIOR = 2
    RIB = 3
    SACRUM = 4
    OTHER_BONE = 5
    DISC = 6


class Landmark(IntEnum):
    """The points that the network marks, in the order of its heat maps."""

    BODY = 0
    """The center of a vertebral body above the sacrum."""
    RIB_HEAD = 1
    """A costovertebral joint."""
    SACRUM = 2
    """The center of the first sacral body."""


@dataclass(frozen=True)
class LevelNetConfig:
    """Sizes of the level network and of the grid it works on.

    Args:
        spacing_mm: edge of the coarse grid's cubic voxels. 4 mm: a 12th rib is two voxels thick, a body seven wide.
        windows_hu: (low, high) HU of each input channel, mapped to [0, 1]; a bone and a soft-tissue window.
        channels: features at strides 1, 2, 4, 8 of the coarse grid.
        heatmap_sigma_mm: standard deviation of the Gaussian at a landmark: the heat map falls to 0.4 between two
            bodies of 15 mm, and to 0.1 between two of 24 mm.
    """

    spacing_mm: float = 4.0
    windows_hu: tuple[tuple[float, float], ...] = ((-200.0, 1000.0), (-160.0, 240.0))
    channels: tuple[int, ...] = (16, 32, 64, 64)
    heatmap_sigma_mm: float = 5.5

    def __post_init__(self) -> None:
        if not 0 < self.heatmap_sigma_mm < math.inf or not _SPACING_MM[0] <= self.spacing_mm <= _SPACING_MM[1]:
            raise ValueError(
                f"spacing_mm must lie between {_SPACING_MM[0]:g} and {_SPACING_MM[1]:g} and heatmap_sigma_mm be "
                f"positive, got {self}."
            )
        finite = all(math.isfinite(hu) for window in self.windows_hu for hu in window)
        if not self.windows_hu or not finite or any(low >= high for low, high in self.windows_hu):
            raise ValueError(f"every window needs low < high, got {self.windows_hu}.")
        if len(self.channels) < 2 or min(self.channels) < 1 or max(self.channels) > MOST_CHANNELS:
            raise ValueError(f"channels needs at least two sizes from 1 to {MOST_CHANNELS}, got {self.channels}.")

    def to_json(self) -> dict[str, Any]:
        """Return the config as a dictionary of JSON types."""
        document = asdict(self)
        document["windows_hu"] = [list(window) for window in self.windows_hu]
        document["channels"] = list(self.channels)
        return document

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> LevelNetConfig:
        """Rebuild a config from :meth:`to_json`; an unknown field raises TypeError.

        >>> LevelNetConfig.from_json(LevelNetConfig().to_json()) == LevelNetConfig()
        True
        """
        fields = dict(document)
        if "windows_hu" in fields:
            fields["windows_hu"] = tuple((float(low), float(high)) for low, high in fields["windows_hu"])
        if "channels" in fields:
            fields["channels"] = tuple(int(n) for n in fields["channels"])
        return cls(**fields)
