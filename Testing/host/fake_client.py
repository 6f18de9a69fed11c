"""A client of the fake worker, and what its tests need to see."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from OsteoJointLib.slicer_bridge.process.worker_client import WorkerClient
from OsteoJointLib.slicer_bridge.process.worker_command import WorkerCommand, process_environment
from OsteoJointLib.worker.requests import Request

FAKE = Path(__file__).with_name("fake_worker.py")


@dataclass(frozen=True)
class Pids:
    pids: tuple[int, ...]


@dataclass(frozen=True)
class Spawn(Request[Pids]):
    op, answer = "spawn", Pids


@dataclass(frozen=True)
class Nothing:
    pass


@dataclass(frozen=True)
class Noise(Request[Nothing]):
    op, answer = "noise", Nothing


@dataclass(frozen=True)
class Text:
    text: str


@dataclass(frozen=True)
class Echo(Request[Text]):
    op, answer = "echo", Text
    text: str


@dataclass(frozen=True)
class Huge(Request[Text]):
    op, answer = "huge", Text
    length: int


class Fake:
    """The fake worker: its command, how it shall break, and what it was asked."""

    def __init__(self, folder: Path):
        self.log = folder / "requests.jsonl"
        self.control: dict = {"log": str(self.log)}
        self.client = WorkerClient(self.command)

    def command(self) -> WorkerCommand:
        environment = {**process_environment(os.environ), "FAKE_WORKER": json.dumps(self.control)}
        return WorkerCommand(sys.executable, ["-S", "-u", str(FAKE)], self._with_numpy(environment))

    def _with_numpy(self, environment):
        site = str(Path(np.__file__).parents[1])
        return {**environment, "PYTHONPATH": os.pathsep.join([environment["PYTHONPATH"], site])}

    def asked(self) -> list[dict]:
        """The requests that came since the last call."""
        lines = self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    def ops(self) -> list[str]:
        """Their operations."""
        return [request["op"] for request in self.asked()]


class Heard:
    """What a client's or an engine's callbacks were called with, in order."""

    def __init__(self, host):
        self._host = host
        self.calls: list[tuple] = []

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return lambda *arguments: self.calls.append((name, *arguments))

    def names(self) -> list[str]:
        """The callbacks in order, without progress."""
        return [call[0] for call in self.calls if call[0] != "progress"]

    def last(self, name: str):
        """What the last call of a name came with."""
        return next(call[1] for call in reversed(self.calls) if call[0] == name)

    def wait(self, *names: str, seconds: float = 20.0) -> None:
        """Let the event loop turn until one of ``names`` was called."""
        assert self._host.wait_until(lambda: any(name in names for name in self.names()), seconds), self.calls


def alive(pid: int) -> bool:
    """Whether a process runs; one that is dead and only waits to be reaped doesn't."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def gone(pids, seconds=5.0) -> bool:
    """Whether processes have ended in time."""
    end = time.monotonic() + seconds
    while any(alive(pid) for pid in pids):
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True
