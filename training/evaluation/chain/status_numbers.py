"""The class: how good, how honest, better than what, and whether it comes from the image. From rows of the chain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from OsteoJointLib.records import STATUSES
from OsteoJointLib.typed_json import from_json
from training.evaluation.case_rows.facts import BaselineFacts
from training.evaluation.chain.baselines import Baseline, HeaderRule, HuRule, Said
from training.evaluation.chain.paired import compare_by_stratum, compare_paired
from training.evaluation.chain.probabilities import interval_quality, status_quality
from training.evaluation.metrics import auc, bootstrap_interval, confusion_matrix, one_against_rest
from training.evaluation.rows import Row
from training.evaluation.strata import PAPER

STRATA = ("kvp", "phase", "kernel", "size", "degeneration")
"""By which network and baselines are compared."""

_DEGREE = 3  # of the polynomial of mean HU, chosen: two bends
_LEAST_PROBABILITY = 1e-12  # under it a logarithm tells nothing


def true_of(rows: Sequence[Row]) -> np.ndarray:
    """(N,) index of the true class in ``STATUSES``."""
    return np.array([STATUSES.index(row["status"]) for row in rows], dtype=int)


def predicted_of(rows: Sequence[Row]) -> np.ndarray:
    """(N,) index of the class that was read."""
    return np.array([STATUSES.index(row["predicted"]) for row in rows], dtype=int)


def status_numbers(rows: Sequence[Row]) -> dict[str, Any]:
    """Measure the class of rows that have one."""
    if not rows:
        return {"n": 0} | dict.fromkeys(("accuracy", "auc", "ece", "brier", "nll"))
    true, predicted = true_of(rows), predicted_of(rows)
    confusion = confusion_matrix(true, predicted, len(STATUSES))
    sure = np.array([not row["indeterminate"] for row in rows])
    right = true == predicted
    return {
        **status_quality(np.array([row["probabilities"] for row in rows]), true),
        "accuracy_interval": bootstrap_interval(lambda i: float(right[i].mean()), len(rows)),
        "one_against_rest": {s.value: one_against_rest(confusion, i) for i, s in enumerate(STATUSES)},
        "confusion": {"rows_true_columns_predicted": [s.value for s in STATUSES], "counts": confusion.tolist()},
        "indeterminate": float(1.0 - sure.mean()),
        "accuracy_of_determinate": float(right[sure].mean()) if sure.any() else None,
    }


def bmd_numbers(rows: Sequence[Row]) -> dict[str, Any]:
    """Measure the BMD of rows that have one; nulls where the network gives none."""
    there = [row for row in rows if row["bmd"] is not None]
    if not there:
        return {"n": 0} | dict.fromkeys(("mae", "coverage_50", "coverage_90"))
    mean, sd = np.array([row["bmd"] for row in there]).T
    return interval_quality(mean, sd, np.array([row["bmd_mg_cm3"] for row in there]))


def measured(rows: Sequence[Row]) -> list[Row]:
    """Return the rows on which baselines can say something: those whose HU could be measured."""
    return [row for row in rows if row["facts"] is not None]


def facts_of(rows: Sequence[Row]) -> list[BaselineFacts]:
    """Read the facts of measured rows."""
    return [from_json(BaselineFacts, row["facts"]) for row in rows]


def baseline_numbers(rows: Sequence[Row], baselines: Mapping[str, Baseline]) -> dict[str, Any]:
    """Measure the baselines on rows that have a class and a mean HU."""
    rows = measured(rows)
    true = true_of(rows)
    return {
        name: _baseline(baseline, baseline.said(facts_of(rows)), rows, true) for name, baseline in baselines.items()
    }


def _baseline(baseline: Baseline, said: Said, rows: Sequence[Row], true: np.ndarray) -> dict[str, Any]:
    if not rows:
        return {"n": 0, "accuracy": None, "auc": None}
    right = said.predicted == true
    of_class = {status.value: auc(said.scores[:, i], true == i) for i, status in enumerate(STATUSES)}
    numbers: dict[str, Any] = {
        "n": len(rows),
        "accuracy": float(right.mean()),
        "accuracy_interval": bootstrap_interval(lambda i: float(right[i].mean()), len(rows)),
        "auc": float(np.mean(list(of_class.values()))),
        "auc_of": of_class,
    }
    if isinstance(baseline, HuRule):
        numbers["thresholds_hu"] = [baseline.thresholds.low_hu, baseline.thresholds.high_hu]
    if isinstance(baseline, HeaderRule) and said.bmd_mg_cm3 is not None:
        sd = np.full(len(rows), baseline.sd_mg_cm3)
        numbers["bmd"] = interval_quality(said.bmd_mg_cm3, sd, np.array([row["bmd_mg_cm3"] for row in rows]))
    return numbers


def versus_numbers(
    rows: Sequence[Row], further: Sequence[Row], baselines: Mapping[str, Baseline]
) -> dict[str, dict[str, Any]]:
    """Compare the network with each baseline on the same cases.

    Args:
        rows: with a class, protocols mixed as they come.
        further: with a class, drawn for being of the paper's protocol; they count in that stratum alone.
        baselines: fitted.

    Returns:
        By baseline: :func:`compare_paired`, network less baseline; ``by_stratum``; ``protocol``, in the paper's.
    """
    rows, further = measured(rows), measured(further)
    paper = [row for row in rows if row["strata"].get("protocol") == PAPER] + further
    numbers = {}
    for name, baseline in baselines.items():
        network, other = _right(rows), _right(rows, baseline)
        numbers[name] = compare_paired(network, other) | {
            "by_stratum": compare_by_stratum(network, other, [row["strata"] for row in rows], STRATA)
            | {"protocol": {PAPER: compare_paired(_right(paper), _right(paper, baseline))}}
        }
    return numbers


def _right(rows: Sequence[Row], baseline: Baseline | None = None) -> np.ndarray:
    """(N,) whether the network, or a baseline, is right."""
    if not rows:
        return np.zeros(0, dtype=bool)
    predicted = predicted_of(rows) if baseline is None else baseline.said(facts_of(rows)).predicted
    return predicted == true_of(rows)


def image_numbers(rows: Sequence[Row]) -> dict[str, Any]:
    """Say whether the class comes from the image.

    Returns:
        ``constant_changed``, ``blind_changed``, ``swapped_changed``, ``swapped_features_changed``: the share of the
        cases whose class is another one with constant crops, with the decoders' features of these too, with the crops
        of a case of another class, with the decoders' features of that case; ``constant_accuracy``: how many are right
        with constant crops; ``swapped_followed``, ``swapped_features_followed``: the share that takes the other case's
        true class; ``r2_on_hu``: how much of the logits (the logarithms of the probabilities less their mean, which
        are the same) a polynomial of mean HU tells; ``bmd_r2_on_hu``: the same of the mean of BMD.
    """
    names = ("constant_changed", "blind_changed", "swapped_changed", "swapped_features_changed")
    there = [row for row in rows if row["image"] is not None]
    numbers: dict[str, Any] = {"n": len(there)} | dict.fromkeys((*names, "r2_on_hu", "bmd_r2_on_hu"))
    if there:
        for name in names:
            other = [row["image"][name.removesuffix("_changed")] for row in there]
            numbers[name] = float(np.mean([o != row["predicted"] for o, row in zip(other, there, strict=True)]))
        right = [row["image"]["constant"] == row["status"] for row in there]
        numbers["constant_accuracy"] = float(np.mean(right))
        for name in ("swapped", "swapped_features"):
            followed = [row["image"][name] == row["image"]["donor"] for row in there]
            numbers[f"{name}_followed"] = float(np.mean(followed))
    with_hu = measured(there)
    if len(with_hu) > 2 * _DEGREE:  # fewer are met by any polynomial
        hu = np.array([row["facts"]["hu"] for row in with_hu])
        numbers["r2_on_hu"] = r2_on_hu(hu, logits_of(np.array([row["probabilities"] for row in with_hu])))
        if all(row["bmd"] is not None for row in with_hu):
            numbers["bmd_r2_on_hu"] = r2_on_hu(hu, np.array([row["bmd"][:1] for row in with_hu]))
    return numbers


def logits_of(probabilities: np.ndarray) -> np.ndarray:
    """Return logits less their mean, (N, C), of probabilities (N, C)."""
    logs = np.log(np.maximum(probabilities, _LEAST_PROBABILITY))
    return logs - logs.mean(axis=1, keepdims=True)


def r2_on_hu(hu: np.ndarray, values: np.ndarray) -> float:
    """Compute which share of the variance of values (N, C) a cubic of mean HU (N,) explains, all columns together."""
    from sklearn.metrics import r2_score

    scaled = (hu - hu.mean()) / max(float(hu.std()), 1e-9)
    powers = np.vander(scaled, _DEGREE + 1)
    fitted = powers @ np.linalg.lstsq(powers, values, rcond=None)[0]
    return float(r2_score(values, fitted, multioutput="variance_weighted"))


def explanation_numbers(rows: Sequence[Row]) -> dict[str, Any]:
    """Say where the maps lie: of each level, not of each case; a blank map has its peak nowhere."""
    maps = [level["explanation"] for row in rows for level in row["levels"].values() if "explanation" in level]
    energy = [one["energy_inside"] for one in maps if one["energy_inside"] is not None]
    return {
        "n": len(maps),
        "blank": len(maps) - len(energy),
        "energy_inside": float(np.mean(energy)) if energy else None,
        "peak_inside": float(np.mean([one["peak_inside"] for one in maps])) if maps else None,
    }
