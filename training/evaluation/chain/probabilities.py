"""How far probabilities and intervals can be believed: calibration, scores, coverage. Pure functions of arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from OsteoJointLib.records import STATUSES
from training.evaluation.metrics import auc

BINS = 15
"""Of equal width, of the expected calibration error (Guo et al. 2017)."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Cases whose likeliest class has a probability within one bin.

    Args:
        low, high: its edges.
        n: how many cases.
        confidence: their mean probability of the likeliest class.
        accuracy: share of them that are right.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float


def reliability(probabilities: np.ndarray, true: np.ndarray, bins: int = BINS) -> list[ReliabilityBin]:
    """Sort cases into bins of the top label's probability; empty bins are left out.

    Args:
        probabilities: (N, C), rows sum to 1.
        true: (N,) index of the class.
        bins: of equal width from 0 to 1, each without its lower edge.
    """
    top, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == true
    index = np.clip(np.ceil(top * bins).astype(int) - 1, 0, bins - 1)
    return [
        ReliabilityBin(
            float(b / bins), float((b + 1) / bins), int(of.sum()), float(top[of].mean()), float(right[of].mean())
        )
        for b in range(bins)
        if (of := index == b).any()
    ]


def calibration_error(probabilities: np.ndarray, true: np.ndarray, bins: int = BINS) -> float:
    """Compute ECE: the mean distance of confidence and accuracy of the bins, weighted by their cases (Guo 2017).

    >>> calibration_error(np.array([[0.8, 0.2], [0.8, 0.2]]), np.array([0, 1]))  # .8 sure, half of them right
    0.30000000000000004
    """
    found = reliability(probabilities, true, bins)
    return sum(b.n * abs(b.confidence - b.accuracy) for b in found) / len(true)


def brier_score(probabilities: np.ndarray, true: np.ndarray) -> float:
    """Compute the mean squared distance of the probabilities from the truth, summed over the classes: 0 to 2.

    >>> brier_score(np.array([[0.5, 0.5], [1.0, 0.0]]), np.array([0, 0]))
    0.25
    """
    truth = np.eye(probabilities.shape[1])[true]
    return float(((probabilities - truth) ** 2).sum(axis=1).mean())


def status_quality(probabilities: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """Measure class probabilities.

    Args:
        probabilities: (N, 3) in the order of ``STATUSES``.
        true: (N,) index in it.

    Returns:
        Accuracy; AUC as the mean over the classes, and each; ECE, Brier score, negative log likelihood, the bins.
    """
    from sklearn.metrics import log_loss

    of_class = {status.value: auc(probabilities[:, i], true == i) for i, status in enumerate(STATUSES)}
    return {
        "n": len(true),
        "accuracy": float(np.mean(probabilities.argmax(axis=1) == true)),
        "auc": float(np.mean(list(of_class.values()))),
        "auc_of": of_class,
        "ece": calibration_error(probabilities, true),
        "brier": brier_score(probabilities, true),
        "nll": float(log_loss(true, probabilities, labels=range(len(STATUSES)))),
        "reliability": [vars(b) for b in reliability(probabilities, true)],
    }


def interval_quality(mean: np.ndarray, sd: np.ndarray, true: np.ndarray) -> dict[str, Any]:
    """Measure estimates of BMD with their standard deviations.

    Args:
        mean, sd, true: (N,) mg/cm3.

    Returns:
        Mean absolute error, and which share of the truths the 50 and the 90 % interval hold.
    """
    from scipy.stats import norm

    off = np.abs(true - mean)
    covered = {f"coverage_{percent}": off <= norm.ppf(0.5 + percent / 200.0) * sd for percent in (50, 90)}
    return {"n": len(true), "mae": float(off.mean())} | {name: float(np.mean(c)) for name, c in covered.items()}
