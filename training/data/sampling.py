"""Balanced-MixUp (Zhang 2023 §3.2, Eq. 1-2): instance-based and class-based draws, mixed by Beta(alpha, beta).

With the paper's alpha = 0.1 and beta = 1 half of the factors are below 0.001: those rows are the class-based image
itself, and so can carry a mask too. Factors nearer to 0 or 1 than ``snap`` are therefore set to 0 or 1; the mixed rows
serve the class term only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def class_probabilities(counts: np.ndarray, power: float) -> np.ndarray:
    """Return the probability to draw from each class, p_j = M_j^n / sum_k M_k^n (Eq. 1); classes without cases get 0.

    >>> class_probabilities(np.array([1, 3]), power=1.0).tolist(), class_probabilities(np.array([1, 3]), 0.0).tolist()
    ([0.25, 0.75], [0.5, 0.5])
    """
    counts = np.asarray(counts, dtype=np.float64)
    weights = np.where(counts > 0, np.where(counts > 0, counts, 1.0) ** power, 0.0)
    return weights / weights.sum()


@dataclass(frozen=True)
class Draw:
    """One row of a batch: ``mix * case instance + (1 - mix) * case balanced``; both are indices into the cases."""

    instance: int
    balanced: int
    mix: float

    @property
    def pure(self) -> int | None:
        """The only case of the row, when it is not a mixture."""
        return {0.0: self.balanced, 1.0: self.instance}.get(self.mix)


def draw_rows(
    statuses: np.ndarray,
    rows: int,
    generator: np.random.Generator,
    alpha: float | None = 0.1,
    beta: float = 1.0,
    snap: float = 0.02,
    weights: np.ndarray | None = None,
) -> list[Draw]:
    """Draw the rows of one batch.

    Args:
        statuses: (N,) class index of every case.
        rows: how many.
        generator: all chance comes from it.
        alpha: of Beta(alpha, beta), > 0 (the paper's is 0.1); None draws by instance only, without mixing (the
            ablation).
        beta: of it, > 0; the paper's is 1.
        snap: factors within this of 0 or 1 become 0 or 1.
        weights: (N,) how often each case is drawn, by instance and within its class; None draws all alike.

    Returns:
        ``rows`` draws; none where there is no case.
    """
    statuses = np.asarray(statuses)
    if not len(statuses):
        return []
    if weights is None:
        instance = generator.integers(0, len(statuses), rows)
    else:
        instance = generator.choice(len(statuses), rows, p=weights / weights.sum())
    if alpha is None:
        return [Draw(int(i), int(i), 1.0) for i in instance]
    probabilities = class_probabilities(np.bincount(statuses), power=0.0)
    chosen = generator.choice(len(probabilities), rows, p=probabilities)
    balanced = [_one_of(np.flatnonzero(statuses == status), generator, weights) for status in chosen]
    mix = generator.beta(alpha, beta, rows)
    mix = np.where(mix < snap, 0.0, np.where(mix > 1.0 - snap, 1.0, mix))
    return [Draw(int(i), b, float(m)) for i, b, m in zip(instance, balanced, mix, strict=True)]


def _one_of(cases: np.ndarray, generator: np.random.Generator, weights: np.ndarray | None) -> int:
    if weights is None:
        return int(generator.choice(cases))
    return int(generator.choice(cases, p=weights[cases] / weights[cases].sum()))
