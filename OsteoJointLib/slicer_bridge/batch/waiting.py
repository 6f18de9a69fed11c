"""Waiting for a batch in Slicer's Python console, while the window stays alive."""

from __future__ import annotations

import time
from collections.abc import Callable

import slicer

from OsteoJointLib.batch.ledger import Row
from OsteoJointLib.slicer_bridge.batch.contract import Batch, BatchEnd

OnProgress = Callable[[int, int, Row], object]
"""Called after each case with the cases done, all cases and the case's row; returns False to stop the batch."""

_TURN_S = 0.01
"""Sleep between two turns of the event loop, seconds; chosen: unnoticed by a user, and little work for a core."""


def wait_for(batch: Batch, on_progress: OnProgress | None = None) -> list[Row]:
    """Run a batch to its end while the window stays alive.

    Args:
        batch: not started yet.
        on_progress: see :data:`OnProgress`.

    Returns:
        The rows, one a case; fewer where ``on_progress`` stopped the batch.

    Raises:
        OsteoJointError: the batch as a whole was refused or broke.
    """
    ends: list[BatchEnd] = []
    counts = [(0, 0)]
    news: list[tuple[int, int, Row]] = []
    batch.ended.connect(ends.append)
    batch.progressed.connect(lambda done, total: counts.append((done, total)))
    batch.row_done.connect(lambda row: news.append((*counts[-1], row)))
    stopped = False
    try:
        batch.start()
        while not stopped:
            slicer.app.processEvents()
            while news and not stopped:  # told here, not in a slot, where an exception of the caller's would be lost
                one = news.pop(0)
                stopped = on_progress is not None and on_progress(*one) is False
            if ends:
                break
            time.sleep(_TURN_S)
    finally:
        if not ends:
            batch.cancel()
    if ends and ends[0].error is not None:
        raise ends[0].error
    return list(batch.rows.values())
