"""Which phantom seeds belong to what: a phantom used to evaluate is never one that was trained on."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from OsteoJointLib.errors import InputRefused, Reason, UsageError

TRAINING_SEEDS = range(0, 800_000)
"""Training pairs, level samples, and the phantoms on which anchors, the plain rule and the baselines are fitted."""

VALIDATION_SEEDS = range(800_000, 900_000)
"""Pairs and level samples watched during training; the other cases of the evaluation's image tests."""

EVALUATION_SEEDS = range(900_000, 1_000_000)
"""Whole phantoms for ``python -m training evaluate``; nothing is ever fitted on them."""

SEEDS_IN_WORDS = (
    "A phantom follows from its seed. Seeds 0 to 799999 are for training, 800000 to 899999 for watching a training, "
    "and 900000 to 999999 for the evaluation alone: no command trains, fits or watches on those, and none writes them."
)
"""For ``--help``."""


def require_seeds(first: int, count: int, *allowed: range) -> range:
    """Check that the seeds ``first`` to ``first + count - 1`` lie within one of the allowed ranges.

    Returns:
        The seeds, as a range.

    Raises:
        UsageError: when they do not.

    >>> require_seeds(5, 3, TRAINING_SEEDS)
    range(5, 8)
    """
    if count < 1:
        raise UsageError(Reason.USAGE, f"Nothing can be made of {count} phantoms. Ask for 1 or more.")
    seeds = range(first, first + count)
    if not any(first in part and seeds[-1] in part for part in allowed):
        raise UsageError(
            Reason.USAGE,
            f"Seeds {first} to {seeds[-1]} are kept for something else: this command works on {_spans(allowed)}. "
            "Choose another first seed, or fewer phantoms.",
        )
    return seeds


def refuse_other_seeds(folder: Path, there: Iterable[int], allowed: range) -> None:
    """Check that a folder holds phantoms of the allowed seeds only.

    Raises:
        InputRefused: names the first one that is kept for something else.
    """
    strange = next((seed for seed in there if seed not in allowed), None)
    if strange is not None:
        raise InputRefused(
            Reason.USAGE,
            f"{folder} holds the phantom of seed {strange}, which is kept for something else: here only "
            f"{_spans([allowed])} may be used. Choose another folder.",
        )


def _spans(allowed: Iterable[range]) -> str:
    return "seeds " + " or ".join(f"{part.start} to {part.stop - 1}" for part in allowed)
