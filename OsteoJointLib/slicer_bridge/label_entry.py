"""What a user enters beside a labeled case: checked, in the words of the worker's operation ``label``; plain Python."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from OsteoJointLib.dataset import Manifest, check_name
from OsteoJointLib.errors import Reason, UsageError


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
        """The request's fields; what wasn't filled in is null or left out, never invented.

        Raises:
            UsageError: a field is missing or can't be read.

        >>> LabelEntry("/data", "case-0001", "P7", bmd=(("L1", "98,5"), ("L2", "")), bmd_method="QCT").fields()["bmd"]
        {'L1': 98.5}
        """
        if not self.folder.strip():
            raise _refusal("Expected a dataset folder, came none. Choose one.")
        if not self.patient.strip():
            raise _refusal(
                "Expected a patient code, came none. Give every CT of one person the same code, so that training "
                "and test never share a person."
            )
        bmd = {level: _number(level, text) for level, text in self.bmd if text.strip()}
        if bmd and not self.bmd_method.strip():
            raise _refusal("Expected how the BMD was measured, came nothing. Name the method, for instance QCT.")
        return {
            "folder": self.folder.strip(),
            "name": check_name(self.name.strip()),
            "patient": self.patient.strip(),
            "status": self.status or None,
            "bmd": bmd,
            "bmd_method": self.bmd_method.strip() if bmd else None,
        }


def is_taken(folder: Path, name: str) -> bool:
    """Whether a dataset has a case of this name, in its manifest or as a folder; upper and lower case are one.

    Raises:
        InputRefused: the manifest can't be read.
    """
    return name in Manifest(folder) or name.casefold() in _folders(folder)


def next_name(folder: str) -> str:
    """The next free number in a dataset; the name says nothing of the patient.

    >>> next_name("")
    'case-0001'
    """
    folders = _folders(Path(folder)) if folder else set()
    numbers = [int(match[1]) for match in (re.fullmatch(r"case-(\d+)", name) for name in folders) if match]
    return f"case-{max(numbers, default=0) + 1:04d}"


def _folders(dataset: Path) -> set[str]:
    return {child.name.casefold() for child in dataset.iterdir()} if dataset.is_dir() else set()


def _number(level: str, text: str) -> float:
    try:
        value = float(text.strip().replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _refusal(f"Expected the BMD of {level} as a number in mg/cm³, came {text.strip()!r}. Correct it.")
    return value


def _refusal(sentence: str) -> UsageError:
    return UsageError(Reason.USAGE, sentence)
