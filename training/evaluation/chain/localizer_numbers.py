"""The localizer as YOLOv3 is measured: every detection counts, for the label L1 and for L2, and the two are averaged.

A slice shows one body, of one label. A detection is a hit of that label where its box overlaps the true one enough and
no surer detection of the slice has met it before; of the other label it is a false alarm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from OsteoJointLib.records import Level
from training.evaluation.metrics import average_precision
from training.evaluation.rows import Row

IOUS = (0.5, 0.75)
"""From which IoU on a box is a hit: mAP50, mAP75."""


def localizer_numbers(slices: Sequence[Mapping[str, Row]]) -> dict[str, Any]:
    """Measure the localizer on the slices that were read.

    Args:
        slices: of each case, L1's and L2's row with its ``detections``.

    Returns:
        ``map50`` and ``map75``, the mean of both labels; ``ap50_any_label``, where L1 taken for L2 is no fault;
        ``center_off_mm``, the mean distance of the chosen box's center from the true one's. Nulls without a localizer.
    """
    there = [case for case in slices if all("detections" in row for row in case.values())]
    off = [row["center_off_mm"] for case in slices for row in case.values() if row["center_off_mm"] is not None]
    numbers: dict[str, Any] = {"n": 2 * len(there), "center_off_mm": float(np.mean(off)) if off else None}
    for iou in IOUS:
        labels = [_of_label(there, index, iou) for index in range(len(Level))] if there else []
        numbers[f"map{round(100 * iou)}"] = float(np.mean(labels)) if labels else None
    numbers["ap50_any_label"] = _any_label(there, IOUS[0]) if there else None
    return numbers


def _of_label(cases: Sequence[Mapping[str, Row]], label: int, iou: float) -> float:
    """Average precision of one label over the slices of both."""
    scores, hits = [], []
    for case in cases:
        for of, level in enumerate(Level):
            found = sorted(case[level.value]["detections"], key=lambda one: -one[label])
            scores += [one[label] for one in found]
            hits += _first_hit([of == label and one[2] >= iou for one in found])
    return average_precision(np.array(scores), np.array(hits), len(cases))


def _any_label(cases: Sequence[Mapping[str, Row]], iou: float) -> float:
    """Average precision of a body of either label."""
    scores, hits = [], []
    for case in cases:
        for row in case.values():
            found = sorted(row["detections"], key=lambda one: -max(one[:2]))
            scores += [max(one[:2]) for one in found]
            hits += _first_hit([one[2] >= iou for one in found])
    return average_precision(np.array(scores), np.array(hits), 2 * len(cases))


def _first_hit(hits: Sequence[bool]) -> list[bool]:
    """Leave of the hits of one body only the surest.

    >>> _first_hit([False, True, True])
    [False, True, False]
    """
    return [hit and not any(hits[:index]) for index, hit in enumerate(hits)]
