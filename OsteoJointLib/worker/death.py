"""How a worker dies: one table from its exit code and last words to a reason, for the batch and for Slicer."""

from __future__ import annotations

import re
from collections.abc import Sequence

from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed
from OsteoJointLib.failures import lacks_package

_NO_MODULE = re.compile(r"No module named '?([A-Za-z_]\w*)")
_NO_MEMORY = re.compile(r"MemoryError|bad_alloc|[Oo]ut of memory|Cannot allocate memory|DefaultCPUAllocator")
_KILLED = (-9, 137)
"""SIGKILL, as Python and Qt report it and as a shell does (128 + 9). On Linux it is most often the kernel's
out-of-memory killer, but a person or a scheduler may send it too: which, nobody says."""
_WINDOWS_NO_MEMORY = (0xC0000017, 0xC000012D)
"""STATUS_NO_MEMORY and STATUS_COMMITMENT_LIMIT of Windows' ntstatus.h."""
_UINT32 = 0xFFFFFFFF
"""Windows' codes come as signed or unsigned numbers of 32 bits."""
_MORE_MEMORY = "Close other programs, use fewer workers, or crop the CT to the lumbar spine"
_TRACEBACK_END = 5
"""Lines from the end among which a missing package is named; chosen: the last words of a traceback."""


def worker_death(code: int | None, log: Sequence[str]) -> OsteoJointError:
    """Say why a worker ended by itself.

    Args:
        code: its exit code; negative where a signal ended it, None where it could not be started.
        log: the last lines of its standard error.

    >>> worker_death(-9, []).reason.value, worker_death(0xC0000017, []).reason.value
    ('worker_killed', 'out_of_memory')
    """
    last = next((line.strip() for line in reversed(log) if line.strip()), "")
    if code is None:
        return RunFailed(
            Reason.FAILED,
            "The worker's Python can't be started. In Slicer, choose another interpreter under Setup, or install "
            "Slicer again.",
        )
    if missing := _NO_MODULE.search("\n".join(log[-_TRACEBACK_END:])):
        return lacks_package(missing[1])
    if code & _UINT32 in _WINDOWS_NO_MEMORY or _NO_MEMORY.search(last):
        return RunFailed(
            Reason.OUT_OF_MEMORY,
            f"Memory ran out in the worker (exit code {code}). {_MORE_MEMORY}; then try again.",
        )
    if code in _KILLED:
        return RunFailed(
            Reason.WORKER_KILLED,
            f"The worker was killed (exit code {code}), which is what the system does when memory runs out, unless "
            f"somebody did it. Try again; if it comes back: {_MORE_MEMORY[0].lower()}{_MORE_MEMORY[1:]}.",
        )
    what = f"The worker broke down with exit code {code}."
    advice = "Try again; if it breaks down again, run `osteojoint doctor`, or the checks under Setup in Slicer."
    return RunFailed(Reason.FAILED, f"{what} Its last words: {last or 'none'}. {advice}", f"{what} {advice}")
