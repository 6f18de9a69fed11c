"""The worker as the module sees it: requests by lines of JSON, answers by callbacks on the main thread.

The process is started at the first question. It may die at any time: every open question then ends with an error, and
the next question starts another one, which knows nothing of what the former had open; :attr:`WorkerClient.generation`
tells them apart.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import qt
import slicer

from OsteoJointLib.errors import OsteoJointError
from OsteoJointLib.failures import as_ending
from OsteoJointLib.pipeline.stages import Stage
from OsteoJointLib.slicer_bridge.process.child_process import ChildProcess
from OsteoJointLib.slicer_bridge.process.line_buffer import LineBuffer
from OsteoJointLib.slicer_bridge.process.worker_command import WorkerCommand
from OsteoJointLib.typed_json import WrongField
from OsteoJointLib.worker.death import worker_death
from OsteoJointLib.worker.lines import Event, Failed, Progressed, read_event, request_line
from OsteoJointLib.worker.requests import Request, Shutdown

LOG_LINES = 200
"""How many of the worker's last words are kept: chosen, more than the longest traceback."""
CLOSE_MS = 300
"""How long a worker may take to end politely, ms: chosen; an idle one needs a few."""

A = TypeVar("A")
OnError = Callable[[OsteoJointError], None]
OnProgress = Callable[[Stage, float], None]


@dataclass(frozen=True)
class _Question:
    request: Request[Any]
    on_done: Callable[[Any], None]
    on_error: OnError
    on_progress: OnProgress | None


class WorkerClient:
    """Asks one worker; nothing here waits but :meth:`close`.

    Args:
        command: called at each start of a process; may raise OsteoJointError.
    """

    def __init__(self, command: Callable[[], WorkerCommand]):
        self._command = command
        self._process: ChildProcess | None = None
        self._questions: dict[int, _Question] = {}
        self._asked = 0
        self._out, self._err = LineBuffer(), LineBuffer()
        self._log: deque[str] = deque(maxlen=LOG_LINES)
        self.generation = 0
        """Grows with each started process."""

    @property
    def running(self) -> bool:
        """Whether a process is there to be asked."""
        return self._process is not None

    @property
    def busy(self) -> bool:
        """Whether a question is open."""
        return bool(self._questions)

    @property
    def pid(self) -> int | None:
        """The process's number, None where there is none."""
        return None if self._process is None else self._process.pid

    @property
    def log(self) -> list[str]:
        """The last lines that the worker wrote to its standard error, across restarts."""
        return list(self._log)

    def ask(
        self,
        request: Request[A],
        on_done: Callable[[A], None],
        on_error: OnError,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Ask; several questions are answered in order.

        Args:
            request: what.
            on_done: called with the answer.
            on_error: called with why there is none: what the worker says, or how it ended.
            on_progress: called with each stage and the fraction of a whole reading before it.

        Exactly one of ``on_done`` and ``on_error`` is called, after this function has returned; neither after
        :meth:`kill` or :meth:`close`.
        """
        self._asked += 1
        self._questions[self._asked] = _Question(request, on_done, on_error, on_progress)
        if self._process is None:
            try:
                self._start()
            except OsteoJointError as error:
                self._fail_later(self._asked, error)
                return
        assert self._process is not None
        self._write(self._asked, request)

    def kill(self) -> None:
        """End the process with everything it started, at once; open questions are forgotten without a word."""
        process, self._process = self._process, None
        self._questions.clear()
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process politely where it is idle, else by force; for the end of the module."""
        if self._process is not None and not self.busy:
            self._write(0, Shutdown())
            self._process.close_input()
            self._process.wait(CLOSE_MS)
        self.kill()

    def _start(self) -> None:
        command = self._command()
        self._out, self._err = LineBuffer(), LineBuffer()
        self._process = process = ChildProcess(
            lambda data: self._heard(process, data),
            lambda data: self._log.extend(self._err.feed(data)),
            lambda code: self._died(process, code),
        )
        self.generation += 1
        process.start(command, slicer.app.temporaryPath)

    def _write(self, number: int, request: Request[Any]) -> None:
        assert self._process is not None
        self._process.write(request_line(number, request).encode() + b"\n")

    def _heard(self, process: ChildProcess, data: bytes) -> None:
        for line in self._out.feed(data):
            if process is not self._process:  # killed by whoever heard the line before
                return
            event = read_event(line)
            question = None if event is None else self._questions.get(event.id)
            if event is None or question is None:  # something printed where only events belong
                self._log.append(line)
            else:
                self._answer(event, question)

    def _answer(self, event: Event, question: _Question) -> None:
        if isinstance(event, Progressed):
            if question.on_progress is not None:
                _call(question.on_progress, event.stage, event.fraction)
            return
        del self._questions[event.id]
        if isinstance(event, Failed):
            _call(question.on_error, event.ending)
            return
        try:
            answer = event.answer_to(question.request)
        except WrongField as error:
            _call(question.on_error, as_ending(error))
        else:
            _call(question.on_done, answer)

    def _died(self, process: ChildProcess, code: int | None) -> None:
        if process is not self._process:
            return
        self._process = None
        self._log.extend(self._err.rest())
        error = worker_death(code, self.log)
        for number in list(self._questions):
            self._fail(number, error)

    def _fail_later(self, number: int, error: OsteoJointError) -> None:
        qt.QTimer.singleShot(0, lambda: self._fail(number, error))

    def _fail(self, number: int, error: OsteoJointError) -> None:
        question = self._questions.pop(number, None)
        if question is not None:
            _call(question.on_error, error)


def _call(function: Callable[..., None], *arguments: Any) -> None:
    """Call back; what breaks there is reported as Python reports it and doesn't keep the next from being called."""
    try:
        function(*arguments)
    except Exception:
        sys.excepthook(*sys.exc_info())
