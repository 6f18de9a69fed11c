"""Networks that were trained before: read to be exported, or to begin another training with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from OsteoJointLib.config import NetworkConfig
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.weights import load_weights
from OsteoJointLib.weights_manifest import check_weights
from training.checkpoint import Checkpoint, load_checkpoint
from training.loop import Beginning
from training.task import StepModule, Task
from training.tasks.levels import LevelTask, load_level_network
from training.tasks.multitask import MultitaskConfig, MultitaskTask

_CHECKPOINT = ".pt"


@dataclass(frozen=True, eq=False)
class MultitaskPart:
    """A multitask network: its config, weights, how it was trained, and which it is (a name and a hash, or a step)."""

    config: NetworkConfig
    state: Mapping[str, Tensor]
    training: dict[str, Any]
    origin: str


def multitask_part(source: str | Path) -> MultitaskPart:
    """Read the multitask network of a checkpoint (its averaged weights) or of weights.

    Args:
        source: path of a .pt file; or weights, by name or path.

    Raises:
        InputRefused: it is no checkpoint of this task.
        ModelRefused: the weights can't be used.
    """
    if Path(source).suffix != _CHECKPOINT:
        loaded = load_weights(source)
        training = dict(check_weights(source).get("training", {}))
        return MultitaskPart(
            loaded.config, loaded.part("multitask."), training, f"{loaded.info.name} {loaded.info.sha256}"
        )
    checkpoint = load_checkpoint(Path(source), MultitaskTask.name)
    training = training_of(checkpoint, ("name", "seed", "optimizer", "windows_px", "precision"))
    config = NetworkConfig.from_json(checkpoint.recipe["network"])
    origin = f"{checkpoint.recipe['name']} at step {checkpoint.step}"
    return MultitaskPart(config, checkpoint.average, training, origin)


@dataclass(frozen=True, eq=False)
class LevelPart:
    """A level network: its config, weights and how it was trained."""

    config: LevelNetConfig
    state: Mapping[str, Tensor]
    training: dict[str, Any]


def level_part(source: str | Path) -> LevelPart:
    """Read the level network of a checkpoint or of weights; arguments and refusals as :func:`multitask_part`."""
    if Path(source).suffix != _CHECKPOINT:
        loaded = load_weights(source)
        training = dict(check_weights(source).get("level_training", {}))
        return LevelPart(loaded.level_config, loaded.part("levels."), training)
    checkpoint = load_checkpoint(Path(source), LevelTask.name)
    network = load_level_network(Path(source))
    training = training_of(checkpoint, ("name", "seed", "optimizer", "rows"))
    return LevelPart(network.config, network.state_dict(), training)


def training_of(checkpoint: Checkpoint, told: tuple[str, ...]) -> dict[str, Any]:
    """Tell of a checkpoint how long it was trained, and some fields of its recipe; and what it began with, if told."""
    began = {"began_with": began} if (began := checkpoint.recipe.get("beginning")) else {}
    return {
        "steps": checkpoint.step,
        "minutes": round(checkpoint.elapsed_s / 60.0, 1),
        "experiment": {key: checkpoint.recipe[key] for key in told},
        **began,
    }


def continued(task: Task, source: str) -> tuple[Task, Beginning]:
    """Let a task begin with a finished network, whose sizes and switches it takes over.

    Args:
        task: of the multitask network.
        source: as of :func:`multitask_part`.

    Raises:
        UsageError: it is another task.
        InputRefused, ModelRefused: as :func:`multitask_part`.
    """
    if not isinstance(task.config, MultitaskConfig):
        raise UsageError(
            Reason.USAGE,
            f"--from begins with a multitask network, and {task.config.name} trains another. Leave it out.",
        )
    part = multitask_part(source)
    begun: Task = replace(task.config, network=part.config).task()
    return begun, partial(_take_over, part=part)


def _take_over(module: StepModule, part: MultitaskPart) -> dict[str, Any]:
    module.network.load_state_dict({name: value.float() for name, value in part.state.items()})
    return {"from": part.origin}
