"""The level set's parameters: meaning, unit and source of each.

The paper gives none of its constants. "Tuned" below means: by hand, for the mean distance to the true surface after
the masks of 60 mid-slices of validation phantoms were dilated, eroded, shifted and roughened, and of the network's own.
Gray values are HU divided by ``gray_unit_hu``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from OsteoJointLib.level_set.equations import Weights

_MAY_BE_NEGATIVE = ("low_hu", "high_hu", "area_weight")
_MAY_BE_ZERO = (
    "rest_mm",
    "length_weight",
    "inside_weight",
    "outside_weight",
    "gray_weight",
    "prior_weight",
    "least_fall_hu_mm",
)


@dataclass(frozen=True)
class LevelSetParameters:
    """How the contour evolves and how far it may go."""

    max_shift_mm: float = 2.5
    """No pixel farther than this from the prior's boundary changes, mm. A mask that is 2 mm off reaches the edge."""
    rest_mm: float = 0.45
    """Where the prior's boundary lies nearer to the edge than this it stays, mm: half a pixel is finer than noise and
    blur let the edge be known. Tuned."""
    neighborhood_mm: float = 8.0
    """How far around the prior gray values are taken (Omega), mm. Wide enough for muscle and fat to dominate the
    outside's mean, narrow enough to leave lung and bowel out. Chosen."""
    gray_unit_hu: float = 100.0
    """HU in one gray value. With 100 the terms of the energy are of order one and g_r spans (0, 1)."""
    low_hu: float = -50.0
    """HU are clipped below at this value: fat and gas count alike as outside. Chosen."""
    high_hu: float = 600.0
    """HU are clipped above at this value: calcium and metal must not outweigh the cortex. Chosen."""
    bilateral_sigma_mm: float = 1.0
    """Spatial standard deviation of the bilateral filter (sigma_s of Eq. 5), mm: about the cortex's width. Chosen."""
    bilateral_sigma_hu: float = 40.0
    """Range standard deviation of the bilateral filter (sigma_r of Eq. 5), HU: above the noise, below the step from
    muscle to cortex. Chosen."""
    gray_range_sd: float = 2.0
    """w of Eq. 8: half width of the vertebra's gray range in standard deviations of the prior's gray values."""
    length_weight: float = 2.0
    """mu of Eq. 4, a pure number: stiffness of the contour, the energy per mm of one that goes 1 mm aside a mm.
    Tuned."""
    area_weight: float = 0.0
    """v of Eq. 4, 1/mm: positive shrinks the inside. The edge needs no help, so 0."""
    inside_weight: float = 0.005
    """lambda1 of Eq. 4, 1/(gray^2 mm): small, because halfway between the means is not where the bone ends. Tuned."""
    outside_weight: float = 0.005
    """lambda2 of Eq. 4, 1/(gray^2 mm): as ``inside_weight``. Tuned."""
    gray_weight: float = 0.01
    """gamma of Eq. 8, 1/mm: small, because the cortex lies outside the trabecular range. Tuned."""
    prior_weight: float = 0.08
    """Energy per mm of a contour that is ``max_shift_mm`` off the prior, a pure number; it grows with the square of
    the shift. Holds the contour where the image shows nothing. Tuned."""
    least_fall_hu_mm: float = 15.0
    """Where the image falls by less than this on the way out there is no edge to move to, HU/mm: a step of 25 HU under
    a blur of 0.6 mm. Tuned."""

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
        return Weights(self.area_weight, self.inside_weight, self.outside_weight, self.gray_weight)
