"""Classes on real CT, the network and the baselines side by side, and in words why they differ.

Nothing is known of these patients' BMD, so nothing is right or wrong here: it is for looking. Where the levels are
refused or in doubt and somebody has told where they are, they are read there, and the table says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from OsteoJointLib.cli.text_table import table
from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.pipeline.case import Case, CaseResult, images_of
from OsteoJointLib.pipeline.points import Points
from OsteoJointLib.pipeline.reader import Reader
from OsteoJointLib.records import STATUSES, Classification, Level, SourceInfo, Status
from training.evaluation.base_cts import BaseCt
from training.evaluation.case_rows.facts import BaselineFacts
from training.evaluation.chain.baselines import Baseline, HeaderRule

_PLAIN_KVP = 120.0
_LEAST_SHIFT_MG_CM3 = 1.0
"""By which tube voltage or contrast must move the estimate to be a reason (chosen: less is rounding)."""


@dataclass(frozen=True)
class RealClass:
    """What is said of one real CT.

    Args:
        name: of the CT.
        read: "automatic", "levels given", or why it was not read.
        said: the network's class; None where there is none.
        facts: mean HU, kVp and contrast; None where they were not measured.
        hu, hu_header: the classes of these baselines. Nobody has drawn reference tissues here, so the third is silent.
        hu_header_bmd: mg/cm3, the baseline's estimate.
        reason: why the network and HU alone differ; empty where they agree.
    """

    name: str
    read: str
    said: Classification | None = None
    facts: BaselineFacts | None = None
    hu: Status | None = None
    hu_header: Status | None = None
    hu_header_bmd: float | None = None
    reason: str = ""


def read_classes(reader: Reader, cts: Sequence[BaseCt], baselines: Mapping[str, Baseline]) -> list[RealClass]:
    """Read real CTs one after the other.

    Args:
        reader: the networks.
        cts: with their levels where they are known.
        baselines: fitted.
    """
    return [_read_one(reader, ct, baselines) for ct in cts]


def _read_one(reader: Reader, ct: BaseCt, baselines: Mapping[str, Baseline]) -> RealClass:
    assert isinstance(ct.source, Path)
    try:
        case = read_ct(ct.source)
    except OsteoJointError as error:
        return RealClass(ct.name, f"refused: {error.reason.value}")
    points = None if ct.known is None else {k: p for k, p in ct.expected().items() if p is not None}
    result, how = _attempt(reader, case, None)
    if (result is None or result.classification is None) and points and len(points) == len(Level):
        result, refused = _attempt(reader, case, points)
        how = f"levels given ({how})" if result else refused
    if result is None or result.classification is None:
        return RealClass(ct.name, how)
    hu = [reading.slice_measurement.hu_mean for reading in result.readings]
    measured = [one for one in hu if one is not None]
    if len(measured) < len(hu):
        return RealClass(ct.name, how, result.classification)
    return _judged(ct.name, how, result.classification, _facts(case, float(np.mean(measured))), baselines)


def _attempt(reader: Reader, case: Case, points: Points | None) -> tuple[CaseResult | None, str]:
    """Read, and say in a word how that went."""
    try:
        result = reader.read(case, points)
    except OsteoJointError as error:
        return None, f"refused: {error.reason.value}"
    return result, "automatic" if result.classification else "held back"


def _facts(case: Case, hu: float) -> BaselineFacts:
    """Gather what the header says; it tells whether contrast was given, but not the phase."""
    source: SourceInfo = images_of(case)[0].source
    return BaselineFacts(hu, source.kvp, source.contrast, "none" if source.contrast is False else None)


def _judged(
    name: str, how: str, said: Classification, facts: BaselineFacts, baselines: Mapping[str, Baseline]
) -> RealClass:
    header = baselines["hu_header"]
    by_hu, by_header = (STATUSES[int(baselines[one].said([facts]).predicted[0])] for one in ("hu", "hu_header"))
    assert isinstance(header, HeaderRule)
    reason = "" if said.status is by_hu else difference_in_words(said.status, by_hu, facts, header)
    return RealClass(name, how, said, facts, by_hu, by_header, float(header.bmd([facts])[0]), reason)


def difference_in_words(network: Status, by_hu: Status, facts: BaselineFacts, header: HeaderRule) -> str:
    """Say why the network's class is another than that of HU alone, as far as the header tells.

    Tube voltage explains it where the same HU mean less (more) BMD at this voltage than at 120 kVp and the network says
    the lower (higher) class; contrast likewise, against a scan without.
    """
    up = STATUSES.index(network) < STATUSES.index(by_hu)  # normal comes first
    plain, no_contrast = (BaselineFacts(facts.hu, kvp, False, "none") for kvp in (_PLAIN_KVP, facts.kvp))
    at_plain, at_kvp, whole = (float(value) for value in header.bmd([plain, no_contrast, facts]))
    shifts = {"": 0.0}
    if facts.kvp is not None and facts.kvp != _PLAIN_KVP:
        shifts[f"at {facts.kvp:g} kVp"] = at_kvp - at_plain
    if facts.contrast:
        shifts["with contrast agent"] = whole - at_kvp
    reasons = [
        f"{name} {facts.hu:.0f} HU mean {abs(by):.0f} mg/cm³ {'more' if by > 0 else 'less'}"
        for name, by in shifts.items()
        if abs(by) >= _LEAST_SHIFT_MG_CM3 and (by > 0) == up
    ]
    unknown = [word for word, value in (("tube voltage", facts.kvp), ("contrast", facts.contrast)) if value is None]
    lacking = f" ({' and '.join(unknown)} not known)" if unknown else ""
    if reasons:
        return "; ".join(reasons) + lacking
    return f"neither tube voltage nor contrast explains it{lacking}"


def classes_table(classes: Sequence[RealClass]) -> str:
    """Lay out what is said of real CTs."""
    head = [
        "CT",
        "read",
        "kVp",
        "contrast",
        "HU",
        "network",
        "BMD (90 %), mg/cm³",
        "HU alone",
        "HU + header",
        "why they differ",
    ]
    return table([head, *(_cells(one) for one in classes)])


def _cells(one: RealClass) -> list[str]:
    facts, said = one.facts, one.said
    words = (
        ""
        if said is None
        else f"{said.status} {max(said.probabilities):.2f}" + (", indeterminate" if said.indeterminate else "")
    )
    header = "" if one.hu_header is None else f"{one.hu_header} ({one.hu_header_bmd:.0f} mg/cm³)"
    return [
        one.name,
        one.read,
        "?" if facts is None or facts.kvp is None else f"{facts.kvp:g}",
        "?" if facts is None or facts.contrast is None else ("yes" if facts.contrast else "no"),
        "–" if facts is None else f"{facts.hu:.0f}",
        words or "–",
        _interval(said),
        one.hu or "–",
        header or "–",
        one.reason,
    ]


def _interval(said: Classification | None) -> str:
    if said is None or said.bmd is None:
        return "–"
    low, high = said.bmd.interval_mg_cm3(90)
    return f"{said.bmd.mean_mg_cm3:.0f} ({low:.0f} to {high:.0f})"
