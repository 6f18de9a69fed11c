"""Ten-fold cross-validation by patient, each class in its proportion: the whole classifier, all switches on.

Command: python -m training crossval --config ten_folds --data runs/pool --out runs/experiments
"""

from __future__ import annotations

from training.experiments.experiment import Experiment, Setting


def get_config() -> Experiment:
    """Return the experiment."""
    return Experiment(name="ten_folds", settings=(Setting("all on"),), seeds=(0,), folds=True)
