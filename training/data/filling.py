"""Fill a folder with what is made of consecutive seeds; what is there already stays, so that a stop loses nothing."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

_PRINTED_FILES = 50
"""Files between two lines on the terminal (chosen)."""


def fill(folder: Path, seeds: range, there: set[int], write: Callable[[int], None], noun: str) -> int:
    """Write the files of the seeds that are not there yet.

    Args:
        folder: made where it is missing.
        seeds: which.
        there: the seeds whose files exist.
        write: writes the file of one seed, whole or not at all.
        noun: what is written, for the terminal.

    Returns:
        How many were written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    began, written = time.monotonic(), 0
    for seed in seeds:
        if seed in there:
            continue
        write(seed)
        written += 1
        if written % _PRINTED_FILES == 0:
            print(f"{written} {noun}, {(time.monotonic() - began) / written:.2f} s each, seed {seed}", flush=True)
    return written
