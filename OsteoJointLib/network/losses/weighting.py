"""The six learned weights of Eq. 19.

Weights that are learned freely run to zero, where the loss is least. We take Kendall's form (2018): a log-variance s
per term, weight exp(-s), and s itself as the price; at rest exp(-s) would be one over the term, without bound as it
vanishes. A normal prior on s, of mean 0, therefore costs s^2 / (2 sd^2) more: the weight of a term that has vanished
rests at exp(sd^2), and every other one inside, where its term still moves it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn

from OsteoJointLib.errors import Reason, UsageError


@dataclass(frozen=True, eq=False)
class Losses:
    """The six terms; None where a term is not trained (no boundary branch, no localizer).

    Args:
        box, box_class, objectness: of the localizer.
        mask, boundary: Dice and heat-map terms of the segmenter.
        status: cross-entropy of the class, and the score of the BMD.
    """

    box: Tensor | None = None
    box_class: Tensor | None = None
    objectness: Tensor | None = None
    mask: Tensor | None = None
    boundary: Tensor | None = None
    status: Tensor | None = None


TERMS: tuple[str, ...] = tuple(f.name for f in fields(Losses))
"""The terms' names in the order of Eq. 19."""


_PRIOR_SD = 1.7
"""SD of the prior on a log-variance, chosen: a vanished term weighs exp(1.7^2) = 18, one of 0.02 weighs 9."""


class LossWeighting(nn.Module):
    """Add the terms up with learned weights."""

    def __init__(self) -> None:
        super().__init__()
        self.log_variance = nn.Parameter(torch.zeros(len(TERMS)))

    def forward(self, losses: Losses) -> Tensor:
        """Compute sum_i exp(-s_i) L_i + s_i + s_i^2 / (2 sd^2) over the terms that are there; a scalar.

        Raises:
            UsageError: no term is there.
        """
        terms = {index: value for index, name in enumerate(TERMS) if (value := getattr(losses, name)) is not None}
        if not terms:
            raise UsageError(Reason.USAGE, "There is no term to add up. Fill in a field of Losses.")
        chosen = torch.stack([self.log_variance[index] for index in terms])  # a list of indices would wait for a card
        price = chosen + chosen.square() / (2 * _PRIOR_SD**2)
        return (torch.exp(-chosen) * torch.stack([value.float() for value in terms.values()]) + price).sum()

    def weights(self) -> dict[str, Tensor]:
        """Return the factor exp(-s) of each term by name, for logs; scalars on the device of the weights."""
        return dict(zip(TERMS, torch.exp(-self.log_variance.detach()), strict=True))
