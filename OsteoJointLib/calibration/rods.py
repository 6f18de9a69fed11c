"""Rods of known density that lie under the patient: found in the CT, and the line through their HU.

Rods are straight, run along the patient and lie side by side at even distances, so that every place for the row can be
tried at once: the mean over a disk is shifted by each rod's distance, and a line is fitted to the rods' densities at
every pixel. A row counts only where the line holds (R2), the disks are even, the slope is one that the beam can have,
and the other parts of the scan show the same at the same place. Definitions stand in ``rods.json``.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from OsteoJointLib.calibration.errors_of_bmd import Scan, beam_error_mg_cm3, beam_names, k2hpo4_over_ha, told
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.phantom.physics.beam import Beam
from OsteoJointLib.records import BoneStandard, CalibratedBmd, CalibrationKind, CtVolume
from OsteoJointLib.typed_json import from_json

DEFINITIONS_FILE = Path(__file__).with_name("rods.json")

LEAST_R2 = 0.99
"""A line through the rods that explains less is none to measure by: Bonelab's Ogo warns below .98; chosen."""
_ROW_R2 = 0.95
"""From here on a row of disks is told of, though it isn't used; chosen."""
_SLAB_MM, _SLABS = 20.0, 3
"""Along the patient: thickness of a part whose slices are averaged, and how many parts are looked at; chosen."""
_SEARCH_PX_MM, _DISK_MM = 2.0, 4.5
"""Pixel of the search, and radius of the disk that is averaged: within rods of 12 mm and more; chosen."""
_APART_MM = np.arange(20.0, 41.0, 1.0)
"""Distances of neighboring rods that are tried; chosen: five rods lie under a back of 16 cm."""
_BACK_SHARE = 0.45
"""Share of the image, from its back, in which rods are looked for; chosen."""
_MOST_DISK_SD_HU = 40.0
"""An uneven disk is no rod: the noise of a mean of slices, and lime for bone; chosen."""
_SLOPE_HU, _WATER_HU = (0.8, 2.6), 60.0
"""HU per mg/cm3 that some beam can have, and the most that water may be off 0; chosen."""
_SAME_PLACE_HU = 8.0
"""The most that the rods' means may differ from one part of the scan to another, SD; chosen."""
_STANDARD_SHARE = 0.09
"""How far the slope may lie off the one expected: half way, in logarithms, from K2HPO4 to HA."""
_DISPLACED, _WATER_MG_CM3 = 0.2174, 999.6
"""What K2HPO4 takes the place of in water, HU per mg/cm3, and water: of Mindways' phantoms."""
_FIELD_HU = 3.0
"""How far HU at the rods' place may be off those at the bone's, SD: cupping and scatter; chosen as in the phantom."""
_LEAST_RESIDUAL_HU = 1.0
"""No line through five rods is surer than that; chosen."""


@dataclass(frozen=True)
class RodSet:
    """The rods of one standard, from one side to the other.

    Args:
        name: what it is called.
        standard: what they hold.
        mg_cm3: density of each.
        water_mg_cm3: density of the water each counts as; empty where rods are solutions in water.
        source: where the numbers come from.
    """

    name: str
    standard: BoneStandard
    mg_cm3: tuple[float, ...]
    water_mg_cm3: tuple[float, ...] = ()
    source: str = ""

    @property
    def water_hu(self) -> np.ndarray:
        """What a rod's base adds to its HU, (N,)."""
        return np.array(self.water_mg_cm3) - _WATER_MG_CM3 if self.water_mg_cm3 else np.zeros(len(self.mg_cm3))


@dataclass(frozen=True)
class RodFit:
    """Rods that were found, and the line through them.

    Args:
        rods: which; None where the slope doesn't tell and nobody said.
        mg_cm3: density of each.
        hu: mean of each, without what its base adds.
        slope_hu, intercept_hu: HU = slope * density + intercept.
        r2: share of the variance that the line explains.
        residual_hu: SD about it.
    """

    rods: RodSet | None
    mg_cm3: tuple[float, ...]
    hu: tuple[float, ...]
    slope_hu: float
    intercept_hu: float
    r2: float
    residual_hu: float

    @property
    def residuals_hu(self) -> tuple[float, ...]:
        """How far each rod lies over the line."""
        line = self.slope_hu * np.array(self.mg_cm3) + self.intercept_hu
        return tuple(float(off) for off in np.array(self.hu) - line)

    @property
    def bone_slope_hu(self) -> float:
        """HU that 1 mg/cm3 adds in bone: where the rods' base is given as water, what the salt displaces is in it."""
        displaced = _DISPLACED if self.rods is not None and self.rods.water_mg_cm3 else 0.0
        return self.slope_hu - displaced

    def bmd(self, hu: float, scan: Scan) -> CalibratedBmd:
        """Turn the mean HU of a region into BMD.

        Raises:
            ValueError: it isn't known which rods these are.
        """
        if self.rods is None:
            raise ValueError("rods that nobody knows calibrate nothing")
        mg_cm3 = (hu - self.intercept_hu) / self.bone_slope_hu
        densities = np.array(self.mg_cm3)
        spread = float(((densities - densities.mean()) ** 2).sum())
        share = 1.0 / densities.size + (mg_cm3 - densities.mean()) ** 2 / spread
        fit_hu = max(self.residual_hu, _LEAST_RESIDUAL_HU) * np.sqrt(share)
        own = float(np.hypot(np.hypot(fit_hu, _FIELD_HU) / self.bone_slope_hu, beam_error_mg_cm3(mg_cm3, scan.kvp)))
        name = f"rods in the scan ({self.rods.name})"
        return told(name, CalibrationKind.RODS, self.rods.standard, mg_cm3, own, 1.0 / self.bone_slope_hu, scan)


@cache
def rod_sets() -> tuple[RodSet, ...]:
    """Read the rods that are looked for."""
    return read_rod_sets(DEFINITIONS_FILE)


def read_rod_sets(path: Path) -> tuple[RodSet, ...]:
    """Read a file of rods, such as ``rods.json``.

    Raises:
        UsageError: it can't be read or isn't one.
    """
    try:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        found = tuple(from_json(RodSet, one) for one in (document if isinstance(document, list) else [document]))
        if any(len(one.mg_cm3) < 3 or len(one.water_mg_cm3) not in (0, len(one.mg_cm3)) for one in found):
            raise ValueError("each needs three rods or more, and as many densities of water as of the standard")
        return found
    except (OSError, ValueError) as error:
        message = f"The file of rods {Path(path).name} can't be used: {str(error).rstrip('.')}. Correct it."
        raise UsageError(Reason.USAGE, message) from error


def find_rods(
    volume: CtVolume, scan: Scan, z_range: tuple[int, int] | None = None, sets: Sequence[RodSet] | None = None
) -> RodFit | None:
    """Look for rods under the patient.

    Args:
        volume: the CT.
        scan: its voltage tells K2HPO4 from HA.
        z_range: first slice, and one past the last, that is looked at; None: all.
        sets: rods that are looked for; None: those of ``rods.json``. One alone is taken for what it says.

    Returns:
        The line through the row that fits best, which may fit badly: ask :func:`why_not`. None where there is no row.
    """
    slabs = _slabs(volume, z_range)
    if slabs is None:
        return None
    images, px_mm = slabs
    disks = [_disk_means(image, px_mm) for image in images]
    found: list[tuple[float, RodSet, np.ndarray]] = []
    sets = rod_sets() if sets is None else sets
    for rods in {one.mg_cm3: one for one in reversed(sets)}.values():
        if row := _best_row(disks, px_mm, rods):
            found.append((row[0], rods, row[1]))
    if not found:
        return None
    _, rods, hu = min(found, key=lambda one: one[0])
    fit = fit_line(rods, hu)
    alike = [one for one in sets if one.mg_cm3 == rods.mg_cm3]
    known = alike[0] if len(sets) == 1 else _known(alike, fit, scan)
    return RodFit(known, fit.mg_cm3, fit.hu, fit.slope_hu, fit.intercept_hu, fit.r2, fit.residual_hu)


def why_not(fit: RodFit) -> str:
    """Say in a sentence why a row of rods can't be measured by; empty where it can."""
    if fit.r2 < LEAST_R2:
        return (
            "What looks like calibration rods lies under the patient, but their HU don't follow a line (R² "
            f"{fit.r2:.3f}, and {LEAST_R2:g} is needed), so they were not used. Look whether all of them are in view."
        )
    if fit.rods is None:
        return (
            f"Calibration rods lie under the patient, but it can't be told which: {fit.slope_hu:.2f} HU for 1 mg/cm³ "
            "fits neither K₂HPO₄ nor HA at this tube voltage, or the voltage isn't known. They were not used."
        )
    return ""


def _slabs(volume: CtVolume, z_range: tuple[int, int] | None) -> tuple[list[np.ndarray], float] | None:
    """Average slices of a few parts of the scan: (y, x) of the image's back, at about 2 mm."""
    import cv2

    first, last = z_range or (0, volume.hu.shape[0])
    x_mm, y_mm, z_mm = volume.grid.spacing_xyz_mm
    thick = max(1, round(_SLAB_MM / z_mm))
    if last - first < 2 * thick:
        return None
    starts = np.unique(np.linspace(first, last - thick, _SLABS).astype(int))
    rows = volume.hu.shape[1]
    top = round((1.0 - _BACK_SHARE) * rows)
    shape = round((rows - top) * y_mm / _SEARCH_PX_MM), round(volume.hu.shape[2] * x_mm / _SEARCH_PX_MM)
    if min(shape) < 8:
        return None
    images = []
    for start in starts:
        mean = volume.hu[start : start + thick, top:].mean(axis=0, dtype=np.float32)
        images.append(cv2.resize(mean, shape[::-1], interpolation=cv2.INTER_AREA))
    return images, _SEARCH_PX_MM


def _disk_means(image: np.ndarray, px_mm: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and SD over a disk about every pixel, each (y, x)."""
    import cv2

    reach = int(_DISK_MM / px_mm)
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1] * px_mm
    disk = (np.hypot(y, x) <= _DISK_MM).astype(np.float32)
    disk /= disk.sum()
    mean = cv2.filter2D(image, -1, disk)
    square = cv2.filter2D(image * image, -1, disk)
    return mean, np.sqrt(np.maximum(square - mean * mean, 0.0))


def _best_row(
    disks: Sequence[tuple[np.ndarray, np.ndarray]], px_mm: float, rods: RodSet
) -> tuple[float, np.ndarray] | None:
    """Find the row that a line fits best in all parts of the scan: its misfit, and the rods' HU, (N,)."""
    densities, best = np.array(rods.mg_cm3), None
    centered = densities - densities.mean()
    means = np.mean([mean for mean, _ in disks], axis=0)
    sds = np.max([sd for _, sd in disks], axis=0)
    apart_parts = np.std([mean for mean, _ in disks], axis=0)
    rough = np.where((sds > _MOST_DISK_SD_HU) | (apart_parts > _SAME_PLACE_HU), np.float32(1e4), sds)
    count, width = len(densities), means.shape[1]
    for apart_mm in _APART_MM:
        starts = np.rint(np.arange(count) * apart_mm / px_mm).astype(int)
        wide = width - starts[-1]
        if wide < 1:
            break
        uneven = np.max([rough[:, start : start + wide] for start in starts], axis=0)
        places = np.nonzero(uneven <= _MOST_DISK_SD_HU)
        if not places[0].size:
            continue
        hu = np.stack([means[places[0], places[1] + start] for start in starts])
        for order in (1, -1):
            values = hu[::order] - rods.water_hu[:, None]
            slope = centered @ values / (centered @ centered)
            off = values - values.mean(axis=0) - centered[:, None] * slope
            water = values.mean(axis=0) - slope * densities.mean()
            r2 = 1.0 - (off**2).sum(axis=0) / np.maximum(((values - values.mean(axis=0)) ** 2).sum(axis=0), 1e-9)
            fit = (slope > _SLOPE_HU[0]) & (slope < _SLOPE_HU[1]) & (np.abs(water) < _WATER_HU) & (r2 > _ROW_R2)
            if not fit.any():
                continue
            misfit = np.full(fit.shape, np.inf)
            misfit[fit] = (np.sqrt((off[:, fit] ** 2).mean(axis=0)) + uneven[places][fit]) / slope[fit]
            place = int(np.argmin(misfit))
            if best is None or misfit[place] < best[0]:
                best = (float(misfit[place]), hu[::order, place].astype(np.float64))
    return best


def fit_line(rods: RodSet, hu: np.ndarray) -> RodFit:
    """Fit the line through rods, given the mean HU of each, by least squares."""
    densities, values = np.array(rods.mg_cm3), hu - rods.water_hu
    slope, intercept = np.polyfit(densities, values, 1)
    off = values - slope * densities - intercept
    r2 = 1.0 - float((off**2).sum() / ((values - values.mean()) ** 2).sum())
    residual = float(np.sqrt((off**2).sum() / (densities.size - 2)))
    return RodFit(rods, rods.mg_cm3, tuple(map(float, values)), float(slope), float(intercept), r2, residual)


def _known(alike: Sequence[RodSet], fit: RodFit, scan: Scan) -> RodSet | None:
    """Tell by the slope which of the rods that have these densities they are; None where it doesn't tell."""
    if scan.kvp is None:
        return None
    expected = float(np.mean([Beam(name).k2hpo4_hu for name in beam_names(scan.kvp)]))
    for rods in alike:
        factor = k2hpo4_over_ha(scan.kvp) if rods.standard is BoneStandard.HA else 1.0
        slope = fit.slope_hu - (_DISPLACED if rods.water_mg_cm3 else 0.0)
        if abs(np.log(slope / (factor * expected))) < _STANDARD_SHARE:
            return rods
    return None
