"""What a user enters beside a labeled case: checked, in the words of the worker's operation ``label``; plain Python."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from OsteoJointLib.dataset.label_checks import check_bmd, check_patient
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.names import check_name, neutral_names
from OsteoJointLib.records import Level, Status


@dataclass(frozen=True)
class LabelEntry:
    """The fields as they were typed; an empty one wasn't filled in.

    Args:
        folder: of the dataset.
        name: of the case; also its folder's.
        patient: a code, the same for every CT of one person.
        status: normal, osteopenia, osteoporosis or empty.
        bmd: by level, mg/cm³, as text.
        bmd_method: by which method it was measured.
    """

    folder: str
    name: str
    patient: str
    status: str = ""
    bmd: tuple[tuple[str, str], ...] = ()
    bmd_method: str = ""

    def fields(self) -> dict[str, Any]:
        """Give the request's fields; what wasn't filled in is null or left out, never invented.

        Raises:
            UsageError: a field is missing or can't be read.

        >>> LabelEntry("/data", "case-0001", "P7", bmd=(("L1", "98,5"), ("L2", "")), bmd_method="QCT").fields()["bmd"]
        {<Level.L1: 'L1'>: 98.5}
        """
        if not self.folder.strip():
            raise _refusal("No dataset folder is chosen. Choose one.")
        name = check_name(self.name.strip())
        if not self.patient.strip():
            raise _refusal(
                "The patient code is missing. Give every CT of one person the same code, so that "
                "training and test never share a person."
            )
        bmd = {Level(level): _number(level, text) for level, text in self.bmd if text.strip()}
        method = self.bmd_method.strip() if bmd else None
        check_bmd(bmd, method)
        if bmd and not method:
            raise _refusal("The method of the BMD is missing. Say how it was measured, for instance by QCT.")
        return {
            "folder": Path(self.folder.strip()),
            "name": name,
            "patient": check_patient(self.patient.strip()),
            "status": Status(self.status) if self.status else None,
            "bmd": bmd,
            "bmd_method": method,
        }

    def class_by_bmd(self) -> str:
        """Give the class that the BMD stands for; empty without one.

        >>> LabelEntry("", "", "", bmd=(("L1", "120,5"), ("L2", "118"))).class_by_bmd()
        'osteopenia'
        """
        bmd = [_number(level, text) for level, text in self.bmd if text.strip()]
        return Status.from_bmd(sum(bmd) / len(bmd)).value if bmd else ""


def next_name(folder: str) -> str:
    """Find the next free number in a dataset; the name says nothing of the patient.

    >>> next_name("")
    'case-0001'
    """
    try:
        names = [child.name for child in Path(folder).iterdir()] if folder else []
    except OSError:  # it isn't there yet, or saving will say what is wrong with it
        names = []
    return next(neutral_names(names))


def _number(level: str, text: str) -> float:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _refusal(f"The BMD of {level}, {text.strip()!r}, is no number. Enter mg/cm³.")
    return value


def _refusal(sentence: str) -> UsageError:
    return UsageError(Reason.USAGE, sentence)
