"""The numbers of the whole chain as a table for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from OsteoJointLib.cli.text_table import table

_LINES = (
    ("from CT to class: accuracy", "end_to_end.accuracy", "end_to_end.interval"),
    ("from CT to class: refused or held back", "end_to_end.refused", ""),
    ("levels wrong, silent", "levels.wrong_silent", ""),
    ("class: accuracy", "status.accuracy", "status.accuracy_interval"),
    ("class: AUC, mean of three", "status.auc", ""),
    ("class: ECE", "status.ece", ""),
    ("class: Brier score", "status.brier", ""),
    ("class: negative log likelihood", "status.nll", ""),
    ("class: indeterminate", "status.indeterminate", ""),
    ("constant image: class changed", "image.constant_changed", ""),
    ("constant image: accuracy", "image.constant_accuracy", ""),
    ("blind, but for the masks: class changed", "image.blind_changed", ""),
    ("another's image: class changed", "image.swapped_changed", ""),
    ("another's decoder features: class changed", "image.swapped_features_changed", ""),
    ("R² of the logits on mean HU", "image.r2_on_hu", ""),
    ("BMD: mean absolute error, mg/cm³", "bmd.mae", ""),
    ("BMD: within the 50 % interval", "bmd.coverage_50", ""),
    ("BMD: within the 90 % interval", "bmd.coverage_90", ""),
    ("map: energy in the body and 5 mm about it", "explanation.energy_inside", ""),
    ("map: peak there", "explanation.peak_inside", ""),
    ("localizer: mAP50", "localizer.map50", ""),
    ("localizer: mAP75", "localizer.map75", ""),
    ("localizer: center off, mm", "localizer.center_off_mm", ""),
    ("bodies: Dice", "dice", "interval.dice"),
    ("bodies: IoU", "iou", "interval.iou"),
)  # fmt: skip


def chain_table(numbers: Mapping[str, Any]) -> str:
    """Lay out the main numbers, and the paired comparisons below them.

    Args:
        numbers: as :func:`training.evaluation.chain.chain_numbers.summarize` gives them.
    """
    lines = [
        *_LINES,
        *(
            (f"baseline {name}: accuracy", f"baselines.{name}.accuracy", f"baselines.{name}.accuracy_interval")
            for name in numbers["baselines"]
        ),
    ]
    main = [[f"{numbers['n']} phantoms with L1 and L2 in view", "", "95 % interval"]]
    for title, place, interval in lines:
        main.append([title, _said(_at(numbers, place)), _said(_at(numbers, interval)) if interval else ""])
    versus = [["network less baseline, accuracy", "n", "difference", "95 % interval", "p (McNemar)"]]
    for name, all_cases in numbers["versus"].items():
        versus.append(_paired(name, all_cases))
        for stratum, values in all_cases["by_stratum"].items():
            versus += [_paired(f"  {stratum} {value}", of) for value, of in values.items() if of["n"]]
    return f"{table(main)}\n\n{table(versus)}"


def _paired(name: str, of: Mapping[str, Any]) -> list[str]:
    return [name, *(_said(of[key]) for key in ("n", "difference", "interval", "p"))]


def _at(numbers: Mapping[str, Any], place: str) -> Any:
    value: Any = numbers
    for part in place.split("."):
        value = value[part]
    return value


def _said(value: Any) -> str:
    """Say a number, an interval, or a dash for null.

    >>> _said(0.12345), _said((0.1, 0.2)), _said(7), _said(None)
    ('0.123', '0.100 to 0.200', '7', '–')
    """
    if value is None:
        return "–"
    if isinstance(value, list | tuple):
        return " to ".join(_said(one) for one in value)
    return f"{value:.3f}" if isinstance(value, float) else str(value)
