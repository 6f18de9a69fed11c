"""Where the bodies from T11 to L4 lie, as far as it is known: the line along which the column is segmented.

All places are millimeters along the CT's own index axes (z, y, x): index times spacing. L1 and L2 stand where their
mid-slices' masks do. The others stand where the level network saw them, whatever it named them, or a body's distance
further on: there nothing is looked for but the disc between.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.records import BodyEvidence

NEXT_WITHIN = (0.6, 1.5)
"""A body is the next one where it is so many times as far as L1 is from L2 (chosen: discs and bodies of one spine are
much alike, and one body left out makes two)."""


@dataclass(frozen=True, eq=False)
class BodyPlace:
    """Where one body of the column lies.

    Args:
        name: such as "T12".
        center_mm: (3,) z, y, x.
        seen: whether it is L1 or L2, or was found by the level network, or may be there for all that is known.
    """

    name: str
    center_mm: np.ndarray
    seen: bool


def body_places(
    l1_mm: np.ndarray, l2_mm: np.ndarray, column: Sequence[BodyEvidence], grid: Grid
) -> tuple[BodyPlace, ...]:
    """Place T11, T12, L1, L2, L3 and L4, from top to bottom.

    Args:
        l1_mm, l2_mm: (3,) the middle of the mid-slices' masks.
        column: the bodies that the level network found; none where a user placed both levels.
        grid: of the CT.
    """
    spacing_zyx_mm = np.asarray(grid.spacing_xyz_mm)[::-1]
    found_mm = [grid.lps_to_index(np.asarray(body.center_lps_mm)) * spacing_zyx_mm for body in column]
    t12, t11 = _two_beyond(l1_mm, l1_mm - l2_mm, found_mm, grid)
    l3, l4 = _two_beyond(l2_mm, l2_mm - l1_mm, found_mm, grid)
    named = (("T11", *t11), ("T12", *t12), ("L1", l1_mm, True), ("L2", l2_mm, True), ("L3", *l3), ("L4", *l4))
    return tuple(BodyPlace(*one) for one in named)


def _two_beyond(
    center_mm: np.ndarray, step_mm: np.ndarray, found_mm: Sequence[np.ndarray], grid: Grid
) -> list[tuple[np.ndarray, bool]]:
    """Place the next two bodies on one side, each with whether it is seen."""
    places: list[tuple[np.ndarray, bool]] = []
    usual_mm = float(np.linalg.norm(step_mm))
    for _ in range(2):
        onward_mm = [one - center_mm for one in found_mm if (one - center_mm) @ step_mm > 0]
        distances = [float(np.linalg.norm(offset_mm)) / usual_mm for offset_mm in onward_mm]
        # the body itself is among those that were found
        near = min((far for far in distances if far >= NEXT_WITHIN[0]), default=np.inf)
        if near <= NEXT_WITHIN[1]:
            places.append((center_mm + onward_mm[distances.index(near)], True))
        else:
            index = (center_mm + step_mm) / np.asarray(grid.spacing_xyz_mm)[::-1]
            inside = bool(np.all(index >= -0.5) and np.all(index <= np.asarray(grid.shape_zyx) - 0.5))
            places.append((center_mm + step_mm, inside and not found_mm))
        step_mm, center_mm = places[-1][0] - center_mm, places[-1][0]
    return places
