"""The worker: one request a line on stdin, events on stdout, the CT and the networks kept warm.

A request is ``{"id": …, "op": …, …}``; its events are ``{"id", "event": "progress", "stage", "fraction"}``, then one
``{"id", "event": "done", …}`` or ``{"id", "event": "error", "reason", "message", "exit_code"}``. "done" comes after
the files are in place. Requests are answered in order; to cancel one, kill the process: a case's files appear whole or
not at all. Points are RAS mm. Operations:

* ``ping`` → ``version``, ``protocol``, ``pid``.
* ``load`` [``weights``, ``device``, ``threads``] → ``model``, ``device``, ``localizer``, ``hardware``: {"torch", "cuda"
  (what PyTorch is built for, or null), "driver" (or null), "cards": [{"name", "memory_gib"}], "cores", "threads",
  "words": a sentence}. Other operations load with the defaults when nothing was loaded.
* ``open`` ``input`` → ``case``, ``flags``. The CT is read and stays open under ``case``; no weights are loaded.
* ``levels`` ``case`` or ``input`` [``points``: {"L1": [R, A, S], "L2": […]}] → ``case``, ``levels``: {"L1":
  {"center_ras_mm", "slice_index", "confidence", "source"}, …} (null for a pair of slices without points), ``column``:
  [{"name", "center_ras_mm", "score"}, …] from top to bottom (empty when the points were given), ``flags``. What was
  read of the case before is forgotten. A refusal leaves an open case as it was.
* ``segment`` ``case`` [``points`` of the levels that moved] → a result: runs from preprocess on, after ``levels`` for
  both levels, after a result for the moved ones only. Without ``levels`` before it, it finds them itself.
* ``analyze`` ``input`` [``points`` of both levels] → a result: the whole chain; the CT stays open.
* ``edit`` ``case`` ``segmentation`` (a label map with the edited masks, L1 = 20 and L2 = 21 or by the names of
  segments: one path, or {"L1": path, "L2": path}) [``made``: {"L1": {"edited": bool, "refined": bool}}, how a mask came
  about that was made before; a user drew it when nothing is said] → a result and ``edited`` (levels whose mask
  differed): classification and measure only. A level whose mask is the network's again counts as never edited.
* ``refine`` ``case`` [``levels``: ["L1"], ``parameters``: fields of LevelSetParameters, ``segmentation`` and ``made``
  as in ``edit``, taken in first] → as ``edit``: the level set moves the masks of these levels (both when not given).
* ``classify`` ``case`` → a result: classification and measure again from the masks there are.
* ``deliver`` ``case`` ``out`` [``segmentation`` as in ``edit``: masks, on as many slices as they have, that are written
  instead of the mid-slices', ``screenshots``: [{"file", "caption"}, …], PNG or JPEG, shown in the report, ``row``: a
  name under which the case gets a ``result.csv`` of one row, and its report's title] → ``files``. Nothing is computed
  again.
* ``label`` ``case`` ``folder`` ``name`` ``patient`` [``segmentation`` as in ``deliver``, ``points``, ``status``:
  normal, osteopenia, osteoporosis or null, ``bmd``: {"L1": mg/cm3, "L2": …} with its ``bmd_method``, ``replace``: true
  where a case of that name may be replaced] → ``files``, ``entry``, ``count``: the case becomes one of a dataset, see
  :mod:`OsteoJointLib.dataset.labeled_case`. ``patient`` is a code. Levels and masks that aren't given are those of the
  case; without ``status`` it follows from the mean of ``bmd``; what isn't known is null. A CT that is there under
  another name is refused.
* ``close`` ``case`` → ``open`` (how many stay). At most four cases stay open; the oldest goes first.
* ``shutdown`` → the worker ends; so do the end of stdin and, after its error, a graphics card that broke off
  (``device_failed``): only a new process can use it again.

A result is ``case``, ``result`` (as result.json) and ``files``. Its operations take [``refine``: the level set moves
the new masks, ``gradcam``, ``out``: a folder for all files; without it nothing is written and ``files`` is empty,
``views``: a path]. With ``views`` the answer has ``views``: {"file": path, "L1": {"mask_to_ras", "crop_to_ras"}, …} and
the file is an ``.npz`` with ``L1_mask``, ``L1_network_mask``, ``L1_roi`` (uint8, cut from the CT's own plane) and,
where there are any, ``L1_heatmap``, ``L1_gradcam`` (float32 on the crop), and the same of L2; see
:mod:`OsteoJointLib.output.viewer_arrays`.

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
