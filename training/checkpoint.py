"""A run on disk: one file from which it goes on as if it had not been stopped, and only under the same settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from OsteoJointLib.atomic import write_whole
from OsteoJointLib.errors import InputRefused, Reason, UsageError
from training.optimizing import make_optimizer
from training.run_config import WATCHING_FIELDS
from training.schedule import Budget
from training.task import StepModule, Task

FORMAT = "osteojoint.checkpoint/2"
CHECKPOINT = "last.pt"
"""Of a run, in its folder."""


@dataclass
class Run:
    """All that moves in a run.

    Args:
        module: network and losses.
        optimizer: with its state.
        average: the network's averaged weights, by name.
        step: how many were taken.
        elapsed_s: seconds of training, over all starts.
    """

    module: StepModule
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor]
    step: int = 0
    elapsed_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """What :func:`save_checkpoint` wrote: the fields of :class:`Run` as states, and the run's recipe.

    Args:
        recipe: task, config and budget, as :func:`recipe_of` gives them.
    """

    recipe: dict[str, Any]
    step: int
    elapsed_s: float
    module: dict[str, Tensor]
    optimizer: dict[str, Any]
    average: dict[str, Tensor]


def recipe_of(task: Task, budget: Budget) -> dict[str, Any]:
    """Return task, config and budget of a run as JSON types."""
    return json.loads(json.dumps({"task": task.name, **asdict(task.config), "budget": asdict(budget)}))


def start(task: Task) -> Run:
    """Build network, optimizer and averages from the config's seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(task.config.seed)
        module = task.build()
    average = {name: value.detach().clone() for name, value in module.network.state_dict().items()}
    return Run(module, make_optimizer(module, task.config.optimizer), average)


def save_checkpoint(run: Run, recipe: dict[str, Any], path: Path) -> None:
    """Write a checkpoint, whole or not at all."""
    content = {
        "format": FORMAT,
        "recipe": json.dumps(recipe),
        "step": run.step,
        "elapsed_s": run.elapsed_s,
        "module": run.module.state_dict(),
        "optimizer": run.optimizer.state_dict(),
        "average": run.average,
    }
    with write_whole(path) as temporary:
        torch.save(content, temporary)


def load_checkpoint(path: Path, task: str | None = None) -> Checkpoint:
    """Read a checkpoint; nothing in it can run code.

    Args:
        path: of the file.
        task: whose it must be; None takes any.

    Raises:
        InputRefused: it is not there, is none, is of another version, or of another task.
    """
    if not path.is_file():
        raise InputRefused(Reason.NOT_FOUND, f"There is no checkpoint {path}. Train first, or check the path.")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of junk, PyTorch's reader raises whatever it trips over
        raise InputRefused(
            Reason.UNREADABLE, f"{path} is damaged or no checkpoint of a training. Choose another last.pt."
        ) from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise InputRefused(
            Reason.UNREADABLE, f"{path} was not written by this version of the training. Train again with this one."
        )
    content["recipe"] = json.loads(content["recipe"])
    del content["format"]
    checkpoint = Checkpoint(**content)
    if task not in (None, checkpoint.recipe["task"]):
        raise InputRefused(
            Reason.UNREADABLE,
            f"{path} holds a network of the task {checkpoint.recipe['task']}, and one of the task {task} is needed "
            "here. Choose the other run's last.pt.",
        )
    return checkpoint


def resume(run: Run, recipe: dict[str, Any], path: Path) -> None:
    """Put a run back to where its checkpoint was taken.

    Raises:
        UsageError: it began under another recipe; the message names each field that differs, with both values.
            What is only watched may differ.
    """
    checkpoint = load_checkpoint(path)
    before, now = dict(_flat(checkpoint.recipe)), dict(_flat(recipe))
    differing = [
        f"{name} was {before.get(name)!r} and would be {now.get(name)!r}"
        for name in sorted(before.keys() | now.keys())
        if name not in WATCHING_FIELDS and before.get(name) != now.get(name)
    ]
    if differing:
        raise UsageError(
            Reason.USAGE,
            f"The run in {path.parent} began with other settings: {'; '.join(differing)}. Go on with the old ones, or "
            "begin a new run with another --out.",
        )
    run.module.load_state_dict(checkpoint.module)
    run.optimizer.load_state_dict(checkpoint.optimizer)
    for name, value in checkpoint.average.items():
        run.average[name].copy_(value)
    run.step, run.elapsed_s = checkpoint.step, checkpoint.elapsed_s
    print(f"Going on from step {run.step}, minute {run.elapsed_s / 60:.1f}.", flush=True)


def _flat(recipe: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in recipe.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
