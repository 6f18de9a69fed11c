"""The level set's parameters: meaning, unit and source of each.

The paper gives none of its constants. "Tuned" below means: chosen by hand and a short random search for Dice after
the mask of eight real mid-slices (four at 3 mm with a reference, four at 0.8 mm outlined by eye) was dilated, eroded
and roughened by 1-2 mm. Gray values are HU divided by ``gray_unit_hu``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from OsteoJointLib.level_set.equations import Weights

_MAY_BE_NEGATIVE = ("low_hu", "high_hu", "area_weight")
_MAY_BE_ZERO = ("length_weight", "inside_weight", "outside_weight", "gray_weight")


@dataclass(frozen=True)
class LevelSetParameters:
    """How the contour evolves and how far it may go."""

    max_shift_mm: float = 2.0
    """No pixel farther than this from the prior's boundary changes, mm. About three pixels: what a network's mask
    is off by where it is off at all."""
    neighborhood_mm: float = 8.0
    """How far around the prior the energy is integrated (Omega), mm. Wide enough for muscle and fat to dominate the
    outside's mean, narrow enough to leave lung and bowel out. Tuned."""
    gray_unit_hu: float = 100.0
    """HU in one gray value. With 100 the terms of Eq. 9 are of order one and g_r spans (0, 1)."""
    low_hu: float = -50.0
    """HU are clipped below at this value: fat and gas count alike as outside. Tuned."""
    high_hu: float = 300.0
    """HU are clipped above at this value: dense cortex must not outweigh the trabecular bone. Tuned."""
    bilateral_sigma_mm: float = 1.0
    """Spatial standard deviation of the bilateral filter (sigma_s of Eq. 5), mm: below the cortex's width. Tuned."""
    bilateral_sigma_hu: float = 40.0
    """Range standard deviation of the bilateral filter (sigma_r of Eq. 5), HU: above the noise, below the step from
    muscle to cortex. Tuned."""
    gray_range_sd: float = 2.0
    """w of Eq. 8: half width of the vertebra's gray range in standard deviations of the prior's gray values."""
    length_weight: float = 3.0
    """mu of Eq. 4, gray^2 mm: stiffness of the contour. Tuned."""
    area_weight: float = 0.25
    """v of Eq. 4, gray^2: positive shrinks the inside. Offsets the half pixel by which the mean of a bright cortex and
    dark muscle lies outside the bone. Tuned."""
    inside_weight: float = 1.0
    """lambda1 of Eq. 4, a pure number (Chan and Vese 2001 use 1)."""
    outside_weight: float = 1.0
    """lambda2 of Eq. 4, a pure number (Chan and Vese 2001 use 1)."""
    gray_weight: float = 0.1
    """gamma of Eq. 8, gray^2: small, because the cortex lies outside the trabecular range. Tuned."""
    smoothing_mm: float = 0.8
    """Standard deviation of the Gaussian that rounds off the final mask's teeth, mm. Moves the outline of a body
    (radius 20 mm) by sigma^2 / 2 R = 0.02 mm. Tuned."""
    epsilon_px: float = 1.0
    """Half width of the smoothed Heaviside step in pixels (Chan and Vese 2001 use 1)."""
    step_px: float = 0.5
    """The first step moves no point of phi by more than this, pixels."""
    max_iterations: int = 300
    """Steps after which the evolution ends even if the contour still moves."""
    check_every: int = 10
    """Steps between two looks at whether the contour still moves."""

    def __post_init__(self) -> None:
        """Check that every value is finite and of its sign.

        Raises:
            ValueError: naming the first field that is wrong.
        """
        for field in fields(self):
            value = getattr(self, field.name)
            if not math.isfinite(value):
                raise ValueError(f"{field.name} must be a finite number, got {value}.")
            if field.name in _MAY_BE_NEGATIVE:
                continue
            if value < 0 or (value == 0 and field.name not in _MAY_BE_ZERO):
                kind = "zero or more" if field.name in _MAY_BE_ZERO else "positive"
                raise ValueError(f"{field.name} must be {kind}, got {value}.")
        if not self.low_hu < self.high_hu:
            raise ValueError(f"low_hu must be below high_hu, got {self.low_hu} and {self.high_hu}.")
        if self.neighborhood_mm < self.max_shift_mm:
            raise ValueError(
                f"neighborhood_mm must reach at least as far as max_shift_mm, "
                f"got {self.neighborhood_mm} and {self.max_shift_mm}."
            )

    def weights(self) -> Weights:
        """Return the constants of Eq. 4 and 8."""
        return Weights(self.length_weight, self.area_weight, self.inside_weight, self.outside_weight, self.gray_weight)
