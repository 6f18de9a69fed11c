"""A process and everything it started, killed at once: plain Python, and it never waits for another program.

The process is stopped first, so that it starts no more children while they are looked up. On Linux ``/proc`` names
them; on macOS a shell that nobody waits for walks down with ``pgrep``; on Windows ``taskkill /T`` does the same.
"""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

PROC = Path("/proc")
"""Where Linux lists processes."""

_WALK_AND_KILL = (
    'tree() { for child in $(pgrep -P "$1"); do kill -STOP "$child"; tree "$child"; done; kill -KILL "$1"; }; '
    '(tree "$0") </dev/null >/dev/null 2>&1 &'
)
_LIBRARY_PATHS = ("LD_LIBRARY_PATH", "LD_PRELOAD", "DYLD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")


def kill_tree(pid: int) -> None:
    """Kill a process and all its descendants; what is gone already is no error.

    Args:
        pid: of the process; its parent must reap it.
    """
    if os.name == "nt":
        _taskkill(pid)
    elif (PROC / "self" / "stat").exists():
        _kill_all(_stopped_tree(pid))
    else:
        _kill_by_shell(pid)


def descendants(pid: int, proc: Path = PROC) -> list[int]:
    """The process's children, their children and so on, as Linux lists them; without the process itself."""
    found, waiting = [], [pid]
    table: dict[int, list[int]] | None = None
    while waiting:
        parent = waiting.pop()
        below = _listed_children(proc / str(parent))
        if below is None:
            table = _all_children(proc) if table is None else table
            below = table.get(parent, [])
        found += below
        waiting += below
    return found


def _listed_children(entry: Path) -> list[int] | None:
    """The children that each thread's own list names; None where this Linux keeps no such lists."""
    children: list[int] = []
    if not entry.exists():
        return children
    try:
        for thread in (entry / "task").iterdir():
            children += map(int, (thread / "children").read_text(encoding="ascii").split())
    except OSError:
        return None
    return children


def _all_children(proc: Path) -> dict[int, list[int]]:
    """The children of every process: reads each one's parent, which takes longer."""
    children: dict[int, list[int]] = {}
    for entry in proc.iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    return children


def _parent(entry: Path) -> int | None:
    try:
        text = (entry / "stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[1])  # the name, in parentheses, may hold anything


def _stopped_tree(pid: int) -> list[int]:
    """The process and its descendants, all stopped; looked up until no new one appears."""
    family: list[int] = []
    fresh = [pid]
    while fresh:
        family += fresh
        for one in fresh:
            _signal(one, signal.SIGSTOP)
        fresh = [one for one in descendants(pid) if one not in family]
    return family


def _kill_all(family: list[int]) -> None:
    for one in family:
        _signal(one, signal.SIGKILL)


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _kill_by_shell(pid: int) -> None:
    _signal(pid, signal.SIGSTOP)
    subprocess.run(["/bin/sh", "-c", _WALK_AND_KILL, str(pid)], check=False, env=_system_environment())


def _taskkill(pid: int) -> None:
    subprocess.Popen(
        ["taskkill", "/F", "/T", "/PID", str(pid)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
    )


def _system_environment() -> dict[str, str]:
    """The environment without what would make the system's tools load Slicer's libraries."""
    return {key: value for key, value in os.environ.items() if key not in _LIBRARY_PATHS}
