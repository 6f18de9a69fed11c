"""What the two batches, over nodes and over a folder, have in common: their rows, their ending, and waiting for it."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import slicer
from slicer.i18n import tr as _

from OsteoJointLib.batch.run import CASES_FOLDER
from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.slicer_bridge.batch.node_ledger import Row
from OsteoJointLib.slicer_bridge.signal import Signal

OnProgress = Callable[[int, int, Row], object]
"""Called after each case with the cases done, all cases and the case's row; returns False to stop the batch."""

_TURN_S = 0.01


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


def wait_for(batch: Batch, on_progress: OnProgress | None = None) -> list[Row]:
    """Run a batch to its end while the window stays alive.

    Args:
        batch: not started yet.
        on_progress: see :data:`OnProgress`.

    Returns:
        The rows, one a case; fewer where ``on_progress`` stopped the batch.

    Raises:
        OsteoJointError: the batch as a whole was refused or broke.
    """
    ends: list[BatchEnd] = []
    counts = [(0, 0)]
    news: list[tuple[int, int, Row]] = []
    batch.ended.connect(ends.append)
    batch.progressed.connect(lambda done, total: counts.append((done, total)))
    batch.row_done.connect(lambda row: news.append((*counts[-1], row)))
    stopped = False
    try:
        batch.start()
        while not stopped:
            slicer.app.processEvents()
            while news and not stopped:  # told here, not in a slot, where an exception of the caller's would be lost
                one = news.pop(0)
                stopped = on_progress is not None and on_progress(*one) is False
            if ends:
                break
            time.sleep(_TURN_S)
    finally:
        if not ends:
            batch.cancel()
    if ends and ends[0].error is not None:
        raise ends[0].error
    return list(batch.rows.values())


def count_words(rows: Iterable[Row], skipped: Collection[str]) -> str:
    """How a batch's cases ended, in one sentence."""
    outcomes = ["skipped" if row["case"] in skipped else row["outcome"] for row in rows]
    counts = Counter(outcomes)
    cases = _("1 case") if len(outcomes) == 1 else _("{count} cases").format(count=len(outcomes))
    if outcomes and counts["skipped"] == len(outcomes):
        return _("{cases}, done before: nothing to read.").format(cases=cases)
    words = {"done": _("done"), "skipped": _("skipped"), "refused": _("refused"), "failed": _("failed")}
    parts = [f"{counts[outcome]} {word}" for outcome, word in words.items() if counts[outcome]]
    return f"{cases}: {', '.join(parts)}." if parts else f"{cases}."


def case_report(folder: Path, case: str) -> Path:
    """Where the report of a batch's case lies."""
    return folder / CASES_FOLDER / case / "report.html"
