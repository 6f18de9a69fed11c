"""What an attack has tried and found: a line of JSON each, so that a stopped one goes on, and a table."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

HANG_S = 60.0
"""So long nothing takes that doesn't hang, seconds, on a machine that does nothing else (chosen)."""
_SPIN_S = 0.05
"""Work by which it is measured how busy the machine is, seconds (chosen)."""


class Fault(StrEnum):
    """Kinds of faults; none may be found."""

    TRACEBACK = "traceback"
    CRASH = "crash of our process"
    HUNG = "hung"
    MEMORY = "over the memory limit"
    LOST = "lost row or label"
    SILENT = "wrong and silent"
    NO_SENTENCE = "no sentence"
    LEFT = "ended late, or left something behind"


@dataclass(frozen=True)
class Tried:
    """One input, one batch that was killed some times, or one round of two writers.

    Args:
        part: inputs, whole, lines, kills or rounds.
        number: in its part; with the seed, everything follows from it.
        what: what was done to what.
        outcome: how it ended, in a word or two.
        count: how often it counts: kills of one batch.
        faults: kind and words.
        seconds, peak_gib: what it took; 0 where nobody measured.
    """

    part: str
    number: int
    what: str
    outcome: str
    count: int = 1
    faults: tuple[tuple[Fault, str], ...] = ()
    seconds: float = 0.0
    peak_gib: float = 0.0


class Records:
    """The file of what was tried, one line each."""

    def __init__(self, path: Path):
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)

    def read(self) -> list[Tried]:
        """Read all; a last line that a kill has cut is none."""
        if not self._path.exists():
            return []
        tried = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                fields = json.loads(line)
            except ValueError:
                continue
            faults = tuple((Fault(kind), words) for kind, words in fields.pop("faults"))
            tried.append(Tried(**fields, faults=faults))
        return tried

    def add(self, tried: Tried) -> None:
        """Append one; tell its faults."""
        for kind, words in tried.faults:
            print(f"{tried.part} {tried.number}: {tried.what}: {kind}: {words}", flush=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(tried)) + "\n")

    def missing(self, part: str, count: int) -> Iterable[int]:
        """Say which numbers of a part are still to be tried."""
        done = {tried.number for tried in self.read() if tried.part == part}
        return (number for number in range(count) if number not in done)

    def counted(self, part: str) -> int:
        """Say how much of a part was tried."""
        return sum(tried.count for tried in self.read() if tried.part == part)


def summary(tried: Sequence[Tried]) -> dict[str, object]:
    """Sum up: how often each outcome came, by part and by what was done, and how many faults of each kind."""
    outcomes: dict[str, dict[str, Counter[str]]] = {}
    for one in tried:
        outcomes.setdefault(one.part, {}).setdefault(one.what, Counter())[one.outcome] += one.count
    faults = Counter(kind for one in tried for kind, _ in one.faults)
    return {
        "tried": {part: sum(sum(counts.values()) for counts in rows.values()) for part, rows in outcomes.items()},
        "faults": {kind.value: faults[kind] for kind in Fault},
        "peak_gib": round(max((one.peak_gib for one in tried if one.part == "inputs"), default=0.0), 2),
        "slowest_s": round(max((one.seconds for one in tried if one.part == "inputs"), default=0.0), 2),
        "outcomes": {
            part: {what: dict(sorted(counts.items())) for what, counts in sorted(rows.items())}
            for part, rows in outcomes.items()
        },
    }


def table(tried: Sequence[Tried]) -> str:
    """Write the summary as one table, in Markdown."""
    said = summary(tried)
    names = sorted({one.outcome.partition(":")[0] for one in tried})
    lines = [f"| attack | tried | {' | '.join(names)} |", "|---|---:|" + "---:|" * len(names)]
    for part in said["outcomes"]:
        rows: dict[str, Counter[str]] = {}
        for one in tried:
            if one.part == part:
                rows.setdefault(one.what, Counter())[one.outcome.partition(":")[0]] += one.count
        for what, counts in [(f"**{part}**", sum(rows.values(), Counter())), *sorted(rows.items())]:
            cells = " | ".join(str(counts[name] or "") for name in names)
            lines.append(f"| {what} | {counts.total()} | {cells} |")
    lines += ["", "| fault | found |", "|---|---:|", *(f"| {kind} | {n} |" for kind, n in said["faults"].items())]
    return "\n".join(lines)


def busy() -> float:
    """Measure how much longer than alone a process takes here just now, at least 1."""
    begun_s, cpu_s = time.perf_counter(), time.process_time()
    while time.process_time() - cpu_s < _SPIN_S:
        pass
    return max(1.0, (time.perf_counter() - begun_s) / _SPIN_S)
