"""Which cases train, which are watched, which are tested: by patient, with every class in its proportion (Fig. 6).

Patients are dealt out class by class, so that each part has its share of each; all cases of a patient go with him.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from OsteoJointLib.errors import Reason, UsageError

PAPER_SHARES = (0.5, 0.1, 0.4)
"""Training, watched and tested cases of Zhang 2023, section 4.1."""


@dataclass(frozen=True)
class Split:
    """Case ids of the three parts, each sorted; ``watched`` may be empty."""

    train: tuple[str, ...]
    watched: tuple[str, ...]
    test: tuple[str, ...]

    @property
    def sha256(self) -> str:
        """Of the parts: two results of one hash were trained and tested on the same cases."""
        return hashlib.sha256(json.dumps([self.train, self.watched, self.test]).encode()).hexdigest()


def dealt(
    patients: Mapping[str, str], statuses: Mapping[str, int], shares: Sequence[float], seed: int
) -> list[tuple[str, ...]]:
    """Deal cases out by patient, each class in the same shares.

    Args:
        patients: case id → patient.
        statuses: case id → class; a patient counts as the highest of his cases.
        shares: of the parts, adding up to 1.
        seed: of the order in which patients are dealt.

    Returns:
        The case ids of each part, sorted.

    Raises:
        UsageError: a part would have no patient.

    >>> ids = {str(i): f"patient {i // 2}" for i in range(8)}
    >>> [len(part) for part in dealt(ids, dict.fromkeys(ids, 0), (0.5, 0.5), seed=0)]
    [4, 4]
    """
    status_of: dict[str, int] = {}
    for case, patient in patients.items():
        status_of[patient] = max(statuses[case], status_of.get(patient, 0))
    generator = np.random.default_rng(seed)
    part_of: dict[str, int] = {}
    for status in sorted({*status_of.values()}):
        alike = sorted(patient for patient, of in status_of.items() if of == status)
        order = generator.permutation(len(alike))
        # a class's odd patient falls to another part each time
        ends = np.floor(np.cumsum(shares) * len(alike) + generator.random() * (1.0 - 1e-9)).astype(int)
        ends[-1] = len(alike)
        parts = np.searchsorted(ends, np.arange(len(alike)), side="right")
        part_of |= {alike[index]: int(part) for index, part in zip(order, parts, strict=True)}
    dealt_out = [
        tuple(sorted(case for case, patient in patients.items() if part_of[patient] == part))
        for part in range(len(shares))
    ]
    if not all(dealt_out):
        raise UsageError(
            Reason.USAGE, f"{len(status_of)} patients are too few for {len(shares)} parts. Give more cases."
        )
    return dealt_out


def paper_split(patients: Mapping[str, str], statuses: Mapping[str, int], seed: int = 0) -> Split:
    """Split 50 : 10 : 40, as the paper does; arguments as :func:`dealt` takes them."""
    return Split(*dealt(patients, statuses, PAPER_SHARES, seed))


def fold(patients: Mapping[str, str], statuses: Mapping[str, int], folds: int, index: int, seed: int = 0) -> Split:
    """Return one fold of a cross-validation: each case is tested in exactly one of them.

    Raises:
        UsageError: there is no such fold.
    """
    if not 0 <= index < folds:
        raise UsageError(Reason.USAGE, f"There is no fold {index} of {folds}: they are 0 to {folds - 1}.")
    parts = dealt(patients, statuses, [1.0 / folds] * folds, seed)
    rest = sorted(case for other, part in enumerate(parts) if other != index for case in part)
    return Split(tuple(rest), (), parts[index])
