"""The shipped weights: the compact profile, all six terms, all branches, on phantom pairs.

Command: python -m training.pairs --out runs/pairs --first 0 --count 12000      (one core, beside the training)
         python -m training.pairs --out runs/validation --first 800000 --count 64
         python -m training train --config compact --pairs runs/pairs --validation runs/validation --minutes 60
Hardware: TO BE FILLED
Time: TO BE FILLED
Result: TO BE FILLED
"""

from __future__ import annotations

from OsteoJointLib.config import network_config
from training.config import OptimizerConfig, TrainConfig
from training.data import DataConfig


def get_config() -> TrainConfig:
    """Return the experiment."""
    return TrainConfig(
        name="compact",
        network=network_config("compact"),
        data=DataConfig(rows=6, images=6, localizer_every=3),
        optimizer=OptimizerConfig(name="sgd", learning_rate=0.05),
        windows_px=((0.65, 160), (1.0, 224)),
    )
