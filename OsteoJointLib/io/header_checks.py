"""Judge what a CT's header says: its geometry and how it was acquired.

Each function returns flags (soft) or raises :class:`InputRefused` (hard). What the image itself shows is judged in
:mod:`OsteoJointLib.io.hu_checks`; the limits are in :mod:`OsteoJointLib.io.limits`.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.canonical import oblique_angle_deg
from OsteoJointLib.io.files.header import SINGLE_SLICE
from OsteoJointLib.io.hu_scale import scale_flags
from OsteoJointLib.io.kernels import KernelClass, classify_kernel
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.records import Flag, HuScale, Origin, SourceInfo

FACT_CODES = frozenset(
    {
        *(Reason.CONTRAST, Reason.CONTRAST_UNKNOWN, Reason.KERNEL_SHARP, Reason.KERNEL_UNKNOWN),
        *(Reason.KVP_OTHER, Reason.KVP_UNKNOWN, Reason.HU_OFFSET),
    }
)
"""Codes that follow from facts which a user or the image may still add to what the header says."""

_ROUNDING_MM = 1e-3
"""Slices of 3 mm whose thickness or spacing was stored with rounding are not thicker than 3 mm."""


def check_geometry(grid: Grid, limits: ReadingLimits) -> tuple[Flag, ...]:
    """Judge spacing, extent and orientation of a volume.

    Args:
        grid: the canonical grid.
        limits: the limits.

    Returns:
        Flags OBLIQUE, THICK_SLICES as they apply.

    Raises:
        InputRefused: BAD_GEOMETRY, SINGLE_SLICE, LEVEL_NOT_IN_VIEW.
    """
    _refuse_bad_spacing(grid, limits)
    if min(grid.shape_zyx) == 1:
        raise InputRefused(Reason.SINGLE_SLICE, SINGLE_SLICE)
    extent_mm = grid.shape_zyx[0] * grid.spacing_xyz_mm[2]
    if extent_mm < limits.min_extent_mm:
        raise InputRefused(Reason.LEVEL_NOT_IN_VIEW, too_short(grid.shape_zyx[0], extent_mm, limits))
    return slice_geometry_flags(grid, limits)


def too_short(slices: int, extent_mm: float, limits: ReadingLimits, fault: str = "") -> str:
    """Say that a stack can't hold L1 and L2, with what else is wrong with it."""
    return (
        f"The CT is too short to hold L1 and L2: {slices} slices over {extent_mm:.1f} mm{fault}, and "
        f"{limits.min_extent_mm:g} mm are needed. Give the whole series."
    )


def slice_geometry_flags(grid: Grid, limits: ReadingLimits) -> tuple[Flag, ...]:
    """Flag OBLIQUE and THICK_SLICES, which also hold for a single slice."""
    flags = []
    angle = oblique_angle_deg(grid.direction)
    if angle > limits.oblique_deg:
        flags.append(
            Flag(
                Reason.OBLIQUE,
                f"The slices are turned by {angle:.0f} degrees against the patient's axes and were not straightened, "
                "so the bodies look tilted.",
            )
        )
    if min(grid.shape_zyx) > 1:
        flags += _thick_flags(max(grid.spacing_xyz_mm), "apart", limits)
    return tuple(flags)


def _thick_flags(mm: float, what: str, limits: ReadingLimits) -> list[Flag]:
    if mm <= limits.thick_mm + _ROUNDING_MM:
        return []
    return [
        Flag(
            Reason.THICK_SLICES,
            f"The slices are {mm:.1f} mm {what} (more than {limits.thick_mm:g} mm), so endplates and cortex blur into "
            "the body. Prefer a thinner reconstruction.",
        )
    ]


def refuse_bad_field_of_view(grid: Grid, limits: ReadingLimits) -> None:
    """Raise BAD_GEOMETRY where the in-plane size can't be that of a body CT."""
    low, high = limits.field_of_view_mm
    size = [n * s for n, s in zip(grid.shape_zyx[:0:-1], grid.spacing_xyz_mm[:2], strict=True)]
    if min(size) < low or max(size) > high:
        raise InputRefused(
            Reason.BAD_GEOMETRY,
            f"The field of view is {size[0]:.0f} x {size[1]:.0f} mm, which no body CT has ({low:g} to {high:g} mm), so "
            "the pixel spacing in the header must be wrong. Check it, or give another reconstruction.",
        )


def acquisition_flags(source: SourceInfo, scale: HuScale | None, limits: ReadingLimits) -> tuple[Flag, ...]:
    """Flag what is known of how the scan was made, or isn't, and thick slices."""
    thick = [] if source.slice_thickness_mm is None else _thick_flags(source.slice_thickness_mm, "thick", limits)
    return (*fact_flags(source, scale, limits), *thick)


def fact_flags(source: SourceInfo, scale: HuScale | None, limits: ReadingLimits) -> tuple[Flag, ...]:
    """Flag contrast, kernel, tube voltage and, given that, where the HU scale lies: the codes of :data:`FACT_CODES`.

    Args:
        source: what is known by now.
        scale: where air and fat lie; None where nobody looked.
        limits: what is usual.
    """
    off = () if scale is None else scale_flags(scale, source.kvp)
    return (*_contrast_flags(source), *_kernel_flags(source), *_kvp_flags(source, limits), *off)


def _known_by(source: SourceInfo, name: str) -> str:
    """Say where a fact comes from, where that isn't the header; to stand after it."""
    fact = source.fact(name)
    if fact.origin is Origin.ESTIMATED:
        return f" (estimated from the image, {100 * (fact.confidence or 0.0):.0f} % sure)"
    return " (stated by the user)" if fact.origin is Origin.USER else ""


def _contrast_flags(source: SourceInfo) -> list[Flag]:
    if source.contrast is None:
        said = (
            "Whether contrast agent was given is neither stated nor clear from the image; it raises the HU of bone. "
            "State it by --contrast where you know it."
        )
        return [Flag(Reason.CONTRAST_UNKNOWN, said)]
    if source.contrast:
        phase = "" if source.phase is None else f", {source.phase.value} phase"
        return [
            Flag(
                Reason.CONTRAST,
                f"Contrast agent was given{phase}{_known_by(source, 'contrast')}: it raises the HU of bone, so HU are "
                "not comparable with those of an unenhanced CT. The class allows for it.",
            )
        ]
    return []


def _kernel_flags(source: SourceInfo) -> list[Flag]:
    kind = classify_kernel(source.kernel)
    if kind is KernelClass.SHARP:
        return [
            Flag(
                Reason.KERNEL_SHARP,
                f"The kernel {source.kernel} is sharp{_known_by(source, 'kernel')}: noise and overshoot change HU and "
                "texture. Prefer a soft-tissue kernel.",
            )
        ]
    if kind is KernelClass.UNKNOWN:
        said = f"names the kernel {source.kernel}, not known here" if source.kernel else "names no known kernel"
        message = f"The file {said}; a sharp one would change HU and texture. State it by --kernel where you know it."
        return [Flag(Reason.KERNEL_UNKNOWN, message)]
    return []


def _kvp_flags(source: SourceInfo, limits: ReadingLimits) -> list[Flag]:
    if source.kvp is None:
        said = "The file names no tube voltage, on which the HU of bone depend. State it by --kvp where you know it."
        return [Flag(Reason.KVP_UNKNOWN, said)]
    low, high = limits.standard_kvp
    if not low <= source.kvp <= high:
        said = (
            f"The tube voltage is {source.kvp:g} kV{_known_by(source, 'kvp')}, so the HU of bone are not comparable "
            "with those at 120 kV. The class allows for it."
        )
        return [Flag(Reason.KVP_OTHER, said)]
    return []


def _refuse_bad_spacing(grid: Grid, limits: ReadingLimits) -> None:
    spacing = grid.spacing_xyz_mm
    if not all(np.isfinite(spacing)) or min(spacing) <= 0 or max(spacing) > limits.max_spacing_mm:
        raise InputRefused(
            Reason.BAD_GEOMETRY,
            f"The voxels are {' x '.join(f'{value:.3g}' for value in spacing)} mm apart; more than 0 and at most "
            f"{limits.max_spacing_mm:g} mm can be read. Check the header or give another reconstruction.",
        )
    refuse_bad_field_of_view(grid, limits)
