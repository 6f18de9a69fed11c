"""What the whole chain says of real CTs: ``python Testing/measure_real.py ../shared/ct --json real.json``.

For every CT: its flags and facts; HU of L1 and L2 (mean, median) through the body and on the mid-slice, beside those
of a circle such as a reader draws (radius 9 mm, and diameter 9 mm) at mid-body; the HU of air, fat, muscle and blood
that were found; BMD by each calibration with its standard error, beside the network's estimate. The circle lies in the
middle of the front four fifths of the body, on its middle slice, and on that and its two neighbors: in the reference's
body where the folder has ``bodies_by_level.nii.gz``, else in the chain's own. The CTs are looked at, never trained on.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

import numpy as np

from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.pipeline.calibrating import air_samples, case_bmd, tissue_samples, trunk_cm
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.pipeline.reader import Reader, analyze
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.pipeline.vertebra import VertebraReading

REFERENCE = "bodies_by_level.nii.gz"
NAMES = ("ct.nii.gz", "sagittal.nii.gz", "coronal.nii.gz", "dicom")
CIRCLES_MM = {"radius 9": 9.0, "radius 4.5": 4.5}
FRONT_SHARE = 0.4  # where the circle's middle lies in the body's depth, from the front


def main() -> None:
    """Read the CTs and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="of folders with a CT each")
    parser.add_argument("--json", type=Path, help="where every row is written")
    arguments = parser.parse_args()
    reader = load_reader()
    rows = []
    for path in sorted(path for name in NAMES for path in arguments.folder.glob(f"*/{name}")):
        rows.append(row_of(reader, path))
        print(text_of(rows[-1]), flush=True)
        if arguments.json:
            arguments.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


def row_of(reader: Reader, path: Path) -> dict:
    """Read one CT."""
    name = f"{path.parent.name}/{path.name}"
    try:
        result = analyze(path, lambda: reader, options=ReadOptions(gradcam=False))
    except OsteoJointError as error:
        return {"ct": name, "refused": error.reason.value}
    source = result.volume.source
    samples = (*tissue_samples(result.readings), *air_samples(result.readings))
    said = result.classification
    return {
        "ct": name,
        "flags": list(
            dict.fromkeys(f"{flag.level}: {flag.code}" if flag.level else str(flag.code) for flag in result.flags)
        ),
        "facts": {one: asdict(source.fact(one)) for one in ("kvp", "kernel", "contrast")} | {"phase": source.phase},
        "class": None if said is None else said.status,
        "left_out": None if said is None else said.left_out,
        "in_doubt": result.levels.doubt is not None,
        "hu": [hu_row(result, one, path.parent / REFERENCE) for one in result.readings],
        "tissues_hu": {sample.material: [round(sample.hu, 1), round(sample.se_hu, 1)] for sample in samples},
        "trunk_cm": trunk_cm(result.readings),
        "bmd": [[one.kind, round(one.mg_cm3, 1), round(one.se_mg_cm3, 1)] for one in case_bmd(result.readings, said)],
        "seconds": round(sum(result.timings_s.values()), 1),
    }


def hu_row(result: CaseResult, one: VertebraReading, reference: Path) -> dict:
    """Measure one level by circles, beside what the chain measured."""
    body = reference_body(reference, one.level.verse_label) if reference.exists() else own_body(result, one)
    circles = {} if body is None else {name: circle_hu(result, body, mm) for name, mm in CIRCLES_MM.items()}
    return {
        "level": one.level,
        "body": [one.measurement.hu_mean, one.measurement.hu_median],
        "slice": [one.slice_measurement.hu_mean, one.slice_measurement.hu_median],
        "reference": reference.exists(),
    } | circles


def reference_body(path: Path, label: int) -> np.ndarray:
    """Return the reference's body in the CT's frame, (z, y, x) bool."""
    import SimpleITK as sitk

    return sitk.GetArrayFromImage(sitk.DICOMOrient(sitk.ReadImage(path), "LPS")) == label


def own_body(result: CaseResult, one: VertebraReading) -> np.ndarray | None:
    """Return the chain's body in the CT's frame, (z, y, x) bool."""
    if one.body is None:
        return None
    mask = np.zeros(result.volume.hu.shape, dtype=bool)
    mask[one.body.part] = one.body.mask
    return mask


def circle_hu(result: CaseResult, body: np.ndarray, radius_mm: float) -> dict[str, float]:
    """Measure a circle at mid-body, on one slice and on three."""
    volume = result.volume
    x_mm, y_mm, _ = volume.grid.spacing_xyz_mm
    planes = np.flatnonzero(body.any(axis=(1, 2)))
    middle = round(0.5 * float(planes[0] + planes[-1]))
    rows, columns = np.nonzero(body[middle])
    front = rows.min() + FRONT_SHARE * np.ptp(rows)
    y, x = np.indices(body.shape[1:])
    circle = np.hypot((y - front) * y_mm, (x - columns.mean()) * x_mm) <= radius_mm
    one, three = volume.hu[middle][circle], volume.hu[middle - 1 : middle + 2][:, circle]
    return {
        "mean": float(one.mean()),
        "median": float(np.median(one)),
        "mean of three": float(three.mean()),
        "median of three": float(np.median(three)),
    }


def text_of(row: dict) -> str:
    """Say a row in lines."""
    return "\n".join([row["ct"], *(f"  {name}: {json.dumps(value)}" for name, value in row.items() if name != "ct")])


if __name__ == "__main__":
    main()
