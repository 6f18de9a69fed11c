"""From BMD, known with a normal error, to the three classes: the areas below 80, between, and above 120 mg/cm3."""

from __future__ import annotations

import torch
from torch import Tensor

from OsteoJointLib.records import NORMAL_ABOVE_MG_CM3, OSTEOPOROSIS_BELOW_MG_CM3, STATUSES

_MEAN_MG_CM3, _UNIT_MG_CM3 = 100.0, 50.0
"""Where an untrained head starts, the middle of osteopenia, and what a unit of it means; chosen."""
_START_SD_MG_CM3 = 25.0
"""Of an untrained head; chosen."""
_LOG_SD_LIMIT = 3.0
"""The SD stays within a factor of e^3 of the start: 1.2 to 500 mg/cm3."""


def bmd_estimate(raw: Tensor, sd_factor: float = 1.0) -> Tensor:
    """Read BMD off two numbers a case.

    Args:
        raw: (B, 2) of any size.
        sd_factor: on the SD.

    Returns:
        (B, 2) float32: mean 100 + 50 a, SD 25 exp(b) times the factor, in mg/cm3.
    """
    mean, log_sd = raw.float().unbind(dim=1)
    sd = sd_factor * _START_SD_MG_CM3 * torch.exp(log_sd.clamp(-_LOG_SD_LIMIT, _LOG_SD_LIMIT))
    return torch.stack((_MEAN_MG_CM3 + _UNIT_MG_CM3 * mean, sd), dim=1)


def class_areas(bmd: Tensor) -> Tensor:
    """Part the normal distribution of BMD at 80 and 120 mg/cm3.

    Args:
        bmd: (B, 2) mean and SD in mg/cm3.

    Returns:
        (B, 3) probabilities in the order of ``records.STATUSES``: above 120, between, below 80.

    >>> class_areas(torch.tensor([[100.0, 20.0]])).mul(100).round().tolist()
    [[16.0, 68.0, 16.0]]
    """
    mean, sd = bmd.unbind(dim=1)
    low = torch.special.ndtr((OSTEOPOROSIS_BELOW_MG_CM3 - mean) / sd)
    high = torch.special.ndtr((mean - NORMAL_ABOVE_MG_CM3) / sd)
    return torch.stack((high, 1.0 - low - high, low), dim=1).clamp(min=0.0)


def log_area(bmd: Tensor, target: int) -> tuple[Tensor, Tensor]:
    """Return the logarithms of one class's area and of what is left, each exact where the other is 1 in float64.

    Args:
        bmd: (B, 2) mean and SD in mg/cm3.
        target: index in ``records.STATUSES``.

    Returns:
        Two of shape (B,).

    >>> inside, rest = log_area(torch.tensor([[300.0, 5.0]]).double(), 0)  # 36 SD above 120: P is 1, but not quite
    >>> inside.item() == 0.0 or inside.item() > -1e-250, round(rest.item())
    (True, -653)
    """
    mean, sd = bmd.unbind(dim=1)
    below, above = (OSTEOPOROSIS_BELOW_MG_CM3 - mean) / sd, (mean - NORMAL_ABOVE_MG_CM3) / sd
    if STATUSES[target] == "osteopenia":
        rest = torch.logaddexp(torch.special.log_ndtr(below), torch.special.log_ndtr(above))
        return torch.log(-torch.expm1(rest)), rest
    z = below if STATUSES[target] == "osteoporosis" else above
    return torch.special.log_ndtr(z), torch.special.log_ndtr(-z)
