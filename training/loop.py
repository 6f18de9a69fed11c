"""The training loop of every task, read top to bottom.

Everything a run leaves is in its folder: ``last.pt`` (written whole, every two minutes), ``run.json`` (by what and of
what it was made), ``log.csv`` (a row a step), ``validation.jsonl``, ``pictures/``, TensorBoard's files and, where a
task names the score that decides, ``best.pt``. A run that was stopped goes on from ``last.pt`` as if it had not been:
batches depend on seed and number only, and the schedule on the share of the budget (epochs, steps, or minutes of
training) that is used up.

A step takes ``batches_a_step`` batches. The processes of a run share them, each takes its own one by one, and the mean
of all gradients is what is stepped down: the same step on one device and on several. Nothing is asked of the device at
a step; what it says is read every ``log_every`` steps (:mod:`training.step_rows`), and only then is anything decided
that follows from the clock.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from lightning_fabric import Fabric
from torch import Tensor, nn

from training.checkpoint import CHECKPOINT, Run, recipe_of, resume, start
from training.machines import Machines, start_fabric
from training.optimizing import update_average
from training.run_books import RunBooks, norm_of
from training.schedule import Budget, learning_rate
from training.step_batches import step_loader
from training.task import StepLosses, StepModule, Task

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
    devices: int = 1,
    machines: int = 1,
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
        devices: cards (on the CPU, processes) of each machine.
        machines: how many machines.
        beginning: weights to begin with, instead of random ones.

    Returns:
        The run at its end; it is in ``out / "last.pt"`` as well.

    Raises:
        ModelRefused: the device is not there.
        UsageError: the run in ``out`` began with other settings.
        InputRefused: the data can't be used.
        RunFailed: a loss was not finite.
    """
    config = task.config
    fabric = start_fabric(Machines(device, devices, machines, threads), config)
    batches = task.batches(data)
    budget = budget.in_steps(batches.cases(), task.cases_a_batch * config.batches_a_step)
    run, recipe = start(task), recipe_of(task, budget)
    if beginning is not None:
        recipe |= {"beginning": beginning(run.module)}
    if config.compile:
        run.module.compile_networks()
    module, optimizer = fabric.setup(run.module, run.optimizer)
    weights = {name: value.detach() for name, value in run.module.network.state_dict().items()}
    # without averaging these are the network's own, in its memory and once in the checkpoint
    run.average = {name: value.clone() for name, value in weights.items()} if config.ema_decay else weights
    if (out / CHECKPOINT).is_file():
        resume(run, recipe, out / CHECKPOINT)
    books = RunBooks(fabric, task, run, recipe, budget, out, data, validation)
    last_step = min(budget.steps or _ENDLESS_STEPS, stop_after or _ENDLESS_STEPS)
    own = config.batches_a_step // fabric.world_size
    loader = iter(
        step_loader(
            batches,
            run.step * config.batches_a_step + fabric.global_rank,
            last_step * config.batches_a_step,
            workers,
            each=fabric.world_size,
            pinned=fabric.device.type == "cuda",
        )
    )

    module.train()
    while (progress := budget.progress(run.step, run.elapsed_s)) < 1.0 and (drawn := list(islice(loader, own))):
        rate = learning_rate(progress, config.optimizer)
        losses = descend(fabric, module, run.module, optimizer, drawn, rate, progress)
        norms = clipped(run.module, config.optimizer.clip_norm)
        optimizer.step()
        if config.ema_decay:
            update_average(run.average, run.module.network, run.step, config.ema_decay)
        run.step += 1
        books.note(rate, losses, {**run.module.notes(progress), **norms}, drawn)
    books.close(ended=progress >= 1.0 or run.step == budget.steps)
    return run


def descend(
    fabric: Fabric, module: Any, step: StepModule, optimizer: Any, drawn: Sequence[Any], rate: float, progress: float
) -> list[StepLosses]:
    """Compute the mean gradient of batches, over all processes.

    Args:
        fabric: of the run.
        module: ``step`` as Fabric wrapped it.
        step: network and losses.
        optimizer: whose gradients are cleared and whose rate is set.
        drawn: this process's batches.
        rate: learning rate.
        progress: share of the run.

    Returns:
        Each batch's losses.
    """
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    losses = []
    for number, batch in enumerate(drawn, 1):
        with fabric.no_backward_sync(module, enabled=number < len(drawn)):  # processes meet at the last one's end
            of: StepLosses = module(fabric.to_device(step.planned(batch)), progress)
            fabric.backward(of.total / len(drawn))
        losses.append(of)
    return losses


def clipped(module: StepModule, clip_norm: float) -> dict[str, Tensor]:
    """Clip each part's gradient; returns the norms before that, on the device."""
    return {
        norm_of(name): nn.utils.clip_grad_norm_(parameters, clip_norm) for name, parameters in module.parts().items()
    }
