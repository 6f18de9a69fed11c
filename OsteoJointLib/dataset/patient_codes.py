"""Codes of patients in a dataset: proposed so that all CTs of one person get the same one."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from OsteoJointLib.dataset.manifest import Manifest
from OsteoJointLib.io.dicom_person import person_of

_NUMBERED = re.compile(r"P(\d{1,9})")


class PatientCodes:
    """The codes of one dataset; whose they are is read from the CTs each time and kept in memory alone.

    Args:
        folder: of the dataset.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._persons: dict[Path, str | None] = {}

    def propose(self, path: Path, case: str, labeled: Mapping[Path, str]) -> str:
        """Propose a code for a CT.

        Args:
            path: of the CT.
            case: its own name in the dataset; empty where it isn't labeled.
            labeled: the case of each CT of the same folder that is labeled.

        Returns:
            Its own code, else that of a labeled CT of the same person as far as DICOM headers tell, else a new one.

        Raises:
            InputRefused: the manifest can't be read.
        """
        codes = {one.id: one.patient for one in Manifest(self._folder).cases()}
        if codes.get(case):
            return codes[case] or ""
        person = self._person(path)
        if person is not None:
            for other, name in labeled.items():
                if codes.get(name) and self._person(other) == person:
                    return codes[name] or ""
        return next_code([code for code in codes.values() if code])

    def _person(self, path: Path) -> str | None:
        if path not in self._persons:
            self._persons[path] = person_of(path)
        return self._persons[path]


def next_code(codes: list[str]) -> str:
    """Give the next patient a number, on from the highest that there is.

    >>> next_code([]), next_code(["P007", "P12", "anna"])
    ('P001', 'P013')
    """
    numbers = [int(found[1]) for code in codes if (found := _NUMBERED.fullmatch(code))]
    return f"P{max(numbers, default=0) + 1:03d}"
