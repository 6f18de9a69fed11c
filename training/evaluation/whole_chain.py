"""The whole chain on phantoms never seen in training, beside the plain rule.

Each phantom is a full CT of ordinary geometry (512 x 512, 2 to 5 mm slices), read by the same
:class:`OsteoJointLib.pipeline.reader.Reader` as a patient's. One JSON row a case is written as it comes
(``FILE.jsonl``), so that a run can be stopped and given again; the means are taken from the rows at the end.

Localization, masks and class are those of the automatic reading where it put both levels within 10 mm. Where it did
not, refused, or held its class back, the case is read once more with the true centers as a user's points, so that every
stage is measured on every case and none is chosen; ``end_to_end`` then counts such a case as a failure of the whole
chain.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed
from OsteoJointLib.frames import plane_to_mask
from OsteoJointLib.phantom.cases import Phantom, make_phantom
from OsteoJointLib.pipeline.baseline import Thresholds
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.pipeline.reader import Reader
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import STATUSES, Level
from OsteoJointLib.weights import load_weights
from training.data.augment import box_of
from training.evaluation.metrics import (
    AP_IOU,
    NEAR_MM,
    Overlap,
    accuracy,
    auc,
    average_precision,
    bootstrap_interval,
    box_iou,
    confusion_matrix,
    one_against_rest,
)
from training.seeds import EVALUATION_SEEDS, require_seeds


def evaluate(weights: str, first_seed: int, count: int, path: Path, processes: int = 2) -> dict[str, Any]:
    """Evaluate weights on phantoms and write the numbers.

    Args:
        weights: name or path.
        first_seed, count: of the phantoms, within ``EVALUATION_SEEDS``.
        path: of the JSON; rows go beside it, and rows already there with the same weights are kept.
        processes: that work side by side, one thread each.

    Returns:
        What was written.
    """
    seeds = require_seeds(first_seed, count, EVALUATION_SEEDS)
    thresholds = Thresholds.load()
    sha256 = load_weights(weights).info.sha256
    rows_path = path.with_suffix(".jsonl")
    rows = {row["seed"]: row for row in _read_rows(rows_path) if row["weights_sha256"] == sha256}
    missing = [seed for seed in seeds if seed not in rows]
    path.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    with rows_path.open("a", encoding="utf-8") as stream:
        for done, row in enumerate(_rows(weights, sha256, missing, processes), 1):
            rows[row["seed"]] = row
            stream.write(json.dumps(row) + "\n")
            stream.flush()
            if done % 10 == 0 or done == len(missing):
                print(f"{done} of {len(missing)}, {(time.monotonic() - began) / done:.1f} s a case", flush=True)
    numbers = summarize([rows[seed] for seed in seeds], thresholds)
    numbers |= {"first_seed": first_seed, "weights": weights, "weights_sha256": sha256}
    write_text_whole(path, json.dumps(numbers, indent=2) + "\n")
    print(json.dumps(numbers, indent=2))
    return numbers


def _rows(weights: str, sha256: str, seeds: list[int], processes: int) -> Iterable[dict[str, Any]]:
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from multiprocessing import get_context

    if processes < 2 or len(seeds) < 2:
        yield from (case_row(weights, sha256, seed) for seed in seeds)
        return
    os.environ["OMP_NUM_THREADS"] = "1"  # inherited by the workers, which share the cores among them
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        futures = [pool.submit(case_row, weights, sha256, seed) for seed in seeds]
        for future in as_completed(futures):
            yield future.result()


@cache
def _reader(weights: str) -> Reader:
    return load_reader(weights, device="cpu")


def case_row(weights: str, sha256: str, seed: int) -> dict[str, Any]:
    """Make one phantom, read it, and compare; a row of plain values."""
    began = time.monotonic()
    phantom = make_phantom(seed)
    made_s = time.monotonic() - began
    truth = phantom.truth
    row: dict[str, Any] = {
        "seed": seed,
        "weights_sha256": sha256,
        "status": truth.status.value,
        "bmd_mg_cm3": truth.mean_bmd_mg_cm3,
        "contrast_phase": truth.contrast_phase,
        "kvp": truth.kvp,
        **_read(_reader(weights), phantom),
    }
    row["seconds"] = {"phantom": round(made_s, 2), "all": round(time.monotonic() - began, 2)}
    return row


def _read(reader: Reader, phantom: Phantom) -> dict[str, Any]:
    """Read automatically, and with the true points where that went wrong."""
    options = ReadOptions(gradcam=False)
    centers = {level: phantom.truth.centers_lps_mm[level.verse_label] for level in Level}
    row: dict[str, Any] = {"refused": None, "levels_error_mm": None, "levels_given": False}
    result = None
    try:
        result = reader.read(phantom.volume, options=options)
        found = {reading.point.level: reading.point.center_lps_mm for reading in result.readings}
        row["levels_error_mm"] = {level.value: math.dist(found[level], centers[level]) for level in Level}
        row["levels_flags"] = sorted({flag.code.value for flag in result.levels.flags})
    except OsteoJointError as error:
        row["refused"] = error.reason.value
    if result is None or result.classification is None or max(row["levels_error_mm"].values()) > NEAR_MM:
        row["levels_given"] = True
        try:
            result = reader.read(phantom.volume, points=centers, options=options)
        except OsteoJointError as error:
            return row | {"refused_given": error.reason.value}
    return row | compare(result, phantom)


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


def summarize(rows: list[dict[str, Any]], thresholds: Thresholds) -> dict[str, Any]:
    """Take the means of the rows, each with its n and a 95 % bootstrap interval over cases.

    Args:
        rows: as :func:`case_row` makes them.
        thresholds: of the baseline.
    """
    near = np.array([_near(row) for row in rows])
    numbers: dict[str, Any] = {
        "n": len(rows),
        "levels_within_10mm": float(near.mean()),
        "levels_refused": sum(row["refused"] is not None for row in rows),
        "not_read_at_all": sum("levels" not in row for row in rows),
        **_boxes_and_masks(rows),
        **_classes(rows),
    }
    right = np.array([row.get("predicted") == row["status"] for row in rows])
    alone = np.array([not row["levels_given"] for row in rows])
    numbers["end_to_end"] = {"accuracy": float((right & alone).mean()), "refused_or_wrong_level": int((~alone).sum())}
    numbers["baseline"] = _baseline(rows, thresholds)
    numbers["interval"]["levels_within_10mm"] = bootstrap_interval(lambda i: float(near[i].mean()), len(rows))
    return numbers


def _near(row: dict[str, Any]) -> bool:
    return row["levels_error_mm"] is not None and max(row["levels_error_mm"].values()) <= NEAR_MM


def _boxes_and_masks(rows: list[dict[str, Any]]) -> dict[str, Any]:
    read = [row["levels"] for row in rows if "levels" in row]
    if not read:
        raise RunFailed(
            Reason.FAILED,
            "None of the phantoms could be read, so there is nothing to measure. Look at the rows: each says why.",
        )
    found = [level for levels in read for level in levels.values()]
    hits = np.array([level["box_iou"] >= AP_IOU for level in found])
    confidences = np.array([level["box_confidence"] for level in found])
    dice = np.array([np.mean([level["dice"] for level in levels.values()]) for levels in read])
    iou = np.array([np.mean([level["iou"] for level in levels.values()]) for levels in read])
    pooled = sum((Overlap(*level["pixels"]) for level in found), Overlap(0, 0, 0))
    return {
        "ap50": average_precision(confidences, hits, 2 * len(rows)),
        "dice": float(dice.mean()),
        "iou": float(iou.mean()),
        "dice_worst": float(dice.min()),
        "pooled": {"dice": pooled.dice, "iou": pooled.iou},
        "interval": {
            "dice": bootstrap_interval(lambda i: float(dice[i].mean()), len(dice)),
            "iou": bootstrap_interval(lambda i: float(iou[i].mean()), len(iou)),
        },
    }


def _classes(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Take accuracy over all cases (one that could not be read at all is wrong); AUC over those that were read."""
    read = [row for row in rows if "probabilities" in row]
    true = np.array([STATUSES.index(row["status"]) for row in read])
    predicted = np.array([STATUSES.index(row["predicted"]) for row in read])
    confusion = confusion_matrix(true, predicted, len(STATUSES))
    probabilities = np.array([row["probabilities"] for row in read])
    return {
        "accuracy": float(np.trace(confusion) / len(rows)),
        "accuracy_interval": bootstrap_interval(lambda i: float(np.mean(true[i] == predicted[i])), len(read)),
        "auc": {s.value: auc(probabilities[:, i], true == i) for i, s in enumerate(STATUSES)},
        "one_against_rest": {s.value: one_against_rest(confusion, i) for i, s in enumerate(STATUSES)},
        "confusion": {"rows_true_columns_predicted": [s.value for s in STATUSES], "counts": confusion.tolist()},
    }


def _baseline(rows: list[dict[str, Any]], thresholds: Thresholds) -> dict[str, Any]:
    """Measure the plain rule (mean ROI HU of both levels, two thresholds) where both ROIs could be measured."""
    measured = [row for row in rows if "roi_hu" in row and None not in row["roi_hu"]]
    hu = np.array([np.mean(row["roi_hu"]) for row in measured])
    true = np.array([STATUSES.index(row["status"]) for row in measured])
    predicted = np.array([STATUSES.index(thresholds.status(value)) for value in hu])
    scores = np.array([thresholds.scores(value) for value in hu])
    return {
        "accuracy": accuracy(confusion_matrix(true, predicted, len(STATUSES))),
        "accuracy_interval": bootstrap_interval(lambda i: float(np.mean(true[i] == predicted[i])), len(measured)),
        "auc": {s.value: auc(scores[:, i], true == i) for i, s in enumerate(STATUSES)},
        "n": len(measured),
        "thresholds_hu": [thresholds.low_hu, thresholds.high_hu],
    }


def _read_rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
