"""The numbers of the last steps, which stay on the device until they are read all at once.

Asking a card for a number makes it wait: what it computes next is not queued meanwhile. So nothing is asked at a step,
and at every ``log_every``-th one transfer brings the numbers of all of them; a loss that is none is found then, before
anything is saved.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from lightning_fabric import Fabric
from torch import Tensor

from OsteoJointLib.errors import Reason, RunFailed
from training.task import StepLosses

Numbers = dict[str, float | None]
"""By name; None for a term that no batch of the step trained."""


@dataclass(frozen=True)
class StepRow:
    """What is known of one step.

    Args:
        step: its number, from 1 on.
        elapsed_s: seconds of training until its end.
        rate: learning rate.
        losses: total and terms, means over the step's batches.
        notes: the rest.
    """

    step: int
    elapsed_s: float
    rate: float
    losses: Numbers
    notes: Numbers


@dataclass(frozen=True, eq=False)
class _Held:
    step: int
    elapsed_s: float
    rate: float
    sums: Tensor
    counts: tuple[int, ...]
    case_ids: tuple[str, ...]


class StepRows:
    """Rows that were taken and not read.

    Args:
        terms: names of the losses; the first is the total.
        notes: names of the rest.
    """

    def __init__(self, terms: Sequence[str], notes: Sequence[str]):
        self.terms, self.notes = tuple(terms), tuple(notes)
        self._held: list[_Held] = []

    def hold(
        self,
        step: int,
        elapsed_s: float,
        rate: float,
        losses: Sequence[StepLosses],
        notes: Mapping[str, float | Tensor],
        case_ids: tuple[str, ...],
    ) -> None:
        """Keep the numbers of the step that was just taken, on the device.

        Args:
            step, elapsed_s, rate: as of :class:`StepRow`.
            losses: of each of the step's batches that this process had.
            notes: by name.
            case_ids: of all the batches.
        """
        sums, counts = [], []
        zero = losses[0].total.detach().new_zeros(())
        for term in self.terms:
            there = [value.detach().float() for of in losses if (value := of._asdict()[term]) is not None]
            sums.append(sum(there[1:], there[0]) if there else zero)
            counts.append(len(there))
        rest = [notes[name] for name in self.notes]
        sums += [value if isinstance(value, Tensor) else torch.full_like(zero, value) for value in rest]
        self._held.append(_Held(step, elapsed_s, rate, torch.stack(sums), (*counts, *(1 for _ in rest)), case_ids))

    def read(self, fabric: Fabric) -> list[StepRow]:
        """Fetch what was held, as means over all processes.

        Raises:
            RunFailed: the total of a step is no finite number; names its terms and cases.
        """
        held, self._held = self._held, []
        if not held:
            return []
        sums = torch.stack([one.sums for one in held])
        counts = torch.tensor([one.counts for one in held], dtype=torch.float32)
        if fabric.world_size > 1:
            both = torch.stack((sums, counts.to(sums.device, non_blocking=True)))
            gathered = fabric.all_reduce(both, reduce_op="sum")
            assert isinstance(gathered, Tensor)
            sums, counts = gathered[0], gathered[1].cpu()
        means = (sums.cpu() / counts).tolist()
        rows = [
            self._row(one, dict(zip((*self.terms, *self.notes), of, strict=True)))
            for one, of in zip(held, means, strict=True)
        ]
        for row, one in zip(rows, held, strict=True):
            self._require_finite(row, one.case_ids)
        return rows

    def _row(self, one: _Held, numbers: Mapping[str, float]) -> StepRow:
        # a term that no batch had is 0 / 0; one that is no number in spite of its batches stays what it is
        losses: Numbers = {
            name: None if count == 0 and math.isnan(numbers[name]) else numbers[name]
            for name, count in zip(self.terms, one.counts, strict=False)
        }
        return StepRow(one.step, one.elapsed_s, one.rate, losses, {name: numbers[name] for name in self.notes})

    def _require_finite(self, row: StepRow, case_ids: tuple[str, ...]) -> None:
        total = row.losses[self.terms[0]]
        if total is None or not math.isfinite(total):
            terms = {name: value for name, value in row.losses.items() if value is not None}
            raise RunFailed(
                Reason.FAILED,
                f"The loss of step {row.step} is not finite: {terms}. It came from {', '.join(case_ids)}. Look at "
                "these cases, or begin anew with a lower learning rate. What was saved before is whole.",
            )
