"""The pictures of a reading as the worker hands them over: masks and maps of each level with their place in the world.

Plain Python. Every array is one axial slice, (y, x); its 4x4 matrix maps (x index, y index, z index, 1) of the
one-slice volume to RAS mm of the world, so its third column is the slice's normal times the slice spacing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.records import Level


@dataclass(frozen=True, eq=False)
class MaskArray:
    """A mask with its place in the world.

    Args:
        array_kji: (k, j, i) uint8, 0 or 1.
        ijk_to_world: 4x4, voxel indices to RAS mm of the world.
        edited, refined: whether a user drew it, and whether the level set moved it.
    """

    array_kji: np.ndarray
    ijk_to_world: np.ndarray
    edited: bool = False
    refined: bool = False


@dataclass(frozen=True, eq=False)
class LevelViews:
    """The pictures of one level.

    Args:
        mask: (h, w) uint8 0 or 1, in a box cut from the CT's own plane; (1, 1) zero where there is none.
        network_mask: likewise, before any refinement or edit.
        roi: likewise, the region that HU were measured in.
        mask_to_ras: 4x4 of these three.
        crop_to_ras: 4x4 of the two maps.
        heatmap: (224, 224) float32 in [0, 1], boundary heat map; None where there is none.
        gradcam: (224, 224) float32 in [0, 1]; None where there is none.
    """

    mask: np.ndarray
    network_mask: np.ndarray
    roi: np.ndarray
    mask_to_ras: np.ndarray
    crop_to_ras: np.ndarray
    heatmap: np.ndarray | None = None
    gradcam: np.ndarray | None = None

    def mask_array(self, kind: str = "mask") -> MaskArray:
        """``mask``, ``network_mask`` or ``roi`` as a volume of one slice."""
        return MaskArray(getattr(self, kind)[None], self.mask_to_ras)


@dataclass(frozen=True, eq=False)
class Views:
    """The pictures of a case, by level ("L1", "L2")."""

    levels: dict[str, LevelViews]


def read_views(done: Mapping[str, Any]) -> Views:
    """Read what the worker wrote for ``views``.

    Args:
        done: the ``views`` object of its answer: ``file``, and for each level ``mask_to_ras`` and ``crop_to_ras``.

    Returns:
        The pictures; the file may be deleted then.
    """
    with np.load(Path(done["file"]), allow_pickle=False) as arrays:
        return Views({level.value: _level(done, arrays, level.value) for level in Level if level.value in done})


def _level(done: Mapping[str, Any], arrays: Mapping[str, np.ndarray], level: str) -> LevelViews:
    return LevelViews(
        mask=arrays[f"{level}_mask"],
        network_mask=arrays[f"{level}_network_mask"],
        roi=arrays[f"{level}_roi"],
        mask_to_ras=np.asarray(done[level]["mask_to_ras"], dtype=np.float64),
        crop_to_ras=np.asarray(done[level]["crop_to_ras"], dtype=np.float64),
        heatmap=arrays.get(f"{level}_heatmap"),
        gradcam=arrays.get(f"{level}_gradcam"),
    )
