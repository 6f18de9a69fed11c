"""Attack the worker with lines that are none, or almost requests: each must be answered, and the worker go on.

After each line comes a ping: every event before its answer belongs to the line. A fault is a dead worker, no answer, or
an answer that isn't a refusal in a sentence.
"""

from __future__ import annotations

import json
import select
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.worker.requests import OPERATIONS
from Testing.attack.records import HANG_S, Fault, Records, Tried, busy

_DEEP = 3000
VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1, 1e308, float("nan"), float("inf"), 10**400, "", "x", "\ud800", "a" * 5000, "/dev/zero", "/"),
    *("L1", "../..", "\0", [], {}, [[]], {"L1": [0, 0, 0]}, {"L1": [float("nan"), 1, 2]}, [1, 2, 3], "case-1", "%s%n"),
)
FIELDS = """
    input out case points segmentation made options refine gradcam volume leave_out kvp kernel contrast calibration
    config weights device threads levels parameters whole at row pdf dicom folder name patient status bmd replace views
""".split()  # noqa: SIM905


def hostile(rng: np.random.Generator, missing: Path) -> tuple[str, str]:
    """Make a line; return how it was made, too."""

    def some(values: Any) -> Any:
        return values[int(rng.integers(len(values)))]

    kind = some(("fields", "fields", "fields", "bytes", "deep", "id", "cut"))
    request: dict[str, Any] = {"id": 1, "op": some([*sorted(set(OPERATIONS) - {"shutdown"}), "none"])}
    request |= {"input": str(missing), "case": "case-1", "out": str(missing)} if rng.random() < 0.5 else {}
    for _ in range(int(rng.integers(0, 4))):
        request[some(FIELDS)] = some(VALUES)
    if kind == "deep":
        return kind, '{"id": 1, "op": ' + some(("[", '{"a":')) * _DEEP
    if kind == "id":
        request["id"] = some(VALUES)
    line = json.dumps(request, ensure_ascii=bool(rng.integers(2)))
    if kind == "cut":
        line = line[: int(rng.integers(1, len(line)))]
    if kind == "bytes":
        content = list(line)
        for place in rng.integers(0, len(content), int(rng.integers(1, 9))):
            content[place] = chr(int(rng.choice([0, 34, 92, 123, 125, 91, 0x7F, 0xFF, 0x2028, 0x1F600])))
        line = "".join(content)
    return kind, line.replace("\n", " ").replace("\r", " ")


class Worker:
    """A worker of this project, without weights."""

    def __init__(self, log: Path):
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "OsteoJointLib", "worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                bufsize=0,  # so that what select waits for lies in no buffer
                cwd=Path(__file__).parents[2],
            )

    def answers(self, line: str, number: int) -> list[dict] | None:
        """Send a line and a ping; return the events before the ping's, or None where the worker died or hung."""
        ping = f"ping-{number}"
        try:
            told = line.encode("utf-8", "surrogatepass") + b"\n" + json.dumps({"id": ping, "op": "ping"}).encode()
            self._process.stdin.write(told + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            return None
        events: list[dict] = []
        while select.select([self._process.stdout], [], [], HANG_S * busy())[0]:
            said = self._process.stdout.readline()
            if not said:
                return None
            event = json.loads(said)
            if event["id"] == ping:
                return events
            events.append(event)
        return None

    def end(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()
        self._process.stdin.close()
        self._process.stdout.close()


def fault_of(events: list[dict] | None) -> tuple[tuple[Fault, str], ...]:
    """Say what is wrong with the answer to a line."""
    if events is None:
        return ((Fault.CRASH, "the worker died, or answers no more"),)
    ends = [event for event in events if event["event"] != "progress"]
    if len(ends) != 1:
        return ((Fault.SILENT, f"{len(ends)} answers to one line"),)
    said = ends[0]
    if said.get("reason") == "failed":
        return ((Fault.TRACEBACK, str(said)[:300]),)
    if said["event"] == "error" and not str(said["message"]).endswith("."):
        return ((Fault.NO_SENTENCE, str(said)[:300]),)
    return ()


def attack_lines(numbers: Iterable[int], seed: int, out: Path, records: Records) -> None:
    """Send hostile lines; the arguments are those of ``attack_inputs``."""
    out.mkdir(parents=True, exist_ok=True)
    worker: Worker | None = None
    for number in numbers:
        worker = worker or Worker(out / "worker.log")
        kind, line = hostile(np.random.default_rng([seed, number, 2]), out / "nothing" / "there.nrrd")
        events = worker.answers(line, number)
        faults = fault_of(events)
        outcome = "died" if events is None else (events[-1]["event"] if events else "no answer")
        outcome = "refused" if outcome == "error" else outcome
        records.add(Tried("lines", number, kind, outcome, faults=faults))
        if faults:
            (out / f"line-{seed}-{number}.txt").write_bytes(line.encode("utf-8", "surrogatepass"))
        if events is None:
            worker.end()
            worker = None
    if worker is not None:
        worker.end()
