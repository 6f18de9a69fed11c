"""The scanner: tube voltage, kernel, blur, noise, cupping, streaks, field of view, and how BMD becomes HU.

HU = slope * BMD + intercept: at 120 kVp 80 and 120 mg/cm3 read as about 110 and 160 HU (Pickhardt et al. 2013 against
the ACR thresholds); other voltages scale the slope as 16 747 CTs did (L1 at 148, 141 and 131 HU for 100, 120 and
140 kVp, AAPM 2026 #1859).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.organs import PHASES

_SLOPE_AT_120_KVP = 1.25
_INTERCEPT_HU = 10.0
_KVP_FACTOR = {100.0: 1.05, 120.0: 1.0, 140.0: 0.93}
_MARROW_ENHANCEMENT_HU = {"none": 0.0, "arterial": 4.0, "portal": 9.0, "excretory": 9.0}


@dataclass(frozen=True)
class Acquisition:
    """How the person is scanned.

    Args:
        kvp: tube voltage in kV.
        phase: contrast phase.
        oral_contrast: whether the bowel holds contrast.
        kernel: "soft", "standard" or "sharp".
        noise_hu: SD of the noise in the slices.
        blur_mm: SD of the in-plane blur.
        pixel_mm, thickness_mm: voxel size.
        cupping_hu: how much darker the middle is than the rim (negative: brighter).
        bmd_slope, bmd_intercept_hu: HU = slope * BMD + intercept inside trabecular bone.
        table_mm: distance from skin to table.
        metal_at_mm: x, y, z of a metal clip or screw (None: no metal).
        rods: whether calibration rods lie under the back.
    """

    kvp: float
    phase: str
    oral_contrast: bool
    kernel: str
    noise_hu: float
    blur_mm: float
    pixel_mm: float
    thickness_mm: float
    cupping_hu: float
    bmd_slope: float
    bmd_intercept_hu: float
    table_mm: float
    metal_at_mm: tuple[float, float, float] | None
    rods: bool

    def trabecular_hu(self, bmd_mg_cm3: float) -> float:
        """Mean HU of trabecular bone of that density."""
        return self.bmd_slope * bmd_mg_cm3 + self.bmd_intercept_hu


def draw_acquisition(rng: np.random.Generator, randomized: bool, rods: bool = False) -> Acquisition:
    """Draw a protocol; ``randomized`` widens noise and blur far beyond the plausible (training)."""
    kvp = float(rng.choice((100.0, 120.0, 140.0), p=(0.15, 0.75, 0.10)))
    phase = str(rng.choice(PHASES, p=(0.62, 0.08, 0.24, 0.06)))
    kernel = str(rng.choice(("soft", "standard", "sharp"), p=(0.35, 0.5, 0.15)))
    blur = {"soft": 0.75, "standard": 0.55, "sharp": 0.35}[kernel] * float(rng.uniform(0.8, 1.2))
    noise = float(rng.uniform(6, 22)) * {"soft": 0.8, "standard": 1.0, "sharp": 1.5}[kernel]
    if randomized:
        blur = float(rng.choice((blur, rng.uniform(0.2, 1.8)), p=(0.6, 0.4)))
        noise = float(rng.choice((noise, rng.uniform(1, 45)), p=(0.6, 0.4)))
    intercept = _INTERCEPT_HU + float(rng.normal(0, 3.0)) + _MARROW_ENHANCEMENT_HU[phase] * float(rng.uniform(0.6, 1.4))
    metal = (float(rng.uniform(-90, 90)), float(rng.uniform(-110, 0)), float(rng.uniform(-60, 60)))
    return Acquisition(
        kvp=kvp,
        phase=phase,
        oral_contrast=bool(rng.random() < 0.3),
        kernel=kernel,
        noise_hu=noise,
        blur_mm=blur,
        pixel_mm=float(rng.uniform(0.66, 0.94)),
        thickness_mm=float(
            rng.choice((0.6, 1.0, 1.25, 2.0, 2.5, 3.0, 5.0), p=(0.05, 0.15, 0.15, 0.25, 0.15, 0.15, 0.1))
        ),
        cupping_hu=float(rng.normal(0, 4)),
        bmd_slope=_SLOPE_AT_120_KVP * _KVP_FACTOR[kvp] * float(rng.normal(1.0, 0.015)),
        bmd_intercept_hu=intercept,
        table_mm=float(rng.uniform(2, 30)),
        metal_at_mm=metal if rng.random() < (0.08 if randomized else 0.03) else None,
        rods=rods,
    )


def _noise_plane(shape: tuple[int, int], acquisition: Acquisition, rng: np.random.Generator) -> np.ndarray:
    """One slice (y, x) of correlated noise with the kernel's texture, SD ``noise_hu``."""
    import cv2

    width = {"soft": 1.1, "standard": 0.8, "sharp": 0.5}[acquisition.kernel]
    white = rng.standard_normal(shape, dtype=np.float32)
    fine = cv2.GaussianBlur(white, (0, 0), width)
    noise = fine - 0.7 * cv2.GaussianBlur(white, (0, 0), 2.2 * width)
    return noise * np.float32(acquisition.noise_hu / max(float(noise.std()), 1e-6))


def _streaks(grid: Grid, at: tuple[float, float, float], slice_z: float, rng: np.random.Generator) -> np.ndarray | None:
    """Star-shaped streaks (y, x) around metal, None in slices that miss it."""
    if abs(slice_z - at[2]) > 6.0:
        return None
    x = grid.origin_lps_mm[0] + np.arange(grid.shape_zyx[2]) * grid.spacing_xyz_mm[0] - at[0]
    y = grid.origin_lps_mm[1] + np.arange(grid.shape_zyx[1]) * grid.spacing_xyz_mm[1] - at[1]
    angle, radius = np.arctan2(y[:, None], x[None, :]), np.hypot(y[:, None], x[None, :])
    star = sum(np.sin(k * angle + p) for k, p in zip((6, 9, 14), rng.uniform(0, 6.3, 3), strict=True))
    metal = np.where(radius < 3.0, 3000.0, 0.0)
    return (star * 120.0 * np.exp(-radius / 45.0) * (radius >= 3.0) + metal).astype(np.float32)


def acquire(hu: np.ndarray, grid: Grid, acquisition: Acquisition, rng: np.random.Generator) -> np.ndarray:
    """Blur, cup, streak and noise a rendered volume.

    Args:
        hu: (z, y, x) float32, changed in place.
        grid: its axis-aligned grid.
        acquisition: the protocol.
        rng: source of the noise.

    Returns:
        (z, y, x) int16 HU, air at -1024 at the lowest.
    """
    import cv2

    out = np.empty(hu.shape, np.int16)
    ny, nx = hu.shape[1:]
    sigma = acquisition.blur_mm / grid.spacing_xyz_mm[0]
    v = (np.linspace(-1, 1, ny)[:, None] ** 2 + np.linspace(-1, 1, nx)[None] ** 2).astype(np.float32)
    cup = np.float32(acquisition.cupping_hu) * (v - 0.15) * np.float32(1.5)
    inside = v < 0.5
    for k in range(hu.shape[0]):
        plane = cv2.GaussianBlur(hu[k], (0, 0), sigma) if sigma > 0.2 else hu[k]
        plane = plane + np.where(inside, cup, 0)
        if acquisition.metal_at_mm is not None:
            z = grid.origin_lps_mm[2] + k * grid.spacing_xyz_mm[2]
            streaks = _streaks(grid, acquisition.metal_at_mm, z, rng)
            plane = plane if streaks is None else plane + streaks
        plane = plane + _noise_plane((ny, nx), acquisition, rng)
        out[k] = np.clip(np.rint(plane), -1024, 3071)
    return out
