"""Gated channel transformation (Yang et al. 2020; the paper's Eq. 12-15).

Every channel is embedded by its weighted L2 norm, compared with the others', and scaled by a gate between 0 and 2.
At the start (alpha = 1, gamma = beta = 0) it is the identity. Eq. 14 compares channels within one image, so a factor
common to all of them (brightness, the crop's size) cancels. Exclude ``beta`` from weight decay (the authors' advice).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def channel_gate(x: Tensor, alpha: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """Compute the gate of each channel.

    Args:
        x: (B, C, H, W) activations.
        alpha, gamma, beta: (1, C, 1, 1) embedding weight, gating weight, gating bias.
        eps: the paper's small constants of Eq. 13 and Eq. 14, taken per channel in the mean.

    Returns:
        (B, C, 1, 1) gates in (0, 2): ``1 + tanh(gamma * s_hat + beta)`` with ``s = alpha * sqrt(sum x^2 + eps)``
        (Eq. 13) and ``s_hat = sqrt(C) s / ||s|| = s / sqrt(mean s^2 + eps)`` (Eq. 14).
    """
    # the sum of squares over an image overflows half precision's accuracy: always in float32
    x = x.float()
    s = alpha * torch.sqrt(x.square().sum(dim=(2, 3), keepdim=True) + eps)
    s_hat = s / torch.sqrt(s.square().mean(dim=1, keepdim=True) + eps)
    return 1.0 + torch.tanh(gamma * s_hat + beta)


class GatedChannelTransformation(nn.Module):
    """Scale each channel by its gate (Eq. 15).

    Args:
        channels: C.
        eps: see :func:`channel_gate`.
    """

    def __init__(self, channels: int, eps: float = 1e-5):
        super().__init__()
        self.out_channels = channels
        self.eps = eps
        self.alpha = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.gamma = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.beta = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Gate (B, C, H, W) activations; same shape and type."""
        gate = channel_gate(x, self.alpha, self.gamma, self.beta, self.eps)
        return x * gate.to(x.dtype)
