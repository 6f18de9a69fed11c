"""The manifest of a dataset, ``cases.jsonl``: a line a case, in which others may have written too.

It is read again for every change, under the folder's lock, so that what others entered meanwhile stays.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.dataset.labeled_case import LabeledCase
from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.names import name_key
from OsteoJointLib.typed_json import from_json

MANIFEST_FILE = "cases.jsonl"


@dataclass(frozen=True)
class KnownImage:
    """What is asked of any case's image."""

    voxels_sha256: str | None = None


@dataclass(frozen=True)
class KnownCase:
    """What is asked of any line, whoever wrote it.

    >>> KnownCase("case-0001", "P017").words
    'case-0001 (patient P017)'
    """

    id: str
    patient: str | None = None
    image: KnownImage = KnownImage()
    status: str | None = None

    @property
    def words(self) -> str:
        """The case as a user is told of it."""
        return f"{self.id} (patient {self.patient or 'not known'})"


class Manifest:
    """The lines of ``cases.jsonl`` by case; those that aren't changed stay as they are, to the letter.

    Args:
        folder: of the dataset.

    Raises:
        InputRefused: UNREADABLE, when a line is no case or a case stands there twice.
    """

    def __init__(self, folder: Path):
        self.path = Path(folder) / MANIFEST_FILE
        self._lines()

    def cases(self) -> list[KnownCase]:
        """List the cases, each with what is asked of any."""
        return [_known(line) for line in self._lines().values()]

    def read(self) -> list[LabeledCase]:
        """Read the cases whole, as training needs them.

        Raises:
            InputRefused: UNREADABLE, when something of a case is missing or wrong.
        """
        cases = []
        for line in self._lines().values():
            try:
                cases.append(LabeledCase.from_line(line))
            except ValueError as error:
                raise InputRefused(
                    Reason.UNREADABLE, f"{_known(line).id} in {self.path} can't be used: {error} Mend its line."
                ) from error
        return cases

    def put(self, case: LabeledCase, place: Callable[[], None] | None = None) -> int:
        """Enter a case, in the place of the one of that name or at the end; the caller holds the folder's lock.

        Args:
            case: to be entered.
            place: puts the case's files in place; meanwhile the manifest doesn't name the case.

        Returns:
            How many cases the manifest has.
        """
        lines, key = self._lines(), name_key(case.id)
        if place is not None:
            if key in lines:
                self._write(line for other, line in lines.items() if other != key)
            place()
        lines[key] = case.line()
        self._write(lines.values())
        return len(lines)

    def _lines(self) -> dict[str, str]:
        lines: dict[str, str] = {}
        for number, line in numbered_lines(self.path):
            try:
                key = name_key(_known(line).id)
            except ValueError as error:
                raise InputRefused(
                    Reason.UNREADABLE, f"Line {number} of {self.path} is no case: {error} Mend or remove it."
                ) from error
            if key in lines:
                raise InputRefused(
                    Reason.UNREADABLE,
                    f"Line {number} of {self.path} has the id of another line. Rename or remove one of the two.",
                )
            lines[key] = line
        return lines

    def _write(self, lines: Iterable[str]) -> None:
        write_text_whole(self.path, "".join(f"{line}\n" for line in lines))


def numbered_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Give the lines of a manifest that hold something, each with its number from 1 on.

    Raises:
        InputRefused: UNREADABLE, it isn't UTF-8.
    """
    for number, line in enumerate(_text(path).split("\n"), start=1):
        if line.strip():
            yield number, line


def _known(line: str) -> KnownCase:
    return from_json(KnownCase, json.loads(line))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    except UnicodeDecodeError as error:
        raise InputRefused(Reason.UNREADABLE, f"{path} isn't UTF-8 text. Save it again as UTF-8.") from error
