"""A reading beside the truth of the phantom it was made on: how far the levels are off, how well the masks agree."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from OsteoJointLib.cli.text_table import number, table
from OsteoJointLib.frames import mask_to_plane
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import Level, Status

if TYPE_CHECKING:
    from OsteoJointLib.phantom.cases import Phantom

COMPARISON_FILE = "comparison.json"


@dataclass(frozen=True)
class Comparison:
    """Prediction and truth of one phantom.

    Args:
        seed: of the phantom.
        levels_error_mm: distance between found and true center.
        dice: of predicted and true body on the slice that was read.
        predicted: class; None where it was held back.
        truth: class by the mean BMD.
        bmd_mg_cm3: true BMD.
        expected_hu: HU of that BMD at the phantom's tube voltage.
        measured_hu: mean HU of the trabecular ROI; None where it was too small.
    """

    seed: int
    levels_error_mm: Mapping[Level, float]
    dice: Mapping[Level, float]
    predicted: Status | None
    truth: Status
    bmd_mg_cm3: Mapping[Level, float]
    expected_hu: Mapping[Level, float]
    measured_hu: Mapping[Level, float | None]

    def document(self) -> dict[str, Any]:
        """Write the comparison as JSON (``comparison.json``)."""
        return {
            "schema": "osteojoint.comparison/1",
            "seed": self.seed,
            "levels_error_mm": _rounded(self.levels_error_mm, 2),
            "dice": _rounded(self.dice, 4),
            "status": {"truth": self.truth.value, "predicted": self.predicted and self.predicted.value},
            "bmd_mg_cm3": _rounded(self.bmd_mg_cm3, 1),
            "hu": {"expected": _rounded(self.expected_hu, 1), "measured": _rounded(self.measured_hu, 1)},
        }


def compare(result: CaseResult, phantom: Phantom) -> Comparison:
    """Compare a reading of a phantom with what the phantom is.

    Args:
        result: the reading, on the phantom's own grid.
        phantom: volume, labels and truth.

    Returns:
        The comparison.
    """
    truth = phantom.truth
    readings = {reading.point.level: reading for reading in result.readings}
    return Comparison(
        truth.seed,
        {level: _distance_mm(reading, truth.centers_lps_mm[level.verse_label]) for level, reading in readings.items()},
        {level: _plane_dice(reading, phantom.labels) for level, reading in readings.items()},
        None if result.classification is None else result.classification.status,
        truth.status,
        dict(truth.bmd_mg_cm3),
        dict(truth.trabecular_hu),
        {level: reading.measurement.hu_mean for level, reading in readings.items()},
    )


def dice(mask: np.ndarray, truth: np.ndarray) -> float:
    """Dice of two bool masks; 1.0 when both are empty.

    >>> dice(np.array([True, True, False]), np.array([True, False, False]))
    0.6666666666666666
    """
    total = int(np.count_nonzero(mask)) + int(np.count_nonzero(truth))
    return 2.0 * int(np.count_nonzero(mask & truth)) / total if total else 1.0


def comparison_table(comparison: Comparison) -> str:
    """Truth beside prediction, as the demo prints it."""
    rows = [["", "truth", "prediction"]]
    for level in Level:
        rows += [
            [f"{level} center", "0.0 mm", f"{comparison.levels_error_mm[level]:.1f} mm off"],
            [f"{level} body", "Dice 1.000", f"Dice {comparison.dice[level]:.3f}"],
            [
                f"{level} trabecular HU",
                f"{comparison.expected_hu[level]:.0f} ({comparison.bmd_mg_cm3[level]:.0f} mg/cm3)",
                number(comparison.measured_hu[level], 0),
            ],
        ]
    agrees = "" if comparison.predicted in (None, comparison.truth) else "   (not the true class)"
    rows.append(["bone status", comparison.truth.value, f"{comparison.predicted or 'held back'}{agrees}"])
    return table(rows)


def _distance_mm(reading: VertebraReading, center_lps_mm: tuple[float, float, float]) -> float:
    return float(np.linalg.norm(np.asarray(reading.point.center_lps_mm) - np.asarray(center_lps_mm)))


def _plane_dice(reading: VertebraReading, labels: np.ndarray) -> float:
    truth = labels[reading.axial.slice_index] == reading.point.level.verse_label
    return dice(mask_to_plane(reading.segmentation.mask, reading.axial, truth.shape), truth)


def _rounded(values: Mapping[Level, float | None], digits: int) -> dict[str, float | None]:
    return {level.value: None if value is None else round(float(value), digits) for level, value in values.items()}
