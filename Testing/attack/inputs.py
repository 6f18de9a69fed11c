"""Attack the reading of inputs: random damages to sound ones, and changes whose right answer is known.

Every input is made from its number and the seed, so that it can be made again. A child reads them one by one, guarded:
it is a fault if it dies, hangs, takes too much memory, ends in a traceback, says no sentence, or reads silently what
can be known to be wrong. Inputs at fault are kept.
"""

from __future__ import annotations

import json
import select
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from Testing.attack.damages import DAMAGES
from Testing.attack.known import KNOWN, Judge
from Testing.attack.records import HANG_S, Fault, Records, Tried, busy
from Testing.attack.seeds import DICOM_NAMES, VOLUME_NAMES, input_of, write_seeds

MOST_GIB = 1.0
"""Memory of the child, libraries included: more is a bomb that went off."""
BROKEN = {"fault": Fault.TRACEBACK, "died": Fault.CRASH, "hung": Fault.HUNG, "bomb": Fault.MEMORY}
"""Outcomes that are faults, whatever was read."""


class Child:
    """The reading process; started anew after a death or a bomb."""

    def __init__(self, log: Path, *options: str, most_gib: float = MOST_GIB):
        self._log, self._options, self._most_gib, self._process = log, options, most_gib, None

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def ask(self, path: Path) -> dict:
        """Let it read; what happened to itself is an answer too."""
        if self._process is None or self._process.poll() is not None:
            with self._log.open("ab") as errors:
                self._process = subprocess.Popen(
                    [sys.executable, "-m", "Testing.attack.reading", *self._options],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    cwd=Path(__file__).parents[2],
                )
        self._process.stdin.write(json.dumps(str(path)) + "\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], HANG_S * busy())[0]:
            self.end()
            return {"outcome": "hung", "codes": [], "messages": []}
        line = self._process.stdout.readline()
        if not line:
            return {"outcome": "died", "codes": [], "messages": [f"exit code {self._process.wait()}"]}
        answer = json.loads(line)
        if answer["peak_gib"] > self._most_gib:
            answer |= {"outcome": "bomb"}
            self.end()
        return answer

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@dataclass(frozen=True)
class Made:
    """An input that was made: its path, what was done to it, and who judges its answer where that is known."""

    path: Path
    kind: str
    judge: Judge | None = None


def make(number: int, seed: int, seeds: Path, folder: Path) -> Made:
    """Make the input of a number: every fourth is a change whose right answer is known."""
    rng = np.random.default_rng([seed, number])
    if number % 4 == 0:
        change = KNOWN[number // 4 % len(KNOWN)]
        name = change.seeds[int(rng.integers(len(change.seeds)))]
        shutil.copytree(seeds / name, folder)
        change.make(folder, rng)
        return Made(input_of(folder, name), change.make.__name__, change.judge)
    name = (*VOLUME_NAMES, *DICOM_NAMES)[int(rng.integers(len(VOLUME_NAMES) + len(DICOM_NAMES)))]
    shutil.copytree(seeds / name, folder)
    for _ in range(int(rng.integers(1, 3))):
        damage = DAMAGES[int(rng.integers(len(DAMAGES)))]
        if any(path.is_file() and path.stat().st_size for path in folder.rglob("*")):
            damage(folder, rng)
    return Made(input_of(folder, name), f"random damage to {name}")


def faults_of(answer: dict, judge: Judge | None) -> tuple[tuple[Fault, str], ...]:
    """Say what is wrong with an answer; empty where nothing is."""
    outcome, messages = answer["outcome"], answer["messages"]
    if outcome in BROKEN:
        return ((BROKEN[outcome], " ".join(messages)[-2000:]),)
    for message in messages:
        if not message.endswith(".") or message[:1].islower() or "Traceback" in message or len(message) > 600:
            return ((Fault.NO_SENTENCE, message[:200]),)
    if outcome != "refused" and not answer["finite"]:
        return ((Fault.SILENT, "a place that is none"),)
    said = judge(answer) if judge is not None else ""
    return ((Fault.SILENT, said),) if said else ()


def attack_inputs(numbers: Iterable[int], seed: int, out: Path, records: Records) -> None:
    """Read damaged inputs.

    Args:
        numbers: theirs.
        seed: with the number, all follows from it.
        out: where those at fault are kept.
        records: takes what was tried.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="attack-") as temporary, Child(out / "child.log") as child:
        seeds = Path(temporary) / "seeds"
        write_seeds(seeds)
        for number in numbers:
            folder = Path(temporary) / "case"
            made = make(number, seed, seeds, folder)
            answer = child.ask(made.path)
            faults = faults_of(answer, made.judge)
            outcome = ": ".join([answer["outcome"], *answer["codes"][:1]])
            took = {name: round(answer.get(name, 0.0), 3) for name in ("seconds", "peak_gib")}
            records.add(Tried("inputs", number, made.kind, outcome, faults=faults, **took))
            if faults:
                kept = out / f"{seed}-{number}"
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(
                    folder, kept, symlinks=True, ignore=lambda _, names: [n for n in names if n == "strange.dcm"]
                )
            shutil.rmtree(folder)
