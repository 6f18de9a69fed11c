"""Put the slices of one stack in order and judge whether they form an even, straight volume.

Slices are sorted by their position projected on the slice normal, never by number or file name. Small unevenness
(rounding of positions) is averaged out; slices missing or set closer are filled by interpolation as long as no gap is
wide enough to hide a part of a body. A stack whose direction is not the slice normal (gantry tilt) is a sheared volume:
each slice gets the in-plane shift that straightens it, so that it stays the slice that was acquired.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.canonical import triple
from OsteoJointLib.io.dicom_headers import SliceHeader
from OsteoJointLib.io.files.opening import HU_BYTES, refuse_too_large
from OsteoJointLib.io.limits import ReadingLimits

SAME_POSITION_MM = 0.01
"""Positions closer than this are one: tags are rounded to a hundredth, no two slices lie so close."""

_MAX_LATERAL_RESIDUAL_MM = 2.0
"""Sideways error of a slice, after the tilt is taken off, that is rounding; two to three pixels (chosen)."""

_UNIT_LENGTHS = (0.9, 1.1)
"""Length of a direction that is a unit vector written with few digits (chosen)."""

_PERPENDICULAR = 0.01
"""Largest cosine between the directions of row and column that is rounding: half a degree (chosen)."""

_UNEVEN_PLACE, _UNEVEN_GAP = 0.25, 0.5
"""How far, in steps, a slice may lie off its even place, and a gap off the typical one, by rounding (chosen)."""

_MOST_FILLED = 4
"""A stack is not filled up to more than this many times its slices (chosen)."""

_WHOLE_PIXEL = 1e-3
"""A shift by less than this part of a pixel moves nothing."""


@dataclass(frozen=True, eq=False)
class StackGeometry:
    """Where the slices of one stack lie.

    Args:
        order: (n,) indices of the headers, sorted along the normal; images at one position stand side by side.
        depth_mm: (n,) sorted positions along the normal.
        axes: (3, 3) columns: unit vectors of increasing column, of increasing row, and the normal.
        origin_lps_mm: (3,) first pixel's center of the first slice.
        pixel_mm: (between columns, between rows).
        step_mm: distance of the even grid's slices.
        even: whether the slices already lie on that grid.
        shift_mm: (n, 2) in-plane offset of each slice against the first, along column and row axis.
        tilt_deg: angle between stack direction and normal.
    """

    order: np.ndarray
    depth_mm: np.ndarray
    axes: np.ndarray
    origin_lps_mm: np.ndarray
    pixel_mm: tuple[float, float]
    step_mm: float
    even: bool
    shift_mm: np.ndarray
    tilt_deg: float

    @property
    def duplicates(self) -> bool:
        """Whether two images share one position."""
        return bool(np.any(np.diff(self.depth_mm) < SAME_POSITION_MM))

    @property
    def extent_mm(self) -> float:
        """Length of the stack, half a slice at both ends included."""
        return float(self.depth_mm[-1] - self.depth_mm[0] + self.step_mm)

    def even_grid(self, shape_zyx: tuple[int, int, int]) -> Grid:
        """Lay out the grid of the even, straight stack."""
        return Grid(shape_zyx, (*self.pixel_mm, self.step_mm), triple(self.origin_lps_mm), self.axes)


@dataclass(frozen=True, eq=False)
class SlicePlace:
    """Where one slice lies.

    Args:
        position_lps_mm: (3,) center of the first pixel.
        axes: (3, 3) columns: unit vectors of increasing column, of increasing row, and the normal.
        pixel_mm: (between columns, between rows).
    """

    position_lps_mm: np.ndarray
    axes: np.ndarray
    pixel_mm: tuple[float, float]


def place_of(header: SliceHeader) -> SlicePlace:
    """Tell where a slice lies, as its tags say.

    Raises:
        InputRefused: BAD_GEOMETRY where position or orientation is missing or the axes are not perpendicular.
    """
    if header.orientation is None or header.position_mm is None or header.pixel_spacing_mm is None:
        raise InputRefused(
            Reason.BAD_GEOMETRY,
            "Some slices don't state their position, orientation or pixel spacing. Export the original series again.",
        )
    along_columns = np.asarray(header.orientation[:3], dtype=np.float64)
    along_rows = np.asarray(header.orientation[3:], dtype=np.float64)
    lengths = np.linalg.norm(along_columns), np.linalg.norm(along_rows)
    shortest, longest = _UNIT_LENGTHS
    if min(lengths) < shortest or max(lengths) > longest or abs(along_columns @ along_rows) > _PERPENDICULAR:
        raise InputRefused(
            Reason.BAD_GEOMETRY,
            "The slices' orientation is no right angle, so they can't be placed. Export the original series again.",
        )
    along_columns /= lengths[0]
    along_rows -= (along_rows @ along_columns) * along_columns
    along_rows /= np.linalg.norm(along_rows)
    axes = np.stack([along_columns, along_rows, np.cross(along_columns, along_rows)], axis=1)
    between_rows, between_columns = header.pixel_spacing_mm
    return SlicePlace(np.asarray(header.position_mm, dtype=np.float64), axes, (between_columns, between_rows))


def arrange(headers: tuple[SliceHeader, ...], limits: ReadingLimits) -> StackGeometry:
    """Sort the slices of one stack and judge their spacing.

    Args:
        headers: of one orientation and pixel size.
        limits: the limits.

    Returns:
        The order and the even grid to use.

    Raises:
        InputRefused: BAD_GEOMETRY, DUPLICATE_SLICES (all at one position), UNEVEN_SLICES.
    """
    places = [place_of(header) for header in headers]
    axes = places[0].axes
    positions = np.stack([place.position_lps_mm for place in places])
    depths = positions @ axes[:, 2]
    order = np.lexsort(([header.instance for header in headers], np.round(depths, 4)))
    depths, positions = depths[order], positions[order]
    distinct = depths[np.concatenate([[True], np.diff(depths) >= SAME_POSITION_MM])]
    if len(distinct) < 2:
        raise InputRefused(
            Reason.DUPLICATE_SLICES,
            f"All {len(headers)} images lie at one position (a bolus or perfusion series, or copies). Give the series "
            "of the whole region.",
        )
    step, even = _step(distinct, limits)
    shift, tilt = _shift(positions, depths, axes)
    return StackGeometry(order, depths, axes, positions[0], places[0].pixel_mm, step, even, shift, tilt)


def _step(distinct_mm: np.ndarray, limits: ReadingLimits) -> tuple[float, bool]:
    """Find the even step in mm, and say whether the slices lie on it already."""
    gaps = np.diff(distinct_mm)
    typical = float(np.median(gaps))
    mean = float((distinct_mm[-1] - distinct_mm[0]) / len(gaps))
    residual = np.abs(distinct_mm - distinct_mm[0] - mean * np.arange(len(distinct_mm))).max()
    if residual <= _UNEVEN_PLACE * mean and np.abs(gaps - typical).max() <= _UNEVEN_GAP * typical:
        return mean, True
    widest, length_mm = int(np.argmax(gaps)), distinct_mm[-1] - distinct_mm[0]
    if gaps[widest] > limits.max_gap_mm or length_mm / typical > _MOST_FILLED * len(distinct_mm):
        raise InputRefused(
            Reason.UNEVEN_SLICES,
            f"Slices are missing: the gaps between them are {gaps.min():.2f} to {gaps.max():.2f} mm, the widest after "
            f"slice {widest + 1} of {len(distinct_mm)}. Export the whole series again.",
        )
    return typical, False


def _shift(positions: np.ndarray, depths: np.ndarray, axes: np.ndarray) -> tuple[np.ndarray, float]:
    """Measure the in-plane offsets in mm against the first slice, and the tilt in degrees they amount to."""
    lateral = (positions - positions[0]) @ axes[:, :2]
    depth = depths - depths[0]
    slope = depth @ lateral / (depth @ depth)
    residual = np.abs(lateral - depth[:, None] * slope).max()
    if residual > _MAX_LATERAL_RESIDUAL_MM:
        raise InputRefused(
            Reason.BAD_GEOMETRY,
            f"The slices are out of line, by up to {residual:.1f} mm sideways. Export the original series again.",
        )
    return lateral, float(np.degrees(np.arctan(np.linalg.norm(slope))))


def straighten(
    hu: np.ndarray, geometry: StackGeometry, fill_hu: int, memory_gib: float
) -> tuple[np.ndarray, np.ndarray]:
    """Shift every slice in its own plane so that the stack direction becomes the normal (linear interpolation).

    Args:
        hu: (z, y, x) int16, sorted.
        geometry: its geometry.
        fill_hu: value outside the acquired slices.
        memory_gib: that the canvas may take.

    Returns:
        (z, y', x') int16 on a canvas that holds every slice, and the (3,) LPS center of its first pixel.
    """
    shift_px = geometry.shift_mm / np.asarray(geometry.pixel_mm)
    first = np.floor(shift_px.min(axis=0)).astype(int)
    extra = np.ceil(shift_px.max(axis=0)).astype(int) - first
    slices, rows, columns = hu.shape
    canvas = (slices, rows + int(extra[1]), columns + int(extra[0]))
    refuse_too_large(canvas, HU_BYTES, memory_gib)
    out = np.full(canvas, fill_hu, dtype=np.int16)
    for index in range(slices):
        out[index] = _translated(hu[index], shift_px[index, ::-1] - first[::-1], out.shape[1:], fill_hu)
    step = geometry.axes[:, :2] * np.asarray(geometry.pixel_mm)
    return out, geometry.origin_lps_mm + step @ first


def _translated(image: np.ndarray, shift_yx: np.ndarray, shape: tuple[int, int], fill_hu: int) -> np.ndarray:
    """Move an image by a non-negative shift in pixels onto a larger canvas, one axis after the other."""
    result = image.astype(np.float32)
    for axis in (0, 1):
        whole = int(np.floor(shift_yx[axis]))
        part = np.float32(shift_yx[axis] - whole)
        before, after = [(0, 0), (0, 0)], [(0, 0), (0, 0)]
        room = shape[axis] - result.shape[axis] - whole
        before[axis] = (whole, room)
        moved = np.pad(result, before, constant_values=fill_hu)
        if part > _WHOLE_PIXEL:
            after[axis] = (1, 0)
            later = np.pad(moved, after, constant_values=fill_hu)
            later = later[:-1] if axis == 0 else later[:, :-1]
            moved = (1 - part) * moved + part * later
        result = moved
    return np.rint(result).astype(np.int16)


def fill_gaps(hu: np.ndarray, geometry: StackGeometry, memory_gib: float) -> np.ndarray:
    """Interpolate an uneven stack linearly onto its even grid.

    Args:
        hu: (n, y, x) int16, sorted, one slice per position.
        geometry: of these slices.
        memory_gib: that the even grid may take.

    Returns:
        (m, y, x) int16.
    """
    depths = geometry.depth_mm - geometry.depth_mm[0]
    wanted = np.arange(round(depths[-1] / geometry.step_mm) + 1) * geometry.step_mm
    refuse_too_large((len(wanted), *hu.shape[1:]), HU_BYTES, memory_gib)
    upper = np.clip(np.searchsorted(depths, wanted), 1, len(depths) - 1)
    weight = np.clip((wanted - depths[upper - 1]) / (depths[upper] - depths[upper - 1]), 0.0, 1.0).astype(np.float32)
    out = np.empty((len(wanted), *hu.shape[1:]), dtype=np.int16)
    for index, (above, part) in enumerate(zip(upper, weight, strict=True)):
        out[index] = np.rint((1 - part) * hu[above - 1] + part * hu[above])
    return out
