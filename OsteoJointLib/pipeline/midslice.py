"""Whether a level's slice runs through the middle of its body, judged by the HU along the column.

A disc of pixels inside the body is followed from slice to slice along the column. Spongy bone is quiet: its HU hardly
change over many millimeters. Endplates and discs come in quick succession. So the long quiet stretches are bodies, and
a slice beside them lies on an endplate or in a disc. HU alone could not tell: old bone is as soft as a disc. Where the
stretches don't tell bodies from discs, nothing is said.

The network's own point moves to the middle of its body where that is clear; a user's stays, with a flag.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import mask_to_plane
from OsteoJointLib.pipeline.case import Case
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import CtVolume, Flag, LevelPoint, LevelsFound, PointSource

RADIUS_MM = 8.0
"""Of the disc of pixels: half of the least half depth of a lumbar body."""
REACH_MM = 38.0
"""How far the column is followed up and down: beyond a neighbor's middle."""
LEAST_REACH_MM = 12.0
"""Nothing is said where the image ends nearer than this, half a body's height."""
MOST_OFF = 0.25
"""Share of its body's height that a slice may lie off the middle: within the middle half."""
MOVE_WITHIN = 0.55
"""A point moves to a middle no farther than this share of the body's height: to its own body, not from the disc."""
LEAST_RISE_MM = 15.0
"""Points that would come nearer than this to each other are not moved: they would be in one body."""

_WINDOW_MM = 5
"""HU are quiet where they hardly change over this height."""
_QUIET = 0.4
"""They change by less than this share of what they change at endplates (the 90th percentile of the changes)."""
_CHANGES_WITHIN_MM = 28.0
"""Changes at endplates are looked for so far up and down: at both of the body's own, whichever of them is nearer."""
_LEAST_CHANGE_HU = 15.0
"""Less change than this at endplates is noise."""
_CLIP_HU = 150.0
"""HU farther than this from the median count as just so far, or cement would drown the endplates, and are no body."""
_LEAST_MM, _LONG, _DISC_MM = 4.0, 0.55, 11.0
"""Shorter stretches are none; a body's is at least such a share of the longest; a disc's is shorter than this."""
_SOFT_HU = (30.0, 120.0)
"""A disc's HU, contrast included: a short stretch of them is no body."""
_LIKE_HU = 60.0
"""A stretch whose HU are as near as that to a sure body's may be one,"""
_LIKE_MM, _LIKE_THICK_MM, _THICK_MM = 8.0, 5.0, 3.5
"""if it is at least so long; in thick slices, of more than 3.5 mm, so long."""
_BODY_MM, _BAND_HU = 22.0, 30.0
"""Stretches of HU no more different than this, together no longer than this, are one body with a dense band."""
_EDGE_MM, _ENDPLATE_MM = 3.0, 3.5
"""A stretch so near to the profile's end may go on beyond it; a body's ends lie about so far beyond its stretch."""
_CLEARLY_NEARER_MM = 4.0
"""A body is a slice's own if it is nearer than any other by this."""


@dataclass(frozen=True)
class BodyNearby:
    """The body that a slice belongs to.

    Args:
        offset_mm: from the slice up to the body's middle; 0 where the slice lies in its quiet part.
        height_mm: of the body, about.
        own: whether the slice surely belongs to this body.
    """

    offset_mm: float
    height_mm: float
    own: bool = True

    @property
    def in_middle(self) -> bool:
        """Whether the slice lies within the body's middle half."""
        return abs(self.offset_mm) <= MOST_OFF * self.height_mm


@dataclass(frozen=True)
class _Stretch:
    """Quiet HU from ``low_mm`` to ``high_mm`` above the slice."""

    low_mm: float
    high_mm: float
    hu: float

    @property
    def length_mm(self) -> float:
        return self.high_mm - self.low_mm + _WINDOW_MM - 1  # the window takes half of itself at both ends

    @property
    def middle_mm(self) -> float:
        return (self.low_mm + self.high_mm) / 2

    @property
    def soft(self) -> bool:
        return _SOFT_HU[0] <= self.hu <= _SOFT_HU[1]


def centered_levels(volume: CtVolume, levels: LevelsFound) -> LevelsFound:
    """Move the network's points that are beside the middle of their bodies, and say so.

    Args:
        volume: the CT.
        levels: as they were found.

    Returns:
        The levels with a flag for each that moved; those that can't be told stay.
    """
    moved, flags = [], []
    for point in (levels.l1, levels.l2):
        index = volume.grid.lps_to_index(np.asarray(point.center_lps_mm))
        body = body_nearby(volume, index, _slope(volume, levels))
        if point.source is PointSource.AUTO and body is not None and body.own and not body.in_middle:
            point = _shifted(volume, point, levels, body.offset_mm)
            way = "up" if body.offset_mm > 0 else "down"
            message = (
                f"The slice of {point.level} ran through an endplate, so it was moved {way} by "
                f"{abs(body.offset_mm):.0f} mm to the middle of the body."
            )
            flags.append(Flag(Reason.SLICE_MOVED, message, point.level))
        moved.append(point)
    l1, l2 = moved
    if l1.center_lps_mm[2] - l2.center_lps_mm[2] < LEAST_RISE_MM:
        return levels
    return replace(levels, l1=l1, l2=l2, flags=(*levels.flags, *flags))


def midslice_flags(case: Case, levels: LevelsFound, vertebra: VertebraReading) -> tuple[Flag, ...]:
    """Say where a level's slice is not in the middle of a body; of a slice of a pair nothing can be said."""
    axial, mask = vertebra.axial, vertebra.segmentation.mask
    if not isinstance(case, CtVolume) or not mask.any():
        return ()
    center_yx = np.argwhere(mask_to_plane(mask, axial, case.hu.shape[1:])).mean(axis=0)
    body = body_nearby(case, np.array([axial.slice_index, *center_yx]), _slope(case, levels))
    if body is None or body.in_middle:
        return ()
    message = (
        f"The slice of {vertebra.level} does not run through the middle of the body but near an endplate or a disc. "
        "Move its point to the middle."
    )
    return (Flag(Reason.SLICE_NOT_MID_BODY, message, vertebra.level),)


def body_nearby(volume: CtVolume, index_zyx: np.ndarray, slope_yx: np.ndarray) -> BodyNearby | None:
    """Find the body that the slice nearest to a point belongs to; None where that can't be told.

    Args:
        volume: the CT.
        index_zyx: continuous index of a point within the column.
        slope_yx: steps of the column along y and x for one along z.
    """
    slice_index = int(np.clip(np.rint(index_zyx[0]), 0, volume.hu.shape[0] - 1))
    center_yx = index_zyx[1:] + (slice_index - index_zyx[0]) * slope_yx
    heights_mm, hu = column_profile(volume, slice_index, center_yx, slope_yx)
    if heights_mm[0] > -LEAST_REACH_MM or heights_mm[-1] < LEAST_REACH_MM:
        return None
    steps_mm = np.arange(np.ceil(heights_mm[0]), np.floor(heights_mm[-1]) + 0.5)
    usual_hu = float(np.median(hu))
    clipped = np.clip(np.interp(steps_mm, heights_mm, hu), usual_hu - _CLIP_HU, usual_hu + _CLIP_HU)
    stretches = [one for one in _quiet_stretches(steps_mm, clipped) if abs(one.hu - usual_hu) < _CLIP_HU]
    return _nearest(_bodies(stretches, volume.grid.spacing_xyz_mm[2]), float(steps_mm[0]), float(steps_mm[-1]))


def column_profile(
    volume: CtVolume, slice_index: int, center_yx: np.ndarray, slope_yx: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Average HU in a disc of pixels on each slice along the column.

    Args:
        volume: the CT.
        slice_index: where it starts.
        center_yx: continuous index of the disc's center there.
        slope_yx: as for :func:`body_nearby`.

    Returns:
        (K,) heights above that slice in mm, ascending, and (K,) HU.
    """
    dx, dy, dz = volume.grid.spacing_xyz_mm
    slices, *shape_yx = volume.hu.shape
    reach = int(REACH_MM / dz)
    steps = np.arange(max(-reach, -slice_index), min(reach, slices - 1 - slice_index) + 1)
    means = []
    for step in steps:
        y, x = np.clip(center_yx + step * slope_yx, 0, np.subtract(shape_yx, 1))
        rows, columns = _around(y, RADIUS_MM / dy, shape_yx[0]), _around(x, RADIUS_MM / dx, shape_yx[1])
        disc = np.hypot((rows[:, None] - y) * dy, (columns - x) * dx) <= RADIUS_MM
        block = volume.hu[slice_index + step, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        means.append(block[disc].mean())
    return steps * dz, np.array(means)


def _around(center: float, reach: float, length: int) -> np.ndarray:
    """List the indices within reach of a place on an axis."""
    return np.arange(max(0, int(np.ceil(center - reach))), min(length - 1, int(center + reach)) + 1)


def _slope(volume: CtVolume, levels: LevelsFound) -> np.ndarray:
    """Take the steps of the column along y and x for one along z, from L2 to L1; none where these hardly rise."""
    ends = volume.grid.lps_to_index(np.array([levels.l1.center_lps_mm, levels.l2.center_lps_mm]))
    rise = ends[0] - ends[1]
    steep = abs(rise[0]) * volume.grid.spacing_xyz_mm[2] >= LEAST_RISE_MM
    return rise[1:] / rise[0] if steep else np.zeros(2)


def _shifted(volume: CtVolume, point: LevelPoint, levels: LevelsFound, up_mm: float) -> LevelPoint:
    """Move a point along the column."""
    step = np.array([1.0, *_slope(volume, levels)]) * up_mm / volume.grid.spacing_xyz_mm[2]
    index = volume.grid.lps_to_index(np.asarray(point.center_lps_mm))
    index[0] = np.rint(index[0])  # the offset was measured from the slice
    x, y, z = volume.grid.index_to_lps(index + step)
    return replace(point, center_lps_mm=(float(x), float(y), float(z)))


def _quiet_stretches(heights_mm: np.ndarray, hu: np.ndarray) -> list[_Stretch]:
    """List where the HU hardly change, at steps of 1 mm; none where they change nowhere."""
    half = _WINDOW_MM // 2
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(hu, half, mode="edge"), _WINDOW_MM)
    change = np.ptp(windows, axis=1)
    most = float(np.percentile(change[np.abs(heights_mm) <= _CHANGES_WITHIN_MM], 90))
    if most < _LEAST_CHANGE_HU:
        return []
    edges = np.flatnonzero(np.diff([0, *(change < _QUIET * most), 0]))
    stretches: list[_Stretch] = []
    last = 0
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        one = _Stretch(float(heights_mm[start]), float(heights_mm[end - 1]), float(np.median(hu[start:end])))
        if stretches and _is_one_body(stretches[-1], one, float(hu[last:start].min())):
            before = stretches.pop()
            one = _Stretch(before.low_mm, one.high_mm, (before.hu + one.hu) / 2)
        stretches.append(one)
        last = end
    return [one for one in stretches if one.length_mm >= _LEAST_MM]


def _is_one_body(below: _Stretch, above: _Stretch, least_between_hu: float) -> bool:
    """Say whether a dense band inside one body parts two stretches: no disc lies between them, nor room for one."""
    alike = abs(below.hu - above.hu) < _BAND_HU and least_between_hu > min(below.hu, above.hu) - _BAND_HU
    return alike and not below.soft and above.high_mm - below.low_mm <= _BODY_MM


def _bodies(stretches: list[_Stretch], thickness_mm: float) -> list[_Stretch]:
    """Choose the stretches that are bodies: the long ones, and shorter ones of like HU.

    A soft stretch that is short, or shorter than one of harder bone, is taken for a disc.
    """
    longest = max((one.length_mm for one in stretches), default=0.0)
    long = [one for one in stretches if one.length_mm >= max(_LONG * longest, _DISC_MM)]
    hard_mm = max((one.length_mm for one in long if not one.soft), default=0.0)
    long = [one for one in long if not one.soft or one.length_mm > hard_mm]
    if not long:
        long = [one for one in stretches if one.length_mm >= _LONG * longest and not one.soft]
    if not long:
        return []
    usual_hu = float(np.median([one.hu for one in long]))
    least_mm = _LIKE_MM if thickness_mm <= _THICK_MM else _LIKE_THICK_MM
    return [
        one
        for one in stretches
        if one in long or (not one.soft and abs(one.hu - usual_hu) < _LIKE_HU and one.length_mm >= least_mm)
    ]


def _nearest(bodies: list[_Stretch], lowest_mm: float, highest_mm: float) -> BodyNearby | None:
    """Choose the body that the slice at 0 mm lies in, or the nearest whole one."""
    inside = [one for one in bodies if one.low_mm <= 0 <= one.high_mm]
    if inside:
        return BodyNearby(0.0, inside[0].length_mm + 2 * _ENDPLATE_MM)
    whole = [one for one in bodies if one.low_mm > lowest_mm + _EDGE_MM and one.high_mm < highest_mm - _EDGE_MM]
    if not whole:
        return None
    nearest = min(whole, key=lambda one: abs(one.middle_mm))
    height_mm = nearest.length_mm + 2 * _ENDPLATE_MM
    others_mm = [abs(one.middle_mm) for one in bodies if one is not nearest]
    off_mm = abs(nearest.middle_mm)
    clear = off_mm <= MOVE_WITHIN * height_mm and all(other > off_mm + _CLEARLY_NEARER_MM for other in others_mm)
    return BodyNearby(nearest.middle_mm, height_mm, clear)
