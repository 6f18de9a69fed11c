"""The trunk's outline: skin, subcutaneous fat, muscular wall and cavity as nested tubes along z."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.phantom.person import Person
from OsteoJointLib.phantom.shapes import Tube
from OsteoJointLib.phantom.spine import Column

REACH_MM = 340.0
"""How far the trunk extends above and below the L1/L2 disc."""


@dataclass(frozen=True, eq=False)
class Torso:
    """Nested outlines whose tubes share their knots along z."""

    skin: Tube
    muscle: Tube
    cavity: Tube

    def wall_point(self, side: float, angle_rad: float, z_mm: float) -> np.ndarray:
        """World point (3,) in the middle of the wall; angle 0 is the back's midline, pi/2 the flank."""
        inner, outer = (np.array(tube.at(np.array([z_mm])))[:, 0] for tube in (self.cavity, self.muscle))
        cx, cy, rx, ry = 0.62 * inner + 0.38 * outer
        u, v = np.sin(angle_rad), np.cos(angle_rad)
        rho = np.sqrt(1.0 - self.cavity.squareness * u * u * v * v)
        return np.array([cx + side * rx * u / rho, cy + ry * v / rho, z_mm])


def build_torso(person: Person, column: Column, rng: np.random.Generator) -> Torso:
    """Draw the outlines around a column (CT-based trunk sizes: 2 x 150 to 230 mm wide, 2 x 95 to 170 mm deep)."""
    z = np.arange(-REACH_MM, REACH_MM + 1, 40.0)
    spine_z, spine_xy = column.track()
    smooth = np.interp(z, spine_z, spine_xy[:, 1])
    smooth = np.convolve(np.pad(smooth, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    back_fat = float(np.clip(person.fat_mm * rng.uniform(0.3, 0.9), 3.0, 45.0))
    skin_back = smooth + (66.0 * person.scale + 4.0 + back_fat)
    wall = float(rng.uniform(11, 20)) * person.scale
    wave = 1.0 + 0.04 * rng.normal(size=z.size)
    wave = np.convolve(np.pad(wave, 1, mode="edge"), np.ones(3) / 3, mode="valid")
    waist = 1.0 - float(rng.uniform(0.0, 0.1)) * np.exp(-(((z + 60.0) / 80.0) ** 2))
    cavity_x = float(rng.uniform(112, 145)) * person.scale * (1 + 0.003 * person.fat_mm) * wave * waist
    cavity_y = float(rng.uniform(78, 108)) * person.scale * (1 + 0.006 * person.fat_mm) * wave
    front_fat = float(person.fat_mm * rng.uniform(0.6, 1.4))
    depth = cavity_y + wall + 0.5 * (front_fat + back_fat)
    center_y = skin_back - depth
    inner_y = skin_back - back_fat - wall - cavity_y
    squareness = float(rng.uniform(0.0, 0.35))
    center_x = np.full(z.shape, float(rng.normal(0, 3)))

    def tube(y: np.ndarray, rx: np.ndarray, ry: np.ndarray) -> Tube:
        return Tube(z, center_x, y, rx, ry, squareness)

    return Torso(
        skin=tube(center_y, cavity_x + wall + person.fat_mm, depth),
        muscle=tube(inner_y, cavity_x + wall, cavity_y + wall),
        cavity=tube(inner_y, cavity_x, cavity_y),
    )
