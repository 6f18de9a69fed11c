"""The plain rule beside every class: mean trabecular HU of L1 and L2, and two thresholds.

It knows nothing of tube voltage, contrast or the rest of the image, and needs no network. Its thresholds stand in
``baseline_thresholds.json`` beside this file. They were fitted on phantoms of mixed tube voltage and contrast
(``python -m training thresholds``), with the ROI of the true masks, and on no patient.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.records import Level, RoiMeasurement, Status

THRESHOLDS_FILE = Path(__file__).with_name("baseline_thresholds.json")


@dataclass(frozen=True)
class Thresholds:
    """Osteoporosis below ``low_hu``, normal from ``high_hu`` on, osteopenia between.

    Args:
        low_hu: HU.
        high_hu: HU, not below ``low_hu``.
        accuracy: on the cases it was fitted on.
        n: how many these were.
    """

    low_hu: float
    high_hu: float
    accuracy: float
    n: int

    def status(self, hu: float) -> Status:
        """Class of a case from its mean HU."""
        if hu < self.low_hu:
            return Status.OSTEOPOROSIS
        return Status.OSTEOPENIA if hu < self.high_hu else Status.NORMAL

    def scores(self, hu: float) -> tuple[float, float, float]:
        """Rank scores in the order of ``STATUSES``: HU, nearness to the middle of the thresholds, and minus HU."""
        return (hu, -abs(hu - (self.low_hu + self.high_hu) / 2.0), -hu)

    def save(self, path: Path = THRESHOLDS_FILE) -> None:
        """Write as JSON."""
        write_text_whole(path, json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, path: Path = THRESHOLDS_FILE) -> Thresholds:
        """Read what :meth:`save` wrote.

        Raises:
            InputRefused: when it is not there.
        """
        if not path.is_file():
            raise InputRefused(
                Reason.NOT_FOUND,
                f"The plain rule has no thresholds: {path} is missing. Fit them: python -m training thresholds",
            )
        return cls(**json.loads(path.read_text(encoding="utf-8")))


@dataclass(frozen=True)
class BaselineReading:
    """What the plain rule says of a case.

    Args:
        status: its class.
        hu_mean: mean of the levels' mean HU.
        thresholds: of the rule.
        levels: that were averaged.
    """

    status: Status
    hu_mean: float
    thresholds: Thresholds
    levels: tuple[Level, ...] = tuple(Level)

    @property
    def method(self) -> str:
        """Where the number and the thresholds come from, in words."""
        return (
            f"mean trabecular HU of {' and '.join(self.levels)} against two thresholds, fitted on "
            f"{self.thresholds.n} phantoms of mixed tube voltage and contrast and on no patient"
        )


def read_baseline(
    measurements: Sequence[RoiMeasurement], thresholds: Thresholds | None = None
) -> BaselineReading | None:
    """Apply the rule to the measured HU of a case.

    Args:
        measurements: of L1 and L2, or of the one that isn't left out.
        thresholds: None for those the library ships.

    Returns:
        The reading; None where a level could not be measured.
    """
    values = [measurement.hu_mean for measurement in measurements if measurement.hu_mean is not None]
    if len(values) < len(measurements):
        return None
    thresholds, hu_mean = thresholds or Thresholds.load(), float(np.mean(values))
    levels = tuple(measurement.level for measurement in measurements)
    return BaselineReading(thresholds.status(hu_mean), hu_mean, thresholds, levels)


def digits_needed(baseline: Mapping[str, Any]) -> int:
    """Return how many decimals the rule's HU need, so that they don't contradict its class.

    >>> digits_needed({"hu_mean": 98.2, "low_hu": 111.0, "high_hu": 162.8})
    0
    >>> digits_needed({"hu_mean": 162.6, "low_hu": 111.0, "high_hu": 162.8})  # 163, and yet not at least 163
    1
    """
    hu, low, high = (baseline[key] for key in ("hu_mean", "low_hu", "high_hu"))
    for digits in range(3):
        shown, below, above = (float(f"{value:.{digits}f}") for value in (hu, low, high))
        if (shown < below) == (hu < low) and (shown >= above) == (hu >= high):
            return digits
    return 3
