"""Changes of a CT under which its levels stay where they are: other cuts, fields, slices, noise, posture.

Each is made on the voxels as they were read and gives a CT with a grid of its own, so that the truth stays valid in LPS
mm; where the content moves (mirrored, tilted) the truth moves with it. All steps are along the CT's own axes.
Numbers are chosen: what a technician might do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.levels.resampling import HU_RANGE, axis_weights
from OsteoJointLib.records import CtVolume, Level
from training.evaluation.level_outcomes import Expected, PointMm

_AIR_HU = int(HU_RANGE[0])
_FRONT_OF_L1_MM = 15.0  # the middle of the narrow fields lies so far before L1's center
_NOISE_SEED = 8
_GRAIN_PX = 0.8  # SD of the blur that gives noise the grain of a standard kernel


@dataclass(frozen=True, eq=False)
class Scan:
    """A CT and where its L1 and L2 are."""

    volume: CtVolume
    expected: Expected


Change = Callable[[Scan], "Scan | None"]
"""None where it can't be done: a cut beyond the CT, slices that are as thick already, a landmark not in view."""


def with_voxels(scan: Scan, hu: np.ndarray, grid: Grid, expected: Expected | None = None) -> Scan:
    """Put voxels on a grid; a level that no longer lies in it isn't expected."""
    points = scan.expected if expected is None else expected
    kept = {
        level: point if point is not None and grid.contains(np.array(point)) else None
        for level, point in points.items()
    }
    source = replace(scan.volume.source, slice_thickness_mm=grid.spacing_xyz_mm[2])
    return Scan(replace(scan.volume, hu=np.ascontiguousarray(hu), grid=grid, source=source, stored=None), kept)


def crop(scan: Scan, low_zyx: Sequence[int], high_zyx: Sequence[int]) -> Scan | None:
    """Cut out the voxels from ``low_zyx`` up to ``high_zyx``, as far as there are any; None if that is all of them."""
    grid = scan.volume.grid
    low = np.maximum(low_zyx, 0)
    high = np.minimum(high_zyx, grid.shape_zyx)
    if (high - low == grid.shape_zyx).all() or (high - low < 2).any():
        return None
    x, y, z = (float(v) for v in grid.index_to_lps(low))
    slices, rows, columns = (int(n) for n in high - low)
    cut = replace(grid, shape_zyx=(slices, rows, columns), origin_lps_mm=(x, y, z))
    return with_voxels(scan, scan.volume.hu[tuple(map(slice, low, high))], cut)


def fewer_slices(scan: Scan, bottom: int = 0, top: int = 0) -> Scan | None:
    """Leave slices out at the ends."""
    count, rows, columns = scan.volume.grid.shape_zyx
    return crop(scan, (bottom, 0, 0), (count - top, rows, columns))


def _levels_zyx(scan: Scan) -> tuple[np.ndarray, np.ndarray] | None:
    points = scan.expected[Level.L1], scan.expected[Level.L2]
    if points[0] is None or points[1] is None:
        return None
    l1, l2 = (scan.volume.grid.lps_to_index(np.array(point)) for point in points)
    return l1, l2


def cut_below(scan: Scan, bodies: float) -> Scan | None:
    """End the CT so many times the step from L1 to L2 below L2's center."""
    if (levels := _levels_zyx(scan)) is None:
        return None
    l1, l2 = levels
    return fewer_slices(scan, bottom=max(0, round(float(l2[0] - bodies * (l1[0] - l2[0])))))


def cut_above(scan: Scan, bodies: float) -> Scan | None:
    """Begin the CT so many times the step from L1 to L2 above L1's center."""
    if (levels := _levels_zyx(scan)) is None:
        return None
    l1, l2 = levels
    kept = round(float(l1[0] + bodies * (l1[0] - l2[0])))
    return fewer_slices(scan, top=max(0, scan.volume.grid.shape_zyx[0] - kept))


def narrow_field(scan: Scan, half_mm: float) -> Scan | None:
    """Reconstruct a square about the column only, half of whose edge is ``half_mm``."""
    if (levels := _levels_zyx(scan)) is None:
        return None
    grid = scan.volume.grid
    x_mm, y_mm, _ = grid.spacing_xyz_mm
    _, y, x = levels[0] - (0.0, _FRONT_OF_L1_MM / y_mm, 0.0)
    low = (0, round(y - half_mm / y_mm), round(x - half_mm / x_mm))
    return crop(scan, low, (grid.shape_zyx[0], round(y + half_mm / y_mm) + 1, round(x + half_mm / x_mm) + 1))


def thick_slices(scan: Scan, slice_mm: float, half_a_slice_on: bool = False) -> Scan | None:
    """Average the slices to thicker ones that join; ``half_a_slice_on`` begins them half of one higher."""
    spacing = scan.volume.grid.spacing_xyz_mm
    if spacing[2] >= slice_mm:
        return None
    if half_a_slice_on:
        scan = fewer_slices(scan, bottom=max(1, round(0.5 * slice_mm / spacing[2]))) or scan
    hu, grid = scan.volume.hu, scan.volume.grid
    weights = axis_weights(len(hu), spacing[2], slice_mm)
    planes = weights @ np.maximum(hu, _AIR_HU).reshape(len(hu), -1).astype(np.float32)
    x, y, z = (float(v) for v in grid.index_to_lps(np.array([0.5 * (slice_mm / spacing[2] - 1.0), 0.0, 0.0])))
    shape = (len(weights), *grid.shape_zyx[1:])
    thick = replace(grid, shape_zyx=shape, spacing_xyz_mm=(*spacing[:2], slice_mm), origin_lps_mm=(x, y, z))
    return with_voxels(scan, np.rint(planes).astype(np.int16).reshape(shape), thick)


def other_hu(scan: Scan, hu: np.ndarray) -> Scan:
    """Replace the HU but of padding."""
    before = scan.volume.hu
    changed = np.where(before <= _AIR_HU, before, np.clip(np.rint(hu), *HU_RANGE)).astype(np.int16)
    return with_voxels(scan, changed, scan.volume.grid)


def noisy(scan: Scan, sd_hu: float) -> Scan:
    """Add noise of one seed, grained in the slice as a scanner's is."""
    import cv2

    rng = np.random.default_rng(_NOISE_SEED)
    hu = scan.volume.hu.astype(np.float32)
    for plane in hu:
        noise = cv2.GaussianBlur(rng.standard_normal(plane.shape, dtype=np.float32), (0, 0), _GRAIN_PX)
        plane += noise * np.float32(sd_hu / noise.std())
    return other_hu(scan, hu)


def shifted_hu(scan: Scan, shift_hu: float) -> Scan:
    """Shift the HU scale."""
    return other_hu(scan, scan.volume.hu.astype(np.float32) + shift_hu)


def mirrored(scan: Scan) -> Scan:
    """Exchange left and right in the content; the levels are mirrored with it."""
    return with_voxels(scan, scan.volume.hu[:, :, ::-1], scan.volume.grid, _moved(scan, _mirror_x))


def _mirror_x(point_zyx: np.ndarray, grid: Grid) -> np.ndarray:
    return np.array([point_zyx[0], point_zyx[1], grid.shape_zyx[2] - 1 - point_zyx[2]])


def _moved(scan: Scan, move: Callable[[np.ndarray, Grid], np.ndarray]) -> Expected:
    """Move the expected points by what happens to their indices."""
    grid = scan.volume.grid
    moved: dict[Level, PointMm | None] = dict.fromkeys(Level)
    for level, point in scan.expected.items():
        if point is not None:
            x, y, z = (float(v) for v in grid.index_to_lps(move(grid.lps_to_index(np.array(point)), grid)))
            moved[level] = (x, y, z)
    return moved


def upside_down(scan: Scan) -> Scan:
    """Put the feet where the header says the head is: no naming can be right."""
    return with_voxels(scan, scan.volume.hu[::-1], scan.volume.grid, dict.fromkeys(Level))


def tilted(scan: Scan, axis: str, degrees: float) -> Scan:
    """Turn the content about an axis through the middle between L1 and L2 (else of the CT); air comes in at the sides.

    Args:
        scan: the CT.
        axis: "x" (to bend forward is positive) or "y", in LPS.
        degrees: right-handed.
    """
    from scipy import ndimage

    grid = scan.volume.grid
    levels = _levels_zyx(scan)
    middle_zyx = (np.asarray(grid.shape_zyx) - 1) / 2.0 if levels is None else 0.5 * (levels[0] + levels[1])
    middle = grid.index_to_lps(middle_zyx)
    turn = _rotation(axis, degrees)
    start = grid.lps_to_index((grid.index_to_lps(np.zeros(3)) - middle) @ turn + middle)  # turned back: x @ R is R^-1 x
    steps = grid.lps_to_index((grid.index_to_lps(np.eye(3)) - middle) @ turn + middle) - start
    before = np.maximum(scan.volume.hu, _AIR_HU)
    hu = ndimage.affine_transform(before, steps.T, offset=start, order=1, mode="constant", cval=_AIR_HU)
    points: dict[Level, PointMm | None] = dict.fromkeys(Level)
    for level, point in scan.expected.items():
        if point is not None:
            x, y, z = (float(v) for v in turn @ (np.array(point) - middle) + middle)
            points[level] = (x, y, z)
    return with_voxels(scan, hu, grid, points)


def _rotation(axis: str, degrees: float) -> np.ndarray:
    """(3, 3) right-handed rotation of LPS points about x or y."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    if axis == "x":
        return np.array([[1.0, 0.0, 0.0], [0.0, c, -s], [0.0, s, c]])
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def _then(first: Change, second: Change) -> Change:
    def both(scan: Scan) -> Scan | None:
        changed = first(scan)
        return None if changed is None else second(changed)

    return both


CHANGES: Mapping[str, Change] = {
    "stored": lambda scan: scan,
    "mirrored": mirrored,
    "1 slice fewer below": lambda scan: fewer_slices(scan, bottom=1),
    "2 slices fewer below": lambda scan: fewer_slices(scan, bottom=2),
    "1 slice fewer above": lambda scan: fewer_slices(scan, top=1),
    "2 slices fewer above": lambda scan: fewer_slices(scan, top=2),
    "cut in the middle of L3": lambda scan: cut_below(scan, 1.0),
    "cut below L3": lambda scan: cut_below(scan, 1.6),
    "cut above T12": lambda scan: cut_above(scan, 1.4),
    "cut above T11": lambda scan: cut_above(scan, 2.3),
    "cut at T9": lambda scan: cut_above(scan, 3.7),
    "field of 14 cm": lambda scan: narrow_field(scan, 70.0),
    "field of 22 cm": lambda scan: narrow_field(scan, 110.0),
    "slices of 5 mm": lambda scan: thick_slices(scan, 5.0),
    "slices of 5 mm, half a slice on": lambda scan: thick_slices(scan, 5.0, half_a_slice_on=True),
    "slices of 8 mm": lambda scan: thick_slices(scan, 8.0),
    "slices of 8 mm, half a slice on": lambda scan: thick_slices(scan, 8.0, half_a_slice_on=True),
    "noise of 50 HU": lambda scan: noisy(scan, 50.0),
    "noise of 120 HU": lambda scan: noisy(scan, 120.0),
    "40 HU more": lambda scan: shifted_hu(scan, 40.0),
    "tilted 10 degrees about x": lambda scan: tilted(scan, "x", 10.0),
    "tilted -10 degrees about x": lambda scan: tilted(scan, "x", -10.0),
    "tilted 10 degrees about y": lambda scan: tilted(scan, "y", 10.0),
    "tilted -10 degrees about y": lambda scan: tilted(scan, "y", -10.0),
    "upside down": upside_down,
    "field of 14 cm, 1 slice fewer below": _then(
        lambda scan: narrow_field(scan, 70.0), lambda scan: fewer_slices(scan, bottom=1)
    ),
    "slices of 5 mm, mirrored": _then(lambda scan: thick_slices(scan, 5.0), mirrored),
}
"""Every change by its name: the last two are two at once. The pitch above L1 is some 0.93 of the step from L1 to L2."""
