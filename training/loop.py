"""The training loop of every task, read top to bottom.

Everything a run leaves is in its folder: ``last.pt`` (written whole, every two minutes), ``log.csv`` (a row a step),
``validation.jsonl`` and, where a task names the score that decides, ``best.pt``. A run that was stopped goes on from
``last.pt`` as if it had not been: batches depend on seed and step only, and the schedule on the share of the budget
(steps, or minutes of training) that is used up.
"""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor, nn

from OsteoJointLib.device import resolve_device, set_threads
from OsteoJointLib.errors import Reason, RunFailed
from training.checkpoint import Run, recipe_of, resume, save_checkpoint, start
from training.optimizing import update_average
from training.run_log import RunLog
from training.schedule import Budget, learning_rate
from training.step_batches import step_loader
from training.task import StepLosses, StepModule, Task

CHECKPOINT, BEST = "last.pt", "best.pt"
_ENDLESS_STEPS = 10_000_000

Beginning = Callable[[StepModule], dict[str, Any]]
"""Puts weights into a network before its first step, and says what they are for the recipe."""


def train(
    task: Task,
    data: Path,
    out: Path,
    budget: Budget,
    validation: Path | None = None,
    device: str = "cpu",
    threads: int | None = None,
    workers: int = 1,
    stop_after: int | None = None,
    beginning: Beginning | None = None,
) -> Run:
    """Train, or go on training.

    Args:
        task: what is trained, and on what kind of data.
        data: folder of the training data; it may grow meanwhile.
        out: folder of the run; a ``last.pt`` in it is resumed.
        budget: how long.
        validation: folder of the data that are watched, or None.
        device: auto, cpu, cuda or cuda:N.
        threads: of PyTorch; None for as many as the library takes.
        workers: processes that make batches; 0 makes them in this one.
        stop_after: leave after this step, for tests.
        beginning: weights to begin with, instead of random ones.

    Returns:
        The run at its end; it is in ``out / "last.pt"`` as well.

    Raises:
        ModelRefused: the device is not there.
        UsageError: the run in ``out`` began with other settings.
        InputRefused: the data can't be used.
        RunFailed: a loss was not finite.
    """
    place, config, recipe = resolve_device(device), task.config, recipe_of(task, budget)
    set_threads(threads)
    fabric = Fabric(accelerator=place.type, devices=[place.index] if place.index else 1, precision=config.precision)  # type: ignore[arg-type]
    run = start(task)
    if beginning is not None:
        recipe |= {"beginning": beginning(run.module)}
    module, optimizer = fabric.setup(run.module, run.optimizer)
    run.average = {name: value.detach().clone() for name, value in run.module.network.state_dict().items()}
    if (out / CHECKPOINT).is_file():
        resume(run, recipe, out / CHECKPOINT)
    last_step = min(budget.steps or _ENDLESS_STEPS, stop_after or _ENDLESS_STEPS)
    loader = step_loader(task.batches(data), run.step, last_step, workers)
    log = RunLog(out, [*task.terms, *run.module.notes(0.0), *map(_norm_of, run.module.parts())], run.step)

    began, before_s = time.monotonic(), run.elapsed_s
    saved_s = validated_s = run.elapsed_s
    module.train()
    for batch in loader:
        progress = budget.progress(run.step, run.elapsed_s)
        if progress >= 1.0:
            break
        rate = learning_rate(progress, config.optimizer)
        losses: StepLosses = module(fabric.to_device(batch), progress)
        require_finite(losses, batch.case_ids, run.step)
        norms = descend(fabric, run.module, optimizer, losses.total, rate, config.optimizer.clip_norm)
        update_average(run.average, run.module.network, run.step, config.ema_decay)
        run.step += 1
        run.elapsed_s = before_s + time.monotonic() - began
        log.add_step(run.step, run.elapsed_s, rate, terms_of(losses), {**run.module.notes(progress), **norms})
        if run.elapsed_s - saved_s >= 60.0 * config.checkpoint_minutes:
            save_checkpoint(run, recipe, out / CHECKPOINT)
            saved_s = run.elapsed_s
        if validation and run.elapsed_s - validated_s >= 60.0 * config.validate_minutes:
            watch(task, run, validation, log, recipe)
            validated_s = run.elapsed_s
    save_checkpoint(run, recipe, out / CHECKPOINT)
    if validation:
        watch(task, run, validation, log, recipe)
    return run


def descend(
    fabric: Fabric, module: StepModule, optimizer: Any, total: Tensor, rate: float, clip_norm: float
) -> dict[str, float]:
    """Take one step down the total.

    Returns:
        The norm of each part's gradient before it was clipped.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    fabric.backward(total)
    norms = {
        _norm_of(name): float(nn.utils.clip_grad_norm_(parameters, clip_norm))
        for name, parameters in module.parts().items()
    }
    optimizer.step()
    return norms


def terms_of(losses: StepLosses) -> dict[str, float]:
    """Return the total and the terms that this step trains, as numbers."""
    return {name: float(value.detach()) for name, value in losses._asdict().items() if value is not None}


def require_finite(losses: StepLosses, case_ids: tuple[str, ...], step: int) -> None:
    """Stop at a loss that is no number.

    Raises:
        RunFailed: names the terms and the cases.
    """
    terms = terms_of(losses)
    if not math.isfinite(terms["total"]):
        raise RunFailed(
            Reason.FAILED,
            f"The loss of step {step} is no finite number: {terms}. It came from {', '.join(case_ids)}. Look at "
            "these cases, or begin anew with a lower learning rate.",
        )


def watch(task: Task, run: Run, validation: Path, log: RunLog, recipe: dict[str, Any]) -> None:
    """Score the averaged weights, on the device of the run, write that down, and keep the best in ``best.pt``."""
    network = copy.deepcopy(run.module.network)
    network.load_state_dict(run.average)
    log.add_validation(run.step, run.elapsed_s, task.scores(network.eval(), validation))
    if task.watched and log.is_least(task.watched):
        save_checkpoint(run, recipe, log.path.with_name(BEST))


def _norm_of(part: str) -> str:
    return f"norm_{part}"
