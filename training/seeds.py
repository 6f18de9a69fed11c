"""Which phantom seeds belong to what: a phantom used to evaluate is never one that was trained on."""

from __future__ import annotations

from OsteoJointLib.errors import Reason, UsageError

TRAINING_SEEDS = range(0, 800_000)
"""Training pairs, level samples and the phantoms on which the baseline's thresholds are fitted."""

VALIDATION_SEEDS = range(800_000, 900_000)
"""Pairs watched during training."""

EVALUATION_SEEDS = range(900_000, 1_000_000)
"""Whole phantoms for ``python -m training evaluate``; nothing is ever fitted on them."""


def require_seeds(first: int, count: int, *allowed: range) -> range:
    """Check that the seeds ``first`` to ``first + count - 1`` lie within one of the allowed ranges.

    Returns:
        The seeds, as a range.

    Raises:
        UsageError: when they do not.

    >>> require_seeds(5, 3, TRAINING_SEEDS)
    range(5, 8)
    """
    seeds = range(first, first + count)
    if count < 1 or not any(first in part and seeds[-1] in part for part in allowed):
        spans = " or ".join(f"{part.start} to {part.stop - 1}" for part in allowed)
        raise UsageError(
            Reason.USAGE, f"Seeds must lie within {spans}; came {count} from {first}. Choose others, or fewer."
        )
    return seeds
