"""The worker as the module sees it: questions by lines of JSON, answers by callbacks on the main thread.

The process is started at the first question. It may die at any time: every open question then ends with an error, and
the next question starts another one, which knows nothing of what the former had open; :attr:`WorkerClient.generation`
tells them apart.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import qt
import slicer

from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed
from OsteoJointLib.failures import ending_from_document
from OsteoJointLib.slicer_bridge.process.child_process import ChildProcess
from OsteoJointLib.slicer_bridge.process.line_buffer import LineBuffer
from OsteoJointLib.slicer_bridge.process.worker_command import WorkerCommand
from OsteoJointLib.worker.death import worker_death

LOG_LINES = 200
CLOSE_MS = 300
"""How long a worker may take to end politely, ms."""

_FIELDS = {"progress": {"stage", "fraction"}, "done": set(), "error": {"reason", "message", "exit_code"}}

OnDone = Callable[[dict[str, Any]], None]
OnError = Callable[[OsteoJointError], None]
OnProgress = Callable[[str, float], None]


@dataclass(frozen=True)
class _Question:
    on_done: OnDone
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
        op: str,
        fields: Mapping[str, Any],
        on_done: OnDone,
        on_error: OnError,
        on_progress: OnProgress | None = None,
    ) -> None:
        """Ask; several questions are answered in order.

        Args:
            op: an operation of :mod:`OsteoJointLib.worker.serving`.
            fields: of the request.
            on_done: called with what its "done" says.
            on_error: called with what its "error" says, or with why the worker ended.
            on_progress: called with each stage and the fraction of a whole reading before it.

        Exactly one of ``on_done`` and ``on_error`` is called, after this function has returned; neither after
        :meth:`kill` or :meth:`close`.
        """
        self._asked += 1
        line = json.dumps({"id": self._asked, "op": op, **fields}).encode() + b"\n"
        self._questions[self._asked] = _Question(on_done, on_error, on_progress)
        if self._process is None:
            try:
                self._start()
            except OsteoJointError as error:
                self._fail_later(self._asked, error)
                return
        assert self._process is not None
        self._process.write(line)

    def kill(self) -> None:
        """End the process with everything it started, at once; open questions are forgotten without a word."""
        process, self._process = self._process, None
        self._questions.clear()
        if process is not None:
            process.kill()

    def close(self) -> None:
        """End the process politely where it is idle, else by force; for the end of the module."""
        if self._process is not None and not self.busy:
            self._process.write(b'{"id": 0, "op": "shutdown"}\n')
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

    def _heard(self, process: ChildProcess, data: bytes) -> None:
        for line in self._out.feed(data):
            if process is not self._process:  # killed by whoever heard the line before
                return
            event = _event(line)
            question = self._questions.get(event["id"]) if event else None
            if event is None or question is None:
                self._log.append(line)
            else:
                self._answer(event, question)

    def _answer(self, event: dict[str, Any], question: _Question) -> None:
        if event["event"] == "progress":
            if question.on_progress is not None:
                _call(question.on_progress, event["stage"], event["fraction"])
            return
        del self._questions[event["id"]]
        if event["event"] == "done":
            _call(question.on_done, event)
        else:
            _call(question.on_error, _ending(event))

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


def _event(line: str) -> dict[str, Any] | None:
    """A line as an event; None where it is none: something printed where only events belong."""
    try:
        event = json.loads(line)
    except ValueError:
        return None
    if not isinstance(event, dict) or event.get("event") not in _FIELDS or not isinstance(event.get("id"), int):
        return None
    return event if _FIELDS[event["event"]] <= set(event) else None


def _ending(event: Mapping[str, Any]) -> OsteoJointError:
    """An error event as an ending."""
    try:
        return ending_from_document(dict(event))
    except ValueError:
        return RunFailed(Reason.FAILED, event["message"])


def _call(function: Callable[..., None], *arguments: Any) -> None:
    """Call back; what breaks there is reported as Python reports it and doesn't keep the next from being called."""
    try:
        function(*arguments)
    except Exception:
        sys.excepthook(*sys.exc_info())
