"""One row a case, for the batch's CSV: stable columns, also for a case that failed.

A row is made from the case's ``result.json``, not from the run, so that a resumed batch and a fresh one give the same
table. A failed case has its reason code and sentence, and empty cells elsewhere.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.errors import ExitCode, OsteoJointError, Reason
from OsteoJointLib.output.fields import BASELINE, CASE, CLASS, ESTIMATE, IMAGE, LEVEL, Field
from OsteoJointLib.output.notice import RESEARCH_NOTICE_SHORT
from OsteoJointLib.pipeline.doubts import ABOUT_CLASS
from OsteoJointLib.records import CtVolume, Level

ROW_FILE = "result.csv"
"""The row of one case in its own folder."""

LEVEL_PREFIXES = {level.value: f"{level.value.lower()}_" for level in Level}


def _meanings(fields: Iterable[Field[Any]], prefix: str = "", of: str = "") -> dict[str, str]:
    return {f"{prefix}{name}": f"{of}{field.description}" for field in fields for name in field.columns}


COLUMN_MEANINGS: dict[str, str] = {
    "case": "Name of the case.",
    "outcome": "done, refused or failed.",
    "reason": "Reason code of a case that was refused or failed.",
    "message": "The same in a sentence.",
    "reliable": "Whether no doubt speaks against the class: yes or no.",
    **_meanings(CLASS),
    **_meanings(ESTIMATE),
    **_meanings(BASELINE),
    **{
        name: meaning
        for level, prefix in LEVEL_PREFIXES.items()
        for name, meaning in _meanings(LEVEL, prefix, f"{level}: ").items()
    },
    "flags": "Codes of all flags, with spaces between them.",
    **_meanings(IMAGE),
    **_meanings(CASE),
    "input": "Path of a batch's input, with --names own alone: else keys.csv says it, where that was asked for.",
    "input_sha256": "SHA-256 of a batch's input: of the file; of several files, of their sorted SHA-256.",
    "study_date": "Date of the DICOM study, where it was asked for (--dates).",
    "seconds": "How long the reading took, s.",
    "version": "OsteoJoint's version.",
    "notice": "Research only.",
}
"""What stands in each column, in order; points are RAS. An empty cell is null in ``result.json``."""

COLUMNS = tuple(COLUMN_MEANINGS)

_PROPOSED = [name for field in LEVEL if field.place.startswith("levels.") for name in field.columns]


def row_of_result(case: str, document: Mapping[str, Any]) -> dict[str, str]:
    """Make the row of a finished case.

    Args:
        case: its name in the table.
        document: its ``result.json``.

    Returns:
        A string for each of :data:`COLUMNS`; a null is an empty cell.
    """
    return _complete(_values(case, document))


def _values(case: str, document: Mapping[str, Any]) -> dict[str, Any]:
    codes = list(dict.fromkeys(flag["code"] for flag in document["flags"]))
    row: dict[str, Any] = {
        "case": case,
        "outcome": "done",
        "reliable": ABOUT_CLASS.isdisjoint(codes),
        "flags": " ".join(codes),
        "seconds": document["timings_s"].get("total"),
        "version": document["version"],
    }
    whole: tuple[Field[Any], ...] = (*CLASS, *ESTIMATE, *BASELINE, *CASE)
    for field in whole:
        row |= _cells(field, field.value(document))
    for field in IMAGE:
        row |= _cells(field, _of_images(document["input"], field))
    for level, prefix in LEVEL_PREFIXES.items():
        for field in LEVEL:
            row |= {f"{prefix}{name}": cell for name, cell in _cells(field, field.value(document, level)).items()}
    return row


def row_of_batch(case: str, document: Mapping[str, Any]) -> dict[str, str]:
    """Make the row of a case that a batch has read: refused, with the levels proposed, where its class is held back.

    Args:
        case: its name in the table.
        document: its ``result.json``.

    Returns:
        A string for each of :data:`COLUMNS`.
    """
    row = _values(case, document)
    if document["classification"]["status"] is not None:
        return _complete(row)
    doubts = [flag["message"] for flag in document["flags"] if flag["code"] == Reason.LEVELS_UNCERTAIN]
    places = {name: level["center_ras_mm"][2] for name, level in document["levels"].items()}
    names = ", ".join(sorted(places, key=lambda name: -places[name]))
    proposal = [f"{prefix}{name}" for prefix in LEVEL_PREFIXES.values() for name in _PROPOSED]
    return _complete(
        {
            **{name: row[name] for name in ("case", "flags", "seconds", "version", *proposal)},
            "outcome": "refused",
            "reason": Reason.LEVELS_UNCERTAIN.value,
            "message": f"{' '.join(doubts)} Proposed, from above: {names}. Read this CT by itself, and confirm L1 and "
            "L2 or move them.",
        }
    )


def row_of_failure(case: str, error: OsteoJointError, own_names: bool = False) -> dict[str, str]:
    """Make the row of a case that ended without a result.

    Args:
        case: its name in the table.
        error: what ended it.
        own_names: whether its message may hold a path.

    Returns:
        A string for each of :data:`COLUMNS`.
    """
    return _complete(
        {
            "case": case,
            "outcome": "refused" if error.exit_code == ExitCode.INPUT_REFUSED else "failed",
            "reason": error.reason.value,
            "message": error.message if own_names else error.public,
        }
    )


def write_table(rows: Iterable[Mapping[str, str]], path: Path) -> None:
    """Write rows of :func:`row_of_result` and :func:`row_of_failure` as one UTF-8 CSV file, whole."""
    write_text_whole(Path(path), table_text(rows))


def table_text(rows: Iterable[Mapping[str, str]], columns: Collection[str] = COLUMNS) -> str:
    """Make the text of :func:`write_table`, or of a table with other columns."""
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _cells(field: Field[Any], value: Any) -> dict[str, Any]:
    """Name the cells of a field by column: one, or one for each value of a list; none where it has no column."""
    values = value if len(field.columns) > 1 else [value]
    return dict(zip(field.columns, values, strict=True)) if field.columns else {}


def _of_images(images: Mapping[str, Any], field: Field[CtVolume]) -> Any:
    """Read a field of the input; of a pair of slices both values where they differ."""
    if images["form"] == "volume":
        return field.value(images)
    values = list(dict.fromkeys(_cell(field.value(images[level])) for level in LEVEL_PREFIXES))
    return values[0] if len(values) == 1 else "|".join(values)


def _complete(row: Mapping[str, Any]) -> dict[str, str]:
    return {name: _cell(row.get(name)) for name in COLUMNS} | {"notice": RESEARCH_NOTICE_SHORT}


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, str):
        return str(value)
    return no_formula(" ".join(value.split()))


def no_formula(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run as a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
