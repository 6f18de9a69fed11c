"""A scene: solids with their materials in painting order, and the truth that they carry."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

import numpy as np

from OsteoJointLib.config import ReferenceTissue
from OsteoJointLib.level_config import Tissue
from OsteoJointLib.phantom.solids.shapes import Bounds


class Shape(Protocol):
    """A solid (see :mod:`OsteoJointLib.phantom.solids.shapes`)."""

    def bounds(self) -> Bounds: ...

    def distance(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray: ...


@dataclass(frozen=True)
class Material:
    """What a solid is made of.

    Args:
        core_hu: HU inside.
        shell_hu, shell_mm: HU and thickness of the outermost layer (cortex, bowel wall); 0 mm for none.
        texture_hu: SD of the core's texture.
        grain_mm: size of that texture's grains.
    """

    core_hu: float
    shell_hu: float = 0.0
    shell_mm: float = 0.0
    texture_hu: float = 0.0
    grain_mm: float = 1.5


@dataclass(frozen=True, eq=False)
class Solid:
    """One painted shape. ``label`` is its VerSe number where it is a vertebral body, else 0.

    ``reference`` says what its core is where that is a reference tissue.
    """

    shape: Shape
    material: Material
    tissue: Tissue = Tissue.BACKGROUND
    label: int = 0
    reference: ReferenceTissue | None = None

    @cached_property
    def bounds(self) -> Bounds:
        """World box of the shape; kept, since every slice asks for it several times."""
        return self.shape.bounds()


@dataclass
class Scene:
    """All that is in the scanner, in painting order; the skeleton at full resolution, all else coarsely.

    Args:
        surroundings: table, mattress, rods and arms beside the trunk.
        skin: the trunk with the shoulders, which holds the background: none of that comes through its shell.
        background: soft tissue and gas.
        skeleton: bone and what else is small and dense.
        mineral: how much brighter the scan's beam shows what is calcified than 120 kVp, at which its HU are drawn.
    """

    surroundings: list[Solid] = field(default_factory=list)
    skin: Solid | None = None
    background: list[Solid] = field(default_factory=list)
    skeleton: list[Solid] = field(default_factory=list)
    mineral: float = 1.0
