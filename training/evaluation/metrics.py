"""The measures of Zhang 2023 §4.3.1, as functions of plain arrays; curves and counts are scikit-learn's.

The paper's accuracy, (TP + FN) / all, is read as (TP + TN) / all; sensitivity and specificity have their usual meaning.
Every mean is taken over rows that were made per case before, and carries a bootstrap interval over cases. What stands
here is what scikit-learn hasn't: boxes, overlaps of masks, objects that no detection met, and intervals.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

NEAR_MM = 10.0
"""A body or a level counts as found within this distance (chosen: a third of a lumbar body's height)."""

AP_IOU = 0.5
"""A box counts as a hit from this IoU on (AP50, Zhang 2023 §4.3.1)."""


def box_iou(first_xyxy: np.ndarray, second_xyxy: np.ndarray) -> np.ndarray:
    """Compute intersection over union of boxes in edge coordinates, (..., 4) each → (...); 0 where both are empty.

    >>> float(box_iou(np.array([0, 0, 2, 2]), np.array([1, 0, 3, 2])))
    0.3333333333333333
    """
    import torch

    from OsteoJointLib.network.boxes import matched_iou

    first, second = (torch.as_tensor(np.asarray(b, dtype=np.float64)) for b in (first_xyxy, second_xyxy))
    return matched_iou(first, second).numpy()


@dataclass(frozen=True)
class Overlap:
    """Counts of pixels: in both masks, only in the prediction, only in the truth."""

    both: int
    only_predicted: int
    only_true: int

    @classmethod
    def of(cls, predicted: np.ndarray, true: np.ndarray) -> Overlap:
        """Count two bool masks of one shape."""
        predicted, true = np.asarray(predicted, dtype=bool), np.asarray(true, dtype=bool)
        if predicted.shape != true.shape:
            raise ValueError(f"Two masks of one shape are needed, got {predicted.shape} and {true.shape}.")
        both = int(np.count_nonzero(predicted & true))
        return cls(both, int(np.count_nonzero(predicted)) - both, int(np.count_nonzero(true)) - both)

    def __add__(self, other: Overlap) -> Overlap:
        """Pool two counts."""
        return Overlap(
            self.both + other.both, self.only_predicted + other.only_predicted, self.only_true + other.only_true
        )

    @property
    def dice(self) -> float:
        """2 TP / (2 TP + FP + FN); NaN when both masks are empty."""
        total = 2 * self.both + self.only_predicted + self.only_true
        return 2 * self.both / total if total else float("nan")

    @property
    def iou(self) -> float:
        """TP / (TP + FP + FN); NaN when both masks are empty."""
        total = self.both + self.only_predicted + self.only_true
        return self.both / total if total else float("nan")


def average_precision(confidences: np.ndarray, hits: np.ndarray, truths: int) -> float:
    """Compute the area under the precision-recall curve, precision made non-increasing (all-point interpolation).

    scikit-learn's own average precision knows no objects without a detection and does not interpolate. Detections of
    equal confidence count together.

    Args:
        confidences: (N,) of the detections of all images.
        hits: (N,) bool; whether each is the match of a truth (each truth matched once at most).
        truths: how many objects there are.

    Returns:
        AP in [0, 1]; a truth without a detection costs its share of recall.
    """
    from sklearn.metrics import precision_recall_curve

    if truths < 1:
        raise ValueError(f"truths must be at least 1, got {truths}")
    hits = np.asarray(hits, dtype=bool)
    if not hits.any():
        return 0.0
    precision, recall_of_hits, _ = precision_recall_curve(hits, confidences)  # recall falls from 1 to 0
    steps = -np.diff(recall_of_hits)
    return float(np.sum(steps * np.maximum.accumulate(precision[:-1])) * hits.sum() / truths)


def auc(scores: np.ndarray, positive: np.ndarray) -> float:
    """Compute the area under the ROC curve, ties counting one half.

    Args:
        scores: (N,) higher means more likely positive.
        positive: (N,) bool.

    Returns:
        AUC in [0, 1]; NaN when one of the two classes is absent.

    >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True]))
    0.75
    """
    from sklearn.metrics import roc_auc_score

    positive = np.asarray(positive, dtype=bool)
    if positive.all() or not positive.any():
        return float("nan")
    return float(roc_auc_score(positive, scores))


def confusion_matrix(true: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count cases, (classes, classes) int; rows are the truth, columns the prediction."""
    from sklearn.metrics import confusion_matrix as counts

    return counts(true, predicted, labels=np.arange(classes))


def accuracy(confusion: np.ndarray) -> float:
    """Compute the share of the cases on the diagonal."""
    return float(np.trace(confusion) / np.sum(confusion))


def one_against_rest(confusion: np.ndarray, index: int) -> dict[str, float]:
    """Compute sensitivity, specificity and F1 of one class against the others; NaN where a class is absent."""
    tp = float(confusion[index, index])
    fn = float(confusion[index].sum()) - tp
    fp = float(confusion[:, index].sum()) - tp
    tn = float(confusion.sum()) - tp - fn - fp

    def share(part: float, whole: float) -> float:
        return part / whole if whole else float("nan")

    return {
        "sensitivity": share(tp, tp + fn),
        "specificity": share(tn, tn + fp),
        "f1": share(2 * tp, 2 * tp + fp + fn),
    }


def bootstrap_interval(
    statistic: Callable[[np.ndarray], float], n: int, seed: int = 0, draws: int = 1000
) -> tuple[float, float]:
    """Compute the 95 % percentile interval of a statistic over cases drawn with replacement.

    Args:
        statistic: takes (n,) indices of cases and returns a number; draws for which it is NaN are left out.
        n: how many cases there are.
        seed: of the draws.
        draws: how many.

    Returns:
        (2.5 %, 97.5 %) percentiles; NaN where no draw gave a number.
    """
    generator = np.random.default_rng(seed)
    values = np.array([statistic(generator.integers(0, n, n)) for _ in range(draws)], dtype=np.float64)
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
