"""``osteojoint calibrate``: the line from HU to BMD of a scanner, from a scan that shows calibration rods."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path

import numpy as np

from OsteoJointLib.calibration.errors_of_bmd import Scan
from OsteoJointLib.calibration.file import CalibrationFile
from OsteoJointLib.calibration.rods import RodFit, find_rods, read_rod_sets, why_not
from OsteoJointLib.cli.text_table import table
from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.io import ct_input
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.records import CtSlicePair, CtVolume

_PART_MM = 120.0
"""Rods may be shorter than the scan: they are looked for in parts of this length, half overlapping; chosen."""


@dataclass(frozen=True)
class Made:
    """A calibration and the rods it was made from."""

    calibration: CalibrationFile
    fit: RodFit


def make_calibration(
    path: Path, name: str | None = None, rods_file: Path | None = None, kvp: float | None = None, day: str | None = None
) -> Made:
    """Make a calibration from the rods in a scan, with a patient above them or without.

    Args:
        path: file or DICOM folder.
        name: of the calibration; None: that of the rods.
        rods_file: the rods that lie there; None: those that OsteoJoint knows.
        kvp: tube voltage in kV; None: what the header says.
        day: of the scan, YYYY-MM-DD; None: today.

    Raises:
        InputRefused: NO_RODS, none were found, or they can't be measured by.
        UsageError: the voltage isn't known, or a value can't be one.
    """
    sets = None if rods_file is None else read_rod_sets(rods_file)
    # an empty table holds neither fat nor muscle
    case = ct_input.read_ct(path, limits=ReadingLimits(min_fat_fraction=0.0, soft_tissue_hu=(-300, 300)))
    if isinstance(case, CtSlicePair):
        raise InputRefused(Reason.NO_RODS, "Two slices show too little of rods. Give the whole series.")
    voltage = case.source.kvp if kvp is None else kvp
    if voltage is None:
        raise UsageError(
            Reason.USAGE, "The header doesn't say at what tube voltage this was scanned. Say it with --kvp."
        )
    scan = Scan(voltage, None)
    fits = [fit for part in _parts(case) if (fit := find_rods(case, scan, part, sets)) is not None]
    if not fits:
        raise InputRefused(
            Reason.NO_RODS,
            "No calibration rods were found in this scan. They must lie side by side under the patient or on the "
            "table, wholly in the image; others than those OsteoJoint knows are described with --rods.",
        )
    fit = max(fits, key=lambda one: (not why_not(one), one.r2))
    if (reason := why_not(fit)) or fit.rods is None:
        raise InputRefused(Reason.NO_RODS, f"{reason} Describe them with --rods, or scan them again.")
    day = day or date.today().isoformat()
    try:
        calibration = CalibrationFile(
            name or fit.rods.name,
            fit.rods.standard,
            voltage,
            day,
            1.0 / fit.bone_slope_hu,
            -fit.intercept_hu / fit.bone_slope_hu,
            fit.residual_hu / fit.bone_slope_hu,
        )
    except ValueError as error:
        raise UsageError(Reason.USAGE, f"This makes no calibration: {error}.") from None
    return Made(calibration, fit)


def _parts(volume: CtVolume) -> list[tuple[int, int]]:
    """Cut a scan into overlapping parts, as first slice and one past the last."""
    count, step = volume.hu.shape[0], max(1, round(0.5 * _PART_MM / volume.grid.spacing_xyz_mm[2]))
    edges = [*np.arange(0, max(count - step, 1), step).tolist(), count]
    return [(low, min(low + 2 * step, count)) for low, _ in pairwise(edges)]


def rods_text(made: Made, out: Path) -> str:
    """Say what was found and written, in a few lines."""
    fit, line = made.fit, made.calibration
    rows = [
        [f"{mg_cm3:g}", f"{hu:.1f}", f"{off:+.1f}"]
        for mg_cm3, hu, off in zip(fit.mg_cm3, fit.hu, fit.residuals_hu, strict=True)
    ]
    return "\n".join(
        [
            table([[f"mg/cm³ {line.standard}", "HU", "off the line"], *rows]),
            "",
            f"BMD = {line.slope_mg_cm3_per_hu:.4f} mg/cm³ per HU {line.intercept_mg_cm3:+.2f} mg/cm³, R² {fit.r2:.4f}",
            f"{line.name}, for scans of this scanner at {line.kvp:g} kV",
            str(out),
        ]
    )
