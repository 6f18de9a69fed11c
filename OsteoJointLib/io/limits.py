"""The settings by which an input is refused or flagged, each with its unit and source.

What a site may want to set otherwise stands here; what defines the Hounsfield scale, a file format or a tolerance of
arithmetic is a named constant where it is used.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class ReadingLimits:
    """Limits of the reader. All lengths in mm, all values in HU, all fractions of the voxels concerned."""

    min_extent_mm: float = 25.0
    """Shortest stack that can hold the centers of both L1 and L2 (small adults: bodies of 22 mm and a disc)."""

    pair_distance_mm: tuple[float, float] = (18.0, 60.0)
    """Distance of two single slices that can be the mid-slices of L1 and L2 (adults: 28 to 42 mm)."""

    max_gap_mm: float = 5.5
    """Largest gap that may be interpolated in an uneven stack; a wider one may hide a part of a body (chosen)."""

    max_spacing_mm: float = 10.0
    """Widest even spacing on which a 25 mm high body still has a slice in its middle third."""

    thick_mm: float = 3.0
    """Slices thicker than this are flagged: partial volume at endplate and cortex (ACR-SPR-SSR QCT: 3 mm or less)."""

    field_of_view_mm: tuple[float, float] = (60.0, 1000.0)
    """In-plane edge length of a believable body CT; outside it the spacing is wrong (chosen)."""

    oblique_deg: float = 2.0
    """Angle between an index axis and its nearest patient axis from which on the volume is called oblique (chosen)."""

    tilt_deg: float = 0.3
    """Angle between stack direction and slice normal from which on the stack is called sheared (gantry tilt): 0.5 mm
    over 100 mm, less than a pixel (chosen)."""

    fat_hu: tuple[int, int] = (-140, -60)
    """Fat at any tube voltage, with noise."""

    min_fat_fraction: float = 0.003
    """Least share of fat among the voxels above -300 HU in a body CT; MR and unscaled CT have none (chosen)."""

    soft_tissue_hu: tuple[int, int] = (-20, 160)
    """Where the commonest soft-tissue value of a CT in HU may lie, contrast included."""

    metal_hu: int = 2500
    """Values from here on are metal or very dense contrast, not bone."""

    metal_ml: float = 0.1
    """Volume of such voxels from which on metal is flagged: a few voxels may be noise (chosen)."""

    max_odd_fraction: float = 0.1
    """Share of a series' slices that may lie in another orientation and be left out, flagged (chosen)."""

    max_damaged_fraction: float = 0.1
    """Share of a folder's DICOM files that may be damaged and be left out, flagged (chosen)."""

    truncated_fraction: float = 0.08
    """Share of the field of view's rim that may be tissue before the view is called truncated (chosen)."""

    standard_kvp: tuple[float, float] = (110.0, 130.0)
    """Tube voltages in kV treated as 120 kV."""

    memory_gib: float = 1.0
    """Memory in GiB that the voxels of one CT, of two bytes each, may take: 2048 slices of 512 x 512 (chosen). A header
    that states more is refused before it is taken."""

    max_files: int = 20000
    """Files in a folder beyond which it is taken for the wrong folder (chosen)."""

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            numbers = value if isinstance(value, tuple) else (value,)
            if not all(math.isfinite(number) for number in numbers):
                raise ValueError(f"{item.name} must be finite, got {value}.")
            if list(numbers) != sorted(set(numbers)):
                raise ValueError(f"{item.name} must be an increasing pair, got {value}.")
            if numbers[0] < 0 and not item.name.endswith("_hu"):
                raise ValueError(f"{item.name} must not be negative, got {value}.")
            if numbers[0] > 1 and item.name.endswith("_fraction"):
                raise ValueError(f"{item.name} must be at most 1, got {value}.")
