"""Judge where the Hounsfield scale lies by what every body CT holds: air, and fat under the skin.

Air is -1000 HU by definition. Subcutaneous fat is purer than any other tissue, and its HU in a beam are known (ICRU's
composition, :mod:`OsteoJointLib.phantom.physics.beam`); it is found in a shell under the skin. On eight real CTs it
lay at -115 to -88 HU and air at -1011 to -980, on phantoms at -116 to -91 and -1008 to -987. An offset moves both, and
a factor moves air below the lowest value that is kept; so fat alone is judged, and, more sharply, the mean departure of
both where they depart to one side. All fat of the trunk stands in where no skin is in view, and where little fat lies
under it: what is seen there is mixed with muscle, and brighter than fat.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.hu_checks import LOWEST_HU, TISSUE_HU, histogram
from OsteoJointLib.records import Flag, HuScale

AIR_HU = -1000.0
_FAT_KVP, _FAT_HU = (80.0, 100.0, 120.0, 140.0), (-124.0, -111.0, -104.0, -101.0)
"""Subcutaneous fat by tube voltage, behind a usual trunk (ICRU's composition; at 120 kVp real CTs agree)."""
_ANY_FAT_OVER_HU = 4.0
"""All fat of the trunk is brighter by so much: visceral fat holds more water (real CTs: -108 to -97 HU)."""
_USUAL_KVP, _LOW_KVP = 120.0, 80.0
"""Where the voltage is not known it is taken for the first; fat alone may be as dark as the second makes it."""

_MOST_OFF_HU = 12.0
"""Mean departure of air and fat, both to one side, from which on the scale is off: real CTs and phantoms reach 8, and
an offset of 24, the least that was seen in a wrong series, gives 13 and more (looked at on ../shared/ct)."""
_FAT_OFF_HU, _ANY_FAT_OFF_HU = 16.0, 20.0
"""Departure of fat alone, under the skin and anywhere: real CTs and phantoms reach 13 under the skin (chosen)."""
_MIXED_HU = 12.0
"""What is seen under the skin and is so much brighter than all fat isn't fat alone: usually it is darker (chosen)."""
_AIR_RIGHT_HU, _BRIGHT_FAT_OFF_HU = 10.0, 50.0
"""Where air lies so near to where it should, fat may be brighter by so much: a thin or wasted patient shows none that
is pure (phantoms with 4 to 6 mm of it under the skin: up to 44; one real CT: 16)."""
_DARK_AIR_OFF_HU = -18.5
"""Air that is seen and lies lower is too dark by itself (real CTs: -11 at the least; chosen)."""
_HIDDEN_AIR_OFF_HU = -18.0
"""What air that lies below the lowest value kept counts as: the scale is stretched or shifted down, unless a tool has
blanked what lies outside the body (chosen between 0 and -24)."""

_SHELL_MM = (3.0, 12.0)
"""Depth of the shell under the skin: beyond the skin itself and its partial volume (chosen)."""
_SHELL_STEP_MM, _SHELL_SLICES = 1.5, 16
"""It is looked for on so many slices, on every pixel that lies so far from the next: enough for a peak (chosen)."""
_TABLE_PX = 2
"""Thinner parts than twice this, such as the table, are no body."""
_LEAST_VOXELS = 300
"""Fewer voxels of fat make no peak (chosen)."""
_FAT_RANGE_HU, _AIR_RANGE_HU = (-280, -20), (LOWEST_HU + 1, -930)
_FAT_SMOOTHING_HU, _AIR_SMOOTHING_HU = 15, 31
_STRONG = 0.4
"""A peak of fat counts that has this share of the strongest one's height; the darkest of them is taken, since mixtures
with water are brighter (chosen)."""
_AIR_EDGE_HU = 8
"""A peak so near to the lowest value kept is the slope of one below it; so near to lung it is lung's."""
_SPIKE, _SPIKE_REACH_HU = 4.0, 3
"""A value that is so many times as common as those within this reach is no noise (chosen)."""
_LEAST_AIR, _NEARLY_NONE = 0.02, 0.1
"""Share of all voxels that makes air; what lies just above the lowest value, as a share of what lies at it, where air
is hidden (chosen)."""


def measure_scale(hu: np.ndarray, grid: Grid) -> HuScale:
    """Find air and fat in a CT.

    Args:
        hu: (z, y, x) int16, clamped from below at ``LOWEST_HU``, canonical.
        grid: its grid.
    """
    counts = histogram(hu)
    low, high = _AIR_RANGE_HU
    near = _without_spikes(counts[low - LOWEST_HU : high - LOWEST_HU + 1])
    total, lowest = counts.sum(), counts[0]
    hidden = bool(lowest > _LEAST_AIR * total and near.sum() < _NEARLY_NONE * lowest)
    air = None if hidden or near.sum() < _LEAST_AIR * total else _air_peak(near)
    shell = _under_the_skin(hu, grid)
    skin_fat = _fat_peak(np.bincount(shell.ravel().astype(np.int32) - LOWEST_HU, minlength=1 - LOWEST_HU))
    return HuScale(air, hidden, skin_fat, _fat_peak(counts))


def scale_flags(scale: HuScale, kvp: float | None) -> tuple[Flag, ...]:
    """Say where the HU scale is off.

    Args:
        scale: what was found.
        kvp: tube voltage in kV, None when unknown.

    >>> [flag.code.value for flag in scale_flags(HuScale(-976.0, False, -80.0, -80.0), 120.0)]
    ['hu_offset']
    >>> scale_flags(HuScale(-1000.0, False, -104.0, -100.0), None)
    ()
    """
    skin, fat = scale.skin_fat_hu is not None, scale.skin_fat_hu
    if fat is None or (scale.fat_hu is not None and fat - scale.fat_hu >= _MIXED_HU):
        skin, fat = False, scale.fat_hu
    if fat is None or not _is_off(fat, skin, _air_off_hu(scale), kvp):
        return ()
    usual = _usual_fat_hu(skin, _USUAL_KVP if kvp is None else kvp)
    air = f", air at {scale.air_hu:.0f}" if scale.air_hu is not None else ", air lower than can be seen"
    return (
        Flag(
            Reason.HU_OFFSET,
            f"The HU scale is shifted or stretched: fat {'under the skin ' if skin else ''}lies at {fat:.0f} HU"
            f"{air if scale.air_hidden or scale.air_hu is not None else ''}; usual are {usual:.0f} and {AIR_HU:.0f}"
            f"{'' if kvp is None else f' at {kvp:g} kV'}. Check the rescale values, or give the original CT.",
        ),
    )


def _is_off(fat_hu: float, skin: bool, air_off_hu: float | None, kvp: float | None) -> bool:
    usual = _usual_fat_hu(skin, _USUAL_KVP if kvp is None else kvp)
    darkest = _usual_fat_hu(skin, _LOW_KVP if kvp is None else kvp)
    most = _FAT_OFF_HU if skin else _ANY_FAT_OFF_HU
    right = air_off_hu is not None and abs(air_off_hu) <= _AIR_RIGHT_HU
    if not darkest - most < fat_hu < usual + (_BRIGHT_FAT_OFF_HU if right else most):
        return True
    if air_off_hu is None:
        return False
    if air_off_hu < _DARK_AIR_OFF_HU:
        return True
    off_hu = fat_hu - usual
    if right and (kvp is None or off_hu > 0):  # fat is darker at a low voltage, and brighter in a thin patient
        return False
    return off_hu * air_off_hu > 0 and abs(off_hu + air_off_hu) / 2 >= _MOST_OFF_HU


def _air_off_hu(scale: HuScale) -> float | None:
    if scale.air_hidden:
        return _HIDDEN_AIR_OFF_HU
    return None if scale.air_hu is None else scale.air_hu - AIR_HU


def _usual_fat_hu(skin: bool, kvp: float) -> float:
    """HU of the fat under the skin, or of all fat, at a tube voltage."""
    return float(np.interp(kvp, _FAT_KVP, _FAT_HU)) + (0.0 if skin else _ANY_FAT_OVER_HU)


def _without_spikes(counts: np.ndarray) -> np.ndarray:
    """Level single values that stand out from their neighbors: padding, or air that a tool has blanked."""
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(counts, _SPIKE_REACH_HU, mode="edge"), 2 * _SPIKE_REACH_HU + 1
    )
    usual = np.median(around, axis=1)
    return np.where(counts > _SPIKE * (usual + 1), usual, counts)


def _air_peak(near: np.ndarray) -> float | None:
    """Find air's commonest value in the counts of ``_AIR_RANGE_HU``; None where that is lung's or none."""
    place = int(np.argmax(_smoothed(near, _AIR_SMOOTHING_HU)))
    if place >= len(near) - _AIR_EDGE_HU:
        return None
    return float(LOWEST_HU if place < _AIR_EDGE_HU else _AIR_RANGE_HU[0] + place)


def _fat_peak(counts: np.ndarray) -> float | None:
    """Find fat's commonest value in the counts from ``LOWEST_HU`` on."""
    low, high = _FAT_RANGE_HU
    part = counts[low - LOWEST_HU : high - LOWEST_HU + 1]
    if part.sum() < _LEAST_VOXELS:
        return None
    smooth = _smoothed(part, _FAT_SMOOTHING_HU)
    inner = smooth[1:-1]
    peaks = 1 + np.flatnonzero((inner > smooth[:-2]) & (inner >= smooth[2:]) & (inner >= _STRONG * smooth.max()))
    return float(low + peaks[0]) if peaks.size else None


def _smoothed(counts: np.ndarray, width: int) -> np.ndarray:
    window = np.hanning(width + 2)[1:-1]
    return np.convolve(counts, window / window.sum(), mode="same")


def _under_the_skin(hu: np.ndarray, grid: Grid) -> np.ndarray:
    """Take the voxels of a shell under the skin, of slices spread over the volume; (N,) int16, empty without skin."""
    from scipy import ndimage

    dx, dy, _ = grid.spacing_xyz_mm
    step_y, step_x = max(1, round(_SHELL_STEP_MM / dy)), max(1, round(_SHELL_STEP_MM / dx))
    found = [np.empty(0, np.int16)]
    for index in np.unique(np.linspace(0, hu.shape[0] - 1, _SHELL_SLICES + 2).astype(int)[1:-1]):
        plane = hu[index, ::step_y, ::step_x]
        body = ndimage.binary_opening(ndimage.binary_fill_holes(plane > TISSUE_HU), iterations=_TABLE_PX)
        if body.all() or not body.any():
            continue
        depth_mm = ndimage.distance_transform_edt(body, sampling=(dy * step_y, dx * step_x))
        found.append(plane[(depth_mm >= _SHELL_MM[0]) & (depth_mm <= _SHELL_MM[1])])
    return np.concatenate(found)
