"""The level network of the shipped weights.

Command: python -m training samples --out runs/level_samples --seed 0 --count 2000     (one core, beside the training)
         python -m training samples --out runs/level_validation --seed 800000 --count 10
         python -m training train --config compact_levels --data runs/level_samples --validation runs/level_validation
             --minutes 60
Hardware: two cores of a Xeon with AMX (bfloat16), no GPU, shared with other work.
Time: 60 minutes; 0.5 s a step of two crops on one core.
Result: no run by this file has been measured. The shipped network was trained by its predecessor: the last weights of
    AdamW with the same rate, batch and crops, its rate rising from 0 instead of a tenth, every twentieth training seed
    watched instead of seeds from 800000 on. By it, the levels of 98.5 % of 200 whole phantoms were within 10 mm (see
    the manifest of the shipped weights).
"""

from __future__ import annotations

from training.run_config import OptimizerConfig
from training.tasks.levels import LevelConfig


def get_config() -> LevelConfig:
    """Return the experiment."""
    return LevelConfig(
        name="compact_levels",
        optimizer=OptimizerConfig(
            name="adamw", learning_rate=2e-3, warmup=0.05, final_fraction=0.0, weight_decay=1e-2, clip_norm=5.0
        ),
        ema_decay=0.0,
        validation_cases=10,
    )
