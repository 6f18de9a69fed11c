"""The books of a run: what it writes into its folder, and when.

Only the first process writes; all of them know the time from it, since what follows from the clock (a checkpoint, a
validation, the rate under a budget of minutes) must be the same in all.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor, nn

from training.checkpoint import CHECKPOINT, Run, save_checkpoint
from training.run_log import RunLog, say
from training.run_record import RunRecord, data_of, hardware
from training.schedule import Budget
from training.step_rows import StepRows
from training.task import StepLosses, Task

BEST = "best.pt"
_UNREAD_S = 30.0
"""Seconds after which the numbers are read though ``log_every`` steps were not taken; where one process decides."""


def norm_of(part: str) -> str:
    """Name the column of a part's gradient norm."""
    return f"norm_{part}"


class RunBooks:
    """Log, record, checkpoints, validations and pictures of one start of a run.

    Args:
        fabric: of the run.
        task: what is trained.
        run: all that moves.
        recipe: task, config and budget, for the checkpoint.
        budget: how long.
        out: folder of the run.
        data, validation: folders of the data; None watches nothing.
    """

    def __init__(
        self,
        fabric: Fabric,
        task: Task,
        run: Run,
        recipe: dict[str, Any],
        budget: Budget,
        out: Path,
        data: Path,
        validation: Path | None,
    ):
        self.fabric, self.task, self.run, self.recipe, self.budget = fabric, task, run, recipe, budget
        self.out, self.validation = out, validation
        notes = [*run.module.notes(0.0), *map(norm_of, run.module.parts())]
        self.rows = StepRows(task.terms, notes)
        self.log: RunLog | None = None
        if fabric.is_global_zero:
            progress = budget.progress(run.step, run.elapsed_s)
            self.log = RunLog(out, [*task.terms, *notes], run.step, progress)
            facts = {
                "data": data_of(data),
                "validation": validation and data_of(validation),
                "processes": fabric.world_size,
                "hardware": hardware(fabric.device),
            }
            self.record = RunRecord(out, recipe, run.step, facts)
        self._before_s, self._began = run.elapsed_s, time.monotonic()
        self._read_s = self._saved_s = self._validated_s = run.elapsed_s

    def note(
        self, rate: float, losses: list[StepLosses], notes: dict[str, float | Tensor], drawn: Sequence[Any]
    ) -> None:
        """Keep a step's numbers; at some steps read them all, and save and validate where it is time."""
        run, config = self.run, self.task.config
        now_s = self._before_s + time.monotonic() - self._began
        alone = self.fabric.world_size == 1
        if alone:
            run.elapsed_s = now_s
        self.rows.hold(run.step, now_s, rate, losses, notes, sum((batch.case_ids for batch in drawn), ()))
        if run.step % config.log_every == 0 or (alone and now_s - self._read_s >= _UNREAD_S):
            if not alone:
                run.elapsed_s = float(self.fabric.broadcast(now_s))
            self._read()
            if run.elapsed_s - self._saved_s >= 60.0 * config.checkpoint_minutes:
                self._save()
            if self.validation and run.elapsed_s - self._validated_s >= 60.0 * config.validate_minutes:
                self._watch()

    def close(self, ended: bool) -> None:
        """Read, save and validate what is left."""
        self._read()
        self._save()
        if self.validation:
            self._watch()
        if self.log is not None:
            self.record.progress(self.run.step, self.run.elapsed_s, ended)
            self.log.close()
            say(f"Trained: {self.out / CHECKPOINT}")

    def _read(self) -> None:
        rows, first = self.rows.read(self.fabric), self._read_s == 0.0
        self._read_s = self.run.elapsed_s
        if self.log is not None:
            self.log.add_steps(rows, self.budget.progress(self.run.step, self.run.elapsed_s))
            if first and rows and self.validation:
                self._draw(_averaged(self.run))

    def _save(self) -> None:
        self._saved_s = self.run.elapsed_s
        if self.log is not None:
            save_checkpoint(self.run, self.recipe, self.out / CHECKPOINT)
            self.record.progress(self.run.step, self.run.elapsed_s, ended=False)

    def _watch(self) -> None:
        """Score the averaged weights, on the device of the run, write that down, and keep the best in ``best.pt``."""
        self._validated_s = self.run.elapsed_s
        if self.log is None or self.validation is None:
            return
        network, task = _averaged(self.run), self.task
        self.log.add_validation(self.run.step, self.run.elapsed_s, task.scores(network, self.validation))
        self._draw(network)
        if task.watched and self.log.is_least(task.watched):
            save_checkpoint(self.run, self.recipe, self.out / BEST)

    def _draw(self, network: nn.Module) -> None:
        assert self.log is not None and self.validation is not None
        image = self.task.picture(network, self.validation)
        if image is not None:
            self.log.add_picture(self.run.step, image)


def _averaged(run: Run) -> nn.Module:
    """Build the network of the averaged weights, in eval mode."""
    network = copy.deepcopy(run.module.network)
    network.load_state_dict(run.average)
    return network.eval()
