"""How far the labeling of a folder of CTs has come: ``worklist.jsonl`` beside the dataset's manifest.

A CT is known by a digest of its path: the path itself may name a patient. One that was moved counts as not looked at;
that it stands in the dataset already is found when it is saved, by its voxels.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.dataset.manifest import Manifest
from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.locking import locked
from OsteoJointLib.names import name_key
from OsteoJointLib.typed_json import from_json, to_json

WORKLIST_FILE = "worklist.jsonl"


class Ending(StrEnum):
    """What became of a CT."""

    LABELED = "labeled"
    SKIPPED = "skipped"
    NOT_READ = "not_read"


@dataclass(frozen=True)
class Worked:
    """A CT that was looked at.

    Args:
        place: the digest of its path, see :func:`OsteoJointLib.batch.inputs.place_of`.
        ending: what became of it.
        case: its name in the dataset, once it is labeled.
        reason: why it couldn't be read.
        message: the same in a sentence, without paths.
    """

    place: str
    ending: Ending
    case: str | None = None
    reason: Reason | None = None
    message: str = ""


class Worklist:
    """The lines of ``worklist.jsonl``; each change reads them again under the folder's lock.

    Args:
        folder: of the dataset; it may be missing.
    """

    def __init__(self, folder: Path):
        self._folder = Path(folder)
        self.path = self._folder / WORKLIST_FILE

    def read(self) -> dict[str, Worked]:
        """Read what was done, by place. A labeled CT whose case has gone from the manifest wasn't looked at.

        Raises:
            InputRefused: UNREADABLE, when a line can't be read.
        """
        known = {name_key(case.id) for case in Manifest(self._folder).cases()}
        return {
            place: one
            for place, one in self._lines().items()
            if one.ending is not Ending.LABELED or name_key(one.case or "") in known
        }

    def enter(self, worked: Worked) -> None:
        """Note what became of a CT, in place of what was noted before.

        Raises:
            InputRefused: UNREADABLE, when a line can't be read.
        """
        with locked(self._folder):
            lines = self._lines()
            lines[worked.place] = worked
            text = "".join(f"{json.dumps(to_json(one), ensure_ascii=False)}\n" for one in lines.values())
            write_text_whole(self.path, text)

    def _lines(self) -> dict[str, Worked]:
        if not self.path.is_file():
            return {}
        lines: dict[str, Worked] = {}
        for number, line in enumerate(self.path.read_text(encoding="utf-8-sig").split("\n"), start=1):
            if not line.strip():
                continue
            try:
                worked = from_json(Worked, json.loads(line))
            except ValueError as error:
                raise InputRefused(
                    Reason.UNREADABLE, f"Line {number} of {self.path} can't be read: {error} Mend or remove it."
                ) from error
            lines[worked.place] = worked
        return lines
