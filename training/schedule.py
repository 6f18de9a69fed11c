"""How long a run is, and how its learning rate follows the share of it that is used up."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from OsteoJointLib.errors import Reason, UsageError
from training.run_config import OptimizerConfig


@dataclass(frozen=True)
class Budget:
    """How long a run is: so many epochs, steps, or minutes of training; one of the three.

    Args:
        steps: in all.
        minutes: in all, resumed runs added up.
        epochs: in all; an epoch has as many draws as there are cases when the run begins.
    """

    steps: int | None = None
    minutes: float | None = None
    epochs: float | None = None

    def __post_init__(self) -> None:
        given = [length for length in (self.steps, self.minutes, self.epochs) if length is not None]
        if len(given) != 1 and not (self.steps and self.epochs):  # both, once it is known how long an epoch is
            raise UsageError(Reason.USAGE, "A training needs an end. Give one of --epochs, --steps or --minutes.")
        if min(given) <= 0.0:
            raise UsageError(
                Reason.USAGE, "A training of no length does nothing. Give --epochs, --steps or --minutes above 0."
            )

    def in_steps(self, cases: int, cases_a_step: int) -> Budget:
        """Return the same budget with its epochs counted in steps.

        >>> Budget(epochs=300).in_steps(cases=524, cases_a_step=16).steps
        9900
        """
        if self.epochs is None:
            return self
        return replace(self, steps=max(math.ceil(self.epochs * math.ceil(cases / cases_a_step)), 1))

    def progress(self, step: int, elapsed_s: float) -> float:
        """Return the share of the budget that is used up, 0 to 1."""
        used = step / self.steps if self.steps is not None else elapsed_s / (60.0 * float(self.minutes or 0.0))
        return min(used, 1.0)


def learning_rate(progress: float, config: OptimizerConfig) -> float:
    """Return the rate at a share of the run: a linear warm-up from a tenth, then half a cosine down, or no change."""
    if progress < config.warmup:
        return config.learning_rate * (0.1 + 0.9 * progress / config.warmup)
    if config.schedule == "constant":
        return config.learning_rate
    share = (progress - config.warmup) / max(1.0 - config.warmup, 1e-9)  # a warm-up of the whole run divides by nothing
    low = config.final_fraction
    return config.learning_rate * (low + (1.0 - low) * 0.5 * (1.0 + math.cos(math.pi * min(share, 1.0))))
