"""What a user changed of the network's masks: how much, on how many slices, and whether it belongs there. Plain Python.

A stroke that was meant for the other vertebra lies far from the body that it was given to, or on the other one. It is
kept, for the network may be wrong, but it is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from OsteoJointLib.frames import Placed, onto_grid
from OsteoJointLib.output.viewer_arrays import MaskArray
from OsteoJointLib.records import Level

REACH_MM = 15.0
"""How far a body may be drawn beyond the network's: a long osteophyte, or the end of a body that was cut short, and
still less than half of the way to the next body's middle, mm (chosen)."""


@dataclass(frozen=True)
class MaskChange:
    """How a level's mask differs from the network's.

    Args:
        voxels: drawn or erased.
        slices: axial slices they lie on.
        beyond_mm: how far something was drawn from the network's body; 0 where no farther than :data:`REACH_MM`.
        onto: the other level, where something was drawn on its body.
    """

    voxels: int
    slices: int
    beyond_mm: float = 0.0
    onto: Level | None = None


def mask_change(
    level: Level, own: MaskArray | None, network: Mapping[Level, MaskArray | None], ijk_to_world: np.ndarray
) -> MaskChange | None:
    """Compare a level's mask with the network's.

    Args:
        level: whose mask.
        own: it; None where it was erased.
        network: the network's masks.
        ijk_to_world: 4x4 of the CT's voxels, counted right, front and up.

    Returns:
        The change; None where the network has no mask of the level, or voxels are not the CT's.

    >>> far = np.eye(4)
    >>> far[2, 3] = 40
    >>> body = MaskArray(np.ones((20, 4, 4), np.uint8), np.eye(4))
    >>> network = {Level.L1: MaskArray(body.array_kji, far), Level.L2: body}
    >>> mask_change(Level.L2, MaskArray(np.ones((40, 4, 4), np.uint8), np.eye(4)), network, np.eye(4))
    MaskChange(voxels=320, slices=20, beyond_mm=20.0, onto=None)
    """
    world_to_ct = np.linalg.inv(ijk_to_world)

    def placed(mask: MaskArray | None) -> Placed | None:
        return None if mask is None else onto_grid(mask.array_kji, world_to_ct @ mask.ijk_to_world)

    body, now = placed(network.get(level)), placed(own)
    if body is None or (own is not None and now is None):
        return None
    others = {other: placed(mask) for other, mask in network.items() if other is not level}
    first, shape = _box_around([one for one in (body, now, *others.values()) if one is not None])
    was, is_now = _in_box(body, first, shape), _in_box(now, first, shape)
    differs, added = was != is_now, is_now & ~was
    onto = [other for other, one in others.items() if (added & _in_box(one, first, shape)).any()]
    beyond_mm = _farthest_mm(added, was, np.linalg.norm(ijk_to_world[:3, :3], axis=0)[::-1])
    return MaskChange(
        int(np.count_nonzero(differs)),
        int(np.count_nonzero(differs.any(axis=(1, 2)))),
        beyond_mm if beyond_mm > REACH_MM else 0.0,
        onto[0] if onto else None,
    )


def _box_around(pieces: list[Placed]) -> tuple[np.ndarray, tuple[int, ...]]:
    """Find the first (k, j, i) voxel and the shape of the smallest box around all of them."""
    first = np.min([one.corner_ijk[::-1] for one in pieces], axis=0)
    end = np.max([np.add(one.corner_ijk[::-1], one.array_kji.shape) for one in pieces], axis=0)
    return first, tuple(end - first)


def _in_box(one: Placed | None, first: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    drawn = np.zeros(shape, dtype=bool)
    if one is not None:
        start = np.subtract(one.corner_ijk[::-1], first)
        drawn[tuple(slice(a, a + n) for a, n in zip(start, one.array_kji.shape, strict=True))] = one.array_kji != 0
    return drawn


def _farthest_mm(added: np.ndarray, body: np.ndarray, spacing_kji_mm: np.ndarray) -> float:
    """Say how far the farthest added voxel lies from the box around a body; 0 where none was added."""
    hit, voxels = np.argwhere(body), np.argwhere(added)
    if not len(hit) or not len(voxels):
        return 0.0
    outside = np.maximum(np.maximum(hit.min(axis=0) - voxels, voxels - hit.max(axis=0)), 0)
    return float(np.linalg.norm(outside * spacing_kji_mm, axis=1).max())
