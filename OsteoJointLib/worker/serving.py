"""The worker: one request a line on stdin, events on stdout, the CT and the networks kept warm.

``docs/reference/worker.md`` says what every operation takes and gives; :mod:`OsteoJointLib.worker.requests` and
:mod:`OsteoJointLib.worker.answers` hold it as records. "done" comes after the files are in place. Requests are answered
in order; to cancel one, kill the process: a case's files appear whole or not at all.

Nothing but these lines goes to stdout: whatever prints there is sent to stderr.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

from OsteoJointLib.errors import ExitCode, Reason, UsageError
from OsteoJointLib.failures import as_ending, trace_of
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.pipeline.stages import Progress, Stage
from OsteoJointLib.worker.lines import (
    Event,
    Failed,
    Progressed,
    answer_event,
    event_line,
    read_id,
    read_request,
)
from OsteoJointLib.worker.requests import Shutdown
from OsteoJointLib.worker.session import Session

Emit = Callable[[Event], None]

_LOOK_S = 0.2
"""Between two looks at the parent, seconds (chosen)."""
LONGEST_LINE = 2**26
"""Letters a request may have: more than the longest list of files, and little beside a CT (chosen)."""


def serve(requests: TextIO, emit: Emit, session: Session) -> None:
    """Answer requests until ``shutdown``, a failure of the graphics card or the end of the lines.

    Args:
        requests: one JSON object a line.
        emit: takes each event.
        session: holds the open cases and the reader.
    """
    while line := requests.readline(LONGEST_LINE):
        if not line.strip():
            continue
        identifier = None
        try:
            _refuse_cut(line, requests)
            identifier = read_id(line)
            request = read_request(line)
            answer = session.answer(request, progress_events(identifier, emit))
        except BrokenPipeError:
            raise
        except Exception as error:
            ending = as_ending(error)
            sys.stderr.write(trace_of(error))
            emit(Failed(identifier, ending))
            if ending.reason is Reason.DEVICE_FAILED:
                return  # no process can use a card again after its failure
            continue
        emit(answer_event(identifier, answer))
        if isinstance(request, Shutdown):
            return


def _refuse_cut(line: str, requests: TextIO) -> None:
    """Refuse a line that is longer than any request, and pass over its rest."""
    if len(line) < LONGEST_LINE or line.endswith("\n"):
        return
    while (rest := requests.readline(LONGEST_LINE)) and not rest.endswith("\n"):
        pass
    raise UsageError(Reason.USAGE, f"A request has more than {LONGEST_LINE} letters. Name files instead.")


def progress_events(identifier: Any, emit: Emit) -> Progress:
    """Make a progress callback that emits events for one request."""

    def report(stage: Stage, fraction: float) -> None:
        emit(Progressed(identifier, stage, round(fraction, 3)))

    return report


@contextmanager
def claimed_stdout() -> Iterator[Emit]:
    """Keep stdout for events alone: whatever else prints there, in Python or below, goes to stderr meanwhile.

    Yields:
        A function that writes one event as one line and flushes it.
    """
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    events = os.fdopen(os.dup(saved), "w", encoding="utf-8", newline="\n")

    def emit(event: Event) -> None:
        events.write(event_line(event) + "\n")
        events.flush()

    try:
        yield emit
    finally:
        sys.stdout.flush()
        with suppress(BrokenPipeError):
            events.close()
        os.dup2(saved, 1)
        os.close(saved)


def run_worker(parent: int | None = None) -> int:
    """Serve stdin until it ends; the command ``osteojoint worker``.

    Args:
        parent: the process that started this one and with which it shall end, in the middle of a request, too.
    """
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    with open(os.dup(0), encoding="utf-8", errors="replace") as requests, claimed_stdout() as emit:
        try:
            serve(requests, emit, Session(load_reader))
        except BrokenPipeError:
            return ExitCode.FAILED  # nobody listens any more
    return ExitCode.DONE


def _end_with(parent: int) -> None:
    """End this process when its parent has ended; Windows never gives a process another parent."""
    while os.getppid() == parent:
        time.sleep(_LOOK_S)
    os._exit(ExitCode.INTERRUPTED)
