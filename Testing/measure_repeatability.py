"""How well HU repeat when a patient is scanned again: ``python Testing/measure_repeatability.py --json out.json``.

Each person's L1 and L2 are scanned ten times, each scan with another slice phase, thickness, kernel or noise than the
usual one. They are measured in the true masks (``--persons``, half a minute for ten), and in the masks that the shipped
weights see in the whole image, from the true centers (``--read``, a minute for two): through the body and on the
mid-slice. The table tells the SD between the scans of one body, and how far HU are off the phantom's truth. Bodies with
a finding (broken, lesion, cement) stand apart. The trabeculae are drawn anew for every grid of voxels, so that what
they bring is counted in: a patient's stay where they are.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.patient import Patient, build_patient
from OsteoJointLib.phantom.scanner.acquisition import Acquisition, acquire
from OsteoJointLib.phantom.scanner.rendering import render_hu, render_labels
from OsteoJointLib.pipeline.body_roi import measure_body
from OsteoJointLib.pipeline.measure import measure_roi
from OsteoJointLib.records import BodyVolume, CtVolume, Level, SourceInfo

if TYPE_CHECKING:
    from OsteoJointLib.pipeline.reader import Reader

PIXEL_MM, FIELD_MM, HEIGHT_MM = 0.7, (66.0, 78.0), 46.0  # of a box about one body: depth and width; chosen
READ_PIXELS, READ_PIXEL_MM, READ_HEIGHT_MM, READ_BACK_MM = 512, 0.8, 90.0, 50.0  # of a slab through both; chosen
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
SETTINGS = [("usual", USUAL), *((name, USUAL | one) for name, changes in CHANGES.items() for one in changes)]
SOUND, FOUND = "sound", "with a finding"


@dataclass(frozen=True)
class Row:
    """One scan of one level."""

    masks: str
    seed: int
    level: str
    body: str
    change: str
    truth_hu: float
    body_hu: float | None
    slice_hu: float | None


def person_of(seed: int) -> Patient:
    """Build a plausible patient."""
    return build_patient(np.random.default_rng([seed, 1, 79]), randomized=False)


def acquisition_of(patient: Patient, setting: dict[str, float | str]) -> Acquisition:
    """Return how a scan is made; a box has no middle to cup about, so nothing cups."""
    own: dict[str, float | str] = {name: value for name, value in setting.items() if name != "phase"}
    return replace(patient.acquisition, cupping_hu=0.0, **own)


def row_of(
    patient: Patient, seed: int, level: Level, scan: tuple[str, str, Acquisition], hu: tuple[float | None, float | None]
) -> Row:
    """Put a row together; scan: whose masks, what was changed, and how it was scanned."""
    label = level.verse_label
    truth = scan[2].shown(patient.column.find(label).trabecular_hu)
    return Row(scan[0], seed, level.value, FOUND if patient.person.has_finding(label) else SOUND, scan[1], truth, *hu)


def true_scans(seed: int) -> Iterator[Row]:
    """Scan one person again and again, and measure in the true masks."""
    patient = person_of(seed)
    for level in Level:
        for number, (change, setting) in enumerate(SETTINGS):
            acquisition, rng = acquisition_of(patient, setting), np.random.default_rng([seed, number])
            center = patient.column.find(level.verse_label).frame.center
            thick, (depth, width) = acquisition.thickness_mm, FIELD_MM
            origin = center - 0.5 * np.array([width, depth, HEIGHT_MM])
            origin[2] += float(setting["phase"]) * thick
            shape = [round(size / step) for size, step in ((HEIGHT_MM, thick), (depth, PIXEL_MM), (width, PIXEL_MM))]
            grid = Grid.axis_aligned(shape, (PIXEL_MM, PIXEL_MM, thick), origin.tolist())
            hu = acquire(render_hu(patient.scene, grid, rng), grid, acquisition, rng)
            mask = render_labels(patient.scene, grid) == level.verse_label
            volume = CtVolume(hu, grid, SourceInfo("phantom"))
            body = measure_body(volume, BodyVolume(level.value, mask, (0, 0, 0), 0.0), level)
            middle = round(float(grid.lps_to_index(center)[0]))
            of_slice = measure_roi(hu[middle], mask[middle], PIXEL_MM, level)
            yield row_of(patient, seed, level, ("true", change, acquisition), (body.hu_mean, of_slice.hu_mean))


def read_scans(reader: Reader, seed: int) -> Iterator[Row]:
    """Scan one person again and again, and read the slab through L1 and L2."""
    from OsteoJointLib.pipeline.settings import ReadOptions

    patient = person_of(seed)
    points = {level: tuple(map(float, patient.column.find(level.verse_label).frame.center)) for level in Level}
    middle = np.mean(list(points.values()), axis=0)
    for number, (change, setting) in enumerate(SETTINGS):
        acquisition, rng = acquisition_of(patient, setting), np.random.default_rng([seed, number])
        thick, half = acquisition.thickness_mm, 0.5 * READ_PIXELS * READ_PIXEL_MM
        z = middle[2] - 0.5 * READ_HEIGHT_MM + float(setting["phase"]) * thick
        grid = Grid.axis_aligned(
            (round(READ_HEIGHT_MM / thick), READ_PIXELS, READ_PIXELS),
            (READ_PIXEL_MM, READ_PIXEL_MM, thick),
            (middle[0] - half, middle[1] - half - READ_BACK_MM, z),
        )
        hu = acquire(render_hu(patient.scene, grid, rng), grid, acquisition, rng)
        source = SourceInfo("phantom", kvp=acquisition.kvp, kernel=acquisition.kernel)
        result = reader.read(CtVolume(hu, grid, source), points, ReadOptions(gradcam=False))
        for one in result.readings:
            measured = (one.measurement.hu_mean, one.slice_measurement.hu_mean)
            yield row_of(patient, seed, one.level, ("read", change, acquisition), measured)


def summary(rows: list[Row]) -> list[dict[str, str | float]]:
    """SD between the scans of one body, and how far HU are off, by masks, kind of body, change and region."""
    found: list[dict[str, str | float]] = []
    groups = dict.fromkeys((row.masks, row.body) for row in rows)
    for masks, body in groups:
        some = [row for row in rows if (row.masks, row.body) == (masks, body)]
        for change in (*CHANGES, "all"):
            for roi in ("body_hu", "slice_hu"):
                spreads, offs = [], []
                for key in {(row.seed, row.level) for row in some}:
                    same = [row for row in some if (row.seed, row.level) == key]
                    counted = [row for row in same if row.change in ("usual", change) or change == "all"]
                    hu = np.array([value for row in counted if (value := getattr(row, roi)) is not None])
                    if hu.size > 1:
                        spreads.append(float(hu.std(ddof=1)))
                        offs += (hu - same[0].truth_hu).tolist()
                if spreads:
                    of_bodies = {
                        "bodies": len(spreads),
                        "sd_hu": round(float(np.sqrt(np.mean(np.square(spreads)))), 2),
                        "median_sd_hu": round(float(np.median(spreads)), 2),
                        "worst_sd_hu": round(float(np.max(spreads)), 2),
                        "median_off_hu": round(float(np.median(offs)), 2),
                    }
                    found.append({"masks": masks, "body": body, "change": change, "roi": roi[:-3]} | of_bodies)
    return found


def main() -> None:
    """Scan the persons and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--persons", type=int, default=30, help="in true masks (default: 30)")
    parser.add_argument("--read", type=int, default=6, help="by the shipped weights (default: 6)")
    parser.add_argument("--json", type=Path, help="where the table and every row are written")
    arguments = parser.parse_args()
    rows = [row for seed in range(arguments.persons) for row in true_scans(seed)]
    if arguments.read:
        from OsteoJointLib.pipeline.loading import load_reader

        reader = load_reader()
        rows += [row for seed in range(arguments.read) for row in read_scans(reader, seed)]
    told = summary(rows)
    if arguments.json:
        document = {
            "persons": arguments.persons,
            "read": arguments.read,
            "table": told,
            "rows": list(map(asdict, rows)),
        }
        arguments.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    print("masks  bodies            change       region    n     SD  median   worst  median off truth, HU")
    for one in told:
        print(
            f"{one['masks']:6s} {one['body']:17s} {one['change']:12s} {one['roi']:7s} {one['bodies']:3d} "
            f"{one['sd_hu']:6.2f} {one['median_sd_hu']:7.2f} {one['worst_sd_hu']:7.2f} {one['median_off_hu']:7.2f}"
        )


if __name__ == "__main__":
    main()
