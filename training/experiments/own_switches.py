"""What each switch buys, ours and the paper's: all on, and each one off by itself; nothing is confounded.

Boundary branch, reference tissues and the level set's guidance change the segmenter and are in ``outlines.py``.

Command: python -m training ablate --config own_switches --data runs/pool --out runs/experiments
Result: not run in this form yet; the run of 28 November 2026 (400 steps, crops of 160 pixels, 2986 training cases) is
    in training/results/own_switches_earlier.jsonl.
"""

from __future__ import annotations

from training.experiments.experiment import Experiment, Setting

WHOLE = "all on"


def get_config() -> Experiment:
    """Return the experiment."""
    return Experiment(
        name="own_switches",
        settings=(
            Setting(WHOLE),
            Setting("ordinal head off", {"ordinal_head": False}),
            Setting("header facts off", {"header_facts": False}),
            Setting("mask guidance off", {"mask_guidance": False}),
            Setting("layered fusion off", {"layered_fusion": False}),
            Setting("gated convolution off", {"gated_convolution": False}),
            Setting("feature fusion off", {"feature_fusion": False}),
            Setting("mixtures labeled one-hot", data={"mix_labels": "one-hot"}),
            Setting("no mixing", data={"mixup_alpha": None}),
        ),
    )
