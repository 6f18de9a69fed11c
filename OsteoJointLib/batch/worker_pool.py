"""The engine of one machine: workers in their own processes, asked line by line."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from OsteoJointLib.batch.case_engine import CaseEnd, CaseTask, carry_out
from OsteoJointLib.batch.inputs import fingerprint
from OsteoJointLib.device import usable_cores
from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed
from OsteoJointLib.failures import as_ending
from OsteoJointLib.pipeline.settings import LoadOptions, PipelineConfig
from OsteoJointLib.typed_json import to_json
from OsteoJointLib.worker.answers import Loaded
from OsteoJointLib.worker.death import worker_death
from OsteoJointLib.worker.lines import Done, Failed, read_event, request_line
from OsteoJointLib.worker.requests import Load, Request

A = TypeVar("A")

WORKER_COMMAND = (sys.executable, "-m", "OsteoJointLib", "worker")
"""The worker of this very library in this very Python."""
_ENDS_IN_S = 5.0
"""How long a worker that has closed its pipe may take to end, seconds (chosen; the system needs milliseconds)."""


class WorkerProcess:
    """One worker; a crash of it costs one case.

    Args:
        threads: CPU threads it may use.
        command: what is started.
    """

    def __init__(self, threads: int, command: Sequence[str] = WORKER_COMMAND):
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 (as long as the process)
        self._asked = 0
        self._process = subprocess.Popen(
            (*command, "--ends-with", str(os.getpid())),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=_environment(threads),
            text=True,
            encoding="utf-8",
            start_new_session=True,  # Ctrl-C in the terminal reaches the batch alone, which ends its workers
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),  # the same on Windows
        )

    def ask(self, request: Request[A]) -> A:
        """Send a request and wait for its end.

        Raises:
            OsteoJointError: the worker's refusal, or how it died.
        """
        self._asked += 1
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(request_line(self._asked, request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise self._died() from error
        for event in map(read_event, self._process.stdout):
            if isinstance(event, Failed):
                if event.ending.reason is Reason.DEVICE_FAILED:  # it ends now, and must not be lent until it has
                    self._process.kill()
                    self._process.wait()
                raise event.ending
            if isinstance(event, Done):
                return event.answer_to(request)
        raise self._died()

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End the process at once; a case under way leaves nothing."""
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(BrokenPipeError):
                    stream.close()
        self._stderr.close()

    def _died(self) -> OsteoJointError:
        try:
            code = self._process.wait(_ENDS_IN_S)
        except subprocess.TimeoutExpired:  # it lives, but can't answer any more
            self._process.kill()
            self._process.wait()
            return RunFailed(Reason.FAILED, "The worker stopped answering, and was ended. Try again.")
        self._stderr.seek(0)
        return worker_death(code, self._stderr.read().decode("utf-8", "replace").split("\n"))


class WorkerPool:
    """Workers that are lent one at a time, each started when it is first needed, with the weights loaded.

    Args:
        size: how many there may be.
        start: starts a worker with so many threads.
        options: what each loads, and where.
        config: how the stages of its readings work.

    Raises:
        ModelRefused: the first worker can't load the weights.
    """

    def __init__(self, size: int, start: Callable[[int], WorkerProcess], options: LoadOptions, config: PipelineConfig):
        self._threads = max(1, usable_cores() // size)
        self._start = start
        self._load = Load(weights=options.weights, device=options.device, threads=self._threads, config=to_json(config))
        self._idle: queue.SimpleQueue[WorkerProcess | None] = queue.SimpleQueue()
        self._started: list[WorkerProcess] = []
        self._lock, self._closed = threading.Lock(), False
        worker, loaded = self._loaded()
        self.model_sha256 = loaded.model.sha256
        self._idle.put(worker)
        for _ in range(size - 1):
            self._idle.put(None)

    @contextmanager
    def borrow(self) -> Iterator[WorkerProcess]:
        """Lend a worker; one that died is replaced."""
        worker = self._idle.get()
        try:
            if worker is None or not worker.alive:
                worker, _ = self._loaded()
            yield worker
        finally:
            self._idle.put(worker)

    def kill(self) -> None:
        """End all workers at once, for good."""
        with self._lock:
            self._closed = True
            for worker in self._started:
                worker.kill()

    def _loaded(self) -> tuple[WorkerProcess, Loaded]:
        with self._lock:
            if self._closed:
                raise RunFailed(Reason.CANCELLED, "The batch was stopped.")
            worker = self._start(self._threads)
            self._started.append(worker)
        try:
            return worker, worker.ask(self._load)
        except BaseException:
            worker.kill()
            raise


class LocalEngine:
    """Reads cases on this machine; a worker that dies costs its case.

    Args:
        size: workers side by side at most.
        start: starts one with so many threads.
        options: what each loads, and where.
        config: how the stages of its readings work.

    Raises:
        ModelRefused: the weights can't be loaded.
    """

    def __init__(self, size: int, start: Callable[[int], WorkerProcess], options: LoadOptions, config: PipelineConfig):
        self.size = size
        self._stopped = threading.Event()
        self._pool = WorkerPool(size, start, options, config)
        self.model_sha256 = self._pool.model_sha256

    def read(self, task: CaseTask, folder: Path) -> CaseEnd:
        """Carry out a task; see :class:`OsteoJointLib.batch.case_engine.Engine`."""
        digest = None
        try:
            digest = fingerprint(task.source, self._stopped)
            if digest == task.known:
                return CaseEnd(digest)
            with self._pool.borrow() as worker:
                return carry_out(task, worker.ask, folder.resolve(), digest)
        except Exception as error:
            return CaseEnd(digest, ending=as_ending(error))

    def stop(self) -> None:
        """End all workers at once, for good."""
        self._stopped.set()
        self._pool.kill()


def _environment(threads: int) -> dict[str, str]:
    """Take this process's environment, with the library on the path and its share of threads."""
    library = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join(filter(None, [library, os.environ.get("PYTHONPATH")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUTF8": "1", "OMP_NUM_THREADS": str(threads)}
