"""What an experiment is: settings that differ in named ways from one base, trained side by side on the same batches.

An experiment is a Python file of this folder with ``get_config()``; its docstring holds command, hardware, time and
result. All of them train a classifier on crops that were cut once (:mod:`training.data.crop_bank`): ours about the
segmenter of a finished run, which stays as it is, or one of torchvision's on crops that show the bodies alone. That is
what makes dozens of trainings affordable on two cores. What changes the segmenter itself (boundary branch, reference
tissues, the level set's guidance) is ``training/experiments/outlines.py``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from OsteoJointLib.errors import Reason, UsageError
from training.data.crop_bank import BankConfig
from training.run_config import OptimizerConfig, named_config

PAPER_NETWORK: Mapping[str, Any] = {
    "ordinal_head": False,
    "header_facts": False,
    "mask_guidance": False,
    "class_from": "softmax",
}
"""Fields of the network's config without our own switches: what the paper describes."""
PAPER_DATA: Mapping[str, Any] = {"mix_labels": "one-hot", "left_out_share": 0.0, "unknown_share": 0.0}
"""Fields of the batches' config: Eq. 2 as it stands, and both vertebrae always there."""


@dataclass(frozen=True)
class Setting:
    """One thing that is trained."""

    name: str
    """Stands in the rows and in the tables."""
    network: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``NetworkConfig`` that differ from the frozen run's."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``PairBatchConfig`` that differ from its defaults."""
    optimizer: Mapping[str, Any] = field(default_factory=dict)
    """Fields of ``OptimizerConfig`` that differ from the experiment's."""
    roi_network: str = ""
    """A classifier of torchvision.models on crops that show the bodies alone, in the place of ours; "" for ours."""


@dataclass(frozen=True, kw_only=True)
class Experiment:
    """Settings, seeds, and how long each is trained."""

    name: str
    """Its rows lie in NAME.jsonl."""
    settings: tuple[Setting, ...]
    """The first is what the others are compared with."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Of weights and draws."""
    folds: bool = False
    """Ten-fold cross-validation by patient; False for the paper's split of 50 : 10 : 40."""
    split_seed: int = 0
    """Of the split or the folds."""
    steps: int = 240
    """Of each training."""
    rows: int = 16
    """Cases a step."""
    curve_points: int = 8
    """Times at which the accuracy on the watched cases is taken, evenly spread."""
    roi_px: int = 64
    """Edge to which the body-only crops of torchvision's networks are resized."""
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)
    """How the weights move."""
    bank: BankConfig = field(default_factory=BankConfig)
    """The crops."""

    def __post_init__(self) -> None:
        names = [setting.name for setting in self.settings]
        if len({*names}) < len(names) or not names or min(self.steps, self.rows, self.curve_points) < 1:
            raise UsageError(
                Reason.USAGE, f"The experiment {self.name} needs settings of different names, and steps and rows."
            )

    def recipe_sha256(self, setting: Setting, segmenter_sha256: str) -> str:
        """Hash what decides about a row, but for seed and fold.

        Args:
            setting: the row's.
            segmenter_sha256: of the file whose segmenter is taken; "" where there is none.
        """
        told = {key: value for key, value in asdict(self).items() if key not in ("name", "settings", "seeds")}
        told |= {"setting": asdict(setting), "segmenter": "" if setting.roi_network else segmenter_sha256}
        return hashlib.sha256(json.dumps(told, sort_keys=True, default=dict).encode()).hexdigest()

    def setting(self, name: str) -> Setting:
        """Return the setting of a name."""
        return next(setting for setting in self.settings if setting.name == name)


def experiment_of(name: str, overrides: list[str]) -> Any:
    """Return an experiment with some fields replaced: an :class:`Experiment`, or one of outlines.

    Args:
        name: module of ``training/experiments``.
        overrides: "FIELD=VALUE" each.

    Raises:
        UsageError: there is no such experiment or field.
    """
    return named_config("experiments", name, overrides)
