"""Other cases, whose image or features take a case's own place: does the class follow them?

A donor is a phantom of the validation seeds, read on its two true mid-slices. It is always of another class than the
case it is given to, so that a network that reads the image changes its mind nearly every time, and one that reads
something else never does.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.pipeline.classification import encode_pair
from OsteoJointLib.pipeline.reader import Reader
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import CtSlicePair, Level, Status
from training.evaluation.case_rows.facts import phantom_slices, truth_of
from training.seeds import VALIDATION_SEEDS

if TYPE_CHECKING:
    from OsteoJointLib.network.encoded import EncodedCrops

_OF_EACH_CLASS = 2
"""Donors (chosen: a reading each a process, and no single odd one decides)."""


@dataclass(frozen=True, eq=False)
class Donor:
    """Another case.

    Args:
        status: its true class.
        encoded: its crops and what the segmenter says of them.
    """

    status: Status
    encoded: EncodedCrops


def read_donors(reader: Reader) -> tuple[Donor, ...]:
    """Read the donors with the networks that are measured: as many of each class."""
    wanted = dict.fromkeys(Status, _OF_EACH_CLASS)
    donors: list[Donor] = []
    for seed in itertools.islice(VALIDATION_SEEDS, 200):  # far more than are needed
        if not any(wanted.values()):
            break
        status = truth_of(seed).status
        if not wanted[status]:
            continue
        truth, slices = phantom_slices(seed)
        points = {level: truth.centers_lps_mm[level.verse_label] for level in Level}
        pair = CtSlicePair(slices[Level.L1].volume, slices[Level.L2].volume)
        try:
            result = reader.read(pair, points=points, options=ReadOptions(gradcam=False))
        except OsteoJointError:
            continue  # its body was not localized: another one serves
        donors.append(Donor(status, encode_pair(result.readings)))
        wanted[status] -= 1
    return tuple(donors)


def donor_for(donors: tuple[Donor, ...], status: Status, seed: int) -> Donor:
    """Choose a donor of another class."""
    others = [donor for donor in donors if donor.status is not status]
    return others[seed % len(others)]
