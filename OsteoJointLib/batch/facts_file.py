"""``--facts CSV``: what a user knows of how the cases of a batch were scanned, a row a case.

The columns are ``case``, ``kvp``, ``kernel`` and ``contrast``; a cell that is empty says nothing, and then the header
or the image does. A row that can't be understood, or names no case of the batch, stops it before anything is read: a
fact that was misspelled must not be passed over.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from OsteoJointLib.batch.inputs import FoundCase, own_name
from OsteoJointLib.errors import OsteoJointError, Reason, UsageError
from OsteoJointLib.io.contrast_words import phase_of
from OsteoJointLib.io.dicom_tags import as_positive
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import ContrastPhase, Kernel

COLUMNS = ("case", "kvp", "kernel", "contrast")

E = TypeVar("E", bound=StrEnum)


@dataclass(frozen=True)
class CaseFacts:
    """What one row says; None where its cell is empty."""

    kvp: float | None = None
    kernel: Kernel | None = None
    contrast: ContrastPhase | None = None

    def added_to(self, options: ReadOptions) -> ReadOptions:
        """Put what the row says in place of what the options say for every case."""
        said = {name: value for name, value in vars(self).items() if value is not None}
        return replace(options, **said)


def read_facts(path: Path) -> dict[str, CaseFacts]:
    """Read the file: facts by what stands in the column ``case``.

    Raises:
        UsageError: it can't be read, lacks a column or has another one, or a cell can't be understood.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(Reason.USAGE, f"The facts {path} can't be read ({error}). Check the file.") from error
    heads = [head.strip().lower() for head in rows[0]] if rows else []
    if "case" not in heads or len(set(heads)) < len(heads) or not set(heads) <= set(COLUMNS):
        raise UsageError(
            Reason.USAGE,
            f"The first line of {path.name} is {','.join(heads) or 'empty'}. It must name the columns: case, and of "
            "kvp, kernel and contrast those that you know.",
        )
    facts: dict[str, CaseFacts] = {}
    for number, cells in enumerate(rows[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(heads):
            raise _wrong(number, f"has {len(cells)} cells, and the first line has {len(heads)}")
        row = {head: cell.strip() for head, cell in zip(heads, cells, strict=True)}
        if not row["case"] or row["case"] in facts:
            raise _wrong(number, "names no case" if not row["case"] else f"names {row['case']} a second time")
        facts[row["case"]] = _facts_of(row, number)
    return facts


def facts_by_case(facts: Mapping[str, CaseFacts], cases: Mapping[FoundCase, str | None]) -> dict[FoundCase, CaseFacts]:
    """Find the case that each row means: by its path, its name, or its study or series; else by its file's or folder's.

    Args:
        facts: by what stands in the column ``case``.
        cases: the batch's, each with its name where an earlier batch gave it one.

    Raises:
        UsageError: a row means no case of the batch, or several.
    """
    found: dict[FoundCase, CaseFacts] = {}
    for words, said in facts.items():
        whole = Path(words).expanduser().resolve()
        same = [case for case, name in cases.items() if words == name or case.path == whole or words in _hashes(case)]
        meant = same or [case for case in cases if words in (case.path.name, own_name(case.path))]
        if len(meant) != 1:
            many = "none of the cases" if not meant else f"{len(meant)} cases"
            raise UsageError(
                Reason.USAGE,
                f"The facts name {words}, which is {many} of this batch. Give the case's whole path, or "
                "the SHA-256 of its study.",
            )
        found[meant[0]] = said
    return found


def _hashes(case: FoundCase) -> tuple[str, ...]:
    return () if case.identity is None else (case.identity.study_sha256, case.identity.series_sha256)


def _facts_of(row: Mapping[str, str], number: int) -> CaseFacts:
    kvp = as_positive(row["kvp"]) if row.get("kvp") else None
    if row.get("kvp") and kvp is None:
        raise _wrong(number, f"has {row['kvp']!r} for kvp, which is no number of kV")
    kernel = _word(row, "kernel", _kernel, Kernel, number)
    contrast = _word(row, "contrast", phase_of, ContrastPhase, number)
    facts = CaseFacts(kvp, kernel, contrast)
    try:
        facts.added_to(ReadOptions())
    except OsteoJointError as error:
        raise _wrong(number, f"can't be used: {error.message}") from error
    return facts


def _kernel(word: str) -> Kernel | None:
    return Kernel(word.lower()) if word.lower() in list(Kernel) else None


def _word(
    row: Mapping[str, str], column: str, understand: Callable[[str], E | None], kind: type[E], number: int
) -> E | None:
    word = row.get(column, "")
    said = understand(word) if word else None
    if word and said is None:
        raise _wrong(number, f"has {word!r} for {column}, which must be one of {', '.join(kind)}")
    return said


def _wrong(number: int, what: str) -> UsageError:
    return UsageError(Reason.USAGE, f"Line {number} of the facts {what}. Correct it.")
