"""What a run writes down: a row a step in ``log.csv``, a row a validation in ``validation.jsonl``."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from OsteoJointLib.atomic import write_whole

_PRINTED_STEPS = 20
"""Steps between two lines on the terminal (chosen: half a minute apart on two cores)."""


class RunLog:
    """The files of a run; rows after the step that it goes on from are dropped, for they are made again.

    Args:
        folder: of the run.
        numbers: names of the columns beside step, seconds and learning rate.
        from_step: where the run begins or goes on.
    """

    def __init__(self, folder: Path, numbers: Sequence[str], from_step: int):
        self.path, self.validations = folder / "log.csv", folder / "validation.jsonl"
        self.columns = ["step", "elapsed_s", "rate", *numbers]
        rows = []
        if self.path.is_file():
            with self.path.open(newline="", encoding="utf-8") as stream:
                rows = [row for row in csv.DictReader(stream) if int(row["step"]) <= from_step]
        with write_whole(self.path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, self.columns)
            writer.writeheader()
            writer.writerows(rows)

    def add_step(
        self, step: int, elapsed_s: float, rate: float, losses: Mapping[str, float], notes: Mapping[str, float]
    ) -> None:
        """Append the row of the step that was just taken, and print some steps' losses."""
        row = {"step": str(step), "elapsed_s": f"{elapsed_s:.1f}", "rate": f"{rate:.3g}"}
        row |= {name: f"{value:.5g}" for name, value in {**losses, **notes}.items()}
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            csv.DictWriter(stream, self.columns).writerow(row)
        if step % _PRINTED_STEPS == 0:
            shown = ", ".join(f"{name} {row[name]}" for name in losses)
            print(f"step {step}, {elapsed_s / 60:.1f} min, rate {rate:.3g}: {shown}", flush=True)

    def add_validation(self, step: int, elapsed_s: float, scores: Mapping[str, float]) -> None:
        """Append and print the scores of the averaged weights."""
        row = json.dumps({"step": step, "minutes": round(elapsed_s / 60.0, 2), **scores})
        print(row, flush=True)
        with self.validations.open("a", encoding="utf-8") as stream:
            stream.write(row + "\n")

    def is_least(self, name: str) -> bool:
        """Say whether no validation has had a lower score of that name than the last."""
        lines = self.validations.read_text(encoding="utf-8").splitlines()
        scores = [json.loads(line)[name] for line in lines]
        return min(scores) == scores[-1]
