"""A batch over files and folders: `osteojoint batch` in a process of its own, followed by what it writes.

It runs in the worker's interpreter and environment. Its ledger is read each time it says that a case
has ended, so that what is shown is what lies on the disk. Killed at any moment it leaves a right table, from which the
next batch goes on.

In Slicer's Python console::

    from OsteoJointLib.slicer_bridge.batch.folder_batch import analyze_folder

    rows = analyze_folder("/data/cts", "/data/readings")
    for row in rows:
        print(row["case"], row["outcome"], row["status"], row["reason"], row["message"])
"""

from __future__ import annotations

import re
import secrets
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from OsteoJointLib.batch.ledger import Outcome, Row, read_entered
from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed
from OsteoJointLib.failures import as_ending
from OsteoJointLib.names import Names
from OsteoJointLib.slicer_bridge.batch.contract import BatchEnd, count_words
from OsteoJointLib.slicer_bridge.batch.waiting import OnProgress, wait_for
from OsteoJointLib.slicer_bridge.process.child_process import ChildProcess
from OsteoJointLib.slicer_bridge.process.line_buffer import LineBuffer
from OsteoJointLib.slicer_bridge.process.worker_client import LOG_LINES
from OsteoJointLib.slicer_bridge.process.worker_command import python_command
from OsteoJointLib.slicer_bridge.reading.worker_settings import WorkerSettings
from OsteoJointLib.slicer_bridge.signal import Signal
from OsteoJointLib.worker.death import worker_death

_PROGRESS = re.compile(r"(\d+)/(\d+)\b")
_REFUSAL = re.compile(r"osteojoint: (?P<sentence>.*) \[(?P<reason>\w+)\]")


def analyze_folder(
    inputs: Path | str | Sequence[Path | str],
    folder: Path | str,
    *,
    settings: WorkerSettings | None = None,
    skip_existing: bool = True,
    refine: bool = False,
    gradcam: bool = True,
    names: Names | str = Names.NEUTRAL,
    facts: Path | str | None = None,
    on_progress: OnProgress | None = None,
) -> list[Row]:
    """Read all CTs in a folder; waits, while Slicer's window stays alive.

    Args:
        inputs: a CT file, a DICOM folder, a folder of them, or a list of these; cases are found as by
            :func:`OsteoJointLib.batch.inputs.find_cases`.
        folder: gets ``batch.csv`` with one row a case, and ``cases/<case>`` with its report; new, empty or an earlier
            batch's.
        settings: interpreter, device and weights; None for the defaults.
        skip_existing: skip cases that are done and haven't changed.
        refine: let the level set move the masks.
        gradcam: make the explanation maps.
        names: "neutral" calls the cases case-0001 and so on; "keys" writes a private ``keys.csv`` with the paths beside
            the table; "own" calls each case as its file or folder.
        facts: a CSV file with what you know of how the CTs were scanned; see :mod:`OsteoJointLib.batch.facts_file`.
        on_progress: called with the cases done, all cases and the row, after each case; return False to stop there.

    Returns:
        The cases' rows of ``batch.csv``; what an earlier batch left of other cases stays there and isn't among them.

    Raises:
        OsteoJointError: the batch as a whole was refused: folder, weights, device.
    """
    listed = [inputs] if isinstance(inputs, Path | str) else list(inputs)
    return wait_for(FolderBatch(listed, folder, settings, skip_existing, refine, gradcam, names, facts), on_progress)


class FolderBatch:
    """One batch over files and folders, as :func:`analyze_folder`; see :class:`~.contract.Batch` for its signals."""

    def __init__(
        self,
        inputs: Sequence[Path | str],
        folder: Path | str,
        settings: WorkerSettings | None = None,
        skip_existing: bool = True,
        refine: bool = False,
        gradcam: bool = True,
        names: Names | str = Names.NEUTRAL,
        facts: Path | str | None = None,
    ):
        self.row_done, self.progressed, self.ended = Signal(), Signal(), Signal()
        self.folder = Path(folder).absolute()
        self.rows: dict[str, Row] = {}
        self.skipped: set[str] = set()
        self._word = secrets.token_hex(4)
        self._read_to = 0
        self._settings = settings or WorkerSettings()
        flags = {"--fresh": not skip_existing, "--refine": refine, "--no-gradcam": not gradcam}
        self._arguments = [
            *("-m", "OsteoJointLib", "batch", *(str(Path(path).absolute()) for path in inputs)),
            *("--out", str(self.folder), "--device", self._settings.device, "--weights", self._settings.weights),
            *("--names", str(Names(names)), "--word", self._word),
            *(flag for flag, wanted in flags.items() if wanted),
            *(() if facts is None else ("--facts", str(Path(facts).absolute()))),
        ]
        self._process = ChildProcess(self._heard, self._warned, self._has_ended)
        self._lines, self._log, self._summary = LineBuffer(), deque[str](maxlen=LOG_LINES), b""
        self._total = 0

    def start(self) -> None:
        """Begin; every refusal comes by :attr:`ended`."""
        try:
            command = python_command(self._settings.python, self._arguments)
        except Exception as error:
            ending = as_ending(error)
            self.ended.emit(BatchEnd(ending.message, ending))
            return
        self._process.start(command, str(Path.home()))

    def cancel(self) -> None:
        """Kill the batch with all that it started; what is done stays done."""
        self._process.kill()

    def _heard(self, piece: bytes) -> None:
        self._summary += piece

    def _warned(self, piece: bytes) -> None:
        progress = None
        for line in self._lines.feed(piece):
            progress = _PROGRESS.match(line) or progress
            self._log.append(line)
        if progress:
            self._total = int(progress[2])
            self.progressed.emit(len(self.rows), self._total)
            self._read_ledger()

    def _read_ledger(self) -> None:
        """Tell each new row with its own count: several may have come since the command last spoke."""
        records, self._read_to = read_entered(self.folder, self._word, self._read_to)
        for record in records:
            if record.outcome is Outcome.SKIPPED:
                self.skipped.add(record.case)
            self.rows[record.case] = record.row
            self.progressed.emit(len(self.rows), max(self._total, len(self.rows)))
            self.row_done.emit(record.row)

    def _has_ended(self, exit_code: int | None) -> None:
        if self._summary:  # it ended as it should; its exit code says only whether every case is read
            self._read_ledger()
            self.ended.emit(BatchEnd(count_words(self.rows.values(), self.skipped)))
            return
        error = _ending([*self._log, *self._lines.rest()], exit_code)
        self.ended.emit(BatchEnd(error.message, error))


def _ending(log: Sequence[str], exit_code: int | None) -> OsteoJointError:
    """Say what broke a batch as a whole: its own refusal, or what its end looks like."""
    refusals = [match for line in log if (match := _REFUSAL.fullmatch(line))]
    if refusals:
        return RunFailed(Reason(refusals[-1]["reason"]), refusals[-1]["sentence"])
    return worker_death(exit_code, log)
