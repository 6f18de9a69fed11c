"""What a batch has done: ``batch.jsonl``, a line a case, and the table ``batch.csv``, which is made of it.

Both are written whole after every case, the ledger first, under the folder's lock and from what stands there then: a
killed batch leaves a right table of what it did, and two batches into one folder never lose each other's rows.

Names are given in the same way, and stand in the ledger before anything is read: no two batches give one name, and a
case keeps its own. Neither file tells what an input is called, unless that was asked for; the digest of its path tells
only whoever can guess the path.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import TEMPORARY_PREFIX, write_text_whole
from OsteoJointLib.batch.naming import KEY_HASHES, Namer, Newcomer, write_keys
from OsteoJointLib.errors import InputRefused, OsteoJointError, Reason, UsageError
from OsteoJointLib.locking import locked
from OsteoJointLib.names import Names
from OsteoJointLib.output.csv_rows import row_of_batch, row_of_failure, write_table
from OsteoJointLib.output.result_json import RESULT_FILE
from OsteoJointLib.pipeline.config_file import settings_sha256
from OsteoJointLib.pipeline.settings import PipelineConfig, ReadOptions
from OsteoJointLib.typed_json import from_json, to_json

TABLE_FILE = "batch.csv"
LEDGER_FILE = "batch.jsonl"
CASES_FOLDER = "cases"

Row = Mapping[str, str]
"""One case in the table: the columns of :mod:`OsteoJointLib.output.csv_rows`."""


class Outcome(StrEnum):
    """How a case ended; a skipped one was done before and has not changed, a waiting one has a name and no more."""

    WAITING = "waiting"
    DONE = "done"
    SKIPPED = "skipped"
    REFUSED = "refused"
    FAILED = "failed"

    @property
    def is_read(self) -> bool:
        """Whether the case has a result."""
        return self in (Outcome.DONE, Outcome.SKIPPED)


@dataclass(frozen=True)
class CaseRecord:
    """One case of a batch: a line of the ledger.

    Args:
        case: its name.
        outcome: how it ended.
        row: in the table; empty while it waits.
        fingerprint: of its content; None where it couldn't be read.
        settings: it was read with, see :func:`reading_settings`.
        place: a digest of the path it was read from; None for a volume of Slicer's scene.
        batch: a word for the batch that ended it, which tells its cases from those of others.
    """

    case: str
    outcome: Outcome
    row: Row
    fingerprint: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    place: str | None = None
    batch: str = ""

    def line(self) -> str:
        """Write the record as a line of JSON."""
        return json.dumps(to_json(self), ensure_ascii=False)

    @classmethod
    def from_line(cls, line: str) -> CaseRecord:
        """Read a line.

        Raises:
            ValueError: it is no record of a case.
        """
        return from_json(cls, json.loads(line))


def read_case(case: str, document: Mapping[str, Any], **fields: Any) -> CaseRecord:
    """Record a case by its result, with further fields of :class:`CaseRecord`; refused where its class is held back."""
    row = row_of_batch(case, document)
    return CaseRecord(case, Outcome(row["outcome"]), row, **fields)


def failed_case(case: str, error: OsteoJointError, own_names: bool = False, **fields: Any) -> CaseRecord:
    """Record a case that was refused or failed, with further fields of :class:`CaseRecord`."""
    row = row_of_failure(case, error, own_names)
    return CaseRecord(case, Outcome(row["outcome"]), row, **fields)


def reading_settings(
    model_sha256: str, options: ReadOptions, config: PipelineConfig, own: str = "", files: Sequence[str] = ()
) -> dict[str, Any]:
    """Say what a reading follows from, beside the CT: a case is done only while all of it is the same.

    Args:
        model_sha256: of the weights.
        options: what the reading does.
        config: how its stages work.
        own: a digest of the points and masks that are a user's.
        files: that are asked for beside those every case has.
    """
    said = {"model_sha256": model_sha256, "settings_sha256": settings_sha256(config, options), "own": own}
    return {**said, "files": list(files)} if files else said


def check_batch_folder(folder: Path) -> None:
    """Check that a batch may write into ``folder``; nothing is written.

    Raises:
        UsageError: OUTPUT_EXISTS.
    """
    if (folder / LEDGER_FILE).is_file() or not folder.exists():
        return
    if not folder.is_dir() or any(not child.name.startswith(TEMPORARY_PREFIX) for child in folder.iterdir()):
        raise UsageError(
            Reason.OUTPUT_EXISTS,
            f"{folder} holds files that are no batch's, and those are never overwritten. Choose a new or empty folder, "
            "or an earlier batch's.",
        )


def read_ledger(folder: Path) -> dict[str, CaseRecord]:
    """Read what batches have left in a folder, by case; empty where there was none.

    Raises:
        InputRefused: UNREADABLE, when a line is no case.
    """
    records: dict[str, CaseRecord] = {}
    try:
        lines = (folder / LEDGER_FILE).read_text(encoding="utf-8").removesuffix("\n").split("\n")
    except FileNotFoundError:
        return records
    for number, line in enumerate(lines, start=1):
        try:
            record = CaseRecord.from_line(line)
        except ValueError as error:
            raise InputRefused(
                Reason.UNREADABLE,
                f"Line {number} of {folder / LEDGER_FILE} is damaged. Remove that line: its case is then read again.",
            ) from error
        records[record.case] = record
    return records


class Ledger:
    """The cases of one output folder, those of other batches included.

    Args:
        folder: as :func:`check_batch_folder` lets it through.
        names: what cases are called that have no name yet.
    """

    def __init__(self, folder: Path, names: Names = Names.NEUTRAL):
        self.folder = folder
        self._names = names
        self._records = read_ledger(folder)
        self._nameless = [case for case, one in self._records.items() if not one.fingerprint and one.place is None]
        self._rank: dict[str, int] = {}
        self._told: dict[str, str] = {}

    def claim(self, newcomers: Sequence[Newcomer]) -> tuple[str, ...]:
        """Give cases their names, see :mod:`.naming`, which nobody else gets from then on.

        Args:
            newcomers: in the order in which they stand in the table, after all others.
        """
        contents = self._contents(newcomers)
        here = {one.place for one in newcomers if one.place}
        with locked(self.folder):
            records = read_ledger(self.folder)
            at_place = {one.place: name for name, one in records.items() if one.place}
            of_content = {
                one.fingerprint: name for name, one in records.items() if one.fingerprint and one.place not in here
            }
            namer = Namer(self._names, at_place, of_content, self._nameless, records)
            named = {namer.name(one, content): one for one, content in zip(newcomers, contents, strict=True)}
            for (name, one), content in zip(named.items(), contents, strict=True):
                known_by = None if one.place else content
                records.setdefault(name, CaseRecord(name, Outcome.WAITING, {}, known_by, place=one.place))
                self._rank.setdefault(name, len(self._rank))
                self._told[name] = one.told
            self._write(records)
        return tuple(named)

    def names_by_place(self) -> dict[str, str]:
        """Say what the cases are called that have a name, by the digest of their path."""
        return {one.place: name for name, one in self._records.items() if one.place}

    def case_folder(self, case: str) -> Path:
        """Where the files of a case lie."""
        return self.folder / CASES_FOLDER / case

    def row_if_done(self, case: str, fingerprint: str, settings: Mapping[str, Any]) -> Row | None:
        """Find the row of a case that was read from the same content and whose result is still there."""
        known = self._records.get(case)
        if known is None or not known.outcome.is_read or known.fingerprint != fingerprint:
            return None
        is_there = (self.case_folder(case) / RESULT_FILE).is_file()
        return known.row if known.settings == settings and is_there else None

    def enter(self, record: CaseRecord) -> None:
        """Note a case in place of what was known of it, and write ledger and table."""
        with locked(self.folder):
            self._write({**read_ledger(self.folder), record.case: record})

    def _contents(self, newcomers: Sequence[Newcomer]) -> list[str | None]:
        """Take the fingerprints by which a case may be known that isn't by its path; not while others wait."""
        records = read_ledger(self.folder).values()
        here, known = {one.place for one in newcomers}, {one.place for one in records}
        moved = any(one.fingerprint and one.place not in here for one in records)
        return [one.content() if one.place is None or (moved and one.place not in known) else None for one in newcomers]

    def _write(self, records: Mapping[str, CaseRecord]) -> None:
        ordered = sorted(records.values(), key=lambda one: self._rank.get(one.case, -1))
        write_text_whole(self.folder / LEDGER_FILE, "".join(f"{one.line()}\n" for one in ordered))
        write_table([one.row for one in ordered if one.outcome is not Outcome.WAITING], self.folder / TABLE_FILE)
        self._records = {one.case: one for one in ordered}
        if self._names is Names.KEYS:
            told = ({"case": case, "input": words} for case, words in self._told.items())
            hashes = {case: {name: one.row.get(name, "") for name in KEY_HASHES} for case, one in records.items()}
            write_keys(self.folder, [key | hashes[key["case"]] for key in told])
