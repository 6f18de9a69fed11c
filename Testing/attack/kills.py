"""Kills batches at many moments and looks at what they leave: nothing lost, nothing half, nothing that runs on.

A batch over a few small cases is started again and again into one folder, and ended by SIGKILL, SIGTERM or SIGINT: at
a random moment, or as soon as a certain file appears (its own lock, the ledger, the first file of a case). After each
kill the ledger and the table must be whole, cases that were done must still be done, no worker may live on, and the
batch must have ended within a second where it was asked to. At last the batch runs to its end: every case has its
row, and no hidden file is left. Then two batches write into one folder, and two processes into one dataset: no row,
no label may be lost. The worker is a stand-in that reads nothing but writes its files by the real way.
"""

from __future__ import annotations

import csv
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from OsteoJointLib.atomic import TEMPORARY_PREFIX
from OsteoJointLib.batch.ledger import read_ledger
from OsteoJointLib.dataset.manifest import Manifest
from OsteoJointLib.hardware import Hardware
from OsteoJointLib.locking import LOCK_FILE
from OsteoJointLib.typed_json import to_json
from OsteoJointLib.worker.answers import Loaded, LoadedModel
from Testing.attack.records import HANG_S, Fault, Records, Tried, busy

WORKER = """
import json, os, sys, time
from pathlib import Path
from OsteoJointLib.output import case_folder
from OsteoJointLib.worker.serving import _end_with
import threading
document = json.loads(Path(sys.argv[1]).read_text())
loaded = json.loads(Path(sys.argv[2]).read_text())
threading.Thread(target=_end_with, args=(int(sys.argv[-1]),), daemon=True).start()
def write(result, folder, additions):
    for name in ("segmentation.seg.nrrd", "overview.png", "report.html", "result.json"):
        (folder / name).write_text(json.dumps(document))
        time.sleep(0.002)
case_folder._write_files = write
Path(sys.argv[3], str(os.getpid())).touch()
for line in sys.stdin:
    request = json.loads(line)
    answer = {"id": request["id"], "event": "done", "open": 0}
    if request["op"] == "load":
        answer |= loaded
    elif request["op"] == "analyze":
        time.sleep(0.01)
        answer |= {"case": "case-1", "result": document, "files": []}
    elif request["op"] == "deliver":
        answer |= {"files": [str(file) for file in case_folder.deliver_case(None, Path(request["out"]))]}
    print(json.dumps(answer), flush=True)
"""
BATCH = """
import sys
from functools import partial
from OsteoJointLib.batch import run
from OsteoJointLib.batch.worker_pool import WorkerProcess
from OsteoJointLib.cli.main import main
command = [sys.executable, *sys.argv[1:5]]
run.run_batch = partial(run.run_batch, start=lambda threads: WorkerProcess(threads, command))
sys.exit(main(sys.argv[5:]))
"""
_LABELS = 8
"""Cases that each of two processes adds to a dataset."""
ADD = """
import sys
from pathlib import Path
import numpy as np
from OsteoJointLib.dataset.adding import add_case
from OsteoJointLib.dataset.labeled_case import CaseLabel, MaskSlices
from OsteoJointLib.frames import Grid
from OsteoJointLib.records import CtVolume, Level, SourceInfo, Status
writer, count = int(sys.argv[2]), int(sys.argv[3])
grid = Grid.axis_aligned((4, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
centers = {Level.L1: (1.0, 1.0, 1.0), Level.L2: (2.0, 2.0, 2.0)}
for number in range(count):
    hu = np.full(grid.shape_zyx, 100 * writer + number, dtype=np.int16)
    labels = np.zeros(grid.shape_zyx, dtype=np.uint8)
    labels[1], labels[2] = 20, 21
    label = CaseLabel(f"P{writer}{number}", centers, MaskSlices.MID, Status.NORMAL, {}, None)
    add_case(Path(sys.argv[1]), f"w{writer}-{number}", CtVolume(hu, grid, SourceInfo("memory")), labels, label)
"""
SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
AIMS = (None, f"{TEMPORARY_PREFIX}run-*", "batch.sqlite*", "batch.csv", f"cases/{TEMPORARY_PREFIX}*", "cases/case-*")
"""What a kill waits for; None: a random moment."""
_ENDS_IN_S = 1.0
"""How long a batch may take to end when it is asked to, seconds, on a machine that does nothing else."""
CASES = 8
"""Of each batch (chosen: enough moments between two of them)."""


@dataclass
class Report:
    """What the kills of one batch found."""

    kills: list[str] = field(default_factory=list)
    faults: list[tuple[Fault, str]] = field(default_factory=list)
    slowest_end_s: float = 0.0


class Target:
    """One batch that is killed: its inputs, its output, and its stand-in worker.

    Args:
        folder: empty.
        document: a ``result.json``.
        out: the output; None for one in ``folder``.
    """

    def __init__(self, folder: Path, document: dict[str, object], out: Path | None = None):
        self.out, self._pids = out or folder / "out", folder / "pids"
        self._pids.mkdir()
        (folder / "in").mkdir()
        for number in range(CASES):
            (folder / "in" / f"{number}.nrrd").write_text(f"{folder.name} {number}")
        loaded = Loaded(LoadedModel("compact", "compact", "0" * 64), "cpu", True, Hardware("2", None, None, (), 8, 8))
        (folder / "worker.py").write_text(WORKER)
        (folder / "document.json").write_text(json.dumps(document))
        (folder / "loaded.json").write_text(json.dumps(to_json(loaded)))
        files = [str(folder / name) for name in ("worker.py", "document.json", "loaded.json", "pids")]
        self._command = [sys.executable, "-c", BATCH, *files, "batch", str(folder / "in"), "--out", str(self.out)]

    def start(self, *options: str) -> subprocess.Popen[str]:
        """Start the batch."""
        return subprocess.Popen(
            [*self._command, *options],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONFAULTHANDLER": "1"},
        )

    def done(self) -> set[str]:
        """List the cases that are done, with all their files."""
        records = read_ledger(self.out).values()
        folders = {record.case: self.out / "cases" / record.case for record in records if record.outcome.is_read}
        lacking = [
            record.case
            for record in records
            if record.case in folders and not all((folders[record.case] / name).is_file() for name in record.files)
        ]
        assert not lacking, f"done without files: {lacking}"
        return set(folders)

    def rows(self) -> list[dict[str, str]]:
        """Read the table."""
        with (self.out / "batch.csv").open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def hidden(self) -> list[str]:
        """List hidden files other than the lock."""
        found = self.out.rglob(f"{TEMPORARY_PREFIX}*")
        return [str(path.relative_to(self.out)) for path in found if path.name != LOCK_FILE]

    def workers(self) -> list[int]:
        """List the workers that live."""
        alive = []
        for file in self._pids.iterdir():
            try:
                state = Path("/proc", file.name, "stat").read_text().rpartition(")")[2].split()[0]
            except OSError:
                file.unlink()
            else:
                alive += [int(file.name)] if state != "Z" else []
        return alive


def attack_kills(count: int, seed: int, document: dict[str, object], records: Records) -> None:
    """Kill batches until ``count`` kills are recorded; see the module.

    Args:
        count: kills.
        seed: of the moments.
        document: a ``result.json``.
        records: takes what was tried.
    """
    for number in records.missing("kills", count):
        if records.counted("kills") >= count:
            return
        with tempfile.TemporaryDirectory(prefix="attack-") as folder:
            records.add(kill_batch(Path(folder), document, number, seed))


def kill_batch(folder: Path, document: dict[str, object], number: int, seed: int) -> Tried:
    """Kill one batch a few times, then let it run to its end.

    Args:
        folder: for its files, empty.
        document: a ``result.json``.
        number: of the batch.
        seed: with the number, the moments follow from it.
    """
    random_ = random.Random(f"{seed} {number}")
    report, target = Report(), Target(folder, document)
    for _ in range(random_.randint(1, 4)):
        _kill_once(target, random_, report)
    _run_to_end(target, report)
    outcome = "faults" if report.faults else "whole"
    faults, count = tuple(report.faults), len(report.kills)
    return Tried("kills", number, "batch", outcome, count, faults, round(report.slowest_end_s, 3))


def _is_new(path: Path, since_ns: int) -> bool:
    """Say whether a file was made or written since a moment; what an earlier run has left is no aim."""
    try:
        return path.stat().st_mtime_ns >= since_ns
    except FileNotFoundError:
        return False


def _kill_once(target: Target, random_: random.Random, report: Report) -> None:
    before = target.done()
    number, aim = random_.choice(SIGNALS), random_.choice(AIMS)
    name = f"{number.name} at {aim or 'a random moment'}"
    begun_ns = time.time_ns()
    process = target.start()
    begun, limit_s = time.monotonic(), random_.uniform(0.3, 2.5) if aim is None else 60.0
    while process.poll() is None and time.monotonic() - begun < limit_s:
        if aim is not None and any(_is_new(path, begun_ns) for path in target.out.glob(aim)):
            break
        time.sleep(0.001)
    process.send_signal(number)
    asked = time.monotonic()
    try:
        words = process.communicate(timeout=HANG_S * busy())[1]
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)  # faulthandler says where it hangs
        words = process.communicate()[1]
        report.faults.append((Fault.HUNG, f"{name}: {words[-3000:]}"))
    took_s = time.monotonic() - asked
    report.kills.append(name)
    report.slowest_end_s = max(report.slowest_end_s, took_s)
    if number is not signal.SIGKILL and took_s > _ENDS_IN_S * busy():
        report.faults.append((Fault.LEFT, f"{name}: it took {took_s:.2f} s to end with {process.returncode}"))
    if process.returncode not in (0, 130, -number):
        report.faults.append((Fault.CRASH, f"{name}: it ended with {process.returncode}: {words[-300:]}"))
    if "Traceback" in words and process.returncode == 130:
        report.faults.append((Fault.TRACEBACK, f"{name}: {words[-300:]}"))
    until = time.monotonic() + _ENDS_IN_S * busy()
    while target.workers() and time.monotonic() < until:
        time.sleep(0.01)
    if alive := target.workers():
        report.faults.append((Fault.LEFT, f"{name}: {len(alive)} worker(s) lived on"))
    try:
        lost = before - target.done()
        if lost:
            report.faults.append((Fault.LOST, f"{name}: no longer done: {sorted(lost)}"))
        if (target.out / "batch.csv").exists():
            target.rows()
    except Exception as error:
        report.faults.append((Fault.LOST, f"{name}: {error!r}"))


def _run_to_end(target: Target, report: Report) -> None:
    process = target.start()
    words = process.communicate()[1]
    rows = {row["case"]: row["outcome"] for row in target.rows()} if (target.out / "batch.csv").exists() else {}
    if process.returncode != 0 or list(rows.values()) != ["done"] * CASES:
        report.faults.append((Fault.LOST, f"not resumed: exit {process.returncode}, {rows}, {words[-300:]}"))
    if hidden := target.hidden():
        report.faults.append((Fault.LEFT, f"left: {hidden}"))


def attack_rounds(count: int, document: dict[str, object], records: Records) -> None:
    """Let two write at once, ``count`` times; see the module."""
    for number in records.missing("rounds", count):
        with tempfile.TemporaryDirectory(prefix="attack-") as folder:
            faults = tuple((Fault.LOST, words) for words in write_together(Path(folder), document))
        records.add(Tried("rounds", number, "two writers", "faults" if faults else "whole", faults=faults))


def write_together(folder: Path, document: dict[str, object]) -> list[str]:
    """Run one round.

    Args:
        folder: for its files, empty.
        document: a ``result.json``.

    Returns:
        What was lost or broke, in words.
    """
    faults = []
    (folder / "other").mkdir()
    one, other = Target(folder, document), Target(folder / "other", document, out=folder / "out")
    batches = [one.start(), other.start()]
    words = [batch.communicate()[1] for batch in batches]
    rows = {row["case"]: row["outcome"] for row in one.rows()}
    if [batch.returncode for batch in batches] != [0, 0] or list(rows.values()) != ["done"] * 2 * CASES:
        faults.append(f"batches: {rows} {words}")
    if len(one.done()) != 2 * CASES or one.hidden():
        faults.append(f"ledger: {sorted(one.done())}, left: {one.hidden()}")
    dataset = folder / "dataset"
    adders = [subprocess.Popen([sys.executable, "-c", ADD, dataset, str(n), str(_LABELS)]) for n in (1, 2)]
    codes = [adder.wait() for adder in adders]
    ids = {case.id for case in Manifest(dataset).cases()}
    missing = {f"w{writer}-{number}" for writer in (1, 2) for number in range(_LABELS)} - ids
    if codes != [0, 0] or missing:
        faults.append(f"labels: exit {codes}, missing {sorted(missing)}")
    return faults
