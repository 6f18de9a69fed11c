"""The level network: tissue and the bodies' centers on a coarse grid. Ours, not of Zhang et al. 2023."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import torch
from torch import nn

from OsteoJointLib.device import set_threads
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.levels.finding import find_levels
from OsteoJointLib.network.level_net import LevelNet, window_channels
from training.checkpoint import load_checkpoint
from training.data.level_batches import LevelBatch, LevelBatches
from training.data.level_crops import CropSettings
from training.data.level_samples import list_samples
from training.evaluation.level_outcomes import Finder
from training.evaluation.level_scores import score_samples, summarize
from training.run_config import RunConfig
from training.seeds import VALIDATION_SEEDS
from training.task import StepModule
from training.tasks.level_losses import LevelLosses, level_losses


@dataclass(frozen=True, kw_only=True)
class LevelConfig(RunConfig):
    """One experiment with the level network."""

    network: LevelNetConfig = field(default_factory=LevelNetConfig)
    """Sizes, and the grid it works on."""
    crops: CropSettings = field(default_factory=CropSettings)
    """How a crop is drawn from a sample."""
    rows: int = 2
    """Crops a step."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rows < 1:
            raise UsageError(Reason.USAGE, f"A step needs at least 1 crop, got rows {self.rows}. Change the config.")

    def task(self) -> LevelTask:
        """Return what the loop trains."""
        return LevelTask(self)


class LevelStep(StepModule):
    """Network and losses; the network may run in bfloat16, the losses are taken in float32.

    Args:
        config: of the experiment.
    """

    network: LevelNet

    def __init__(self, config: LevelConfig):
        super().__init__(LevelNet(config.network))

    def forward(self, batch: LevelBatch, progress: float) -> LevelLosses:
        """Compute the terms of a batch."""
        image = window_channels(batch.hu, self.network.config).contiguous(memory_format=torch.channels_last_3d)
        return level_losses(self.network(image), batch)

    def parts(self) -> dict[str, list[nn.Parameter]]:
        """Clip the whole network as one."""
        return {"network": list(self.network.parameters())}


class LevelTask:
    """Level samples to the level network.

    Args:
        config: of the experiment.
    """

    name = "levels"
    terms = LevelLosses._fields
    watched = ""

    def __init__(self, config: LevelConfig):
        self.config = config

    def build(self) -> LevelStep:
        """Build network and losses."""
        return LevelStep(self.config).to(memory_format=torch.channels_last_3d)

    @property
    def cases_a_batch(self) -> int:
        """A crop of each."""
        return self.config.rows

    def batches(self, folder: Path) -> LevelBatches:
        """Make the batches of a folder of level samples."""
        return LevelBatches(folder, self.config.seed, self.config.rows, self.config.crops, self.config.network)

    def scores(self, network: nn.Module, folder: Path) -> dict[str, float]:
        """Measure the shares of samples named right, wrongly or not at all, and the Dice of each tissue."""
        assert isinstance(network, LevelNet)
        paths = list_samples(folder, VALIDATION_SEEDS)[: self.config.validation_cases]
        return summarize(score_samples(network, paths))

    def picture(self, network: nn.Module, folder: Path) -> None:
        """Draw nothing: its samples are volumes, and what counts is a name."""


def load_level_network(path: Path) -> LevelNet:
    """Read the averaged network from a checkpoint of this task, in eval mode.

    Raises:
        InputRefused: it is none.
    """
    checkpoint = load_checkpoint(path, LevelTask.name)
    network = LevelNet(LevelNetConfig.from_json(checkpoint.recipe["network"]))
    network.load_state_dict(checkpoint.average)
    return network.eval()


@cache
def checkpoint_finder(path: Path) -> Finder:
    """Load the level stage with a checkpoint's network instead of the shipped one, on the CPU; once a process."""
    set_threads(None)
    network = load_level_network(path)
    return partial(find_levels, network, network.config, device="cpu")
