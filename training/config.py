"""All that decides a training run, frozen; and strict overrides from the command line."""

from __future__ import annotations

import ast
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from typing import Any

from OsteoJointLib.config import NetworkConfig, network_config
from OsteoJointLib.errors import Reason, UsageError
from training.augment import AugmentConfig
from training.data import DataConfig


@dataclass(frozen=True)
class OptimizerConfig:
    """How the weights move."""

    name: str = "sgd"
    """"sgd" (Zhang 2023 §4.2, with momentum 0.9) or "adamw"."""
    learning_rate: float = 0.05
    """At the top of the schedule."""
    warmup: float = 0.03
    """Share of the run in which the rate rises linearly from a tenth."""
    final_fraction: float = 0.01
    """Rate at the end (cosine), as a share of the top."""
    momentum: float = 0.9
    """Of SGD (Nesterov)."""
    weight_decay: float = 1e-4
    """On convolution and linear weights only (not on norms, biases, gates and loss weights)."""
    clip_norm: float = 5.0
    """Largest gradient norm of each part (localizer, segmenter, classifier with fusion)."""

    def __post_init__(self) -> None:
        if self.name not in ("sgd", "adamw"):
            raise UsageError(Reason.USAGE, f'The optimizer is "sgd" or "adamw"; came "{self.name}".')


@dataclass(frozen=True)
class TrainConfig:
    """One experiment."""

    name: str
    """Of the experiment; its folder is runs/<name>."""
    network: NetworkConfig = field(default_factory=lambda: network_config("compact"))
    """Sizes and switches."""
    seed: int = 0
    """Of weights, draws and order."""
    data: DataConfig = field(default_factory=DataConfig)
    """What a batch is made of."""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    """Ranges of the augmentation."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """How the weights move."""
    windows_px: tuple[tuple[float, int], ...] = ((1.0, 224),)
    """(share of the run up to which, edge of the middle of the crop that is trained on); smaller is cheaper."""
    ema_decay: float = 0.998
    """Of the averaged weights, which are validated and exported; starts lower."""
    precision: str = "bf16-mixed"
    """Lightning Fabric's: "32-true" or "bf16-mixed"."""
    checkpoint_minutes: float = 2.0
    """Between checkpoints."""
    validate_minutes: float = 10.0
    """Between validations."""
    validation_cases: int = 48
    """How many pairs are watched."""

    def __post_init__(self) -> None:
        ends = [end for end, _ in self.windows_px]
        good = ends == sorted(ends) and ends[-1] >= 1.0 and all(px % 32 == 0 for _, px in self.windows_px)
        if not good:
            raise UsageError(
                Reason.USAGE, f"windows_px needs rising shares up to 1.0 and multiples of 32; came {self.windows_px}."
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for a checkpoint."""
        return asdict(self)


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
        raise UsageError(Reason.USAGE, f'Expected one of {names}; came "{name}". Check the spelling of --set.')
    old = getattr(config, name)
    if rest:
        return replace(config, **{name: overridden(old, rest, text)})
    try:
        new = text if isinstance(old, str) else ast.literal_eval(text)
    except (ValueError, SyntaxError) as error:
        raise UsageError(Reason.USAGE, f'"{text}" is no value for {path}, which is now {old!r}.') from error
    new = float(new) if isinstance(old, float) and type(new) is int else new
    if old is not None and new is not None and type(new) is not type(old):
        raise UsageError(Reason.USAGE, f"{path} is a {type(old).__name__} ({old!r}); came {new!r}.")
    return replace(config, **{name: new})
