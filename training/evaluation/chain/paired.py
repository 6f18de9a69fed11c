"""Two methods on the same cases: the difference of their accuracies, its interval, and McNemar's exact test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from training.evaluation.metrics import bootstrap_interval


def compare_paired(first_right: np.ndarray, second_right: np.ndarray) -> dict[str, Any]:
    """Compare two methods.

    Args:
        first_right, second_right: (N,) bool, case by case the same.

    Returns:
        ``difference`` of the accuracies, first less second, its 95 % bootstrap ``interval`` over cases, McNemar's exact
        two-sided ``p`` (the binomial test of the cases that only one has right), and how many these are; nulls
        where there is no case.

    >>> said = compare_paired(np.array([True] * 9 + [False]), np.array([False] * 8 + [True] * 2))
    >>> said["difference"], round(said["p"], 4), said["only_first"], said["only_second"]
    (0.7, 0.0391, 8, 1)
    """
    from scipy.stats import binomtest

    first, second = np.asarray(first_right, dtype=bool), np.asarray(second_right, dtype=bool)
    n, only_first, only_second = len(first), int((first & ~second).sum()), int((second & ~first).sum())
    if n == 0:
        return {"n": 0, "difference": None, "interval": None, "p": None}
    gain = first.astype(float) - second
    discordant = only_first + only_second
    return {
        "n": n,
        "difference": float(gain.mean()),
        "interval": bootstrap_interval(lambda i: float(gain[i].mean()), n),
        "p": float(binomtest(only_first, discordant).pvalue) if discordant else 1.0,
        "only_first": only_first,
        "only_second": only_second,
    }


def compare_by_stratum(
    first_right: np.ndarray, second_right: np.ndarray, strata: Sequence[Mapping[str, str]], names: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Compare two methods in each value of some strata."""
    by_stratum: dict[str, dict[str, Any]] = {}
    for name in names:
        values = np.array([of.get(name, "") for of in strata])
        by_stratum[name] = {
            str(value): compare_paired(first_right[values == value], second_right[values == value])
            for value in sorted({*values} - {""})
        }
    return by_stratum
