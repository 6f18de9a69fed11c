"""What a run writes down: a row a step in ``log.csv``, a row a validation in ``validation.jsonl``, both to TensorBoard.

On a terminal a bar shows how far the run is and how long it will take; into a file go lines.
"""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from OsteoJointLib.atomic import write_whole
from training.step_rows import Numbers, StepRow

BOARD = "tensorboard"
"""Folder of TensorBoard's files in that of the run."""


class RunLog:
    """The files of a run; rows after the step that it goes on from are dropped, for they are made again.

    Args:
        folder: of the run.
        numbers: names of the columns beside step, seconds and learning rate.
        from_step: where the run begins or goes on.
        progress: the share of the run that is used up there.
    """

    def __init__(self, folder: Path, numbers: Sequence[str], from_step: int, progress: float = 0.0):
        self.folder, self.path, self.validations = folder, folder / "log.csv", folder / "validation.jsonl"
        self.columns = ["step", "elapsed_s", "rate", *numbers]
        rows = []
        if self.path.is_file():
            with self.path.open(newline="", encoding="utf-8") as stream:
                rows = [row for row in csv.DictReader(stream) if int(row["step"]) <= from_step]
        with write_whole(self.path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, self.columns)
            writer.writeheader()
            writer.writerows(rows)
        self._board = _board(folder / BOARD, from_step)
        self._began = progress
        layout = "{percentage:3.0f}% {bar} {elapsed}<{remaining}{postfix}"
        self._bar = tqdm(total=1.0, initial=progress, bar_format=layout, disable=None, leave=False)

    def add_steps(self, rows: Sequence[StepRow], progress: float) -> None:
        """Append the rows of steps, and show how far the run is: a share from 0 to 1."""
        if not rows:
            return
        with self.path.open("a", newline="", encoding="utf-8") as stream:
            writer = csv.DictWriter(stream, self.columns)
            for row in rows:
                numbers = {name: f"{value:.5g}" for name, value in _given({**row.losses, **row.notes}).items()}
                writer.writerow(
                    {"step": str(row.step), "elapsed_s": f"{row.elapsed_s:.1f}", "rate": f"{row.rate:.3g}"} | numbers
                )
        last = rows[-1]
        self._show(last, progress)
        if self._board is not None:
            for name, value in _given(last.losses).items():
                self._board.add_scalar(f"loss/{name}", value, last.step)
            for name, value in _given({"rate": last.rate, **last.notes}).items():
                self._board.add_scalar(f"run/{name}", value, last.step)

    def _show(self, row: StepRow, progress: float) -> None:
        shown = ", ".join(f"{name} {value:.4g}" for name, value in _given(row.losses).items())
        self._bar.set_postfix_str(f"step {row.step}: {shown}", refresh=False)
        self._bar.update(progress - self._bar.n)
        if self._bar.disable:  # no terminal
            self._bar.n = progress
            left = f", about {_left_min(row.elapsed_s, progress):.0f} min left" if progress > 0.0 else ""
            say(f"step {row.step}, {row.elapsed_s / 60:.1f} min{left}, rate {row.rate:.3g}: {shown}")

    def add_validation(self, step: int, elapsed_s: float, scores: Mapping[str, float]) -> None:
        """Append and print the scores of the averaged weights."""
        row = json.dumps({"step": step, "minutes": round(elapsed_s / 60.0, 2), **scores})
        say(row)
        with self.validations.open("a", encoding="utf-8") as stream:
            stream.write(row + "\n")
        if self._board is not None:
            for name, value in scores.items():
                self._board.add_scalar(f"validation/{name}", value, step)

    def add_picture(self, step: int, image: np.ndarray) -> None:
        """Write a (y, x, 3) RGB picture of what the network says, ``pictures/STEP.png``."""
        path = self.folder / "pictures" / f"{step:07d}.png"
        with write_whole(path) as temporary:
            temporary.write_bytes(cv2.imencode(".png", image[..., ::-1])[1].tobytes())
        if self._board is not None:
            self._board.add_image("predictions", image, step, dataformats="HWC")

    def is_least(self, name: str) -> bool:
        """Say whether no validation has had a lower score of that name than the last."""
        lines = self.validations.read_text(encoding="utf-8").splitlines()
        scores = [json.loads(line)[name] for line in lines]
        return min(scores) == scores[-1]

    def close(self) -> None:
        """End bar and TensorBoard's file."""
        self._bar.close()
        if self._board is not None:
            self._board.close()


def say(text: str) -> None:
    """Print a line above the bar, if there is one."""
    tqdm.write(text)
    sys.stdout.flush()


def _given(numbers: Mapping[str, float | None] | Numbers) -> dict[str, float]:
    return {name: value for name, value in numbers.items() if value is not None}


def _left_min(elapsed_s: float, progress: float) -> float:
    return elapsed_s / 60.0 * (1.0 - progress) / progress


def _board(folder: Path, from_step: int) -> Any:
    """Open TensorBoard's file, or say that TensorBoard is not installed."""
    if find_spec("tensorboard") is None:
        say("TensorBoard is not installed, so nothing is written for it; log.csv has it all.")
        return None
    from torch.utils.tensorboard import SummaryWriter

    return SummaryWriter(str(folder), purge_step=from_step + 1 if from_step else None)
