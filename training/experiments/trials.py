"""A trial: one setting trained with one seed on one split, and what it says of the test cases. Rows of JSON lines."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from OsteoJointLib.typed_json import from_json, to_json
from training.evaluation.metrics import auc, confusion_matrix, one_against_rest

_PER_MILLE = 1000
CLASSES = 3


@dataclass(frozen=True)
class CurvePoint:
    """Where a training stood.

    Args:
        step: how many were taken.
        loss: mean over the steps since the last point.
        accuracy: on the watched cases; None where there are none.
    """

    step: int
    loss: float
    accuracy: float | None = None


@dataclass(frozen=True)
class Trial:
    """One training and its test.

    Args:
        experiment, setting, seed: which.
        fold: of the cross-validation; None for the split.
        recipe_sha256: of the experiment's steps, rows, bank and optimizer.
        split_sha256: of who trained and who was tested.
        train_cases, steps, parameters: how much of each.
        seconds: of training, on the machine of that day.
        true: (N,) class index of each test case, in the order of their names.
        per_mille: (N, 3) probabilities in thousandths.
        bmd_off: (N,) estimate less truth in mg/cm3, rounded; None where the network gives none.
        curve: how it converged.
    """

    experiment: str
    setting: str
    seed: int
    fold: int | None
    recipe_sha256: str
    split_sha256: str
    train_cases: int
    steps: int
    parameters: int
    seconds: float
    true: tuple[int, ...]
    per_mille: tuple[tuple[int, ...], ...]
    bmd_off: tuple[int, ...] | None = None
    curve: tuple[CurvePoint, ...] = ()

    @property
    def predicted(self) -> np.ndarray:
        """(N,) class indices."""
        return np.array(self.per_mille).argmax(axis=1)

    @property
    def right(self) -> np.ndarray:
        """(N,) bool."""
        return self.predicted == np.array(self.true)

    @property
    def confusion(self) -> np.ndarray:
        """(3, 3) counts; rows are the truth."""
        return confusion_matrix(np.array(self.true), self.predicted, CLASSES)

    @property
    def scores(self) -> np.ndarray:
        """(N, 3) probabilities."""
        return np.array(self.per_mille) / _PER_MILLE


def per_mille(probabilities: np.ndarray) -> tuple[tuple[int, ...], ...]:
    """Write (N, 3) probabilities as thousandths; the likeliest class stays the largest.

    >>> per_mille(np.array([[0.5, 0.25, 0.25]]))
    ((500, 250, 250),)
    """
    rounded = np.rint(np.asarray(probabilities) * _PER_MILLE).astype(int)
    for row, exact in zip(rounded, probabilities, strict=True):
        top = int(np.argmax(exact))
        if row.argmax() != top:
            row[top] = row.max() + 1
    return tuple(tuple(int(value) for value in row) for row in rounded)


def read_trials(path: Path) -> list[Trial]:
    """Read the rows of a file, none where there is none."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return [from_json(Trial, json.loads(line)) for line in lines if line.strip()]


def add_trials(path: Path, trials: Sequence[Trial]) -> None:
    """Append rows, each in one line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.writelines(json.dumps(to_json(trial), separators=(",", ":")) + "\n" for trial in trials)


@dataclass(frozen=True)
class Measure:
    """A number with its 95 % interval; None where it isn't taken."""

    value: float
    low: float | None = None
    high: float | None = None


def class_numbers(trials: Sequence[Trial], index: int) -> dict[str, float]:
    """Measure one class against the others as the paper's tables do, each number a mean over the trials."""
    rows = []
    for trial in trials:
        binary = (trial.predicted == index) == (np.array(trial.true) == index)
        of = one_against_rest(trial.confusion, index)
        rows.append(
            {"accuracy": float(binary.mean()), **of, "auc": auc(trial.scores[:, index], np.array(trial.true) == index)}
        )
    return {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}


def overall(trials: Sequence[Trial]) -> Measure:
    """Measure the accuracy over three classes, a mean over seeds and patients, see :func:`mean_over_both`.

    Trials of several folds are put one after another for each seed, so that every patient counts once.
    """
    return mean_over_both(by_seed(trials))


def by_seed(trials: Sequence[Trial]) -> np.ndarray:
    """(seeds, N) bool: what was right; the folds of one seed one after another."""
    seeds = sorted({trial.seed for trial in trials})
    ordered = sorted(trials, key=lambda trial: trial.fold or 0)
    return np.stack([np.concatenate([one.right for one in ordered if one.seed == seed]) for seed in seeds])


def gains(trials: Sequence[Trial], base: Sequence[Trial]) -> np.ndarray:
    """(seeds, N) right here less right there, on the same patients and seeds; none where no seed is shared."""
    shared = {t.seed for t in trials} & {t.seed for t in base}
    first, second = ([t for t in of if t.seed in shared] for of in (trials, base))
    return by_seed(first).astype(float) - by_seed(second) if shared else np.zeros((0, 0))


def gain(trials: Sequence[Trial], base: Sequence[Trial]) -> Measure:
    """Measure by how much the accuracy is above that of a base on the same patients and seeds."""
    return mean_over_both(gains(trials, base))


def mean_over_both(values: np.ndarray, seed: int = 0, draws: int = 1000) -> Measure:
    """Take the mean of (trainings, patients) values with a 95 % interval from drawing both with replacement.

    A training of another seed is another network, so that patients alone would make the interval too narrow; with one
    training there is nothing to draw but patients.

    >>> mean_over_both(np.array([[1.0, 1.0], [0.0, 0.0]])).value
    0.5
    """
    values = np.asarray(values, dtype=float)
    if not values.size:
        return Measure(float("nan"))
    generator = np.random.default_rng(seed)
    trainings, patients = values.shape
    drawn = [
        values[generator.integers(0, trainings, trainings)]
        .mean(axis=0)[generator.integers(0, patients, patients)]
        .mean()
        for _ in range(draws)
    ]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Measure(float(values.mean()), float(low), float(high))
