"""Fusion of the two vertebrae (paper, section 3.6, Eq. 17-18).

One two-layer perceptron scores each vertebra's features; the softmax over the two scores gives W1 + W2 = 1; the
weighted vectors are concatenated and one linear layer gives three logits. Without feature fusion W1 = W2 = 1/2.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from OsteoJointLib.errors import Reason, UsageError


@dataclass(frozen=True, eq=False)
class FusionOutput:
    """Class logits and what each vertebra weighed.

    Args:
        logits: (B, 3) float32 in the order of ``records.STATUSES``; softmax gives the probabilities (Eq. 18).
        weights: (B, 2) float32, W1 (L1) and W2 (L2), each row sums to 1.
    """

    logits: Tensor
    weights: Tensor


class FeatureFusion(nn.Module):
    """Weigh, concatenate and classify two feature vectors.

    Args:
        in_channels: F, of each vector.
        hidden: units of the perceptron's first layer.
        classes: how many logits.
        learned: False for W1 = W2 = 1/2.
    """

    def __init__(self, in_channels: int, hidden: int, classes: int = 3, learned: bool = True):
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = classes
        self.score: nn.Sequential | None = None
        if learned:
            last = nn.Linear(hidden, 1)
            nn.init.normal_(last.weight, std=1e-2)  # chosen: W1 and W2 start near 1/2
            nn.init.zeros_(last.bias)
            self.score = nn.Sequential(nn.Linear(in_channels, hidden), nn.ReLU(inplace=True), last)
        self.classify = nn.Linear(2 * in_channels, classes)

    def forward(self, x1: Tensor, x2: Tensor) -> FusionOutput:
        """Fuse (B, F) features of L1 and L2.

        Raises:
            UsageError: the vectors are of another length, or two different batches.
        """
        if x1.shape != x2.shape or x1.ndim != 2 or x1.shape[1] != self.in_channels:
            raise UsageError(
                Reason.USAGE,
                f"Fusion needs the features of L1 and of L2, each (B, {self.in_channels}), not {tuple(x1.shape)} and "
                f"{tuple(x2.shape)}. Give what the classifier says of each.",
            )
        pair = torch.stack((x1, x2), dim=1)
        weights = self._weights(pair)
        logits = self.classify((pair * weights[:, :, None]).flatten(1))
        return FusionOutput(logits.float(), weights)

    def _weights(self, pair: Tensor) -> Tensor:
        if self.score is None:
            return torch.full(pair.shape[:2], 0.5, device=pair.device)
        return torch.softmax(self.score(pair).squeeze(-1).float(), dim=1)
