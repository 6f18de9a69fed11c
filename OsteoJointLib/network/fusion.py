"""Fusion of the two vertebrae (paper, section 3.6, Eq. 17-18).

One two-layer perceptron scores each vertebra's features; the softmax over the two scores gives W1 + W2 = 1; the
weighted vectors are concatenated and one linear layer gives three logits. Without feature fusion W1 = W2 = 1/2. A
vertebra that is left out weighs 0, the other 1.

Ours, each by its switch: what the header says scales and shifts the features before all this (as FiLM, Perez et al.
2018; at the start it changes nothing), and beside the logits a second linear layer gives mean and SD of the BMD.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.network.ordinal import bmd_estimate


@dataclass(frozen=True, eq=False)
class FusionOutput:
    """Class logits and what each vertebra weighed.

    Args:
        logits: (B, 3) float32 in the order of ``records.STATUSES``; softmax gives the probabilities (Eq. 18).
        weights: (B, 2) float32, W1 (L1) and W2 (L2), each row sums to 1.
        bmd: (B, 2) float32, mean and SD in mg/cm3; None without the ordinal head.
    """

    logits: Tensor
    weights: Tensor
    bmd: Tensor | None = None


class FeatureFusion(nn.Module):
    """Weigh, concatenate and classify two feature vectors.

    Args:
        in_channels: F, of each vector.
        hidden: units of each perceptron's first layer.
        classes: how many logits.
        learned: False for W1 = W2 = 1/2.
        ordinal: whether it estimates BMD.
        facts: numbers that the header gives; 0 for none.
        sd_factor: on the SD of BMD.
    """

    def __init__(
        self,
        in_channels: int,
        hidden: int,
        classes: int = 3,
        learned: bool = True,
        ordinal: bool = False,
        facts: int = 0,
        sd_factor: float = 1.0,
    ):
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = classes
        self.sd_factor = sd_factor
        self.score: nn.Sequential | None = None
        if learned:
            last = nn.Linear(hidden, 1)
            nn.init.normal_(last.weight, std=1e-2)  # chosen: W1 and W2 start near 1/2
            nn.init.zeros_(last.bias)
            self.score = nn.Sequential(nn.Linear(in_channels, hidden), nn.ReLU(inplace=True), last)
        self.classify = nn.Linear(2 * in_channels, classes)
        self.estimate = nn.Linear(2 * in_channels, 2) if ordinal else None
        self.facts = facts
        self.adapt: nn.Sequential | None = None
        if facts:
            change = nn.Linear(hidden, 2 * in_channels)
            nn.init.zeros_(change.weight)
            nn.init.zeros_(change.bias)
            self.adapt = nn.Sequential(nn.Linear(facts, hidden), nn.ReLU(inplace=True), change)

    def forward(
        self, x1: Tensor, x2: Tensor, facts: Tensor | None = None, left_out: Tensor | None = None
    ) -> FusionOutput:
        """Fuse (B, F) features of L1 and L2.

        Args:
            x1, x2: the features.
            facts: (B, facts) what the header says; None for all unknown.
            left_out: (B, 2) bool, whether L1 and L2 are left out; None for neither.

        Raises:
            UsageError: the vectors are of another length, or two different batches; or both vertebrae are left out.
        """
        if x1.shape != x2.shape or x1.ndim != 2 or x1.shape[1] != self.in_channels:
            raise UsageError(
                Reason.USAGE,
                f"Fusion needs the features of L1 and of L2, each (B, {self.in_channels}), not {tuple(x1.shape)} and "
                f"{tuple(x2.shape)}. Give what the classifier says of each.",
            )
        # in training nobody leaves out both, and to ask would wait for the card
        if left_out is not None and not self.training and bool(left_out.all(dim=1).any()):
            raise UsageError(Reason.USAGE, "L1 and L2 are both left out, so there is nothing to classify. Keep one.")
        # in single precision, since bfloat16 would round BMD to 0.4 mg/cm3, and it costs nothing
        with torch.autocast("cuda" if x1.is_cuda else "cpu", enabled=False):
            pair = torch.stack((x1, x2), dim=1).float()
            if self.adapt is not None:
                pair = self._adapted(self.adapt, pair, facts)
            weights = self._weights(pair, left_out)
            fused = (pair * weights[:, :, None]).flatten(1)
            bmd = None if self.estimate is None else bmd_estimate(self.estimate(fused), self.sd_factor)
            return FusionOutput(self.classify(fused), weights, bmd)

    def _adapted(self, adapt: nn.Sequential, pair: Tensor, facts: Tensor | None) -> Tensor:
        if facts is None:
            facts = pair.new_zeros(len(pair), self.facts)
        gain, shift = adapt(facts.to(pair.dtype))[:, None].chunk(2, dim=2)
        return pair * (1.0 + gain) + shift

    def _weights(self, pair: Tensor, left_out: Tensor | None) -> Tensor:
        if self.score is None:
            scores = torch.zeros(pair.shape[:2], device=pair.device)
        else:
            scores = self.score(pair).squeeze(-1).float()
        if left_out is not None:
            scores = scores.masked_fill(left_out, -torch.inf)
        return torch.softmax(scores, dim=1)
