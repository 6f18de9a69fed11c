"""The rows of an experiment as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from OsteoJointLib.cli.text_table import table
from OsteoJointLib.records import STATUSES
from training.experiments.trials import Measure, Trial, class_numbers, gain, overall


def trials_table(trials: Sequence[Trial]) -> str:
    """Lay out accuracy with its interval, the gain over the first setting, and each class's AUC."""
    names = list(dict.fromkeys(trial.setting for trial in trials))
    base = [trial for trial in trials if trial.setting == names[0]]
    lines = [["setting", "trainings", "accuracy", f"less {names[0]}", *(f"AUC {s.value}" for s in STATUSES), "BMD MAE"]]
    for name in names:
        of = [trial for trial in trials if trial.setting == name]
        off = [abs(value) for trial in of for value in trial.bmd_off or ()]
        lines.append(
            [
                name,
                str(len(of)),
                in_words(overall(of)),
                "" if name == names[0] else in_words(gain(of, base), signed=True),
                *(f"{class_numbers(of, index)['auc']:.3f}" for index in range(len(STATUSES))),
                f"{np.mean(off):.1f}" if off else "–",
            ]
        )
    return table(lines)


def in_words(measure: Measure, signed: bool = False, digits: int = 3) -> str:
    """Write a number with its interval.

    >>> in_words(Measure(0.5, 0.4, 0.6)), in_words(Measure(0.01, -0.02, 0.04), signed=True)
    ('0.500 (0.400 to 0.600)', '+0.010 (−0.020 to +0.040)')
    """
    form = f"{'+' if signed else ''}.{digits}f"
    value = f"{measure.value:{form}}"
    if measure.low is not None and measure.high is not None:
        value += f" ({measure.low:{form}} to {measure.high:{form}})"
    return value.replace("-", "−")
