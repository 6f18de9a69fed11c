"""The level network's sizes, grid, classes and landmarks; importable without torch, so that the stages may use it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import IntEnum
from typing import Any


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
        if self.spacing_mm <= 0 or self.heatmap_sigma_mm <= 0:
            raise ValueError(f"spacing_mm and heatmap_sigma_mm must be positive, got {self}.")
        if any(low >= high for low, high in self.windows_hu) or not self.windows_hu:
            raise ValueError(f"every window needs low < high, got {self.windows_hu}.")
        if len(self.channels) < 2 or min(self.channels) < 1:
            raise ValueError(f"channels needs at least two positive sizes, got {self.channels}.")

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
