"""Maps of both levels as one small volume: plain Python.

A slice view shows one foreground volume, and both levels are to be seen at once in every view. So the maps of L1 and L2
are put at their slices into one grid, made of the crops' pixels and the CT's slices, with zeros between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.output.viewer_arrays import MaskArray

FULL = 100
"""Stored value of a map's 1.0: the volume is in percent, a byte a voxel."""

_WHOLE_PX = 0.01
"""Offsets below this are rounding, pixels: no eye sees a map moved by a hundredth of a pixel."""


@dataclass(frozen=True, eq=False)
class PlacedMap:
    """One level's map and where it lies.

    Args:
        values: (y, x) float32 in [0, 1].
        to_ras: 4x4 from (x index, y index, z index, 1) to RAS mm.
    """

    values: np.ndarray
    to_ras: np.ndarray


def combine(maps: Sequence[PlacedMap]) -> MaskArray:
    """Put maps of parallel slices into one volume.

    Args:
        maps: at least one; their pixels are of one size and direction, as those of one CT are.

    Returns:
        The smallest volume around them, (k, j, i) uint8 percent, with its place. Where they overlap, the larger value
        counts.

    Raises:
        RunFailed: the slices aren't parallel or their pixels differ.

    >>> one = PlacedMap(np.ones((1, 2)), np.eye(4))
    >>> above = np.eye(4); above[:3, 3] = (1, 0, 2)
    >>> combine([one, PlacedMap(np.full((1, 1), 0.5), above)]).array_kji.tolist()
    [[[100, 100]], [[0, 0]], [[0, 50]]]
    """
    pieces = [_onto_pixels_of(maps[0], one) for one in maps]
    first = np.min([corner for _, corner in pieces], axis=0)
    last = np.max([corner + np.array((*percent.shape[::-1], 1)) for percent, corner in pieces], axis=0)
    volume = np.zeros((last - first)[::-1], dtype=np.uint8)
    for percent, corner in pieces:
        i, j, k = corner - first
        height, width = percent.shape
        part = volume[k, j : j + height, i : i + width]
        np.maximum(part, percent, out=part)
    place = np.eye(4)
    place[:3, 3] = first
    return MaskArray(volume, maps[0].to_ras @ place)


def _onto_pixels_of(reference: PlacedMap, one: PlacedMap) -> tuple[np.ndarray, np.ndarray]:
    """Give the map in percent on the pixels of another one, and the (x, y, z) index of its corner there."""
    relative = np.linalg.inv(reference.to_ras) @ one.to_ras
    if not np.allclose(relative[:3, :3], np.eye(3), atol=1e-3):  # over 224 pixels less than a quarter of one
        raise RunFailed(
            Reason.FAILED,
            "The maps of L1 and L2 don't lie on parallel slices. This is a fault of OsteoJoint: please report it.",
        )
    corner = np.floor(relative[:3, 3] + _WHOLE_PX)
    corner[2] = np.rint(relative[2, 3])
    right, down = np.clip(relative[:2, 3] - corner[:2], 0.0, 1.0)
    values = one.values
    if right > _WHOLE_PX:
        values = _moved(values, right)
    if down > _WHOLE_PX:
        values = _moved(values.T, down).T
    return np.rint(np.clip(values, 0.0, 1.0) * FULL).astype(np.uint8), corner.astype(int)


def _moved(values: np.ndarray, fraction: float) -> np.ndarray:
    """Move a map by a fraction of a pixel along x, linearly; it grows by one pixel."""
    return (1 - fraction) * np.pad(values, ((0, 0), (0, 1))) + fraction * np.pad(values, ((0, 0), (1, 0)))
