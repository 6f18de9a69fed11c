"""The six learned weights of Eq. 19.

Weights that are learned freely run to zero, where the loss is least. We take Kendall's form (2018): a log-variance s
per term, weight exp(-s), and s itself as the price; at rest exp(-s) is one over the term. s is held in an interval,
so that no weight runs to zero when its term is large, nor out of bounds when its term vanishes.
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
        status: cross-entropy of the class.
    """

    box: Tensor | None = None
    box_class: Tensor | None = None
    objectness: Tensor | None = None
    mask: Tensor | None = None
    boundary: Tensor | None = None
    status: Tensor | None = None


TERMS: tuple[str, ...] = tuple(f.name for f in fields(Losses))
"""The terms' names in the order of Eq. 19."""


class LossWeighting(nn.Module):
    """Add the terms up with learned weights.

    Args:
        lowest, highest: interval of the log-variance, chosen; weights lie in [exp(-highest), exp(-lowest)], which is
            [0.14, 7.4].
    """

    def __init__(self, lowest: float = -2.0, highest: float = 2.0):
        super().__init__()
        if not lowest <= 0.0 <= highest:
            raise UsageError(
                Reason.USAGE, f"The log-variances start at 0, so 0 must lie in [{lowest}, {highest}]. Widen it."
            )
        self.lowest, self.highest = lowest, highest
        self.log_variance = nn.Parameter(torch.zeros(len(TERMS)))

    def forward(self, losses: Losses) -> Tensor:
        """Compute sum_i exp(-s_i) L_i + s_i over the terms that are there; a scalar.

        Raises:
            UsageError: no term is there.
        """
        with torch.no_grad():  # projected, not clamped in the graph: a clamped value would get no gradient to return
            self.log_variance.clamp_(self.lowest, self.highest)
        terms = {index: value for index, name in enumerate(TERMS) if (value := getattr(losses, name)) is not None}
        if not terms:
            raise UsageError(Reason.USAGE, "There is no term to add up. Fill in a field of Losses.")
        chosen = self.log_variance[list(terms)]
        return (torch.exp(-chosen) * torch.stack([value.float() for value in terms.values()]) + chosen).sum()

    def weights(self) -> dict[str, float]:
        """Return the factor exp(-s) of each term by name, for logs."""
        values = torch.exp(-self.log_variance.detach().clamp(self.lowest, self.highest)).tolist()
        return dict(zip(TERMS, values, strict=True))
