"""Batches by the number of their step, from a folder that may grow meanwhile."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sized
from typing import Any, Generic, TypeVar

import torch
from torch.utils.data import DataLoader, Dataset

CasesT = TypeVar("CasesT", bound=Sized)
BatchT = TypeVar("BatchT")

_RELIST_STEPS = 100
"""Steps after which the folder is listed again (chosen: about every two minutes of a training on two cores)."""
_PREFETCHED = 4
"""Batches that each worker process keeps ready (chosen: hides the uneven time of a row, and is little memory)."""


class StepBatches(Dataset[BatchT], ABC, Generic[CasesT, BatchT]):
    """Batch of a step by its number: the same folder, seed and step give the same batch, in any process."""

    def __init__(self) -> None:
        self._epoch, self._cases = 0, self.listed()

    @abstractmethod
    def listed(self) -> CasesT:
        """List the cases that are there now, or refuse the folder."""

    def cases(self) -> int:
        """Count the cases that were there when the folder was listed last."""
        return len(self._cases)

    @abstractmethod
    def drawn(self, step: int, cases: CasesT) -> BatchT:
        """Draw the batch of a step."""

    def __getitem__(self, step: int) -> BatchT:
        epoch = step // _RELIST_STEPS
        if epoch != self._epoch:
            self._epoch, self._cases = epoch, self.listed()
        return self.drawn(step, self._cases)


def step_loader(
    batches: StepBatches[Any, BatchT], first: int, last: int, workers: int, each: int = 1, pinned: bool = False
) -> DataLoader[BatchT]:
    """Serve batches in the order of their numbers.

    Args:
        batches: by number.
        first, last: numbers ``first`` to ``last - 1``.
        workers: processes that make them; 0 makes them in this one.
        each: every how many-th: several devices share the batches.
        pinned: put them into memory from which a card copies while it computes.
    """
    return DataLoader(
        batches,
        batch_size=None,
        collate_fn=_as_is,
        sampler=range(first, last, each),
        pin_memory=pinned,
        num_workers=workers,
        prefetch_factor=_PREFETCHED if workers else None,
        worker_init_fn=_quiet_worker,
        # a fork of a process whose OpenCV or OpenMP threads have run may hang for good
        multiprocessing_context="spawn" if workers else None,
    )


def _as_is(batch: BatchT) -> BatchT:
    return batch


def _quiet_worker(_: int) -> None:
    """Leave a worker one thread: the processes share the cores among them."""
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
