"""Ten-fold cross-validation by patient, each class in its proportion: the paper's network, and with our switches.

Command: python -m training crossval --config ten_folds --data runs/pool --out runs/experiments
"""

from __future__ import annotations

from training.experiments.experiment import PAPER_DATA, PAPER_NETWORK, Experiment, Setting


def get_config() -> Experiment:
    """Return the experiment."""
    settings = (Setting("LF + GC + FF", PAPER_NETWORK, PAPER_DATA), Setting("all on"))
    return Experiment(name="ten_folds", settings=settings, seeds=(0,), folds=True)
