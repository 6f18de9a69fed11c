"""What a scan shows of the patient: where it begins and ends, how wide its field is, and where that lies.

Numbers are chosen; z is in mm from the L1/L2 disc.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.draws.chance import Range, around, between, choose


@dataclass(frozen=True)
class _Protocol:
    """Where one kind of scan begins and ends, and how wide it is.

    Args:
        share, training_share: of the scans of a hospital, of those that are trained on.
        top_mm, bottom_mm: of the scan.
        width_mm: of the square field, or of a sagittal reformat's strip.
        depth_mm: of the field, where it isn't as deep as wide.
        aside_mm: SD of how far the field's middle lies beside the column.
        before_mm: how far it lies before the column.
    """

    share: float
    training_share: float
    top_mm: Range
    bottom_mm: Range
    width_mm: Range
    aside_mm: float
    before_mm: Range
    depth_mm: Range | None = None


_PROTOCOLS = {
    "abdomen": _Protocol(0.70, 0.32, (85.0, 190.0), (-300.0, -165.0), (320.0, 500.0), 10.0, (30.0, 70.0)),
    "chest": _Protocol(0.10, 0.18, (250.0, 400.0), (-130.0, -45.0), (300.0, 450.0), 10.0, (30.0, 90.0)),
    "lumbar": _Protocol(0.10, 0.18, (50.0, 110.0), (-230.0, -150.0), (120.0, 220.0), 6.0, (-10.0, 35.0)),
    "sagittal": _Protocol(0.03, 0.08, (70.0, 150.0), (-230.0, -140.0), (90.0, 150.0), 6.0, (0.0, 60.0), (150.0, 300.0)),
    "coronal": _Protocol(0.02, 0.06, (60.0, 150.0), (-260.0, -140.0), (200.0, 400.0), 10.0, (0.0, 20.0), (80.0, 140.0)),
    "part": _Protocol(0.05, 0.18, (20.0, 400.0), (-320.0, 200.0), (110.0, 500.0), 20.0, (-10.0, 90.0)),
}
"""Abdomen and pelvis; chest from over the lungs down to L2 to L4; a lumbar reconstruction; reformats, whose slices run
the other way; any piece of the trunk. Training takes the rare ones more often."""

_OVER_COLUMN_MM = 8.0  # a scan may reach so far over the uppermost body's center: above it the phantom has none
_LEAST_SCAN_MM = 110.0  # bodies of four vertebrae


@dataclass(frozen=True)
class Field:
    """The field of one scan.

    Args:
        protocol: its kind.
        low_lps_mm, high_lps_mm: corners of the box that it shows.
        round_padding: whether what lies outside the inscribed circle of an axial slice is padding.
    """

    protocol: str
    low_lps_mm: tuple[float, float, float]
    high_lps_mm: tuple[float, float, float]
    round_padding: bool

    @property
    def axial(self) -> bool:
        """Whether the slices are axial; those of reformats are not."""
        return self.protocol in _AXIAL

    @property
    def width_mm(self) -> float:
        """The field of view from right to left."""
        return self.high_lps_mm[0] - self.low_lps_mm[0]

    def grid(self, spacing_xyz_mm: tuple[float, float, float]) -> Grid:
        """Lay voxels of that size from the low corner on, as many as begin within the field."""
        low, high, spacing = (np.asarray(v) for v in (self.low_lps_mm, self.high_lps_mm, spacing_xyz_mm))
        counts = np.maximum(np.ceil((high - low) / spacing - 1e-6), 1)  # one voxel more is no rounding's work
        return Grid.axis_aligned(counts[::-1].tolist(), spacing_xyz_mm, (low + 0.5 * spacing).tolist())


_ROUND_SHARE = 0.25
_AXIAL = ("abdomen", "chest", "lumbar", "part")


def draw_field(rng: np.random.Generator, column_lps_mm: np.ndarray, randomized: bool) -> Field:
    """Draw what a scan shows.

    Args:
        rng: source of all randomness.
        column_lps_mm: (N, 3) centers of the bodies.
        randomized: take rare fields as often as training wants them.
    """
    shares = {name: p.training_share if randomized else p.share for name, p in _PROTOCOLS.items()}
    name = choose(rng, shares)
    protocol = _PROTOCOLS[name]
    top = min(between(rng, protocol.top_mm), float(column_lps_mm[0, 2]) + _OVER_COLUMN_MM)
    bottom = between(rng, protocol.bottom_mm)
    bottom = min(bottom, top - _LEAST_SCAN_MM)
    width = between(rng, protocol.width_mm)
    depth = between(rng, protocol.depth_mm) if protocol.depth_mm else width
    aside, before = around(rng, (0.0, protocol.aside_mm)), between(rng, protocol.before_mm)
    shown = column_lps_mm[(column_lps_mm[:, 2] > bottom) & (column_lps_mm[:, 2] < top)]
    x, y = (shown if len(shown) else column_lps_mm).mean(axis=0)[:2] + np.array([aside, -before])
    padded = bool(name in _AXIAL and rng.random() < _ROUND_SHARE)
    low, high = (x - 0.5 * width, y - 0.5 * depth, bottom), (x + 0.5 * width, y + 0.5 * depth, top)
    return Field(name, _floats(low), _floats(high), padded)


def _floats(values: tuple[float, float, float]) -> tuple[float, float, float]:
    x, y, z = (float(v) for v in values)
    return x, y, z


def pad_round(hu: np.ndarray, padding_hu: float) -> None:
    """Set what lies outside the inscribed circle of each axial slice to padding, in place.

    Args:
        hu: (z, y, x).
        padding_hu: what is written there.
    """
    rows, columns = (np.linspace(-1.0, 1.0, n) for n in hu.shape[1:])
    hu[:, rows[:, None] ** 2 + columns[None] ** 2 > 1.0] = padding_hu
