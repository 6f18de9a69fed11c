"""How far BMD is off by each calibration, tube voltage, contrast and size: ``python Testing/measure_calibration.py``.

``--persons N`` takes the HU of tissues, rods and bone from the phantom's model, with the error that a region has: half
a minute for a thousand. ``--phantoms N`` makes images with rods and reads them with the shipped weights from their true
centers, so that rods and tissues have to be found, with the network's own estimate beside them: three seconds each, and
a run that was stopped goes on from its file. Bodies with a finding (broken, lesion, cement) are left out of the tables.
What is called file is a calibration of an average scanner and patient at the same voltage. Internal calibration is
tested on the table that it searches.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.calibration.errors_of_bmd import Scan, beam_names
from OsteoJointLib.calibration.file import CalibrationFile
from OsteoJointLib.calibration.internal import ReferenceMaterial, Sample, calibrate_internally, enhanced
from OsteoJointLib.calibration.rods import fit_line, rod_sets
from OsteoJointLib.config import ReferenceTissue
from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.cases import Phantom, make_phantom
from OsteoJointLib.phantom.draws.findings import Findings
from OsteoJointLib.phantom.patient import Patient, build_patient
from OsteoJointLib.phantom.physics.beam import Beam
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import BoneStandard, CalibratedBmd, CalibrationKind, Level

if TYPE_CHECKING:
    from OsteoJointLib.pipeline.reader import Reader

BONE_SE_HU, TISSUE_SE_HU, ROD_SE_HU = 1.5, 1.0, 0.7  # errors of means: texture and noise; chosen
# squared distance from the middle of the image over the half field, by which cupping acts; chosen
PLACES = {"bone": 0.03, "air": 0.4, "fat": 0.2, "muscle": 0.06, "blood": 0.02, "rods": 0.3}
COVERED = 1.6449  # half of a 90 % interval in standard errors
PIXEL_MM, PIXELS, SLICE_MM, SLICES = 0.9, 480, 5.0, 20  # of the images: L1 and L2 with what lies around
SIZES_CM = (25.0, 31.0)  # between slim, usual and large trunks


@dataclass(frozen=True)
class Row:
    """One estimate of one level of one phantom."""

    seed: int
    level: str
    calibration: str
    beam: str
    phase: str
    thickness_cm: float
    truth_mg_cm3: float
    mg_cm3: float
    se_mg_cm3: float
    with_finding: bool = False


def own_hu(patient: Patient, tissue: ReferenceTissue) -> list[float]:
    """HU of the solids of a tissue, in painting order."""
    solids = [patient.scene.skin, *patient.scene.background]
    return [solid.material.core_hu for solid in solids if solid and solid.reference is tissue]


def from_model(seed: int) -> Iterator[Row]:
    """Calibrate one person by what the model says of the scan."""
    patient = build_patient(np.random.default_rng([seed, 1, 78]), randomized=False)
    acquisition, rng = patient.acquisition, np.random.default_rng(seed)

    def shown(hu: float, place: str, se_hu: float) -> float:
        cup = acquisition.cupping_hu * (PLACES[place] - 0.15) * 1.5  # as the scanner has it
        return acquisition.shown(hu) + cup + se_hu * float(rng.normal())

    fat, muscle, blood = (own_hu(patient, tissue) for tissue in ReferenceTissue)
    samples = tuple(
        Sample(material, shown(hu, material.value, TISSUE_SE_HU), TISSUE_SE_HU)
        for material, hu in (
            (ReferenceMaterial.AIR, -1000.0),
            (ReferenceMaterial.FAT, float(np.mean(fat[:2]))),
            (ReferenceMaterial.MUSCLE, muscle[-1]),
            (ReferenceMaterial.BLOOD, blood[0]),
        )
    )
    scan = Scan(acquisition.kvp, bool(acquisition.phase != "none") or bool(enhanced(samples)))
    rods = rod_sets()[0]
    hu = [shown(patient.beam.k2hpo4_hu * mg_cm3, "rods", ROD_SE_HU) for mg_cm3 in rods.mg_cm3]
    file = average_file(acquisition.kvp)
    thickness = patient.beam.thickness_cm - acquisition.hardness_cm
    internal = calibrate_internally(samples, scan, thickness)
    calibrations = [file, fit_line(rods, np.array(hu)), *([] if isinstance(internal, str) else [internal])]
    for level in Level:
        bone = shown(patient.column.find(level.verse_label).trabecular_hu, "bone", BONE_SE_HU)
        truth = patient.person.bmd(level)
        for bmd in (one.bmd(bone, scan) for one in calibrations):
            yield row_of(seed, level, bmd, (acquisition.beam, acquisition.phase), thickness, truth)


def from_images(seed: int) -> Iterator[Row]:
    """Read one phantom with rods under its back, by an average file of its voltage, too."""
    reader = shipped_reader()
    phantom = image_of(seed)
    points = {level: phantom.truth.centers_lps_mm[level.verse_label] for level in Level}
    file = average_file(phantom.truth.kvp)
    result = reader.read(phantom.volume, points, ReadOptions(gradcam=False, calibration_file=file))
    drawn, truth = phantom.truth.drawn, phantom.truth
    thickness = drawn["beam"]["thickness_cm"] - drawn["acquisition"]["hardness_cm"]
    scan = drawn["acquisition"]["beam"], truth.contrast_phase
    findings = Findings(**{name: drawn["person"][name] for name in Findings.__dataclass_fields__})
    spoiled = {one.level: findings.has_finding(one.level.verse_label) for one in result.readings}
    for one in result.readings:
        for bmd in one.measurement.bmd:
            row = row_of(seed, one.level, bmd, scan, thickness, truth.bmd_mg_cm3[one.level])
            yield replace(row, with_finding=spoiled[one.level])
    seen = result.classification and result.classification.bmd
    if seen:
        values = (thickness, truth.mean_bmd_mg_cm3, seen.mean_mg_cm3, seen.sd_mg_cm3, any(spoiled.values()))
        yield Row(seed, "mean", CalibrationKind.NETWORK.value, *scan, *values)


@cache
def shipped_reader() -> Reader:
    """Load the shipped weights once."""
    from OsteoJointLib.pipeline.loading import load_reader

    return load_reader()


def average_file(kvp: float) -> CalibrationFile:
    """Return what a scan of K2HPO4 in an average patient at this voltage would give."""
    slope = float(np.mean([Beam(name).k2hpo4_hu for name in beam_names(kvp)]))
    return CalibrationFile("file", BoneStandard.K2HPO4, kvp, "2026-01-01", 1.0 / slope, 0.0)


def image_of(seed: int) -> Phantom:
    """Make the slices through L1 and L2 of one phantom."""
    patient = build_patient(np.random.default_rng([seed, 1]), randomized=False, rods=True)
    l1, l2 = (patient.column.find(level.verse_label).frame.center for level in Level)
    middle = 0.5 * (l1 + l2)
    half = np.array([PIXEL_MM * PIXELS / 2, PIXEL_MM * PIXELS / 2 + 40.0, SLICE_MM * SLICES / 2])
    grid = Grid.axis_aligned((SLICES, PIXELS, PIXELS), (PIXEL_MM, PIXEL_MM, SLICE_MM), (middle - half).tolist())
    return make_phantom(seed, grid=grid, rods=True)


def row_of(
    seed: int, level: Level, bmd: CalibratedBmd, scan: tuple[str, str], thickness_cm: float, truth: float
) -> Row:
    """Put a row together."""
    kind, (beam, phase) = bmd.kind.value, scan
    return Row(seed, level.value, kind, beam, phase, thickness_cm, truth, bmd.k2hpo4_mg_cm3, bmd.se_mg_cm3)


def size_of(row: Row) -> str:
    """Name the size of a trunk."""
    return ("slim", "usual", "large")[int(np.searchsorted(SIZES_CM, row.thickness_cm))]


def summary(rows: list[Row]) -> dict[str, dict[str, dict[str, dict[str, float]]]]:
    """Bias, SD and coverage by calibration, and by what the scans differ in."""
    parts = {
        "all": lambda row: "all",
        "beam": lambda row: row.beam,
        "phase": lambda row: row.phase,
        "size": size_of,
        "without contrast, beam": lambda row: row.beam if row.phase == "none" else None,
    }
    found: dict[str, dict[str, dict[str, dict[str, float]]]] = {}
    for calibration in dict.fromkeys(row.calibration for row in rows):
        own = [row for row in rows if row.calibration == calibration]
        for part, name in parts.items():
            for value in sorted({name(row) for row in own} - {None}):
                some = [row for row in own if name(row) == value]
                off = np.array([row.mg_cm3 - row.truth_mg_cm3 for row in some])
                se = np.array([row.se_mg_cm3 for row in some])
                found.setdefault(calibration, {}).setdefault(part, {})[value] = {
                    "n": len(some),
                    "bias_mg_cm3": round(float(off.mean()), 2),
                    "sd_mg_cm3": round(float(off.std()), 2),
                    "se_mg_cm3": round(float(se.mean()), 2),
                    "coverage_90": round(float(np.mean(np.abs(off) <= COVERED * se)), 3),
                }
    return found


def write(path: Path, rows: list[Row], told: dict | None = None) -> None:
    """Write the table, when it is made, and every row."""
    document = {"cases": len({row.seed for row in rows}), "table": told, "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def main() -> None:
    """Make the persons or phantoms, calibrate and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=1000, help="from the model")
    parser.add_argument("--phantoms", type=int, default=0, help="from images, instead of the persons")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--json", type=Path, help="where the table and every row are written")
    arguments = parser.parse_args()
    one, count = (from_images, arguments.phantoms) if arguments.phantoms else (from_model, arguments.persons)
    rows: list[Row] = []
    if arguments.phantoms and arguments.json and arguments.json.exists():
        rows = [Row(**row) for row in json.loads(arguments.json.read_text(encoding="utf-8"))["rows"]]
    done = {row.seed for row in rows}
    for seed in range(arguments.first, arguments.first + count):
        if seed not in done:
            rows += one(seed)
            if arguments.phantoms and arguments.json:
                write(arguments.json, rows)
    told = summary([row for row in rows if not row.with_finding])
    if arguments.json:
        write(arguments.json, rows, told)
    print(f"{count} cases                              n    bias      SD      SE  90 % interval holds")
    for calibration, parts in told.items():
        for part, values in parts.items():
            for value, numbers in values.items():
                print(
                    f"{calibration:9s} {part:24s} {value:10s} {numbers['n']:5.0f} {numbers['bias_mg_cm3']:7.2f} "
                    f"{numbers['sd_mg_cm3']:7.2f} {numbers['se_mg_cm3']:7.2f} {100 * numbers['coverage_90']:6.1f} %"
                )


if __name__ == "__main__":
    main()
