"""What the known thresholds say of a result: those of QCT, those of plain HU against DXA, and our own on plain HU.

Each is named with where it comes from and what it was made for. They are arithmetic on the result's own numbers, not
further opinions: where the class is not reliable, neither are they.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from OsteoJointLib.errors import Reason
from OsteoJointLib.output.kinds import Number
from OsteoJointLib.output.summary import BMD_BY
from OsteoJointLib.pipeline.baseline import digits_needed
from OsteoJointLib.records import NORMAL_ABOVE_MG_CM3, OSTEOPOROSIS_BELOW_MG_CM3, CalibrationKind, Level, Status

SPECIFIC_HU, BALANCED_HU, SENSITIVE_HU = 110.0, 135.0, 160.0
"""Of Pickhardt 2013: trabecular HU of L1, by DXA's osteoporosis at spine or hip, at 120 kV."""
_SAID_120_KV = (110.0, 130.0)
"""Tube voltages taken for 120 kV, as :class:`OsteoJointLib.io.limits.ReadingLimits` has it."""

_NETWORK = BMD_BY[CalibrationKind.NETWORK]
Document = Mapping[str, Any]


@dataclass(frozen=True)
class ThresholdReading:
    """What one set of thresholds says.

    Args:
        name: of the rule, with its thresholds.
        number: of this case that it goes by; empty where there is none.
        says: what it says of it.
        source: where it comes from.
    """

    name: str
    number: str
    says: str
    source: str


def threshold_readings(document: Document) -> tuple[ThresholdReading, ...]:
    """Read a result by each set of thresholds.

    Args:
        document: of the result, as result.json holds it.
    """
    held_back = document["classification"]["status"] is None
    unreliable = any(flag["code"] == Reason.CLASS_NOT_RELIABLE for flag in document["flags"])
    readings = (_qct(document), _dxa_hu(document), _plain_rule(document))
    if held_back:
        return tuple(replace(one, number="", says="says nothing: the levels are in doubt") for one in readings)
    return tuple(
        replace(one, says=f"{one.says}, not reliable") if one.number and unreliable else one for one in readings
    )


def _qct(document: Document) -> ThresholdReading:
    bmd, of = _bmd(document)
    return ThresholdReading(
        f"QCT: osteoporosis below {OSTEOPOROSIS_BELOW_MG_CM3:g}, normal above {NORMAL_ABOVE_MG_CM3:g} mg/cm³",
        "" if bmd is None else f"{bmd:.{_digits(bmd)}f} mg/cm³, {of}",
        "says nothing: there is no BMD" if bmd is None else Status.from_bmd(bmd).value,
        "ACR practice parameter and ISCD position for QCT of the lumbar spine",
    )


def _digits(bmd: float) -> int:
    """Say how many decimals a BMD needs to stand on the threshold's side on which it lies.

    >>> _digits(79.6), _digits(79.4)
    (1, 0)
    """
    return 0 if Status.from_bmd(round(bmd)) == Status.from_bmd(bmd) else 1


def _bmd(document: Document) -> tuple[float | None, str]:
    """Take the best BMD of the case, and say what gives it."""
    if not document["bmd"]:
        return None, ""
    best = document["bmd"][0]
    by = BMD_BY[best["kind"]]
    return best["mg_cm3"], by if by == _NETWORK else f"by {by}"


def _dxa_hu(document: Document) -> ThresholdReading:
    hu = document["measurements"]["L1"]["hu_mean"]
    left_out = document["classification"]["left_out"] == Level.L1
    unknown = hu is None or left_out
    why = "L1 was left out" if left_out else "HU of L1 was not measured"
    return ThresholdReading(
        f"HU of L1 against DXA: {SPECIFIC_HU:g}, {BALANCED_HU:g}, {SENSITIVE_HU:g} HU",
        "" if unknown else f"{hu:.0f} HU",
        f"says nothing: {why}" if unknown else f"{_by_hu(hu)}{_elsewhere(document)}",
        "Pickhardt 2013, doi 10.7326/0003-4819-158-8-201304160-00003: 1867 adults, 120 kV, osteoporosis by DXA",
    )


def _by_hu(hu: float) -> str:
    """Say where HU of L1 lie among the thresholds.

    >>> [_by_hu(hu)[:24] for hu in (110.0, 135.0, 160.0, 160.5)]
    ['osteoporosis likely: at ', 'between the specific and', 'osteoporosis not exclude', 'osteoporosis unlikely: a']
    """
    if hu <= SPECIFIC_HU:
        return f"osteoporosis likely: at most {SPECIFIC_HU:g}, where specificity passes 90 %"
    if hu <= BALANCED_HU:
        return f"between the specific and the balanced threshold ({BALANCED_HU:g})"
    if hu <= SENSITIVE_HU:
        return f"osteoporosis not excluded: {SENSITIVE_HU:g} finds 90 % of it"
    return f"osteoporosis unlikely: above {SENSITIVE_HU:g}"


def _elsewhere(document: Document) -> str:
    """Say how this CT differs from those that the HU thresholds were made on; empty where it does not."""
    image = document["input"] if document["input"]["form"] == "volume" else document["input"]["L1"]
    kvp, contrast, differs = image["kvp"], image["contrast"], []
    if kvp is None or not _SAID_120_KV[0] <= kvp <= _SAID_120_KV[1]:
        differs.append("tube voltage not known" if kvp is None else f"{kvp:g} kV")
    if contrast is None or contrast:
        differs.append("contrast not known" if contrast is None else "contrast given")
    return f" (this CT differs: {', '.join(differs)})" if differs else ""


def _plain_rule(document: Document) -> ThresholdReading:
    rule, number = document["baseline"], Number()
    if rule is None:
        says = "says nothing: HU could not be measured"
        return ThresholdReading("Our plain HU rule", "", says, "Ours: fitted on phantoms")
    digits = digits_needed(rule)
    hu, low, high = (
        Number(said_digits=digits).said(number.stored(rule[key])) for key in ("hu_mean", "low_hu", "high_hu")
    )
    name = f"Our plain HU rule: osteoporosis below {low}, normal from {high} HU on"
    return ThresholdReading(name, f"{hu} HU", rule["status"], f"Ours: {rule['method']}")
