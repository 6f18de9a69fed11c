"""One phantom, read as a patient's CT is, and what came of it: the row of the whole chain.

Masks, boxes and class are those of the automatic reading where it put both levels within 10 mm and gave a class. Where
it did not, refused, or held its class back, the case is read once more with the true centers as a user's points. Such
a row says ``levels_given``: it counts as a failure of the whole chain, and its numbers stand apart. Of a phantom that
doesn't hold both levels only the naming is judged.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache

from OsteoJointLib.errors import InputRefused, OsteoJointError
from OsteoJointLib.phantom.cases import Phantom, make_phantom
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.classification import encode_pair, facts_tensor
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.pipeline.localization import detect_boxes
from OsteoJointLib.pipeline.midslice import centered_levels
from OsteoJointLib.pipeline.reader import Reader
from OsteoJointLib.records import Classification, LevelsFound
from OsteoJointLib.typed_json import to_json
from training.evaluation.case_rows.donors import Donor, donor_for, read_donors
from training.evaluation.case_rows.facts import phantom_facts
from training.evaluation.case_rows.image_tests import image_row
from training.evaluation.case_rows.level_row import level_row
from training.evaluation.level_outcomes import RIGHT, Finder, Naming, attempt, both_in_view, judge
from training.evaluation.phantom_levels import expected_of
from training.evaluation.rows import Row
from training.evaluation.strata import strata_of


@cache
def shipped_reader(weights: str) -> Reader:
    """Load a reader once a process."""
    return load_reader(weights, device="cpu")


def shipped_finder(weights: str) -> Finder:
    """Load the level stage of weights as the program has it."""
    return shipped_reader(weights).finder


@cache
def donors_of(weights: str) -> tuple[Donor, ...]:
    """Read the donors once a process."""
    return read_donors(shipped_reader(weights))


def case_row(weights: str, seed: int) -> Row:
    """Make one phantom, read it, and compare; a row of plain values."""
    began = time.monotonic()
    phantom = make_phantom(seed, any_field=True)
    made_s = time.monotonic() - began
    truth = phantom.truth
    row: Row = {
        "seed": seed,
        "status": truth.status.value,
        "bmd_mg_cm3": truth.mean_bmd_mg_cm3,
        "contrast_phase": truth.contrast_phase,
        "kvp": truth.kvp,
        "strata": strata_of(phantom),
        **_read(shipped_reader(weights), phantom, lambda: donor_for(donors_of(weights), truth.status, seed)),
    }
    row["seconds"] = {"phantom": round(made_s, 2), "all": round(time.monotonic() - began, 2)}
    return row


def _read(reader: Reader, phantom: Phantom, donor: Callable[[], Donor]) -> Row:
    """Name the levels and read automatically, or at the true points where that went wrong."""
    expected = expected_of(phantom)
    said = attempt(lambda: centered_levels(phantom.volume, reader.finder(phantom.volume)))
    naming = judge(said, expected)
    row: Row = {"naming": to_json(naming), "levels_given": False}
    if not both_in_view(expected):
        return row
    result = _read_named(reader, phantom, said, naming, row)
    if result is None or result.classification is None:
        row["levels_given"] = True
        centers = {level: point for level, point in expected.items() if point is not None}
        try:
            result = reader.read(phantom.volume, points=centers)
        except OsteoJointError as error:
            return row | {"refused_given": error.reason.value}
    return row | compare(reader, result, phantom, donor())


def _read_named(
    reader: Reader, phantom: Phantom, said: LevelsFound | InputRefused, naming: Naming, row: Row
) -> CaseResult | None:
    """Read at the levels that were found rightly; None where there are none, or where a later stage refuses."""
    if isinstance(said, InputRefused) or naming.outcome not in RIGHT:
        return None
    try:
        return reader.read_levels(phantom.volume, said)
    except OsteoJointError as error:
        row["refused_later"] = error.reason.value
        return None


def compare(reader: Reader, result: CaseResult, phantom: Phantom, donor: Donor) -> Row:
    """Compare a reading with the phantom's truth on the slices that were read, and test what its class comes from."""
    said = result.classification
    hu = [reading.slice_measurement.hu_mean for reading in result.readings]
    measured = [value for value in hu if value is not None]
    mean_hu = sum(measured) / len(measured) if len(measured) == len(hu) else None
    axials = [reading.axial for reading in result.readings]
    found = [None] * len(axials) if reader.detector is None else detect_boxes(reader.detector, axials, reader.device)
    return {
        **said_of(said),
        "facts": None if mean_hu is None else to_json(phantom_facts(phantom, mean_hu)),
        "image": None
        if said is None
        else image_row(reader.network, encode_pair(result.readings), donor, facts_tensor(result.volume, reader.device)),
        "levels": {
            reading.point.level.value: level_row(reading, detections, phantom)
            for reading, detections in zip(result.readings, found, strict=True)
        },
    }


def said_of(said: Classification | None) -> Row:
    """Write a classification as plain values; nulls where none was given."""
    if said is None:
        return {"probabilities": None, "predicted": None, "bmd": None, "indeterminate": None}
    bmd = None if said.bmd is None else [said.bmd.mean_mg_cm3, said.bmd.sd_mg_cm3]
    return {
        "probabilities": list(said.probabilities),
        "predicted": said.status.value,
        "bmd": bmd,
        "indeterminate": said.indeterminate,
    }
