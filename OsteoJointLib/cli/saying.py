"""Printing that never ends a command: nobody may read on, and a path may hold what no terminal can show."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from typing import TextIO


def say(text: str, stream: TextIO | None = None) -> None:
    """Print a text and pass it on at once; quietly where the pipe is broken (``| head``).

    Args:
        text: what can't be shown in the stream's encoding is shown as an escape.
        stream: standard output when None.
    """
    stream = sys.stdout if stream is None else stream
    encoding = stream.encoding or "utf-8"
    try:
        print(text.encode(encoding, "backslashreplace").decode(encoding), file=stream, flush=True)
    except BrokenPipeError:
        with suppress(OSError):  # what is left in its buffer is flushed at the end of the process, to nowhere then
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
