"""How well HU repeat when a patient is scanned again: ``python Testing/measure_repeatability.py --persons 10``.

Each person's L1 and L2 are scanned several times, each scan with another slice phase, thickness, kernel or noise than
the usual one, and measured in the true masks: through the body and on the mid-slice. The table tells the SD between the
scans of one person, and how far the means are off the phantom's truth. The trabeculae are drawn anew for every grid of
voxels, so that what they bring is counted in: a patient's stay where they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.patient import Patient, build_patient
from OsteoJointLib.phantom.scanner.acquisition import Acquisition, acquire
from OsteoJointLib.phantom.scanner.rendering import render_hu, render_labels
from OsteoJointLib.pipeline.body_roi import measure_body
from OsteoJointLib.pipeline.measure import measure_roi
from OsteoJointLib.records import BodyVolume, CtVolume, Level, SourceInfo

PIXEL_MM, FIELD_MM, HEIGHT_MM = 0.7, (66.0, 78.0), 46.0  # of a box about one body: depth and width; chosen
USUAL = {"phase": 0.0, "thickness_mm": 2.5, "blur_mm": 0.55, "noise_hu": 14.0, "kernel": "standard"}
CHANGES: dict[str, tuple[dict[str, float | str], ...]] = {
    "slice phase": ({"phase": 0.25}, {"phase": 0.5}, {"phase": 0.75}),
    "thickness": ({"thickness_mm": 1.0}, {"thickness_mm": 5.0}),
    "kernel": (
        {"kernel": "soft", "blur_mm": 0.75, "noise_hu": 11.0},
        {"kernel": "sharp", "blur_mm": 0.35, "noise_hu": 21.0},
    ),
    "noise": ({"noise_hu": 14.0}, {"noise_hu": 30.0}),
}


@dataclass(frozen=True)
class Row:
    """One scan of one level."""

    seed: int
    level: str
    change: str
    truth_hu: float
    body_hu: float | None
    slice_hu: float | None


def scans(seed: int) -> Iterator[Row]:
    """Scan one person again and again."""
    patient = build_patient(np.random.default_rng([seed, 1, 79]), randomized=False)
    for level in Level:
        told = [("usual", USUAL), *((name, USUAL | one) for name, changes in CHANGES.items() for one in changes)]
        for number, (name, setting) in enumerate(told):
            yield scan(patient, seed, level, name, setting, np.random.default_rng([seed, number]))


def scan(
    patient: Patient,
    seed: int,
    level: Level,
    change: str,
    setting: dict[str, float | str],
    rng: np.random.Generator,
) -> Row:
    """Scan one level once and measure it."""
    own: dict[str, float | str] = {name: value for name, value in setting.items() if name != "phase"}
    acquisition: Acquisition = replace(patient.acquisition, cupping_hu=0.0, **own)  # a box has no middle to cup about
    center = patient.column.find(level.verse_label).frame.center
    depth, width = FIELD_MM
    thick = acquisition.thickness_mm
    origin = center - 0.5 * np.array([width, depth, HEIGHT_MM]) + np.array([0.0, 0.0, float(setting["phase"]) * thick])
    shape = [round(size / step) for size, step in ((HEIGHT_MM, thick), (depth, PIXEL_MM), (width, PIXEL_MM))]
    grid = Grid.axis_aligned(shape, (PIXEL_MM, PIXEL_MM, thick), origin.tolist())
    hu = acquire(render_hu(patient.scene, grid, rng), grid, acquisition, rng)
    mask = render_labels(patient.scene, grid) == level.verse_label
    volume = CtVolume(hu, grid, SourceInfo("phantom"))
    body = measure_body(volume, BodyVolume(level.value, mask, (0, 0, 0), 0.0), level)
    middle = round(float(grid.lps_to_index(center)[0]))
    of_slice = measure_roi(hu[middle], mask[middle], PIXEL_MM, level)
    truth = acquisition.shown(patient.column.find(level.verse_label).trabecular_hu)
    return Row(seed, level.value, change, truth, body.hu_mean, of_slice.hu_mean)


def summary(rows: list[Row]) -> dict[str, dict[str, dict[str, float]]]:
    """SD between the scans of one body, and how far their means are off, by change and by ROI."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for change in (*CHANGES, "all"):
        for roi in ("body_hu", "slice_hu"):
            spreads, offs = [], []
            for key in {(row.seed, row.level) for row in rows}:
                same = [row for row in rows if (row.seed, row.level) == key]
                values = [
                    (getattr(row, roi), row.truth_hu)
                    for row in same
                    if row.change in ("usual", change) or change == "all"
                ]
                hu = np.array([value for value, _ in values if value is not None])
                if hu.size > 1:
                    spreads.append(float(hu.var(ddof=1)))
                    offs += [value - truth for value, truth in values if value is not None]
            if spreads:
                found.setdefault(change, {})[roi] = {
                    "bodies": len(spreads),
                    "sd_hu": round(float(np.sqrt(np.mean(spreads))), 2),
                    "worst_sd_hu": round(float(np.sqrt(np.max(spreads))), 2),
                    "median_off_hu": round(float(np.median(offs)), 2),
                }
    return found


def main() -> None:
    """Scan the persons and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--persons", type=int, default=10)
    parser.add_argument("--json", type=Path, help="where the table and every row are written")
    arguments = parser.parse_args()
    rows = [row for seed in range(arguments.persons) for row in scans(seed)]
    told = summary(rows)
    if arguments.json:
        document = {"persons": arguments.persons, "table": told, "rows": [asdict(row) for row in rows]}
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print(f"{arguments.persons} persons           SD of body, worst, off    SD of slice, worst, off (HU)")
    for change, parts in told.items():
        cells = [
            f"{parts[roi]['sd_hu']:8.2f} {parts[roi]['worst_sd_hu']:6.2f} {parts[roi]['median_off_hu']:6.2f}"
            for roi in ("body_hu", "slice_hu")
        ]
        print(f"{change:22s} {'   '.join(cells)}")


if __name__ == "__main__":
    main()
