"""Several cheap looks at one column, which must agree before the names of the levels are believed.

Where the names were wrong on real CT, a mirrored copy, or one a slice shorter, told others; where they were right, all
told the same. So the network looks again at a box about the column: half a coarse voxel further along the slices, as it
is and mirrored, and mirrored with other ends. What is named is named by all of them together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.levels.assignment import Assignment, LevelsMm, VisibleColumn
from OsteoJointLib.levels.body_evidence import read_column
from OsteoJointLib.levels.inference import LevelPrediction, predict_batch
from OsteoJointLib.levels.resampling import CoarseVolume

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.network.level_net import LevelNet

ASIDE_MM, BEFORE_MM, BEHIND_MM, ABOVE_MM, BELOW_MM = 88.0, 48.0, 68.0, 170.0, 190.0
"""How far the box reaches from the bodies to either side, to the front and back, and from L1 up and down: T9 to S1,
ribs as far as they tell the twelfth from the eleventh (chosen: a quarter of a trunk's voxels)."""

FEWER_SLICES = 2
"""Coarse slices that the view with other ends lacks at either end."""

SAME_MM = 12.0
"""Two views mean the same body when their centers lie no farther apart: less than half the least distance (chosen)."""


def look_again(
    network: LevelNet,
    phases: tuple[CoarseVolume, CoarseVolume],
    seen: VisibleColumn,
    middle_lps_mm: np.ndarray,
    device: torch.device | str,
) -> list[VisibleColumn]:
    """Look three times more at a box about the column.

    Args:
        network: in eval mode, on ``device``.
        phases: the coarse volume, and the same half a voxel further.
        seen: the column as the whole volume shows it.
        middle_lps_mm: where L1 and L2 seem to be.
        device: where to compute.
    """
    first, second = (_cut(phase, _box(phase.grid, seen, middle_lps_mm)) for phase in phases)
    fewer = slice(FEWER_SLICES, -FEWER_SLICES) if len(first.hu) > 4 * FEWER_SLICES else slice(None)
    other_ends = _cut(first, (fewer, slice(None), slice(None)))
    shape = np.minimum(second.hu.shape, other_ends.hu.shape)
    plain, other_ends = (_cut(view, tuple(slice(0, int(n)) for n in shape)) for view in (second, other_ends))
    views = [plain.hu, plain.hu[..., ::-1], other_ends.hu[..., ::-1]]
    grids = (plain.grid, plain.grid, other_ends.grid)
    seen_again = predict_batch(network, [CoarseVolume(hu, grid) for hu, grid in zip(views, grids, strict=True)], device)
    return [read_column(seen_again[0]), *(read_column(_mirrored(prediction)) for prediction in seen_again[1:])]


def _box(grid: Grid, seen: VisibleColumn, middle_lps_mm: np.ndarray) -> tuple[slice, slice, slice]:
    """Return the index ranges of the box."""
    centers = np.array([body.center_lps_mm for body in seen.bodies])
    near = np.abs(centers[:, 2] - middle_lps_mm[2]) <= BELOW_MM
    x, y = (centers[near] if near.any() else centers)[:, :2].T
    low = np.array([x.min() - ASIDE_MM, y.min() - BEFORE_MM, middle_lps_mm[2] - BELOW_MM])
    high = np.array([x.max() + ASIDE_MM, y.max() + BEHIND_MM, middle_lps_mm[2] + ABOVE_MM])
    first, last = (np.rint(grid.lps_to_index(corner)).astype(int) for corner in (low, high))
    counts = np.asarray(grid.shape_zyx)
    first, last = np.clip(first, 0, counts - 1), np.clip(last, 0, counts - 1)
    z, y_range, x_range = (slice(int(a), int(b) + 1) for a, b in zip(first, last, strict=True))
    return z, y_range, x_range


def _cut(volume: CoarseVolume, box: tuple[slice, ...]) -> CoarseVolume:
    hu = volume.hu[box]
    start = [part.indices(count)[0] for part, count in zip(box, volume.hu.shape, strict=True)]
    x, y, z = (float(v) for v in volume.grid.index_to_lps(np.array(start)))
    depth, height, width = hu.shape
    return CoarseVolume(hu, Grid((depth, height, width), volume.grid.spacing_xyz_mm, (x, y, z), volume.grid.direction))


def _mirrored(p: LevelPrediction) -> LevelPrediction:
    """Turn a prediction of a mirrored volume back."""
    return LevelPrediction(p.grid, *(np.ascontiguousarray(array[..., ::-1]) for array in p.arrays))


@dataclass(frozen=True, eq=False)
class Agreement:
    """What all views say together.

    Args:
        named: the naming of the first view that finds likeliest what they say together.
        levels_mm: where L1 and L2 lie, the mean over the views that agree with it; None where they aren't in view.
        confidence: mean over the views of the posterior of L1 and L2 lying there.
        other_mm: the second likeliest places, None where there are none.
        other_confidence: of these.
        in_view: mean posterior of both lying in view.
        name_confidence: posterior of each name of ``named``, less by what the other views doubt L1 and L2.
    """

    named: Assignment
    levels_mm: LevelsMm | None
    confidence: float
    other_mm: LevelsMm | None
    other_confidence: float
    in_view: float
    name_confidence: tuple[float, ...]


def agree(views: Sequence[Assignment | None]) -> Agreement:
    """Join the namings of all views, each of the same weight.

    Args:
        views: at least one naming; the whole volume's first. None for a view that shows no body: it agrees with none.
    """
    namings = [view for view in views if view]
    in_view = sum(view.in_view for view in namings) / len(views)
    shares = {levels: _share(views, levels) for view in namings for levels in view.posterior}
    ranked = sorted(shares, key=lambda levels: -shares[levels])
    if not ranked:
        return Agreement(namings[0], None, 0.0, None, 0.0, in_view, ())
    best = ranked[0]
    others = [levels for levels in ranked if not _same(levels, best)]
    surest = max(namings, key=lambda view: _share([view], best))
    named = next((view for view in namings if view.posterior and _same(next(iter(view.posterior)), best)), surest)
    doubt = min(shares[best] / _share([named], best), 1.0)
    second = others[0] if others else None
    other_share = shares[second] if second else 0.0
    names = tuple(doubt * share for share in named.name_confidence)
    return Agreement(named, _middle(namings, best), shares[best], second, other_share, in_view, names)


def _middle(namings: Sequence[Assignment], best: LevelsMm) -> LevelsMm:
    """Average the places that each view has for these levels: nearer to the truth than one view alone."""
    near = [
        max(same, key=view.posterior.__getitem__)
        for view in namings
        if (same := [levels for levels in view.posterior if _same(levels, best)])
    ]
    (x1, y1, z1), (x2, y2, z2) = np.mean(near, axis=0).tolist()
    return (x1, y1, z1), (x2, y2, z2)


def _share(views: Sequence[Assignment | None], levels: LevelsMm) -> float:
    each = [sum(p for other, p in view.posterior.items() if _same(other, levels)) for view in views if view]
    return sum(each) / len(views)


def _same(one: LevelsMm, other: LevelsMm) -> bool:
    return all(math.dist(a, b) <= SAME_MM for a, b in zip(one, other, strict=True))
