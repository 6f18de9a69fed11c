"""Many CTs into one table: worker processes side by side, every case accounted for, resumable.

Each case gets its own folder in the output and one row in ``batch.csv``, with a reason code where it wasn't read. One
that was done before is skipped when content, weights and settings are the same and its result is still there.
"""

from __future__ import annotations

import os
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import check_writable, sweep
from OsteoJointLib.batch.facts_file import CaseFacts, facts_by_case, read_facts
from OsteoJointLib.batch.inputs import BEST, FoundCase, find_cases, fingerprint, own_name
from OsteoJointLib.batch.ledger import (
    CASES_FOLDER,
    CaseRecord,
    Ledger,
    Outcome,
    check_batch_folder,
    failed_case,
    read_case,
    reading_settings,
)
from OsteoJointLib.batch.naming import KEY_HASHES, Newcomer
from OsteoJointLib.batch.tables import TABLE_FILE
from OsteoJointLib.batch.worker_pool import WorkerPool, WorkerProcess
from OsteoJointLib.errors import ExitCode, Reason, UsageError
from OsteoJointLib.failures import as_ending
from OsteoJointLib.locking import LOCK_FILE, RUN_PREFIX, present
from OsteoJointLib.names import Names
from OsteoJointLib.output.case_folder import check_case_folder, sweep_case
from OsteoJointLib.output.csv_rows import no_formula
from OsteoJointLib.output.report_pdf import PDF_FILE, check_pdf
from OsteoJointLib.pipeline.settings import LoadOptions, PipelineConfig, ReadOptions
from OsteoJointLib.worker.requests import Analyze, Close, Deliver


@dataclass(frozen=True)
class BatchOptions:
    """How a batch runs."""

    workers: int = 1
    """Processes side by side, at least 1."""
    fresh: bool = False
    """Read all cases again, also those that are done and haven't changed."""
    load: LoadOptions = field(default_factory=LoadOptions)
    """What is loaded; the threads are shared out among the workers."""
    read: ReadOptions = field(default_factory=ReadOptions)
    """What each reading does."""
    config: PipelineConfig = field(default_factory=PipelineConfig)
    """How the stages of each reading work."""
    pdf: bool = False
    """Write each case's report as a PDF, too."""
    names: Names = Names.NEUTRAL
    """What the cases are called that have no name yet; their own also stand in their results."""
    facts: Path | None = None
    """A CSV file of what the user knows of how each case was scanned, see :mod:`OsteoJointLib.batch.facts_file`."""
    series: str = BEST
    """Which series of each study are read, see :func:`OsteoJointLib.batch.inputs.find_cases`."""
    dates: bool = False
    """Let the studies' dates stand in the table."""
    word: str = ""
    """Stands in the ledger beside each case of this batch."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise UsageError(Reason.USAGE, f"A batch needs at least 1 worker. Correct --workers {self.workers}.")


OnCase = Callable[[int, int, CaseRecord], None]
"""Called with the number of finished cases, that of all, and the one that has just ended."""


@dataclass(frozen=True)
class BatchReport:
    """How a batch ended: its cases per outcome, and the table."""

    counts: Mapping[Outcome, int]
    table: Path

    @property
    def exit_code(self) -> ExitCode:
        """DONE when every case is read; the table says which aren't."""
        return ExitCode.DONE if all(outcome.is_read for outcome in self.counts) else ExitCode.SOME_NOT_READ


def run_batch(
    inputs: Sequence[Path],
    out: Path,
    options: BatchOptions,
    progress: OnCase | None = None,
    start: Callable[[int], WorkerProcess] = WorkerProcess,
) -> BatchReport:
    """Read all cases.

    Args:
        inputs: files and folders, see :func:`OsteoJointLib.batch.inputs.find_cases`.
        out: a new or empty folder, or an earlier batch's.
        options: see :class:`BatchOptions`.
        progress: called after each case.
        start: starts a worker with so many threads.

    Returns:
        The report; every case has its row, and those of an earlier batch's other cases stand before them.

    Raises:
        UsageError: the output holds others' files, the facts can't be used, or a PDF is asked for that can't be made.
        ModelRefused: the weights or the device can't be used; nothing is written then.
        OSError: the output can't be written to.
        RunFailed: DISK_FULL; no case after it would fare better.
    """
    check_batch_folder(out)
    check_writable(out)
    if options.pdf:
        check_pdf()
    stated = {} if options.facts is None else read_facts(options.facts)
    cases = find_cases(inputs, out, options.series, options.config.input)
    ledger = Ledger(out, options.names)
    known = ledger.names_by_place()
    facts = facts_by_case(stated, {case: known.get(case.place) for case in cases})
    workers = min(options.workers, len(cases))
    outcomes: list[Outcome] = []
    with WorkerPool(workers, start, options.load, options.config) as pool, ledger, present(out) as alone:
        if alone:
            _sweep(out)
        run, names = _Run(ledger, options, pool, facts), ledger.claim([_newcomer(case) for case in cases])
        with ThreadPoolExecutor(workers) as threads:
            try:
                futures = [threads.submit(run.read, name, case) for name, case in zip(names, cases, strict=True)]
                for done, future in enumerate(as_completed(futures), start=1):
                    record = future.result()
                    ledger.enter(record)
                    outcomes.append(record.outcome)
                    if progress is not None:
                        progress(done, len(cases), record)
            except BaseException:
                run.stopped.set()
                threads.shutdown(wait=False, cancel_futures=True)
                pool.kill()
                raise
    counts = Counter(outcomes)
    return BatchReport({outcome: counts[outcome] for outcome in Outcome if counts[outcome]}, out / TABLE_FILE)


def _sweep(out: Path) -> None:
    """Remove what killed batches have left hidden."""
    sweep(out, (LOCK_FILE, RUN_PREFIX))
    sweep(out / CASES_FOLDER)
    for folder in (out / CASES_FOLDER).glob("*/"):
        sweep_case(folder)


def _newcomer(case: FoundCase) -> Newcomer:
    def content() -> str | None:
        try:
            return fingerprint(case.source) if case.refusal is None else None
        except OSError:  # its reading will say so
            return None

    return Newcomer(own_name(case.path), _told(case.path), case.place, content)


def _told(path: Path) -> str:
    """Write a path so that every file can hold it."""
    return os.fsencode(path).decode(errors="backslashreplace")


class _Run:
    """One batch under way: what every case needs to know."""

    def __init__(self, ledger: Ledger, options: BatchOptions, pool: WorkerPool, facts: Mapping[FoundCase, CaseFacts]):
        self._ledger, self._options, self._pool, self._facts = ledger, options, pool, facts
        self._own = options.names is Names.OWN
        self.stopped = threading.Event()

    def read(self, name: str, case: FoundCase) -> CaseRecord:
        """Read one case, or skip it; whatever happens is in its record."""
        said = self._facts.get(case, CaseFacts()).added_to(self._options.read)
        read = replace(said, own_names=self._own)
        more = (PDF_FILE,) if self._options.pdf else ()
        settings = reading_settings(self._pool.model_sha256, read, self._options.config, files=more)
        fields: dict[str, Any] = {"settings": settings, "place": case.place, "batch": self._options.word}
        try:
            if case.refusal is not None:
                raise case.refusal
            fields["fingerprint"] = digest = fingerprint(case.source, self.stopped)
            known = None if self._options.fresh else self._ledger.if_done(name, digest, settings)
            if known is not None:
                record = replace(known, outcome=Outcome.SKIPPED, **fields)
            else:
                record = self._read(name, case, read, fields)
        except Exception as error:
            ending = as_ending(error)
            if ending.reason is Reason.DISK_FULL:
                raise ending from error
            record = failed_case(name, ending, self._own, **fields)
        return replace(record, row={**record.row, **self._where_from(case, record)})

    def _where_from(self, case: FoundCase, record: CaseRecord) -> dict[str, str]:
        """Fill the cells that say which input the case is."""
        cells = {"input_sha256": record.fingerprint or "", "input": "", "study_date": ""}
        if self._own:
            cells["input"] = no_formula(_told(case.path))
        if case.identity is not None:
            cells |= {name: getattr(case.identity, name) for name in KEY_HASHES if not record.row.get(name)}
            if self._options.dates:
                cells["study_date"] = no_formula(case.identity.study_date)
        return cells

    def _read(self, name: str, case: FoundCase, options: ReadOptions, fields: Mapping[str, Any]) -> CaseRecord:
        """Read one case; its files are written only where it has a class."""
        folder = self._ledger.case_folder(name).resolve()
        check_case_folder(folder)
        with self._pool.borrow() as worker:
            read = worker.ask(Analyze(input=case.source, **vars(options)))
            record = read_case(name, read.result, **fields)
            if record.outcome.is_read:
                written = worker.ask(Deliver(case=read.case, out=folder, row=name, pdf=self._options.pdf))
                record = replace(record, files=tuple(file.name for file in written.files))
            worker.ask(Close(case=read.case))
        return record
