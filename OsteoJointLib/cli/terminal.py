"""What a person sees in a terminal: progress bars where stderr is one, and results as short tables."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from OsteoJointLib.cli.saying import say
from OsteoJointLib.cli.text_table import number, table
from OsteoJointLib.errors import Reason
from OsteoJointLib.output.fields import CLASS, Field, View, seen_in
from OsteoJointLib.output.notice import RESEARCH_NOTICE
from OsteoJointLib.pipeline.stages import Progress, Stage
from OsteoJointLib.records import Level

if TYPE_CHECKING:
    from OsteoJointLib.batch.ledger import CaseRecord
    from OsteoJointLib.batch.run import BatchReport, OnCase

_STAGE_WORDS = {
    Stage.IO: "reading the CT",
    Stage.MODEL: "loading the weights",
    Stage.LEVELS: "finding L1 and L2",
    Stage.PREPROCESS: "cutting the mid-slices",
    Stage.LOCALIZATION: "localizing the bodies",
    Stage.SEGMENTATION: "segmenting",
    Stage.LEVEL_SET: "refining",
    Stage.CLASSIFICATION: "classifying",
    Stage.EXPLANATION: "explaining",
    Stage.MEASURE: "measuring",
    Stage.OUTPUT: "writing",
}


@contextmanager
def progress_bar() -> Iterator[Progress | None]:
    """Show a bar over the stages of one reading on stderr; None where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from tqdm import tqdm

    with tqdm(total=100, leave=False, bar_format="{l_bar}{bar}| {elapsed}", file=sys.stderr) as bar:

        def report(stage: Stage, fraction: float) -> None:
            bar.set_description_str(_STAGE_WORDS[stage], refresh=False)
            bar.n = round(100 * fraction)
            bar.refresh()

        yield report


@contextmanager
def case_bar() -> Iterator[OnCase]:
    """Show a bar over the cases of a batch on stderr, or a line a case where it is no terminal."""
    if not sys.stderr.isatty():
        begun_s = time.monotonic()
        yield lambda done, total, record: say(
            f"{done}/{total} {record.case} {record.outcome}{pace(done, total, time.monotonic() - begun_s)}", sys.stderr
        )
        return
    from tqdm import tqdm

    with tqdm(unit="case", file=sys.stderr) as bar:

        def report(done: int, total: int, record: CaseRecord) -> None:
            bar.total, bar.n = total, done
            bar.set_postfix_str(f"{record.case} {record.outcome}")

        yield report


def pace(done: int, total: int, seconds: float) -> str:
    """Say how fast a batch goes and how long it will take; nothing at its end.

    >>> pace(30, 120, 600.0), pace(2, 2, 5.0)
    (', 3 a minute, 30 min left', '')
    """
    if done == total or seconds <= 0:
        return ""
    rate, left_min = 60 * done / seconds, (total - done) * seconds / done / 60
    left = f"{left_min / 60:.1f} h" if left_min >= 90 else f"{left_min:.0f} min" if left_min >= 1 else "under a minute"
    return f", {rate:.2g} a minute, {left} left" if rate < 10 else f", {rate:.0f} a minute, {left} left"


def summary(document: Mapping[str, Any], files: Iterable[Path]) -> str:
    """Put a result document into a few lines: levels, HU, class, doubts, files and the notice.

    Where the class is held back, the first line says so, and how to confirm the levels.
    """
    place = {field.place.removeprefix("classification."): field for field in CLASS}
    status, certainty = place["status"], place["indeterminate"]
    shares = [field for name, field in place.items() if name.startswith("probabilities.")]
    codes = {flag["code"] for flag in document["flags"]}
    another = certainty.value(document)
    unreliable = Reason.CLASS_NOT_RELIABLE in codes
    levels = [level.value for level in Level]
    rows = [[field.head, *(field.said(document, level) for level in levels)] for field in seen_in(View.TERMINAL)]
    lines = [
        *([_how_to_confirm(document)] if Reason.CLASS_HELD_BACK in codes else []),
        table([["", *levels], *rows]),
        "",
        f"{status.title}: {status.said(document)}{' (NOT RELIABLE)' if unreliable else ''}"
        f"{', indeterminate: another class is possible too' if another else ''}"
        f"{_left_out(document, place)}   " + ", ".join(f"{share.title} {share.said(document)}" for share in shares),
        *(f"  ! {flag['level'] + ': ' if flag['level'] else ''}{flag['message']}" for flag in document["flags"]),
        "",
        f"{number(document['timings_s'].get('total'), 1, 's')} on {document['device']}",
        *(str(file) for file in files),
        RESEARCH_NOTICE,
    ]
    return "\n".join(lines)


def _left_out(document: Mapping[str, Any], place: Mapping[str, Field[Any]]) -> str:
    """Say which vertebra is left out, by whom and why; empty where both count."""
    level, by, reason = (place[name] for name in ("left_out", "left_out_by", "left_out_reason"))
    if level.value(document) is None:
        return ""
    return f", {level.said(document)} left out by {by.said(document)} ({reason.said(document)})"


def _how_to_confirm(document: Mapping[str, Any]) -> str:
    """Say that there is no class for now, and the options that confirm both levels as they are."""
    points = {level: document["levels"][level]["center_ras_mm"] for level in Level}
    options = " ".join(f"--{level.lower()}={','.join(f'{mm:g}' for mm in point)}" for level, point in points.items())
    return f"No class is given: the levels are in doubt. Check them; these options confirm them: {options}\n"


def batch_summary(report: BatchReport) -> str:
    """How a batch ended, in two lines and the notice."""
    parts = [f"{count} {outcome}" for outcome, count in report.counts.items() if count]
    first = f"{_counted(sum(report.counts.values()))}: {', '.join(parts)}"
    return "\n".join([first, str(report.table), RESEARCH_NOTICE])


def _counted(cases: int) -> str:
    return f"{cases} case" if cases == 1 else f"{cases} cases"
