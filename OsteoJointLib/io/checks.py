"""Judge the geometry of a read CT and what its tags say of the acquisition.

Each function returns flags (soft) or raises :class:`InputRefused` (hard). What the image itself shows is judged in
:mod:`OsteoJointLib.io.hu_checks`; the limits are in :mod:`OsteoJointLib.io.limits`.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.io.canonical import is_left_handed, oblique_angle_deg
from OsteoJointLib.io.kernels import KernelClass, classify_kernel
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.records import Flag, SourceInfo


def check_geometry(grid: Grid, direction_as_stored: np.ndarray, limits: ReadingLimits) -> tuple[Flag, ...]:
    """Judge spacing, extent and orientation of a volume.

    Args:
        grid: the canonical grid.
        direction_as_stored: (3, 3), before axes were permuted and flipped.
        limits: the limits.

    Returns:
        Flags LEFT_HANDED, OBLIQUE, THICK_SLICES as they apply.

    Raises:
        InputRefused: BAD_GEOMETRY, SINGLE_SLICE, LEVEL_NOT_IN_VIEW.
    """
    _refuse_bad_spacing(grid, limits)
    thinnest = min(grid.shape_zyx)
    if thinnest == 1:
        raise InputRefused(
            Reason.SINGLE_SLICE,
            "Expected a volume or two single slices (mid-slices of L1 and of L2), came one single slice; "
            "give the whole series.",
        )
    extent_mm = grid.shape_zyx[0] * grid.spacing_xyz_mm[2]
    if extent_mm < limits.min_extent_mm:
        raise InputRefused(
            Reason.LEVEL_NOT_IN_VIEW,
            f"Expected at least {limits.min_extent_mm:g} mm from head to foot, so that L1 and L2 fit in, came "
            f"{grid.shape_zyx[0]} slices over {extent_mm:.1f} mm; give the whole series.",
        )
    flags = []
    if is_left_handed(direction_as_stored):
        flags.append(
            Flag(
                Reason.LEFT_HANDED,
                "The file stores a left-handed volume; it was flipped as its header says. Check left and right.",
            )
        )
    return (*flags, *slice_geometry_flags(grid, limits))


def slice_geometry_flags(grid: Grid, limits: ReadingLimits) -> tuple[Flag, ...]:
    """Flags OBLIQUE and THICK_SLICES, which also hold for a single slice."""
    flags = []
    angle = oblique_angle_deg(grid.direction)
    if angle > limits.oblique_deg:
        flags.append(
            Flag(
                Reason.OBLIQUE,
                f"The slices are turned by {angle:.0f} degrees against the patient's axes and were not straightened; "
                "bodies look tilted.",
            )
        )
    spacing = max(grid.spacing_xyz_mm)
    if spacing > limits.thick_mm + 1e-3 and min(grid.shape_zyx) > 1:
        flags.append(
            Flag(
                Reason.THICK_SLICES,
                f"The slices lie {spacing:.1f} mm apart (more than {limits.thick_mm:g} mm): endplates and cortex blur "
                "into the body. Prefer a thinner reconstruction.",
            )
        )
    return tuple(flags)


def refuse_bad_field_of_view(grid: Grid, limits: ReadingLimits) -> None:
    """Raise BAD_GEOMETRY where the in-plane size can't be that of a body CT."""
    low, high = limits.field_of_view_mm
    size = [n * s for n, s in zip(grid.shape_zyx[:0:-1], grid.spacing_xyz_mm[:2], strict=True)]
    if min(size) < low or max(size) > high:
        raise InputRefused(
            Reason.BAD_GEOMETRY,
            f"Expected an axial field of view between {low:g} and {high:g} mm, came {size[0]:.0f} x {size[1]:.0f} mm; "
            "the pixel spacing in the header seems wrong.",
        )


def acquisition_flags(source: SourceInfo, limits: ReadingLimits) -> tuple[Flag, ...]:
    """Say what the tags give reason to doubt: contrast, kernel, tube voltage, slice thickness."""
    flags = [*unknown_flags(source), *_contrast_flags(source), *_kernel_flags(source), *_kvp_flags(source, limits)]
    if source.slice_thickness_mm is not None and source.slice_thickness_mm > limits.thick_mm + 1e-3:
        flags.append(
            Flag(
                Reason.THICK_SLICES,
                f"The slices are {source.slice_thickness_mm:.1f} mm thick (more than {limits.thick_mm:g} mm): "
                "endplates and cortex blur into the body. Prefer a thinner reconstruction.",
            )
        )
    return tuple(flags)


def unknown_flags(source: SourceInfo) -> tuple[Flag, ...]:
    """Say what the tags leave open: contrast, kernel, tube voltage."""
    flags = []
    if source.contrast is None:
        words = "Whether a contrast agent was given is not said; every contrast phase raises the HU of bone."
        flags.append(Flag(Reason.CONTRAST_UNKNOWN, words))
    if classify_kernel(source.kernel) is KernelClass.UNKNOWN:
        said = f"The kernel {source.kernel} is not known" if source.kernel else "The reconstruction kernel is not named"
        flags.append(Flag(Reason.KERNEL_UNKNOWN, f"{said}; a sharp one would change HU and texture."))
    if source.kvp is None:
        words = "The tube voltage is not named; HU of bone depend on it by some 5 %."
        flags.append(Flag(Reason.KVP_UNKNOWN, words))
    return tuple(flags)


def _contrast_flags(source: SourceInfo) -> list[Flag]:
    if source.contrast:
        return [
            Flag(
                Reason.CONTRAST,
                "Contrast agent was given: HU of bone are raised, so HU and class are not comparable with an "
                "unenhanced CT.",
            )
        ]
    return []


def _kernel_flags(source: SourceInfo) -> list[Flag]:
    if classify_kernel(source.kernel) is KernelClass.SHARP:
        return [
            Flag(
                Reason.KERNEL_SHARP,
                f"The kernel {source.kernel} is sharp: noise and overshoot change HU and texture. "
                "Prefer a soft-tissue kernel.",
            )
        ]
    return []


def _kvp_flags(source: SourceInfo, limits: ReadingLimits) -> list[Flag]:
    low, high = limits.standard_kvp
    if source.kvp is not None and not low <= source.kvp <= high:
        return [
            Flag(
                Reason.KVP_OTHER,
                f"The tube voltage is {source.kvp:g} kV, not 120 kV: HU of bone are not comparable with 120 kV values.",
            )
        ]
    return []


def _refuse_bad_spacing(grid: Grid, limits: ReadingLimits) -> None:
    spacing = grid.spacing_xyz_mm
    if not all(np.isfinite(spacing)) or min(spacing) <= 0 or max(spacing) > limits.max_spacing_mm:
        raise InputRefused(
            Reason.BAD_GEOMETRY,
            f"Expected voxel spacings above 0 and up to {limits.max_spacing_mm:g} mm, came "
            f"{' x '.join(f'{value:.3g}' for value in spacing)} mm; check the header or give another reconstruction.",
        )
    refuse_bad_field_of_view(grid, limits)
