"""The numbers of the whole chain, from its rows: from CT to class first, then each stage by itself."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from OsteoJointLib.errors import Reason, RunFailed
from training.evaluation.chain.baselines import Baseline
from training.evaluation.chain.localizer_numbers import localizer_numbers
from training.evaluation.chain.status_numbers import (
    baseline_numbers,
    bmd_numbers,
    explanation_numbers,
    image_numbers,
    status_numbers,
    versus_numbers,
)
from training.evaluation.level_outcomes import RIGHT, Outcome, both_in_view
from training.evaluation.metrics import Overlap, bootstrap_interval
from training.evaluation.phantom_levels import level_numbers
from training.evaluation.rows import Row


def summarize(rows: list[Row], baselines: Mapping[str, Baseline], further: Sequence[Row] = ()) -> dict[str, Any]:
    """Take the means of the rows, each with its n and, where it matters, a 95 % bootstrap interval over cases.

    Args:
        rows: as :func:`training.evaluation.case_rows.chain_row.case_row` makes them.
        baselines: fitted, by name.
        further: rows of phantoms drawn for being of the paper's protocol; they count in that stratum alone.

    Returns:
        ``levels`` counts every row; the rest is of the ``n`` whose L1 and L2 are both in view. ``end_to_end`` counts
        all of these, from CT to class; what follows it the ones that were read to a class without help;
        ``at_true_centers`` the others, read once more with the true centers.

    Raises:
        RunFailed: none was read.
    """
    levels = level_numbers(rows)
    rows = [row for row in rows if both_in_view(row["naming"]["expected_lps_mm"])]
    read, further = _read_alone(rows), _read_alone(further)
    if not read:
        raise RunFailed(
            Reason.FAILED,
            "None of the phantoms was read to a class, so there is nothing to measure. The rows say why.",
        )
    near = np.array([row["naming"]["outcome"] in RIGHT for row in rows])
    numbers = {
        "n": len(rows),
        "end_to_end": _end_to_end(rows),
        "levels": levels,
        "levels_within_10mm": float(near.mean()),
        "status": status_numbers(read),
        "baselines": baseline_numbers(read, baselines),
        "versus": versus_numbers(read, further, baselines),
        "image": image_numbers(read),
        "bmd": bmd_numbers(read),
        "explanation": explanation_numbers(read),
        "localizer": localizer_numbers([row["levels"] for row in read]),
        **_masks(read),
        "at_true_centers": _at_true_centers([row for row in rows if row["levels_given"]]),
    }
    numbers["interval"]["levels_within_10mm"] = bootstrap_interval(lambda i: float(near[i].mean()), len(rows))
    return without_nan(numbers)


def _read_alone(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that were read to a class without true centers."""
    return [row for row in rows if not row["levels_given"] and row.get("predicted") is not None]


def _end_to_end(rows: Sequence[Row]) -> dict[str, Any]:
    """Count from CT to class: a case that was refused, held back or read at a wrong level is not right."""
    alone = np.array([not row["levels_given"] for row in rows])
    right = np.array([row.get("predicted") == row["status"] for row in rows]) & alone
    outcomes = [row["naming"]["outcome"] for row in rows]
    wrong = sum(outcome in (Outcome.WRONG_FLAGGED, Outcome.WRONG_SILENT) for outcome in outcomes)
    later = sum("refused_later" in row for row in rows)
    named_rightly = sum(outcome in RIGHT for outcome in outcomes)
    return {
        "accuracy": float(right.mean()),
        "interval": bootstrap_interval(lambda i: float(right[i].mean()), len(rows)),
        "refused": int((~alone).sum()) - wrong,
        "refused_because": {
            "levels": outcomes.count(Outcome.REFUSED),
            "a_later_stage": later,
            "held_back": named_rightly - later - int(alone.sum()),
        },
        "wrong_level": wrong,
    }


def _masks(read: Sequence[Row]) -> dict[str, Any]:
    dice, iou = (
        np.array([np.mean([level[name] for level in row["levels"].values()]) for row in read])
        for name in ("dice", "iou")
    )
    found = [level for row in read for level in row["levels"].values()]
    pooled = sum((Overlap(*level["pixels"]) for level in found), Overlap(0, 0, 0))
    return {
        "dice": float(dice.mean()),
        "iou": float(iou.mean()),
        "dice_worst": float(dice.min()),
        "pooled": {"dice": pooled.dice, "iou": pooled.iou},
        "interval": {
            "dice": bootstrap_interval(lambda i: float(dice[i].mean()), len(dice)),
            "iou": bootstrap_interval(lambda i: float(iou[i].mean()), len(iou)),
        },
    }


def _at_true_centers(given: Sequence[Row]) -> dict[str, Any]:
    """Measure the cases that needed the true centers, by themselves."""
    read = [row for row in given if row.get("predicted") is not None]
    dice = [level["dice"] for row in read for level in row["levels"].values()]
    return {
        "n": len(given),
        "read": len(read),
        "accuracy": float(np.mean([row["predicted"] == row["status"] for row in read])) if read else None,
        "dice": float(np.mean(dice)) if dice else None,
    }


def without_nan(value: Any) -> Any:
    """Put null in place of every number that is none, so that any reader of JSON can read it.

    >>> without_nan({"auc": float("nan"), "interval": (0.1, float("inf"))})
    {'auc': None, 'interval': [0.1, None]}
    """
    if isinstance(value, Mapping):
        return {key: without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_nan(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
