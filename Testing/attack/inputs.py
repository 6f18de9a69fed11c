"""Attack the reading of inputs: random damages to sound ones, and changes whose right answer is known.

    python -m Testing.attack.inputs --count 20000 --seed 0 --out out/attack

Every input is made from its number and the seed, so that it can be made again (``--only N``). A child reads them one by
one, guarded: it is a fault if it dies, hangs, takes too much memory, ends in a traceback, says no sentence, or reads
silently what can be known to be wrong. Inputs at fault are kept in ``--out``, and the command ends with 1.
"""

from __future__ import annotations

import argparse
import json
import select
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from Testing.attack.damages import DAMAGES
from Testing.attack.known import KNOWN, Judge
from Testing.attack.seeds import DICOM_NAMES, VOLUME_NAMES, input_of, write_seeds

HANG_S = 60.0
_TOLD_EVERY = 500
MOST_GIB = 1.0
"""Memory of the child, libraries included: more is a bomb that went off."""


class Child:
    """The reading process; started anew after a death or a bomb."""

    def __init__(self, log: Path):
        self._log, self._process = log, None

    def ask(self, path: Path) -> dict:
        """Let it read; what happened to itself is an answer too."""
        if self._process is None or self._process.poll() is not None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "Testing.attack.reading"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log.open("ab"),
                text=True,
                cwd=Path(__file__).parents[2],
            )
        self._process.stdin.write(json.dumps(str(path)) + "\n")
        self._process.stdin.flush()
        if not select.select([self._process.stdout], [], [], HANG_S)[0]:
            self.end()
            return {"outcome": "hung", "codes": [], "messages": []}
        line = self._process.stdout.readline()
        if not line:
            return {"outcome": f"died ({self._process.wait()})", "codes": [], "messages": []}
        answer = json.loads(line)
        if answer["peak_gib"] > MOST_GIB:
            answer |= {"outcome": "bomb"}
            self.end()
        return answer

    def end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@dataclass(frozen=True)
class Made:
    """An input that was made: its path, what was done to which seed, and who judges its answer where it is known."""

    path: Path
    done: str
    judge: Judge | None = None


def make(number: int, seed: int, seeds: Path, folder: Path) -> Made:
    """Make the input of a number: every fourth is a change whose right answer is known."""
    rng = np.random.default_rng([seed, number])
    if number % 4 == 0:
        change = KNOWN[number // 4 % len(KNOWN)]
        name = change.seeds[int(rng.integers(len(change.seeds)))]
        shutil.copytree(seeds / name, folder)
        change.make(folder, rng)
        return Made(input_of(folder, name), f"{change.make.__name__} of {name}", change.judge)
    name = (*VOLUME_NAMES, *DICOM_NAMES)[int(rng.integers(len(VOLUME_NAMES) + len(DICOM_NAMES)))]
    shutil.copytree(seeds / name, folder)
    done = []
    for _ in range(int(rng.integers(1, 3))):
        damage = DAMAGES[int(rng.integers(len(DAMAGES)))]
        if any(path.is_file() and path.stat().st_size for path in folder.rglob("*")):
            damage(folder, rng)
            done.append(damage.__name__)
    return Made(input_of(folder, name), f"{', '.join(done)} of {name}")


def fault_of(answer: dict, judge) -> str:
    """Say what is wrong with an answer; empty where nothing is."""
    outcome, messages = answer["outcome"], answer["messages"]
    if outcome not in ("read", "pair", "refused"):
        return outcome
    for message in messages:
        if not message.endswith(".") or message[:1].islower() or "Traceback" in message or len(message) > 600:
            return f"no sentence: {message[:200]}"
    if outcome != "refused" and not answer["finite"]:
        return "a place that is none"
    return judge(answer) if judge is not None else ""


def attack(count: int, seed: int, out: Path, only: int | None = None) -> list[str]:
    """Read ``count`` damaged inputs; return the faults, each in a line."""
    out.mkdir(parents=True, exist_ok=True)
    faults, outcomes = [], Counter()
    with tempfile.TemporaryDirectory(prefix="attack-") as temporary:
        seeds = Path(temporary) / "seeds"
        write_seeds(seeds)
        child = Child(out / "child.log")
        start = time.monotonic()
        for number in range(count) if only is None else [only]:
            folder = Path(temporary) / "case"
            made = make(number, seed, seeds, folder)
            answer = child.ask(made.path)
            outcomes[f"{answer['outcome']}: {', '.join(answer['codes'][:1])}"] += 1
            if fault := fault_of(answer, made.judge):
                faults.append(f"{number}: {made.done}: {fault}")
                print(faults[-1], flush=True)
                kept = out / f"{seed}-{number}"
                shutil.rmtree(kept, ignore_errors=True)
                shutil.copytree(
                    folder, kept, symlinks=True, ignore=lambda _, names: [n for n in names if n == "strange.dcm"]
                )
            shutil.rmtree(folder)
            if number % _TOLD_EVERY == _TOLD_EVERY - 1:
                print(f"{number + 1} of {count} in {time.monotonic() - start:.0f} s", flush=True)
        child.end()
    for outcome, number in sorted(outcomes.items()):
        print(f"{number:7d}  {outcome}")
    return faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int)
    parser.add_argument("--out", type=Path, default=Path("out/attack"))
    given = parser.parse_args()
    warnings.simplefilter("ignore")  # pydicom's, of what is made damaged on purpose
    faults = attack(given.count, given.seed, given.out, given.only)
    print(f"{len(faults)} faults in {given.count} inputs, seed {given.seed}.")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
