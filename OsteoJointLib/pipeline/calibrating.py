"""Turn the HU of a case into BMD: by every calibration there is, each with its error.

A file that the user gives comes first, then rods in the scan, then the scan's own tissues. Where nothing can be had BMD
is null, and a flag says why; the network's own estimate stands beside them and never takes their place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.calibration.errors_of_bmd import Scan
from OsteoJointLib.calibration.file import CalibrationFile
from OsteoJointLib.calibration.internal import (
    InternalCalibration,
    ReferenceMaterial,
    Sample,
    calibrate_internally,
    enhanced,
)
from OsteoJointLib.calibration.rods import RodFit, find_rods, why_not
from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import slice_to_crop
from OsteoJointLib.pipeline.case import Case, images_of
from OsteoJointLib.pipeline.settings import CalibrationUse, ReadOptions
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import CalibrationKind, Classification, CtVolume, Flag, RoiMeasurement

_TISSUES = (ReferenceMaterial.FAT, ReferenceMaterial.MUSCLE, ReferenceMaterial.BLOOD)
"""In the order of :class:`OsteoJointLib.config.ReferenceTissue`, as the segmenter gives them."""
_TISSUE_EDGE_MM, _LEAST_TISSUE_MM2 = 2.0, 100.0
"""How far a tissue is shrunk before it is measured, and the least of it over both slices: chosen."""
_GRAIN_MM2 = 4.0
"""Noise and texture that lie farther apart than 2 mm are independent; chosen."""
_LEAST_TISSUE_SE_HU = 1.0
_MODE_STEP_HU, _MODE_SMOOTH_HU = 2.0, 12.0
"""Bins, and SD of their smoothing, of the commonest HU of muscle: fat between its fibers draws the mean down."""
_AIR_BOX_PX, _LEAST_AIR_MM2 = 9, 2000.0
_AIR_LIMITS_HU = (-1018.0, -975.0)
"""Air in boxes of so many pixels, not so dark that it was cut off at -1024, nor foam; chosen."""
_TISSUE_HU, _TABLE_PX = -300.0, 11
"""What is denser is trunk; what is thinner than so many pixels is table; chosen."""
_CUT_SHARE = 0.05
"""Of the image's rim: a trunk that fills more of it isn't whole; chosen."""
_RODS_REACH_MM = 60.0
"""How far above L1 and below L2 rods are looked for; chosen."""

Calibration = CalibrationFile | RodFit | InternalCalibration


@dataclass(frozen=True)
class Calibrations:
    """What the HU of a case can be turned into BMD by.

    Args:
        found: the calibrations, the best first.
        scan: what is known of the scan.
        flags: why one that was given or found is not used.
        why_none: why there is none, a sentence; empty where there is one, or none was wanted.
    """

    found: tuple[Calibration, ...]
    scan: Scan
    flags: tuple[Flag, ...] = ()
    why_none: str = ""


@dataclass(frozen=True)
class CaseBmd:
    """BMD of a case by one calibration, or as the network sees it: the mean of the levels that count.

    Args:
        calibration: its name.
        kind: where it comes from.
        mg_cm3: beside K2HPO4.
        se_mg_cm3: standard error: what is wrong with a calibration is wrong at both levels, so that it is no smaller.
        levels: that were averaged.
    """

    calibration: str
    kind: CalibrationKind
    mg_cm3: float
    se_mg_cm3: float
    levels: tuple[str, ...]

    @property
    def interval_90_mg_cm3(self) -> tuple[float, float]:
        """Where it lies with probability 0.9."""
        half = _HALF_WIDTH_90 * self.se_mg_cm3
        return (self.mg_cm3 - half, self.mg_cm3 + half)


_HALF_WIDTH_90 = 1.6449


def look_for_rods(case: Case, readings: Sequence[VertebraReading], options: ReadOptions) -> RodFit | None:
    """Look for calibration rods under L1 and L2, where they are wanted; a pair of slices shows too little of them."""
    if not isinstance(case, CtVolume) or options.calibration not in (CalibrationUse.AUTO, CalibrationUse.RODS):
        return None
    heights = [float(case.grid.lps_to_index(np.asarray(one.point.center_lps_mm))[0]) for one in readings]
    reach = _RODS_REACH_MM / case.grid.spacing_xyz_mm[2]
    first, last = max(0, round(min(heights) - reach)), min(case.hu.shape[0], round(max(heights) + reach) + 1)
    return find_rods(case, scan_of(case, ()), (first, last))


def find_calibrations(
    case: Case, readings: Sequence[VertebraReading], rods: RodFit | None, options: ReadOptions
) -> Calibrations:
    """Collect every calibration that is wanted and can be had.

    Args:
        case: the CT, or the pair of slices.
        readings: L1 and L2, segmented.
        rods: of :func:`look_for_rods`.
        options: the file, and which others are wanted.
    """
    samples = (*tissue_samples(readings), *air_samples(readings))
    scan = scan_of(case, samples)
    found: list[Calibration] = []
    reasons: list[str] = []
    flags: list[Flag] = []
    file, use = options.calibration_file, options.calibration
    for one, reason in ((file, file and file.why_not(scan)), (rods, rods and why_not(rods))):
        if one is not None and reason:
            flags.append(Flag(Reason.CALIBRATION_NOT_USED, reason))
        elif one is not None:
            found.append(one)
    if rods is None and use is CalibrationUse.RODS:
        reasons.append("No calibration rods were found under the patient.")
    if use in (CalibrationUse.AUTO, CalibrationUse.INTERNAL):
        internal = calibrate_internally(samples, scan, trunk_cm(readings))
        if isinstance(internal, str):
            reasons.append(internal)
        else:
            found.append(internal)
    return Calibrations(tuple(found), scan, tuple(flags), "" if found else " ".join(reasons))


def calibrated(measurement: RoiMeasurement, calibrations: Calibrations) -> RoiMeasurement:
    """Give a measurement its BMD by every calibration; one without HU stays without."""
    hu = measurement.hu_mean
    if hu is None:
        return measurement
    return replace(measurement, bmd=tuple(one.bmd(hu, calibrations.scan) for one in calibrations.found))


def calibration_flags(readings: Sequence[VertebraReading], calibrations: Calibrations) -> tuple[Flag, ...]:
    """Say what was not used, and why HU were not turned into BMD where they were not."""
    flags = list(calibrations.flags)
    if not calibrations.found:
        words = "No calibration was given or found, so HU were not turned into BMD."
        flags.append(Flag(Reason.NOT_CALIBRATED, f"{words} {calibrations.why_none}".rstrip()))
    else:
        flags += [
            Flag(Reason.NOT_CALIBRATED, f"HU of {one.level} were not measured, so there is no BMD.", one.level)
            for one in readings
            if not one.measurement.bmd
        ]
    return tuple(flags)


def case_bmd(readings: Sequence[VertebraReading], said: Classification | None) -> tuple[CaseBmd, ...]:
    """Average the BMD of the levels that count, by each calibration; the network's own estimate comes last.

    Args:
        readings: L1 and L2.
        said: the class; None where it is held back.
    """
    counted = [one for one in readings if said is None or one.level is not said.left_out]
    levels = tuple(one.level.value for one in counted)
    found = []
    for column in zip(*(one.measurement.bmd for one in counted), strict=False):
        mean, se = (float(np.mean([getattr(one, name) for one in column])) for name in ("k2hpo4_mg_cm3", "se_mg_cm3"))
        found.append(CaseBmd(column[0].calibration, column[0].kind, mean, se, levels))
    if said is not None and said.bmd is not None:
        name = "the network's estimate from the image"
        found.append(CaseBmd(name, CalibrationKind.NETWORK, said.bmd.mean_mg_cm3, said.bmd.sd_mg_cm3, levels))
    return tuple(found)


def scan_of(case: Case, samples: Sequence[Sample]) -> Scan:
    """Collect what header and blood say of a scan; what two slices say differently is unknown."""
    sources = [image.source for image in images_of(case)]
    kvps, contrasts = {source.kvp for source in sources}, {source.contrast for source in sources}
    contrast = contrasts.pop() if len(contrasts) == 1 else None
    seen = enhanced(samples)
    if not contrast and seen is not None:  # enhanced blood outweighs a header that says "none"
        contrast = seen
    return Scan(kvps.pop() if len(kvps) == 1 else None, contrast)


def tissue_samples(readings: Sequence[VertebraReading]) -> tuple[Sample, ...]:
    """Measure fat, muscle and blood where the segmenter sees them in the mid-slices; none from one that knows none."""
    import cv2

    seen: dict[ReferenceMaterial, list[np.ndarray]] = {material: [] for material in _TISSUES}
    area_mm2 = dict.fromkeys(_TISSUES, 0.0)
    for reading in readings:
        encoded = reading.encoded
        if encoded is None or encoded.segmentation.tissue_logits is None:
            continue
        pixel_mm = reading.axial.pixel_mm
        hu = slice_to_crop(reading.axial.hu, reading.crop)
        edge = 2 * max(1, round(_TISSUE_EDGE_MM / pixel_mm)) + 1
        logits = encoded.segmentation.tissue_logits[0].float().cpu().numpy()
        for material, plane in zip(_TISSUES, logits, strict=True):
            inside = cv2.erode((plane > 0).astype(np.uint8), np.ones((edge, edge), np.uint8)).astype(bool)
            seen[material].append(hu[inside])
            area_mm2[material] += float(inside.sum()) * pixel_mm**2
    samples = []
    for material, parts in seen.items():
        if area_mm2[material] < _LEAST_TISSUE_MM2:
            continue
        values = np.concatenate(parts)
        center = _mode(values) if material is ReferenceMaterial.MUSCLE else float(np.median(values))
        se = float(values.std()) / np.sqrt(area_mm2[material] / _GRAIN_MM2)
        samples.append(Sample(material, center, float(np.hypot(_LEAST_TISSUE_SE_HU, se))))
    return tuple(samples)


def _mode(values: np.ndarray) -> float:
    """Find the commonest of HU."""
    from scipy import ndimage

    low, high = np.quantile(values, (0.01, 0.99))
    edges = np.arange(low - 2 * _MODE_STEP_HU, high + 3 * _MODE_STEP_HU, _MODE_STEP_HU)
    counts, _ = np.histogram(values, edges)
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), _MODE_SMOOTH_HU / _MODE_STEP_HU, mode="constant")
    return float(edges[int(np.argmax(smooth))] + 0.5 * _MODE_STEP_HU)


def air_samples(readings: Sequence[VertebraReading]) -> tuple[Sample, ...]:
    """Measure air beside the patient in the mid-slices; none where there is none, or it was cut off at -1024."""
    import cv2

    values, area_mm2 = [], 0.0
    for reading in readings:
        hu = reading.axial.hu
        mean = cv2.blur(hu, (_AIR_BOX_PX, _AIR_BOX_PX))
        highest = cv2.dilate(hu, np.ones((_AIR_BOX_PX, _AIR_BOX_PX), np.uint8))
        lowest = cv2.erode(hu, np.ones((_AIR_BOX_PX, _AIR_BOX_PX), np.uint8))
        inside = (mean > _AIR_LIMITS_HU[0]) & (mean < _AIR_LIMITS_HU[1]) & (highest > lowest)
        values.append(mean[inside])
        area_mm2 += float(inside.sum()) * reading.axial.pixel_mm**2
    if area_mm2 < _LEAST_AIR_MM2:
        return ()
    return (Sample(ReferenceMaterial.AIR, float(np.median(np.concatenate(values))), _LEAST_TISSUE_SE_HU),)


def trunk_cm(readings: Sequence[VertebraReading]) -> float | None:
    """Return the diameter of a circle as large as the trunk in the mid-slices; None where the image cuts it."""
    import cv2

    diameters = []
    for reading in readings:
        dense = (reading.axial.hu > _TISSUE_HU).astype(np.uint8)
        solid = cv2.morphologyEx(dense, cv2.MORPH_OPEN, np.ones((_TABLE_PX, _TABLE_PX), np.uint8))
        outlines, _ = cv2.findContours(solid, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        if not outlines:
            return None
        trunk = max(outlines, key=cv2.contourArea)
        last_y, last_x = solid.shape[0] - 1, solid.shape[1] - 1
        x, y = trunk[:, 0].T
        on_rim = int(np.count_nonzero((x == 0) | (y == 0) | (x == last_x) | (y == last_y)))
        if on_rim > _CUT_SHARE * 2 * (last_x + last_y):
            return None
        diameters.append(2.0 * np.sqrt(cv2.contourArea(trunk) / np.pi) * reading.axial.pixel_mm / 10.0)
    return float(np.mean(diameters))
