"""Many CTs into one table: read side by side, on this machine or on many, every case accounted for, resumable.

Each case gets its own folder in the output and one row in ``batch.csv``, with a reason code where it wasn't read. One
that was done before is skipped when content, weights and settings are the same and its result is still there.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import check_writable, sweep
from OsteoJointLib.batch.case_engine import CaseEnd, CaseTask, Engine
from OsteoJointLib.batch.facts_file import CaseFacts, facts_by_case, read_facts
from OsteoJointLib.batch.index_page import INDEX_FILE
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
from OsteoJointLib.batch.ray_cluster import RayOptions, connected
from OsteoJointLib.batch.ray_engine import RayEngine
from OsteoJointLib.batch.shelf import RemoteShelf, Shelf
from OsteoJointLib.batch.tables import TABLE_FILE
from OsteoJointLib.batch.worker_pool import LocalEngine, WorkerProcess
from OsteoJointLib.errors import ExitCode, OsteoJointError, Reason, UsageError
from OsteoJointLib.locking import LOCK_FILE, RUN_PREFIX, present
from OsteoJointLib.names import Names
from OsteoJointLib.output.case_folder import sweep_case
from OsteoJointLib.output.csv_rows import no_formula
from OsteoJointLib.output.report_pdf import PDF_FILE, check_pdf
from OsteoJointLib.pipeline.settings import LoadOptions, PipelineConfig, ReadOptions


@dataclass(frozen=True)
class BatchOptions:
    """How a batch runs."""

    workers: int | None = None
    """Cases that are read side by side at most; None: one on this machine, on a cluster as many as it has room for."""
    ray: RayOptions | None = None
    """The Ray cluster that reads them; None: this machine."""
    store: str = ""
    """A URL where the cases' files go, and copies of the tables at the end; empty: below the batch's folder."""
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
        if self.workers is not None and self.workers < 1:
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
        start: starts a worker of this machine with so many threads.

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
    cases_folder = out / CASES_FOLDER
    shelf = RemoteShelf(cases_folder, options.store) if options.store else Shelf(cases_folder)
    ledger = Ledger(out, options.names, shelf)
    known = ledger.names_by_place()
    facts = facts_by_case(stated, {case: known.get(case.place) for case in cases})
    outcomes: list[Outcome] = []
    with _engine(options, len(cases), start) as engine, ledger, present(out) as alone:
        if alone:
            _sweep(out)
        run, names = _Run(ledger, options, engine, facts), ledger.claim([_newcomer(case) for case in cases])
        with ThreadPoolExecutor(engine.size) as threads:
            futures = [threads.submit(run.read, name, case) for name, case in zip(names, cases, strict=True)]
            try:
                for done, future in enumerate(as_completed(futures), start=1):
                    record = future.result()
                    ledger.enter(record)
                    outcomes.append(record.outcome)
                    if progress is not None:
                        progress(done, len(cases), record)
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                engine.stop()
                raise
    shelf.publish([out / TABLE_FILE, out / INDEX_FILE])
    counts = Counter(outcomes)
    return BatchReport({outcome: counts[outcome] for outcome in Outcome if counts[outcome]}, out / TABLE_FILE)


@contextmanager
def _engine(options: BatchOptions, cases: int, start: Callable[[int], WorkerProcess]) -> Iterator[Engine]:
    """Start what reads the cases; all of it has ended afterward."""
    with ExitStack() as stack:
        engine: Engine
        if options.ray is None:
            engine = LocalEngine(min(options.workers or 1, cases), start, options.load, options.config)
        else:
            stack.enter_context(connected(options.ray))
            engine = RayEngine(options.workers, cases, options.ray, options.load, options.config)
        stack.callback(engine.stop)
        yield engine


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

    def __init__(self, ledger: Ledger, options: BatchOptions, engine: Engine, facts: Mapping[FoundCase, CaseFacts]):
        self._ledger, self._options, self._engine, self._facts = ledger, options, engine, facts
        self._own = options.names is Names.OWN

    def read(self, name: str, case: FoundCase) -> CaseRecord:
        """Read one case, or skip it; whatever happens is in its record."""
        said = self._facts.get(case, CaseFacts()).added_to(self._options.read)
        read = replace(said, own_names=self._own)
        more = (PDF_FILE,) if self._options.pdf else ()
        settings = reading_settings(self._engine.model_sha256, read, self._options.config, files=more)
        known = None if self._options.fresh else self._ledger.if_done(name, settings)
        end = self._end(name, case, read, known)
        fields: dict[str, Any] = {"settings": settings, "place": case.place, "batch": self._options.word}
        fields["fingerprint"] = end.fingerprint
        if end.ending is not None:
            if end.ending.reason is Reason.DISK_FULL:
                raise end.ending
            record = failed_case(name, end.ending, self._own, **fields)
        elif end.result is not None:
            record = read_case(name, end.result, files=end.files, **fields)
        else:
            assert known is not None
            record = replace(known, outcome=Outcome.SKIPPED, **fields)
        return replace(record, row={**record.row, **self._where_from(case, record)})

    def _end(self, name: str, case: FoundCase, read: ReadOptions, known: CaseRecord | None) -> CaseEnd:
        """Let the engine read a case, and keep its files."""
        if case.refusal is not None:
            return CaseEnd(ending=case.refusal)
        shelf = self._ledger.shelf
        try:
            shelf.check(name)
        except OsteoJointError as error:
            return CaseEnd(ending=error)
        task = CaseTask(name, case.source, known.fingerprint if known else None, read, self._options.pdf)
        end = self._engine.read(task, shelf.folder(name))
        try:
            shelf.keep(name, end.files)
        except OsteoJointError as error:
            return CaseEnd(end.fingerprint, ending=error)
        return end

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
