"""Drawing from named ranges and shares, one number of the generator's stream a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

import numpy as np

Range = tuple[float, float]
"""Lowest and highest value of an even draw, or mean and SD of a normal one, as the name says."""
_Option = TypeVar("_Option")


def between(rng: np.random.Generator, limits: Range) -> float:
    """Draw evenly between two values."""
    return float(rng.uniform(*limits))


def around(rng: np.random.Generator, mean_sd: Range) -> float:
    """Draw from a normal distribution given by its mean and SD."""
    return float(rng.normal(*mean_sd))


def choose(rng: np.random.Generator, shares: Mapping[_Option, float]) -> _Option:
    """Draw one of several options by their shares, which add up to 1."""
    options = list(shares)
    return options[int(rng.choice(len(options), p=list(shares.values())))]
