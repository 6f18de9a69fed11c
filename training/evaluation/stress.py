"""The level stage under stress: every base CT as it is and under every change, each naming judged.

Only the levels are named, by the same finder as the program's. A change must not make a right answer a wrong one that
says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.cli.text_table import table
from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.typed_json import from_json, to_json
from training.evaluation.base_cts import BaseCt
from training.evaluation.ct_changes import CHANGES, Scan
from training.evaluation.level_outcomes import Finder, Naming, Outcome, attempt, count, count_by, judge
from training.evaluation.phantom_levels import LEVEL_SOURCES, FinderSource
from training.evaluation.rows import Job, MadeBy, Row, complete_rows, sources_sha256

STRESS_SOURCES = (*LEVEL_SOURCES, "OsteoJointLib/io", "training/evaluation")
"""Folders whose files decide about a run."""

LETTERS = {
    Outcome.RIGHT: "R",
    Outcome.RIGHT_FLAGGED: "r",
    Outcome.REFUSED: "-",
    Outcome.REFUSED_RIGHTLY: "+",
    Outcome.WRONG_FLAGGED: "w",
    Outcome.WRONG_SILENT: "W",
}
_SEPARATOR = " | "  # between the CT and the change in a row's key


def stress(source: FinderSource, bases: Sequence[BaseCt], path: Path, processes: int = 2) -> dict[str, Any]:
    """Name the levels of every CT under every change, write the runs and print a table.

    Args:
        source: of the level stage.
        bases: the CTs, each with a name of its own.
        path: of the JSON; rows go beside it, and rows already there of the same weights and sources are kept.
        processes: that work side by side, one thread each.

    Returns:
        What was written.
    """
    names = [base.name for base in bases]
    if len(set(names)) != len(names) or not names:
        raise UsageError(
            Reason.USAGE,
            "There is nothing to put under stress, or two CTs bear one name. Give --phantoms or --ct, and other names.",
        )
    jobs = [
        Job(tuple(f"{base.key}{_SEPARATOR}{change}" for change in CHANGES), partial(stress_rows, source.load, base))
        for base in bases
    ]
    made_by = MadeBy(source.sha256, sources_sha256(*STRESS_SOURCES))
    rows = complete_rows(path.with_suffix(".jsonl"), made_by, jobs, processes)
    numbers = {**stress_numbers(list(rows.values())), **source.said()}
    write_text_whole(path, json.dumps(numbers, indent=2) + "\n")
    print(outcome_table(numbers["runs"]))
    print(json.dumps(numbers["stress"], indent=2))
    return numbers


def stress_rows(load: Callable[[], Finder], base: BaseCt, keys: Sequence[str]) -> Mapping[str, Row]:
    """Name one CT's levels under the changes that the keys name.

    A row whose ``naming`` is None: that change can't be made of this CT. A CT that can't be read is refused as stored.
    """
    finder = load()
    try:
        scan = base.scan()
    except InputRefused as refusal:
        unread = judge(refusal, base.expected(), base.near_mm)
        return {key: _row(base, key, unread if _change_of(key) == "stored" else None) for key in keys}
    return {key: _row(base, key, _name(finder, scan, _change_of(key), base.near_mm)) for key in keys}


def _change_of(key: str) -> str:
    return key.rpartition(_SEPARATOR)[2]


def _name(finder: Finder, scan: Scan, change: str, near_mm: float) -> Naming | None:
    changed = CHANGES[change](scan)
    if changed is None:
        return None
    return judge(attempt(lambda: finder(changed.volume)), changed.expected, near_mm)


def _row(base: BaseCt, key: str, naming: Naming | None) -> Row:
    doubtful = base.known is not None and base.known.doubtful
    return {"name": base.name, "change": _change_of(key), "doubtful": doubtful, "naming": to_json(naming)}


def stress_numbers(rows: Sequence[Row]) -> dict[str, Any]:
    """Count the runs, in all, by change and by CT.

    Args:
        rows: of :func:`stress_rows`; those that could not be made are left out.

    Returns:
        ``stress``, ``by_change`` and ``by_ct`` with the counts, ``runs`` with every run.
    """
    made = [row for row in rows if row["naming"] is not None]
    namings = [from_json(Naming, row["naming"]) for row in made]
    return {
        "stress": count(namings),
        "by_change": count_by(zip((row["change"] for row in made), namings, strict=True)),
        "by_ct": count_by(zip((row["name"] for row in made), namings, strict=True)),
        "runs": [
            {"name": row["name"], "change": row["change"], "doubtful": row["doubtful"], **row["naming"]} for row in made
        ],
    }


def outcome_table(runs: Sequence[Mapping[str, Any]]) -> str:
    """Lay out a letter for every run: a row for each CT, a numbered column for each change.

    Args:
        runs: each with ``name``, ``change``, ``doubtful`` and ``outcome``.
    """
    letters = {(run["name"], run["change"]): LETTERS[Outcome(run["outcome"])] for run in runs}
    names = {run["name"]: run["name"] + (" (?)" if run["doubtful"] else "") for run in runs}
    rows = [["", *(str(number) for number, _ in enumerate(CHANGES, 1))]]
    rows += [[shown, *(letters.get((name, change), "") for change in CHANGES)] for name, shown in names.items()]
    legend = (
        "R right, r right and in doubt, - refused, + refused rightly (L1 or L2 not in view), w wrong and in doubt, "
        "W wrong and silent; (?) doubt is wished"
    )
    changes = "; ".join(f"{number} {change}" for number, change in enumerate(CHANGES, 1))
    return f"{table(rows)}\n{legend}\n{changes}"
