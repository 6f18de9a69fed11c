"""Where the level set moves a level's mask: on the mid-slice, on another slice, or on every slice of the body.

The level set works in a slice's plane. Where a slice runs along an endplate its outline is no wall of the body: slices
on which the mask is much smaller than in the body's middle stay as they are when the whole body is refined.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import mask_to_plane, plane_to_mask
from OsteoJointLib.pipeline.drawn_masks import PlacedMask
from OsteoJointLib.pipeline.preprocess import slice_at, slice_index_of
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.whole_body.one_body import body_of

if TYPE_CHECKING:
    from OsteoJointLib.level_set.parameters import LevelSetParameters

WALL_SHARE = 0.75
"""A slice shows the body's walls where its mask has at least this share of the median slice's area (chosen)."""


@dataclass(frozen=True)
class RefinedSlices:
    """Which slices of a body the level set moves.

    Args:
        whole: every slice that shows the body's walls.
        at_lps_mm: the slice through this point; None, and not ``whole``: the mid-slice.
    """

    whole: bool = False
    at_lps_mm: tuple[float, float, float] | None = None

    def of(self, reading: VertebraReading) -> list[int]:
        """List the CT's slices of one level.

        Raises:
            InputRefused: MASK_EMPTY, the body has nothing on the slice that is meant.
        """
        middle, body = reading.axial.slice_index, reading.body
        if self.whole and body is not None:
            areas = np.count_nonzero(body.mask, axis=(1, 2))
            walls = areas >= WALL_SHARE * np.median(areas[areas > 0])
            return sorted({middle, *(int(index) + body.corner_zyx[0] for index in np.flatnonzero(walls))})
        index = middle if self.at_lps_mm is None else slice_index_of(reading.volume, self.at_lps_mm)
        drawn = None if body is None else PlacedMask.of(body).plane(index, reading.volume.grid.shape_zyx[1:])
        if index != middle and (drawn is None or not drawn.any()):
            raise InputRefused(
                Reason.MASK_EMPTY,
                f"The mask of {reading.level} has nothing on the slice that is shown. Go to a slice of it, and refine "
                "again.",
            )
        return [index]


def refined_slices(reading: VertebraReading, slices: list[int], parameters: LevelSetParameters) -> VertebraReading:
    """Let the level set move a body on slices other than its mid-slice.

    Args:
        reading: with its body.
        slices: of the CT, on each of which the body has something.
        parameters: of the level set.

    Returns:
        The level with its body, of which is not yet said who drew it; the mid-slice is as it was.
    """
    from OsteoJointLib.level_set.evolution import refine

    body, volume = reading.body, reading.volume
    if body is None:
        return reading
    placed = PlacedMask.of(body)
    shape_yx = volume.grid.shape_zyx[1:]
    for index in slices:
        plane = placed.plane(index, shape_yx)
        axial = slice_at(volume, reading.level, index, np.argwhere(plane).mean(axis=0))
        mask = plane_to_mask(plane, axial)
        if mask.any():
            moved = refine(axial.hu, mask, axial.pixel_mm, parameters).mask
            placed = placed.with_plane(index, mask_to_plane(moved, axial, shape_yx))
    placed = placed.trimmed()
    made = body_of(body.name, placed.mask, placed.corner_zyx, volume.grid)
    return replace(reading, body=made)
