"""A process and everything it started, killed at once: it never waits for another program."""

from __future__ import annotations

from contextlib import suppress


def kill_tree(pid: int) -> None:
    """Kill a process and all its descendants; what is gone already is no error.

    Each is stopped first, so that it starts no more children while they are looked up.

    Args:
        pid: of the process; its parent must reap it.

    Raises:
        ModuleNotFoundError: Slicer's own Python has no psutil: nothing was installed into it.
    """
    import psutil

    family: dict[int, psutil.Process] = {}
    with suppress(psutil.NoSuchProcess):
        fresh = [psutil.Process(pid)]
        while fresh:
            for process in fresh:
                family[process.pid] = process
                with suppress(psutil.Error):
                    process.suspend()
            fresh = [one for one in family[pid].children(recursive=True) if one.pid not in family]
    for process in family.values():
        with suppress(psutil.Error):
            process.kill()
