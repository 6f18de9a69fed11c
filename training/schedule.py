"""How long a run is, and how its learning rate follows the share of it that is used up."""

from __future__ import annotations

import math
from dataclasses import dataclass

from OsteoJointLib.errors import Reason, UsageError
from training.run_config import OptimizerConfig


@dataclass(frozen=True)
class Budget:
    """How long a run is: so many steps, or so many minutes of training; exactly one of the two.

    Args:
        steps: in all.
        minutes: in all, resumed runs added up.
    """

    steps: int | None = None
    minutes: float | None = None

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise UsageError(Reason.USAGE, "A training needs an end. Give either --steps or --minutes.")
        if (self.steps or self.minutes or 0.0) <= 0.0:
            raise UsageError(Reason.USAGE, "A training of no length does nothing. Give --steps or --minutes above 0.")

    def progress(self, step: int, elapsed_s: float) -> float:
        """Return the share of the budget that is used up, 0 to 1."""
        used = step / self.steps if self.steps is not None else elapsed_s / (60.0 * float(self.minutes or 0.0))
        return min(used, 1.0)


def learning_rate(progress: float, config: OptimizerConfig) -> float:
    """Return the rate at a share of the run: a linear warm-up from a tenth, then half a cosine down."""
    if progress < config.warmup:
        return config.learning_rate * (0.1 + 0.9 * progress / config.warmup)
    share = (progress - config.warmup) / max(1.0 - config.warmup, 1e-9)  # a warm-up of the whole run divides by nothing
    low = config.final_fraction
    return config.learning_rate * (low + (1.0 - low) * 0.5 * (1.0 + math.cos(math.pi * min(share, 1.0))))
