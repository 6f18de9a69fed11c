"""What decides a training run, whatever its task: frozen settings, and strict overrides from the command line."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from importlib import import_module
from typing import Any

from OsteoJointLib.errors import Reason, UsageError


@dataclass(frozen=True)
class OptimizerConfig:
    """How the weights move."""

    name: str = "sgd"
    """"sgd" (Zhang 2023 §4.2, with momentum) or "adamw"."""
    learning_rate: float = 0.05
    """At the top of the schedule."""
    schedule: str = "cosine"
    """After the warm-up: "cosine" falls along half a cosine, "constant" stays (Zhang 2023 §4.2 names no fall)."""
    warmup: float = 0.03
    """Share of the run in which the rate rises linearly from a tenth."""
    final_fraction: float = 0.01
    """Rate at the end of the cosine, as a share of the top."""
    momentum: float = 0.9
    """Of SGD (Nesterov)."""
    weight_decay: float = 1e-4
    """On convolution and linear weights only (not on norms, biases, gates and loss weights)."""
    clip_norm: float = 5.0
    """Largest gradient norm of each part of the network that the task clips by itself."""

    def __post_init__(self) -> None:
        if self.name not in ("sgd", "adamw"):
            raise UsageError(Reason.USAGE, f'There is no optimizer "{self.name}". Choose "sgd" or "adamw".')
        if self.schedule not in ("cosine", "constant"):
            raise UsageError(Reason.USAGE, f'There is no schedule "{self.schedule}". Choose "cosine" or "constant".')


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What every task's config holds."""

    name: str
    """Of the experiment; its folder is runs/<name>."""
    seed: int = 0
    """Of weights, draws and order."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """How the weights move."""
    ema_decay: float = 0.998
    """Of the averaged weights, which are validated and exported; starts lower. 0 takes the last weights instead."""
    precision: str = "bf16-mixed"
    """Lightning Fabric's: "32-true" or "bf16-mixed"."""
    batches_a_step: int = 1
    """Batches whose mean gradient is one step. The devices of a run share them, and each takes its own one by one, so
    that a step is the same on one card and on several."""
    compile: bool = False
    """Let torch.compile fuse the networks' kernels: minutes at the start, fewer passes over memory afterwards. It pays
    on a card in a long run; it needs a C++ compiler."""
    log_every: int = 20
    """Steps after which the numbers of all of them are read from the device at once, checked and written."""
    checkpoint_minutes: float = 2.0
    """Between checkpoints."""
    validate_minutes: float = 10.0
    """Between validations."""
    validation_cases: int = 48
    """How many cases are watched, at most."""

    def __post_init__(self) -> None:
        if self.precision not in ("32-true", "bf16-mixed"):
            raise UsageError(
                Reason.USAGE, f'The precision "{self.precision}" is unknown. Choose 32-true or bf16-mixed.'
            )
        if self.seed < 0 or min(self.validation_cases, self.batches_a_step, self.log_every) < 1:
            raise UsageError(
                Reason.USAGE,
                "A seed is 0 or more; at least 1 case is watched, 1 batch makes a step, and 1 step is logged at once. "
                "Change the config.",
            )


WATCHING_FIELDS = ("log_every", "checkpoint_minutes", "validate_minutes", "validation_cases")
"""The fields that change nothing in the weights, so that a run may go on under others."""


def overridden(config: Any, path: str, text: str) -> Any:
    """Replace one field of a config, strictly.

    Args:
        config: a frozen dataclass.
        path: the field, dotted for nested ones ("data.rows").
        text: a Python literal, or a bare string for a string field.

    Returns:
        The new config.

    Raises:
        UsageError: no such field, or a value of another type.
    """
    name, _, rest = path.partition(".")
    names = [f.name for f in fields(config)] if is_dataclass(config) else []
    if name not in names:
        raise UsageError(
            Reason.USAGE,
            f'There is no field "{name}" to set. Check its spelling; there are: {", ".join(names) or "none"}.',
        )
    old = getattr(config, name)
    if rest:
        return replace(config, **{name: overridden(old, rest, text)})
    try:
        new = text if isinstance(old, str) else ast.literal_eval(text)
    except (ValueError, SyntaxError) as error:
        raise UsageError(Reason.USAGE, f'"{text}" is no value for {path}, which is now {old!r}.') from error
    new = float(new) if isinstance(old, float) and type(new) is int else new
    if old is not None and new is not None and type(new) is not type(old):
        raise UsageError(Reason.USAGE, f"{new!r} is no value for {path}, which is now {old!r}: another type.")
    try:
        return replace(config, **{name: new})
    except ValueError as error:
        raise UsageError(Reason.USAGE, f"{new!r} is no value for {path}: {error}") from error


def named_config(room: str, name: str, overrides: Sequence[str]) -> Any:
    """Return the config of a file with some fields replaced.

    Args:
        room: "configs" or "experiments": the folder of ``training`` where the file is.
        name: of the file, which has ``get_config()``.
        overrides: "FIELD=VALUE" each.

    Raises:
        UsageError: there is no such file or field.
    """
    module = f"training.{room}.{name}"
    try:
        get_config = import_module(module).get_config
    except (ModuleNotFoundError, AttributeError) as error:
        if isinstance(error, ModuleNotFoundError) and error.name != module:
            raise
        raise UsageError(
            Reason.USAGE, f'There is no experiment "{name}". Look into training/{room}, or write {name}.py there.'
        ) from error
    config = get_config()
    for item in overrides:
        path, equals, value = item.partition("=")
        if not equals:
            raise UsageError(Reason.USAGE, f"--set {item} has no value. Write it as FIELD=VALUE.")
        config = overridden(config, path, value)
    return config
