"""Why a worker ended by itself, in words that hold the remedy: plain Python."""

from __future__ import annotations

import re
from collections.abc import Sequence

from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed

_NO_MODULE = re.compile(r"No module named '?([A-Za-z_]\w*)")
_NO_MEMORY = re.compile(r"MemoryError|bad_alloc|[Oo]ut of memory|Cannot allocate memory|DefaultCPUAllocator")
_KILLED = (-9, 137)
_WINDOWS_NO_MEMORY = (0xC0000017, 0xC000012D, -1073741801, -1073741523)


def worker_death(code: int | None, log: Sequence[str]) -> OsteoJointError:
    """Say why the worker ended.

    Args:
        code: exit code; negative where a signal ended it, None where it could not be started.
        log: the last lines of its standard error.

    >>> worker_death(1, ["Traceback", "ModuleNotFoundError: No module named 'torch'"]).message
    "Expected torch in the worker's Python, found none. Install what is missing under Setup, then try again."
    """
    last = _last_words(log)
    if code is None:
        return RunFailed(
            Reason.FAILED,
            "The worker's Python was expected to start, and could not be started. Choose another interpreter under "
            "Setup, or install Slicer again.",
        )
    if missing := missing_module("\n".join(log[-5:])):
        return missing
    if code in _KILLED or code in _WINDOWS_NO_MEMORY or _NO_MEMORY.search(last):
        return RunFailed(
            Reason.OUT_OF_MEMORY,
            "The worker was ended by the system, most likely because memory ran out. Close other programs or crop the "
            f"CT to the lumbar spine, then try again. (Exit code {code}.)",
        )
    return RunFailed(
        Reason.FAILED,
        f"The worker was expected to go on, and ended with exit code {code}; its last words: {last or 'none'}. "
        "Try again; if it ends again, run the checks under Setup.",
    )


def missing_module(words: str) -> OsteoJointError | None:
    """The ending for a lack of a Python package, where ``words`` tell of one.

    >>> missing_module("all is well") is None
    True
    """
    found = _NO_MODULE.search(words)
    if found is None:
        return None
    return RunFailed(
        Reason.DEPENDENCY_MISSING,
        f"Expected {found[1]} in the worker's Python, found none. Install what is missing under Setup, then try again.",
    )


def _last_words(log: Sequence[str]) -> str:
    return next((line.strip() for line in reversed(log) if line.strip()), "")
