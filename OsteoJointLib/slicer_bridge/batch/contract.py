"""What the two batches, over nodes and over a folder, promise to who runs them: rows as they come, and an ending."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from slicer.i18n import tr as _

from OsteoJointLib.batch.ledger import CASES_FOLDER, Outcome, Row
from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.slicer_bridge.signal import Signal


@dataclass(frozen=True)
class BatchEnd:
    """How a batch ended: in words, and what broke it as a whole (None: every case has its row)."""

    words: str
    error: OsteoJointError | None = None


class Batch(Protocol):
    """A batch under way; nothing in it blocks."""

    folder: Path
    """Where ``batch.csv`` and the cases' folders lie."""
    rows: dict[str, Row]
    """By case, as they came; earlier batches' other rows of the table are not among them."""
    skipped: set[str]
    """The cases that were done before and not read again."""
    row_done: Signal
    """(row): a case has its row."""
    progressed: Signal
    """(done, total): cases."""
    ended: Signal
    """(:class:`BatchEnd`): once, at the end; not after :meth:`cancel`."""

    def start(self) -> None:
        """Begin; every refusal comes by :attr:`ended`."""

    def cancel(self) -> None:
        """Stop at once; what is done stays done."""


def count_words(rows: Iterable[Row], skipped: Collection[str]) -> str:
    """How a batch's cases ended, in one sentence."""
    counts = Counter(Outcome.SKIPPED if row["case"] in skipped else Outcome(row["outcome"]) for row in rows)
    total = counts.total()
    cases = _("1 case") if total == 1 else _("{count} cases").format(count=total)
    if total and counts[Outcome.SKIPPED] == total:
        return _("{cases}, done before: nothing to read.").format(cases=cases)
    parts = [f"{counts[outcome]} {outcome_word(outcome)}" for outcome in Outcome if counts[outcome]]
    return f"{cases}: {', '.join(parts)}." if parts else f"{cases}."


def outcome_word(outcome: Outcome) -> str:
    """How a case ended, in a word."""
    words = {
        Outcome.DONE: _("done"),
        Outcome.SKIPPED: _("skipped"),
        Outcome.REFUSED: _("refused"),
        Outcome.FAILED: _("failed"),
    }
    return words[outcome]


def case_report(folder: Path, case: str) -> Path:
    """Where the report of a batch's case lies."""
    return folder / CASES_FOLDER / case / "report.html"
