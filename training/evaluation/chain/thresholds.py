"""Fits the thresholds of the plain rule beside every result (:mod:`OsteoJointLib.pipeline.baseline`)."""

from __future__ import annotations

import numpy as np

from OsteoJointLib.pipeline.baseline import Thresholds
from OsteoJointLib.records import STATUSES, Status
from training.evaluation.case_rows.facts import fitting_row
from training.seeds import TRAINING_SEEDS, require_seeds


def fit_thresholds(hu: np.ndarray, statuses: np.ndarray) -> Thresholds:
    """Choose the two thresholds of most cases right (exhaustively, between neighboring values).

    Args:
        hu: (N,) mean HU.
        statuses: (N,) index into ``STATUSES``.

    Returns:
        The thresholds; of several equally good ones the lowest.
    """
    order = np.argsort(hu, kind="stable")
    values, found = np.asarray(hu, dtype=np.float64)[order], np.asarray(statuses)[order]
    below = {status: np.concatenate([[0], np.cumsum(found == STATUSES.index(status))]) for status in Status}
    # right(i, j) = osteoporosis before i + osteopenia from i to j + normal from j on, separable for i <= j
    low_part = below[Status.OSTEOPOROSIS] - below[Status.OSTEOPENIA]
    high_part = below[Status.OSTEOPENIA] + below[Status.NORMAL][-1] - below[Status.NORMAL]
    best_low = np.maximum.accumulate(low_part)
    high = int(np.argmax(best_low + high_part))
    low = int(np.argmax(low_part[: high + 1]))
    cuts = np.concatenate([[values[0] - 1.0], (values[1:] + values[:-1]) / 2.0, [values[-1] + 1.0]])
    right = int(low_part[low] + high_part[high])
    return Thresholds(float(cuts[low]), float(cuts[high]), right / len(values), len(values))


def fit_on_phantoms(first_seed: int, count: int) -> Thresholds:
    """Measure the true masks of plausible training phantoms and fit the thresholds on them.

    Raises:
        UsageError: a seed is none of ``TRAINING_SEEDS``.
    """
    rows = [fitting_row(seed) for seed in require_seeds(first_seed, count, TRAINING_SEEDS)]
    rows = [row for row in rows if row["own_bone"]]
    hu, statuses = ([row["facts"]["hu"] for row in rows], [STATUSES.index(row["status"]) for row in rows])
    return fit_thresholds(np.array(hu), np.array(statuses))
