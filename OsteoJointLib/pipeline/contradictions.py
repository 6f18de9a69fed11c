"""Where the HU of L1 and L2 contradict each other, or all that lies about them, and which of the two is the odd one.

A class is made from two small regions of bone, so what is not bone in one of them (cement, a focal lesion, metal), or a
slice that was scaled otherwise, makes it wrong. Each check compares what should be alike: the region with itself, a
mid-slice with its neighbors, all tissue of a slice with that of the next, L1 with L2. Where L1 and L2 differ, the one
that differs from T12 and L3 is the odd one. It is left out by proposal, and the class is the other one's.

Limits were set between phantoms, seven real CTs (../shared/ct, looked at, never trained on) and painted faults.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import mask_to_plane
from OsteoJointLib.io.hu_checks import TISSUE_HU
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.pipeline.case import Case
from OsteoJointLib.pipeline.midslice import column_profile
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import CtVolume, Flag, LeftOut, LeftOutBy, LeftOutReason, Level

ODD_CODES = frozenset(
    {
        *(Reason.BODY_NOT_UNIFORM, Reason.SLICE_UNLIKE_NEIGHBORS, Reason.LEVELS_CONTRADICT, Reason.HU_JUMP),
        Reason.METAL,
    }
)
"""Codes that, with a level, say that its HU can't be bone's own: where one level alone has any, it is left out."""

_SMOOTH_MM = 2.0
"""The region is smoothed by this (SD) before it is judged: noise is not what is looked for."""
_WHOLE_PERCENT = (2.0, 98.0)
_MOST_RANGE_HU = 150.0
"""HU that the smoothed region may span, on the mid-slice or through the body: real CTs 25 to 110 (one with metal rods
144), phantoms without a finding up to 90; a lesion that moves the mean by 90 spans 200 and more."""
_CEMENT_HU = 450.0
"""Denser than this, after smoothing, is cement or another implant: trabecular bone ends at some 350 HU."""

_MOST_DENSE_SHARE = 0.10
"""Of a body's region that was left out as too dense: real CTs up to .03, phantoms without a finding none, with cement
.2 and more (chosen)."""

_MOST_APART_HU = 50.0
"""Difference of L1 and L2: up to 17 HU in real CTs, 30 in phantoms without a finding; neighbors differ by some 10."""
_CLEARLY_ODD_HU = 25.0
"""The odd one differs from its outer neighbor by so much more than the other does (chosen: half of that)."""
_NEIGHBOR_MM = 5.0
"""So far about the place where T12 or L3 should lie, the median is taken (chosen)."""

_NEIGHBORS_MM = 4.0
"""Slices nearer than this run through the same quiet part of a body; farther ones may meet an endplate (chosen)."""
_MOST_UNLIKE_HU = 40.0
"""Difference of a region's mean from both neighbors, in one direction: up to 20 HU in real CTs."""

_MOST_JUMP_HU = 18.0
"""Median change of all tissue from a slice to the next: up to 7 HU in real CTs, 10 in phantoms; intercepts that were
seen to differ do so by 24 and more."""
_JUMP_STEP, _JUMP_LEAST_VOXELS = 4, 100
"""Every fourth pixel is compared, and slices with so little tissue in common aren't (chosen)."""

_METAL_NEAR_MM, _METAL_REACH_MM = 60.0, 15.0
"""Metal this near to a body's middle, within the slice, and up or down, streaks its HU (chosen)."""


def contradictions(case: Case, vertebrae: Sequence[VertebraReading], limits: ReadingLimits) -> tuple[Flag, ...]:
    """Name everything about the HU of L1 and L2 that can't be.

    Args:
        case: the CT, or the pair of slices.
        vertebrae: L1 and L2, measured.
        limits: from what on metal counts.
    """
    flags = [flag for vertebra in vertebrae for flag in (*_metal(vertebra, limits), *_not_uniform(vertebra))]
    if isinstance(case, CtVolume):
        flags += [flag for vertebra in vertebrae for flag in _unlike_neighbors(vertebra)]
        flags += _jumps(case, vertebrae)
    flags += _levels_apart(case, vertebrae, {flag.level for flag in flags if flag.level is not None})
    return tuple(flags)


def left_out_of(flags: Iterable[Flag], options: ReadOptions) -> LeftOut | None:
    """Decide which vertebra the class is made without: the user's word, else the one that alone is odd.

    Args:
        flags: what :func:`contradictions` named.
        options: what a user says.
    """
    if options.leave_out is not None:
        return LeftOut(options.leave_out, LeftOutBy.USER, options.leave_out_reason or LeftOutReason.OTHER)
    odd: dict[Level, list[Flag]] = {}
    for flag in flags:
        if flag.level is not None and flag.code in ODD_CODES:
            odd.setdefault(flag.level, []).append(flag)
    if not options.propose or len(odd) != 1:
        return None
    ((level, found),) = odd.items()
    return LeftOut(level, LeftOutBy.PROPOSAL, _reason(found))


def left_out_flag(left_out: LeftOut) -> Flag:
    """Say in words that the class is the other vertebra's."""
    level = left_out.level
    other = next(one for one in Level if one is not level)
    why = f" ({left_out.reason.words})" if left_out.reason is not LeftOutReason.OTHER else ""
    if left_out.by is LeftOutBy.USER:
        message = f"{level} was left out by the user{why}: the class is that of {other} alone."
    else:
        message = (
            f"{level} is left out by proposal{why}: the class is that of {other} alone. Look at {level}; to let it "
            "count all the same, read again with --leave-out none."
        )
    return Flag(Reason.VERTEBRA_LEFT_OUT, message, level)


def _reason(flags: Sequence[Flag]) -> LeftOutReason:
    """Guess what makes a vertebra odd from what was named."""
    codes = {flag.code for flag in flags}
    if Reason.METAL in codes:
        return LeftOutReason.METAL
    if Reason.HU_JUMP in codes:  # the slice is wrong, whatever lies in it
        return LeftOutReason.OTHER
    if any(flag.code is Reason.BODY_NOT_UNIFORM and _CEMENT_WORDS in flag.message for flag in flags):
        return LeftOutReason.CEMENT
    if Reason.SLICE_UNLIKE_NEIGHBORS in codes:
        return LeftOutReason.OTHER
    return LeftOutReason.FOCAL_LESION


_CEMENT_WORDS = "as dense as cement"


def _metal(vertebra: VertebraReading, limits: ReadingLimits) -> list[Flag]:
    volume, level = vertebra.volume, vertebra.level
    dx, dy, dz = volume.grid.spacing_xyz_mm
    center = volume.grid.lps_to_index(np.asarray(vertebra.point.center_lps_mm))
    z, y, x = (round(float(value)) for value in (vertebra.axial.slice_index, *center[1:]))
    reach_z, reach_y, reach_x = int(_METAL_REACH_MM / dz), int(_METAL_NEAR_MM / dy), int(_METAL_NEAR_MM / dx)
    block = volume.hu[
        max(0, z - reach_z) : z + reach_z + 1,
        max(0, y - reach_y) : y + reach_y + 1,
        max(0, x - reach_x) : x + reach_x + 1,
    ]
    volume_ml = np.count_nonzero(block >= limits.metal_hu) * dx * dy * dz / 1000.0
    if volume_ml < limits.metal_ml:
        return []
    message = (
        f"{volume_ml:.1f} ml of metal or very dense contrast lie beside {level} ({limits.metal_hu} HU and more); their "
        "streaks make HU and mask wrong."
    )
    return [Flag(Reason.METAL, message, level)]


def _not_uniform(vertebra: VertebraReading) -> list[Flag]:
    """Flag a region, of the mid-slice or through the body, that holds something beside trabecular bone."""
    level, share = vertebra.level, vertebra.measurement.dense_share or 0.0
    what = next(filter(None, map(_what_else, _smoothed_regions(vertebra))), None)
    if what is None and share >= _MOST_DENSE_SHARE:
        what = f"a part too dense for trabecular bone, {100 * share:.0f} % of it: sclerosis, cement or an implant"
    if what is None:
        return []
    return [Flag(Reason.BODY_NOT_UNIFORM, f"The measured region of {level} holds {what}.", level)]


def _smoothed_regions(vertebra: VertebraReading) -> Iterator[np.ndarray]:
    """HU of the region on the mid-slice, and of that through the body, each (N,), smoothed."""
    from scipy import ndimage

    axial, measured = vertebra.axial, vertebra.measurement
    if vertebra.slice_measurement.mask.any():
        yield ndimage.gaussian_filter(axial.hu, _SMOOTH_MM / axial.pixel_mm)[vertebra.slice_measurement.mask]
    if measured.corner_zyx is None or not measured.mask.any():
        return
    spacing_zyx_mm, corner = vertebra.volume.grid.spacing_xyz_mm[::-1], np.array(measured.corner_zyx)
    reach = np.ceil(2 * _SMOOTH_MM / np.array(spacing_zyx_mm)).astype(int)  # of the filter beyond the region
    low, high = np.maximum(corner - reach, 0), corner + measured.mask.shape + reach
    block = vertebra.volume.hu[tuple(map(slice, low, high))].astype(np.float32)
    index = np.argwhere(measured.mask) + corner - low
    yield ndimage.gaussian_filter(block, [_SMOOTH_MM / step for step in spacing_zyx_mm])[tuple(index.T)]


def _what_else(smooth_hu: np.ndarray) -> str | None:
    """Say what a smoothed region holds beside trabecular bone; None where it holds nothing else."""
    low, high = np.percentile(smooth_hu, _WHOLE_PERCENT)
    middle = float(np.median(smooth_hu))
    if high >= _CEMENT_HU:
        return f"something {_CEMENT_WORDS} or an implant ({high:.0f} HU)"
    if high - low <= _MOST_RANGE_HU:
        return None
    if high - middle > middle - low:
        return f"a part that is much denser than the rest ({high:.0f} beside {middle:.0f} HU): sclerosis, or cement"
    return f"a part that is much less dense than the rest ({low:.0f} beside {middle:.0f} HU): lysis, or a cleft"


def _unlike_neighbors(vertebra: VertebraReading) -> list[Flag]:
    """Flag a mid-slice whose region differs from the same region on both neighbors."""
    volume, index, level = vertebra.volume, vertebra.axial.slice_index, vertebra.level
    if volume.grid.spacing_xyz_mm[2] > _NEIGHBORS_MM or not 0 < index < volume.hu.shape[0] - 1:
        return []
    roi = mask_to_plane(vertebra.slice_measurement.mask, vertebra.axial, volume.hu.shape[1:])
    if not roi.any():
        return []
    below, here, above = (float(volume.hu[k][roi].mean()) for k in (index - 1, index, index + 1))
    differ = (here - below, here - above)
    if min(map(abs, differ)) <= _MOST_UNLIKE_HU or differ[0] * differ[1] < 0:
        return []
    message = (
        f"The slice of {level} is unlike its neighbors: its region has {here:.0f} HU, and {below:.0f} and {above:.0f} "
        "on the slices below and above. Look for an artifact or a wrong rescale value there."
    )
    return [Flag(Reason.SLICE_UNLIKE_NEIGHBORS, message, level)]


def slice_offsets_hu(volume: CtVolume) -> np.ndarray:
    """Sum up the jumps of all tissue from slice to slice; (z,) HU over what most slices have, 0 without any jump."""
    thin = volume.hu[:, ::_JUMP_STEP, ::_JUMP_STEP] if min(volume.hu.shape[1:]) > 64 * _JUMP_STEP else volume.hu
    steps = np.zeros(len(thin))
    for index in range(1, len(thin)):
        below, here = thin[index - 1], thin[index]
        tissue = (below > TISSUE_HU) & (here > TISSUE_HU)
        if np.count_nonzero(tissue) >= _JUMP_LEAST_VOXELS:
            change = float(np.median(here[tissue].astype(np.int32) - below[tissue]))
            steps[index] = change if abs(change) > _MOST_JUMP_HU else 0.0
    offsets = np.cumsum(steps)
    values, counts = np.unique(np.rint(offsets), return_counts=True)
    return offsets - values[np.argmax(counts)]


def _jumps(volume: CtVolume, vertebrae: Sequence[VertebraReading]) -> list[Flag]:
    offsets = slice_offsets_hu(volume)
    flags = []
    for vertebra in vertebrae:
        offset = float(offsets[vertebra.axial.slice_index])
        if abs(offset) > _MOST_JUMP_HU:
            way = "brighter" if offset > 0 else "darker"
            message = (
                f"All tissue in the slice of {vertebra.level} is {abs(offset):.0f} HU {way} "
                "than in the slices beyond it: these slices have another rescale intercept. Export the series again."
            )
            flags.append(Flag(Reason.HU_JUMP, message, vertebra.level))
    return flags


def _levels_apart(case: Case, vertebrae: Sequence[VertebraReading], odd: set[Level]) -> list[Flag]:
    """Flag L1 and L2 that differ by more than two neighbors can, with the odd one where it can be told."""
    hu = {vertebra.level: vertebra.slice_measurement.hu_mean for vertebra in vertebrae}
    l1, l2 = hu[Level.L1], hu[Level.L2]
    if l1 is None or l2 is None or abs(l1 - l2) <= _MOST_APART_HU:
        return []
    said = f"L1 has {l1:.0f} HU and L2 {l2:.0f}; in one person two neighbors differ by less than {_MOST_APART_HU:g}."
    level = next(iter(odd)) if len(odd) == 1 else None
    beside: Mapping[Level, float] = {}
    if level is None and not odd and isinstance(case, CtVolume):
        beside = _outer_neighbors_hu(case, vertebrae)
        level = _odd_one({Level.L1: l1, Level.L2: l2}, beside)
    names = {Level.L1: "T12", Level.L2: "L3"}
    told = " and ".join(f"{names[one]} has {value:.0f}" for one, value in beside.items())
    which = "Which of them is right can't be told" if level is None else f"{level} is the odd one"
    said = f"{said} {which}{f': {told}' if told else ''}. Look at both."
    return [Flag(Reason.LEVELS_CONTRADICT, said, level)]


def _outer_neighbors_hu(volume: CtVolume, vertebrae: Sequence[VertebraReading]) -> dict[Level, float]:
    """Measure where T12 (beside L1) and L3 (beside L2) should lie, on the line through L1 and L2; those in view."""
    places = {one.level: volume.grid.lps_to_index(np.asarray(one.point.center_lps_mm)) for one in vertebrae}
    rise = places[Level.L1] - places[Level.L2]
    found = {}
    for level, step in ((Level.L1, rise), (Level.L2, -rise)):
        place = places[level] + step
        index = round(float(place[0]))
        if 0 <= index < volume.hu.shape[0] and rise[0]:
            heights_mm, hu = column_profile(volume, index, place[1:], rise[1:] / rise[0])
            found[level] = float(np.median(hu[np.abs(heights_mm) <= _NEIGHBOR_MM]))
    return found


def _odd_one(hu: Mapping[Level, float], beside: Mapping[Level, float]) -> Level | None:
    """Choose the level that differs from T12 and L3 clearly more than the other does."""
    if not beside:
        return None
    off = {level: min(abs(value - other) for other in beside.values()) for level, value in hu.items()}
    more, less = (Level.L1, Level.L2) if off[Level.L1] > off[Level.L2] else (Level.L2, Level.L1)
    return more if off[more] - off[less] >= _CLEARLY_ODD_HU else None
