"""Many CTs into one table: worker processes side by side, every case accounted for, resumable (design §5).

Each case gets its own folder in the output and one row in ``batch.csv``, with a reason code where it failed. What was
done stands in ``batch.jsonl``, one line a case: the fingerprint of its content, the settings and the row. A resumed
batch skips a case that is done when content, weights and settings are the same and its result is still there. Rows of
an earlier batch's other cases stay. The table is rewritten whole after every case, so a killed batch leaves a right
table of what it did.
"""

from __future__ import annotations

import json
import secrets
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.batch.inputs import BatchCase, find_cases, fingerprint
from OsteoJointLib.batch.worker_pool import WorkerPool, WorkerProcess
from OsteoJointLib.errors import ExitCode, InputRefused, Reason, UsageError
from OsteoJointLib.failures import as_ending
from OsteoJointLib.output.csv_rows import row_of_failure, row_of_result, write_table
from OsteoJointLib.weights import DEFAULT_NAME

TABLE_FILE = "batch.csv"
LEDGER_FILE = "batch.jsonl"
CASES_FOLDER = "cases"
DONE = ("done", "skipped")
"""Outcomes of a case that has a result; a skipped one was done before."""


@dataclass(frozen=True)
class BatchOptions:
    """How a batch runs."""

    workers: int = 1
    """Processes side by side, at least 1."""
    resume: bool = False
    """Skip cases that are done and haven't changed."""
    weights: str = DEFAULT_NAME
    """Name or path."""
    device: str = "auto"
    """As for analyze."""
    refine: bool = False
    """Let the level set move the masks."""
    gradcam: bool = True
    """Compute Grad-CAM."""

    def __post_init__(self):
        if self.workers < 1:
            raise UsageError(Reason.USAGE, f"--workers must be at least 1; got {self.workers}.")


@dataclass(frozen=True)
class BatchReport:
    """How a batch ended: cases per outcome (done, skipped, refused, failed), the table, the first failure's code."""

    counts: Mapping[str, int]
    table: Path
    first_failure: int | None

    @property
    def exit_code(self) -> int:
        """0 when any case is done (the table says which aren't), else the first failure's."""
        if self.first_failure is None or self.counts["done"] or self.counts["skipped"]:
            return int(ExitCode.DONE)
        return self.first_failure


@dataclass(frozen=True)
class Outcome:
    """How one case ended: its line in the ledger.

    Args:
        case: its name.
        outcome: done, skipped, refused or failed.
        exit_code: 0 with a result.
        fingerprint: of its content.
        settings: it was read with.
        row: in the table.
        batch: a word for the `osteojoint batch` that ended it, which tells its cases from those of earlier ones.
    """

    case: str
    outcome: str
    exit_code: int
    fingerprint: str | None
    settings: Mapping[str, Any]
    row: Mapping[str, str]
    batch: str = ""

    def line(self) -> str:
        """The outcome as a line of JSON."""
        return json.dumps(self.__dict__, ensure_ascii=False)


def run_batch(
    inputs: Sequence[Path],
    out: Path,
    options: BatchOptions,
    progress: Callable[[int, int], None] | None = None,
    start: Callable[[int], WorkerProcess] = WorkerProcess,
) -> BatchReport:
    """Read all cases.

    Args:
        inputs: files and folders, see :func:`OsteoJointLib.batch.inputs.find_cases`.
        out: a new or empty folder, or an earlier batch's.
        options: see :class:`BatchOptions`.
        progress: called with the number of finished cases and of all.
        start: starts a worker with so many threads.

    Returns:
        The report; every case has its row, and those of an earlier batch's other cases stand before them.

    Raises:
        UsageError: the output holds others' files.
        ModelRefused: the weights or the device can't be used; nothing is written then.
    """
    check_batch_folder(out)
    cases = find_cases(inputs, out)
    workers = min(options.workers, len(cases))
    with WorkerPool(workers, start, options.weights, options.device) as pool:
        run = _Run(out, options, pool, pool.model_sha256)
        names = [case.name for case in cases]
        others, outcomes = run.others(names), run.earlier(names)
        with ThreadPoolExecutor(workers) as threads:
            futures = [threads.submit(run.read, case) for case in cases]
            try:
                for done, future in enumerate(as_completed(futures), start=1):
                    outcome = future.result()
                    outcomes[outcome.case] = outcome
                    _write(out, [*others, *(outcomes[name] for name in names if name in outcomes)])
                    if progress is not None:
                        progress(done, len(cases))
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                pool.kill()
                raise
    ordered = [outcomes[case.name] for case in cases]
    counts = Counter(outcome.outcome for outcome in ordered)
    failure = next((outcome.exit_code for outcome in ordered if outcome.exit_code), None)
    return BatchReport(counts, out / TABLE_FILE, failure)


def check_batch_folder(folder: Path) -> None:
    """Check that a batch may write into ``folder``; nothing is written.

    Raises:
        UsageError: OUTPUT_EXISTS.
    """
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not (folder / LEDGER_FILE).is_file():
        raise UsageError(
            Reason.OUTPUT_EXISTS,
            f"A new or empty folder, or an earlier batch's, was expected at {folder}; it holds other files, which are "
            "never overwritten. Name another folder.",
        )


def read_ledger(folder: Path) -> dict[str, Outcome]:
    """An earlier batch's outcomes by case; empty where there was none."""
    try:
        lines = (folder / LEDGER_FILE).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return {}
    outcomes = [Outcome(**json.loads(line)) for line in lines]
    return {outcome.case: outcome for outcome in outcomes}


class _Run:
    """One batch under way: what every case needs to know."""

    def __init__(self, out: Path, options: BatchOptions, pool: WorkerPool, model_sha256: str):
        self._out, self._options, self._pool = out, options, pool
        self._settings = {"model_sha256": model_sha256, "refine": options.refine, "gradcam": options.gradcam}
        self._ledger = read_ledger(out)
        self._earlier = self._ledger if options.resume else {}
        self._word = secrets.token_hex(4)

    def others(self, names: Sequence[str]) -> list[Outcome]:
        """What an earlier batch left of other cases."""
        return [outcome for name, outcome in self._ledger.items() if name not in names]

    def earlier(self, names: Sequence[str]) -> dict[str, Outcome]:
        """What an earlier batch left of these cases; it stays in the table until the case ends anew."""
        return {name: self._earlier[name] for name in names if name in self._earlier}

    def read(self, case: BatchCase) -> Outcome:
        """Read one case, or skip it; whatever happens becomes its outcome."""
        digest = None
        try:
            if not case.path.exists():
                raise InputRefused(
                    Reason.NOT_FOUND,
                    f"A file or folder was expected at {case.path}; nothing is there. Correct the path.",
                )
            digest = fingerprint(case.path)
            earlier = self._earlier.get(case.name)
            if earlier is not None and self._is_done(earlier, digest):
                return self._outcome(case, digest, earlier.row, "skipped")
            return self._outcome(case, digest, self._row(case), "done")
        except Exception as error:
            ending = as_ending(error)
            row = row_of_failure(case.name, ending)
            return self._outcome(case, digest, row, row["outcome"], int(ending.exit_code))

    def _outcome(
        self, case: BatchCase, digest: str | None, row: Mapping[str, str], outcome: str, exit_code: int = 0
    ) -> Outcome:
        return Outcome(case.name, outcome, exit_code, digest, self._settings, row, self._word)

    def _row(self, case: BatchCase) -> dict[str, str]:
        options = {"refine": self._options.refine, "gradcam": self._options.gradcam}
        folder = self._out / CASES_FOLDER / case.name
        with self._pool.borrow() as worker:
            done = worker.ask("analyze", input=str(case.path), out=str(folder.resolve()), **options)
            worker.ask("close", case=done["case"])
        return row_of_result(case.name, done["result"])

    def _is_done(self, earlier: Outcome, digest: str | None) -> bool:
        result = self._out / CASES_FOLDER / earlier.case / "result.json"
        same = earlier.fingerprint == digest and dict(earlier.settings) == self._settings
        return earlier.outcome in DONE and same and result.is_file()


def _write(out: Path, outcomes: Sequence[Outcome]) -> None:
    """Write ledger and table whole; the ledger first, which a resumed batch trusts only where the result exists."""
    write_text_whole(out / LEDGER_FILE, "".join(outcome.line() + "\n" for outcome in outcomes))
    write_table([outcome.row for outcome in outcomes], out / TABLE_FILE)
