"""The worker: one request a line on stdin, events on stdout, the CT and the networks kept warm.

``docs/reference/worker.md`` says what every operation takes and gives; :mod:`OsteoJointLib.worker.requests` and
:mod:`OsteoJointLib.worker.answers` hold it as records. "done" comes after the files are in place. Requests are answered
in order; to cancel one, kill the process: a case's files appear whole or not at all.

Nothing but these lines goes to stdout: whatever prints there is sent to stderr.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from OsteoJointLib.errors import Reason
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


def serve(requests: TextIO, emit: Emit, session: Session) -> None:
    """Answer requests until ``shutdown``, a failure of the graphics card or the end of the lines.

    Args:
        requests: one JSON object a line.
        emit: takes each event.
        session: holds the open cases and the reader.
    """
    for line in requests:
        if not line.strip():
            continue
        identifier = read_id(line)
        try:
            request = read_request(line)
            answer = session.answer(request, progress_events(identifier, emit))
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
        events.close()
        os.dup2(saved, 1)
        os.close(saved)


def run_worker() -> int:
    """Serve stdin until it ends; the command ``osteojoint worker``."""
    with open(os.dup(0), encoding="utf-8", errors="replace") as requests, claimed_stdout() as emit:
        serve(requests, emit, Session(load_reader))
    return 0
