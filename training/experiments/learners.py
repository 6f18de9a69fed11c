"""What is trained on the crops of a bank: our classifier about a frozen segmenter, or a network of torchvision."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from OsteoJointLib.config import NetworkConfig
from OsteoJointLib.network.losses.cross_entropy import soft_cross_entropy
from OsteoJointLib.network.multitask import MultitaskNetwork
from OsteoJointLib.network.segmenter import Segmenter, SegmenterOutput
from OsteoJointLib.records import STATUSES
from training.data.pair_batches import PairBatch
from training.experiments.experiment import Setting
from training.tasks.finished import multitask_part
from training.tasks.multitask import ClassRows, frozen_rows, status_loss

_CHANNELS = 3
"""Of torchvision's networks: the grey values thrice."""


class Meeting:
    """A batch as all learners meet it: what the frozen segmenter says of it is computed once, and only if asked for.

    Args:
        batch: class rows.
        segmenter: frozen; None where no learner needs it.
    """

    def __init__(self, batch: PairBatch, segmenter: Segmenter | None):
        self.batch, self._segmenter = batch, segmenter

    @cached_property
    def rows(self) -> ClassRows:
        """The rows with the segmenter's features."""
        assert self._segmenter is not None
        with torch.autocast("cpu", torch.bfloat16):
            rows = frozen_rows(self._segmenter, self.batch)
        assert rows is not None
        return rows

    @cached_property
    def segmentation(self) -> SegmenterOutput:
        """What the segmenter says of the crops, L1 and L2 of a case one after the other."""
        assert self._segmenter is not None
        crops = self.batch.crops.transpose(0, 1).flatten(0, 1).contiguous()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            return self._segmenter(crops)


class Learner(nn.Module, ABC):
    """A classifier of pairs of crops; its parameters are what is trained."""

    @abstractmethod
    def loss(self, meeting: Meeting) -> Tensor:
        """Compute the mean loss of a batch."""

    @abstractmethod
    def say(self, meeting: Meeting) -> tuple[Tensor, Tensor | None]:
        """Return (B, 3) probabilities, and (B,) BMD in mg/cm3 where it estimates that."""


class OurLearner(Learner):
    """Classifier and fusion of a multitask network; the segmenter is not its own.

    Args:
        network: sizes and switches.
    """

    def __init__(self, network: NetworkConfig):
        super().__init__()
        built = MultitaskNetwork(network, with_localizer=False)
        self.classifier, self.fusion = built.classifier, built.fusion
        self._network = [built]  # in a list, so that the segmenter's parameters are not the learner's
        self.to(memory_format=torch.channels_last)

    def loss(self, meeting: Meeting) -> Tensor:
        return status_loss(self._network[0], [meeting.rows], meeting.batch)

    def say(self, meeting: Meeting) -> tuple[Tensor, Tensor | None]:
        crops = meeting.batch.crops.transpose(0, 1).flatten(0, 1)
        output = self._network[0].fuse(crops, meeting.segmentation, meeting.batch.facts)
        return output.probabilities(), None if output.bmd is None else output.bmd[:, 0]


class RoiLearner(Learner):
    """A network of torchvision on crops that show the bodies alone, by their true masks; random weights at the start.

    Each vertebra goes through it by itself, and the two logits are averaged: the paper doesn't say how it did.

    Args:
        name: of the maker in torchvision.models.
        size_px: edge to which the crops are resized.
    """

    def __init__(self, name: str, size_px: int):
        super().__init__()
        import torchvision

        extra: dict[str, Any] = {"aux_logits": False, "init_weights": True} if name == "googlenet" else {}
        make: Callable[..., nn.Module] = getattr(torchvision.models, name)
        self.size_px, self.network = size_px, make(weights=None, num_classes=len(STATUSES), **extra)
        self.to(memory_format=torch.channels_last)

    def loss(self, meeting: Meeting) -> Tensor:
        return soft_cross_entropy(self._logits(meeting.batch), meeting.batch.status)

    def say(self, meeting: Meeting) -> tuple[Tensor, Tensor | None]:
        return torch.softmax(self._logits(meeting.batch).double(), dim=1), None

    def _logits(self, batch: PairBatch) -> Tensor:
        alone = (batch.crops * batch.masks).flatten(0, 1)
        sized = functional.interpolate(alone, (self.size_px, self.size_px), mode="area")
        images = sized.expand(-1, _CHANNELS, -1, -1).contiguous(memory_format=torch.channels_last)
        return self.network(images).float().unflatten(0, (-1, 2)).mean(dim=1)


def frozen_network(multitask: Path) -> MultitaskNetwork:
    """Read the multitask network of a checkpoint or weights file, without its localizer, for its segmenter."""
    kept = multitask_part(multitask)
    frozen = MultitaskNetwork(kept.config, with_localizer=False)
    frozen.load_state_dict({k: v.float() for k, v in kept.state.items() if not k.startswith("localizer.")})
    return frozen.eval().requires_grad_(False)


def make_learner(setting: Setting, seed: int, roi_px: int, network: NetworkConfig | None) -> Learner:
    """Build what a setting trains, with weights drawn from the seed alone.

    Args:
        setting: which.
        seed: of the weights.
        roi_px: edge of the body-only crops.
        network: the frozen run's config, which the setting's fields replace; None where torchvision's is trained.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if setting.roi_network:
            return RoiLearner(setting.roi_network, roi_px)
        assert network is not None
        return OurLearner(replace(network, bmd_sd_factor=1.0, **setting.network))  # nothing is calibrated yet
