"""The numbers of the whole chain, from its rows: levels, boxes, masks, classes, and the plain rule beside them."""

from __future__ import annotations

from typing import Any

import numpy as np

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.pipeline.baseline import Thresholds
from OsteoJointLib.records import STATUSES
from training.evaluation.level_outcomes import RIGHT, both_in_view
from training.evaluation.metrics import (
    AP_IOU,
    Overlap,
    accuracy,
    auc,
    average_precision,
    bootstrap_interval,
    confusion_matrix,
    one_against_rest,
)
from training.evaluation.phantom_levels import level_numbers
from training.evaluation.rows import Row


def summarize(rows: list[Row], thresholds: Thresholds) -> dict[str, Any]:
    """Take the means of the rows, each with its n and a 95 % bootstrap interval over cases.

    Args:
        rows: as :func:`training.evaluation.whole_chain.case_row` makes them.
        thresholds: of the baseline.

    Returns:
        ``levels`` counts every row; the rest is of the ``n`` whose L1 and L2 are both in view.
    """
    levels = level_numbers(rows)
    rows = [row for row in rows if both_in_view(row["naming"]["expected_lps_mm"])]
    near = np.array([_near(row) for row in rows])
    numbers: dict[str, Any] = {
        "n": len(rows),
        "levels": levels,
        "levels_within_10mm": float(near.mean()),
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


def _near(row: Row) -> bool:
    return row["naming"]["outcome"] in RIGHT


def _boxes_and_masks(rows: list[Row]) -> dict[str, Any]:
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


def _classes(rows: list[Row]) -> dict[str, Any]:
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


def _baseline(rows: list[Row], thresholds: Thresholds) -> dict[str, Any]:
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
