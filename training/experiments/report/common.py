"""What several sections share: effects of a module, tables of classes, and words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from training.experiments.modules import ALL, FIELDS, NONE, WITH_OURS
from training.experiments.report import zhang2023 as paper
from training.experiments.report.blocks import Command, Grid, Prose, Section
from training.experiments.report.charts import CLASS_NAMES
from training.experiments.report.results import Results
from training.experiments.trials import Measure, Trial, class_numbers, gains, mean_over_both

_FOLDED = "Every class: accuracy, sensitivity, specificity and F1 beside the paper's"


OURS = {NONE: "plain network", ALL: "joint network", WITH_OURS: "with our switches"}


def outcome_of(measure: Measure) -> str:
    """Say whether an interval lies above zero, below it, or holds it."""
    if measure.low is None or measure.high is None or measure.low <= 0.0 <= measure.high:
        return "open"
    return "holds" if measure.low > 0.0 else "against"


def main_effect(results: Results, module: str) -> Measure | None:
    """Measure what a module adds: the mean over the pairs of networks that differ by it alone, and over their seeds.

    None where not all eight networks are there.
    """
    parts = []
    for name, without in pairs_of(module):
        on, off = results.of("modules", name), results.of("modules", without)
        if not on or not off:
            return None
        parts.append(gains(on, off))
    return mean_over_both(np.concatenate(parts))


def pairs_of(module: str) -> list[tuple[str, str]]:
    """Name the four networks with a module, each with the one that lacks it alone.

    >>> pairs_of("GC")
    [('GC', 'none'), ('LF + GC', 'LF'), ('GC + FF', 'FF'), ('LF + GC + FF', 'LF + FF')]
    """
    others = [name for name in FIELDS if name != module]
    pairs = []
    for chosen in ((), (others[0],), (others[1],), tuple(others)):
        with_it = " + ".join(name for name in FIELDS if name in chosen or name == module)
        pairs.append((with_it, " + ".join(chosen) or NONE))
    return pairs


def lengths(trials: Sequence[Trial]) -> str:
    """Say how long the trainings were.

    Returns:
        Such as "240 steps of 3 seeds".
    """
    trained = [trial for trial in trials if trial.steps]
    steps, seeds = sorted({t.steps for t in trained}), sorted({t.seed for t in trained})
    some = " or ".join(map(str, steps))
    return f"{some} steps, {len(seeds)} seed{'s' * (len(seeds) > 1)}, {trained[0].train_cases} training cases"


def three(measure: Measure) -> tuple[float, float | None, float | None]:
    """Return value, low and high."""
    return measure.value, measure.low, measure.high


def told_overall(table: Mapping[str, paper.Rows], name: str) -> float | None:
    """Return the accuracy over three classes that follows from a row of the paper, None where it has none."""
    return paper.overall(table[name]) if name in table else None


def class_table(
    groups: Iterable[tuple[str, Sequence[Trial]]], told: Mapping[str, paper.Rows], strong: tuple[str, ...] = ()
) -> Grid:
    """Lay out the four measures of each class beside the paper's, as its tables do."""
    rows = []
    for name, trials in groups:
        for index, kind in enumerate(CLASS_NAMES):
            of = class_numbers(trials, index)
            theirs = [f" / {value:.3f}" for value in told[name][index]] if name in told else [""] * 4
            cells = (f"{of[measure]:.3f}{their}" for measure, their in zip(paper.MEASURES, theirs, strict=True))
            rows.append((name if index == 0 else "", kind, *cells))
    note = "Each class against the other two, means over the seeds; ours first, then the paper's."
    return Grid(("", "class", "accuracy", "sensitivity", "specificity", "F1"), rows, note, strong, folded=_FOLDED)


def not_run(anchor: str, title: str, command: str) -> Section:
    """Say how to run what is missing."""
    return Section(anchor, title, [Prose("Not run yet. This runs it:"), Command(command)])


def roc_points(positive: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Compute false positive rate and sensitivity at every threshold."""
    from sklearn.metrics import roc_curve

    false, sensitivity, _ = roc_curve(positive, scores)
    return false, sensitivity
