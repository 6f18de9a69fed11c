"""The whole chain on phantoms never seen in training, beside the plain rule.

Each phantom is a full CT of ordinary geometry, read by the same :class:`OsteoJointLib.pipeline.reader.Reader` as a
patient's. One JSON row a case is written as it comes (``FILE.jsonl``), so that a run can be stopped and given again;
the means are taken from the rows at the end.

Localization, masks and class are those of the automatic reading where it put both levels within 10 mm. Where it did
not, refused, or held its class back, the case is read once more with the true centers as a user's points, so that every
stage is measured on every case and none is chosen; ``end_to_end`` then counts such a case as a failure of the whole
chain. Of a phantom that doesn't hold both levels only the naming is judged.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.errors import InputRefused, OsteoJointError
from OsteoJointLib.frames import plane_to_mask
from OsteoJointLib.phantom.cases import Phantom, make_phantom
from OsteoJointLib.pipeline.baseline import Thresholds
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.pipeline.midslice import centered_levels
from OsteoJointLib.pipeline.reader import Reader
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import LevelsFound
from OsteoJointLib.typed_json import to_json
from OsteoJointLib.weights import load_weights
from training.data.augment import box_of
from training.evaluation.chain_numbers import summarize
from training.evaluation.level_outcomes import RIGHT, Finder, Naming, attempt, both_in_view, judge
from training.evaluation.metrics import Overlap, box_iou
from training.evaluation.phantom_levels import LEVEL_SOURCES, expected_of
from training.evaluation.rows import Job, MadeBy, Row, complete_rows, sources_sha256
from training.evaluation.strata import strata_of
from training.seeds import EVALUATION_SEEDS, require_seeds

CHAIN_SOURCES = (*LEVEL_SOURCES, "OsteoJointLib/level_set", "OsteoJointLib/pipeline")
"""Folders whose files decide about a row."""


def evaluate(weights: str, first_seed: int, count: int, path: Path, processes: int = 2) -> dict[str, Any]:
    """Evaluate weights on phantoms and write the numbers.

    Args:
        weights: name or path.
        first_seed, count: of the phantoms, within ``EVALUATION_SEEDS``.
        path: of the JSON; rows go beside it, and rows already there of the same weights and sources are kept.
        processes: that work side by side, one thread each.

    Returns:
        What was written.
    """
    seeds = require_seeds(first_seed, count, EVALUATION_SEEDS)
    thresholds = Thresholds.load()
    sha256 = load_weights(weights).info.sha256
    jobs = [Job((str(seed),), partial(case_rows, weights, seed)) for seed in seeds]
    made_by = MadeBy(sha256, sources_sha256(*CHAIN_SOURCES))
    rows = complete_rows(path.with_suffix(".jsonl"), made_by, jobs, processes)
    numbers = summarize(list(rows.values()), thresholds)
    numbers |= {"first_seed": first_seed, "weights": weights, "weights_sha256": sha256}
    write_text_whole(path, json.dumps(numbers, indent=2) + "\n")
    print(json.dumps(numbers, indent=2))
    return numbers


@cache
def shipped_reader(weights: str) -> Reader:
    """Load a reader once a process."""
    return load_reader(weights, device="cpu")


def shipped_finder(weights: str) -> Finder:
    """Load the level stage of weights as the program has it."""
    return shipped_reader(weights).finder


def case_rows(weights: str, seed: int, keys: Sequence[str]) -> Mapping[str, Row]:
    """Make the one row of a job."""
    return {key: case_row(weights, seed) for key in keys}


def case_row(weights: str, seed: int) -> Row:
    """Make one phantom, read it, and compare; a row of plain values."""
    began = time.monotonic()
    phantom = make_phantom(seed, any_field=True)
    made_s = time.monotonic() - began
    truth = phantom.truth
    row: Row = {
        "seed": seed,
        "status": truth.status.value,
        "bmd_mg_cm3": truth.mean_bmd_mg_cm3,
        "contrast_phase": truth.contrast_phase,
        "kvp": truth.kvp,
        "strata": strata_of(phantom),
        **_read(shipped_reader(weights), phantom),
    }
    row["seconds"] = {"phantom": round(made_s, 2), "all": round(time.monotonic() - began, 2)}
    return row


def _read(reader: Reader, phantom: Phantom) -> Row:
    """Name the levels and read automatically, or at the true points where that went wrong."""
    expected = expected_of(phantom)
    said = attempt(lambda: centered_levels(phantom.volume, reader.finder(phantom.volume)))
    naming = judge(said, expected)
    row = {"naming": to_json(naming), "levels_given": False}
    if not both_in_view(expected):
        return row
    result = _read_named(reader, phantom, said, naming, row)
    if result is None or result.classification is None:
        row["levels_given"] = True
        centers = {level: point for level, point in expected.items() if point is not None}
        try:
            result = reader.read(phantom.volume, points=centers, options=ReadOptions(gradcam=False))
        except OsteoJointError as error:
            return row | {"refused_given": error.reason.value}
    return row | compare(result, phantom)


def _read_named(
    reader: Reader, phantom: Phantom, said: LevelsFound | InputRefused, naming: Naming, row: Row
) -> CaseResult | None:
    """Read at the levels that were found rightly; None where there are none, or where a later stage refuses."""
    if isinstance(said, InputRefused) or naming.outcome not in RIGHT:
        return None
    try:
        return reader.read_levels(phantom.volume, said, ReadOptions(gradcam=False))
    except OsteoJointError as error:
        row["refused_later"] = error.reason.value
        return None


def compare(result: CaseResult, phantom: Phantom) -> dict[str, Any]:
    """Compare a reading with the phantom's truth on the slices that were read."""
    said = result.classification
    return {
        "probabilities": said and list(said.probabilities),
        "predicted": said and said.status.value,
        "roi_hu": [reading.measurement.hu_mean for reading in result.readings],
        "levels": {reading.point.level.value: compare_level(reading, phantom) for reading in result.readings},
    }


def compare_level(reading: VertebraReading, phantom: Phantom) -> dict[str, Any]:
    """Compare box and mask of one level with the truth on the same slice, in the slice's frame."""
    axial = reading.axial
    truth = plane_to_mask(phantom.labels[axial.slice_index] == reading.point.level.verse_label, axial)
    overlap = Overlap.of(reading.segmentation.mask, truth)
    iou = float(box_iou(np.array(reading.box.xyxy_px), box_of(truth))) if truth.any() else 0.0
    return {
        "box_iou": iou,
        "box_confidence": reading.box.confidence,
        "pixels": [overlap.both, overlap.only_predicted, overlap.only_true],
        "dice": overlap.dice,
        "iou": overlap.iou,
    }
