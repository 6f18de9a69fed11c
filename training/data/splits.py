"""Which patients train, watch and test: 50, 10 and 40 % of each class (Zhang 2023 §4.2, Fig. 6), and ten folds.

A split is a file with a hash over its content, so that nobody tests on another one without being told. Everything goes
by patient: all CTs of one person are on one side.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import numpy as np

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.dataset.manifest import MANIFEST_FILE, Manifest
from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.records import STATUSES, Status
from OsteoJointLib.typed_json import from_json, to_json
from training.data.pairs import patient_statuses

FORMAT, SPLIT_FILE = "osteojoint.split/1", "split.json"
FOLDS = 10
_UNKNOWN = "unknown"


class Part(StrEnum):
    """What a patient is for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


_PATTERN = tuple({"t": Part.TRAIN, "v": Part.VALIDATION, "e": Part.TEST}[letter] for letter in "tetevtetet")
"""Of ten patients of a class: five train, one is watched, four test, as evenly mixed as that goes."""


@dataclass(frozen=True)
class Split:
    """Parts and folds of some patients.

    Args:
        seed: from which the order was drawn.
        parts: the patients of each part.
        folds: ten sets of all patients; each tests what the other nine train.
        classes: of each part, how many patients of each class.
    """

    format: str = field(default=FORMAT, kw_only=True)
    seed: int
    parts: Mapping[Part, tuple[str, ...]]
    folds: tuple[tuple[str, ...], ...]
    classes: Mapping[Part, Mapping[str, int]]

    @property
    def sha256(self) -> str:
        """The hash of its content."""
        return hashlib.sha256(json.dumps(to_json(self), sort_keys=True).encode()).hexdigest()

    def patients(self, part: Part, among: Collection[str]) -> set[str]:
        """Choose those of some patients that are of a part.

        Raises:
            UsageError: a patient is in no part, as one that came later.
        """
        known = {patient for members in self.parts.values() for patient in members}
        if missing := sorted(set(among) - known):
            raise UsageError(
                Reason.USAGE,
                f"{len(missing)} patients are in no part of the split, such as {missing[0]}: it was made before they "
                "came. Make it anew, and train and test by the new one.",
            )
        return set(self.parts.get(part, ())) & set(among)

    def fold(self, number: int) -> tuple[set[str], set[str]]:
        """Return the patients that train and those that test in a fold, from 0 on.

        Raises:
            UsageError: there is no such fold.
        """
        if not 0 <= number < len(self.folds):
            raise UsageError(Reason.USAGE, f"There is no fold {number}: they are 0 to {len(self.folds) - 1}.")
        tested = set(self.folds[number])
        return {patient for members in self.folds for patient in members} - tested, tested

    def save(self, path: Path) -> None:
        """Write the split with its hash."""
        write_text_whole(path, json.dumps({**to_json(self), "sha256": self.sha256}, indent=1) + "\n")

    @classmethod
    def load(cls, path: Path) -> Split:
        """Read a split.

        Raises:
            InputRefused: it can't be read, was changed by hand, or has a patient in two parts or folds.
        """
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            split = from_json(cls, content)
            stated = content["sha256"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputRefused(
                Reason.UNREADABLE, f"{path} can't be read as a split. Make one: python -m training split DIR --seed N."
            ) from error
        if stated != split.sha256:
            raise InputRefused(
                Reason.UNREADABLE,
                f"{path} was changed after it was made: its sha256 is another. Make it anew from its seed, "
                f"{split.seed}.",
            )
        _refuse_shared(path, split.parts.values())
        _refuse_shared(path, split.folds)
        return split

    def __str__(self) -> str:
        rows = []
        for part in Part:
            counts = ", ".join(f"{name} {count}" for name, count in self.classes[part].items() if count)
            rows.append(f"{part.value}: {len(self.parts[part])} patients ({counts or 'none'})")
        sizes = [len(members) for members in self.folds]
        return "\n".join([*rows, f"{len(sizes)} folds of {min(sizes)} to {max(sizes)} patients", self.sha256])


def make_split(statuses: Mapping[str, Status | None], seed: int) -> Split:
    """Divide patients, class by class.

    Within a class the order is drawn, and parts and folds are dealt out like cards, going on where the last class
    ended: so each class keeps the shares to within one patient, and so do all together.

    Args:
        statuses: the class of each patient; None where it isn't known, which counts as a class of its own.
        seed: of the order.

    Raises:
        UsageError: there are fewer than ten patients.
    """
    if len(statuses) < FOLDS:
        raise UsageError(
            Reason.USAGE,
            f"There are {len(statuses)} patients, and a split with {FOLDS} folds needs {FOLDS} at least. Label "
            "more CTs.",
        )
    generator = np.random.default_rng(seed)
    dealt: list[tuple[str, str]] = []
    for status in (*STATUSES, None):
        members = sorted(patient for patient, known in statuses.items() if known is status)
        order = generator.permutation(len(members))
        dealt += [(members[i], status.value if status else _UNKNOWN) for i in order]
    parts: dict[Part, list[str]] = {part: [] for part in Part}
    classes: dict[Part, Counter[str]] = {part: Counter() for part in Part}
    folds: list[list[str]] = [[] for _ in range(FOLDS)]
    for place, (patient, name) in enumerate(dealt):
        part = _PATTERN[place % len(_PATTERN)]
        parts[part].append(patient)
        classes[part][name] += 1
        folds[place % FOLDS].append(patient)
    return Split(
        seed=seed,
        parts={part: tuple(sorted(members)) for part, members in parts.items()},
        folds=tuple(tuple(sorted(members)) for members in folds),
        classes={part: dict(sorted(counts.items())) for part, counts in classes.items()},
    )


def statuses_in(folder: Path) -> dict[str, Status | None]:
    """List the patients of a dataset, or of a folder of pairs, each with the class of the first case that has one.

    Raises:
        InputRefused: there are none, or the manifest can't be read.
    """
    if (folder / MANIFEST_FILE).is_file():
        found = [(case.patient, case.status) for case in Manifest(folder).read()]
    else:
        found = patient_statuses(folder)
    if not found:
        raise InputRefused(
            Reason.NOT_FOUND, f"There is no patient in {folder}: it is no dataset and no folder of pairs. Give another."
        )
    statuses: dict[str, Status | None] = {}
    for patient, status in found:
        statuses[patient] = statuses.get(patient) or status
    return statuses


def _refuse_shared(path: Path, groups: Iterable[Sequence[str]]) -> None:
    counts = Counter(patient for group in groups for patient in group)
    twice = next((patient for patient, count in counts.items() if count > 1), None)
    if twice is not None:
        raise InputRefused(Reason.UNREADABLE, f"{path} has the patient {twice} on two sides. Make the split anew.")
