"""What the training loop needs of a task: a module that turns a batch into losses, batches, and scores to watch.

To add a network, write a config (:class:`training.run_config.RunConfig` with its own fields and a ``task()``), a
:class:`StepModule`, and a :class:`Task` into ``training/tasks/``, and an experiment into ``training/configs/``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor, nn

from training.run_config import RunConfig
from training.step_batches import StepBatches


class StepLosses(Protocol):
    """The terms of a step's loss, by name, and their ``total``; a term that this step does not train is None.

    It is a named tuple, because Fabric moves those between devices and refuses frozen dataclasses.
    """

    @property
    def total(self) -> Tensor:
        """A scalar, what the step descends."""

    def _asdict(self) -> dict[str, Any]: ...


class StepModule(nn.Module, ABC):
    """A network with its losses in one module, so that one forward gives the loss under any precision and device.

    Args:
        network: what is trained, averaged and exported.
    """

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    @abstractmethod
    def forward(self, batch: Any, progress: float) -> Any:
        """Compute the :class:`StepLosses` of a :meth:`planned` batch at a share of the run, without a wait."""

    def planned(self, batch: Any) -> Any:
        """Work out on the CPU, before a batch moves to the device, what would make the device wait for an answer."""
        return batch

    def compile_networks(self) -> None:
        """Let torch.compile fuse the kernels of what is trained."""
        self.network.compile()

    @abstractmethod
    def parts(self) -> dict[str, list[nn.Parameter]]:
        """Name the groups of parameters whose gradients are clipped apart, so that no term drowns another's."""

    def notes(self, progress: float) -> dict[str, float | Tensor]:
        """Name the numbers that the log keeps beside the losses; the same names at every step."""
        return {}


class Task(Protocol):
    """What is trained: the loop calls it, and knows nothing else of networks and data."""

    name: str
    """Stands in the checkpoint, so that one task's is never taken for another's."""
    terms: tuple[str, ...]
    """The fields of its losses."""
    watched: str
    """The score whose least value chooses the weights that are kept; empty where the last ones are taken."""

    @property
    def config(self) -> RunConfig:
        """Everything that decides the run."""

    @property
    def cases_a_batch(self) -> int:
        """How many cases are drawn for a batch."""

    def build(self) -> StepModule:
        """Build network and losses, with weights drawn from PyTorch's generator."""

    def batches(self, folder: Path) -> StepBatches:
        """Make the batches of a folder of training data: named tuples of tensors, with the ``case_ids`` of the rows."""

    def scores(self, network: nn.Module, folder: Path) -> dict[str, float]:
        """Measure a network, on the device where it lies, on a folder of validation data."""

    def picture(self, network: nn.Module, folder: Path) -> np.ndarray | None:
        """Draw what a network says of some validation data, (y, x, 3) uint8 RGB; None where there is nothing to see."""
