"""The trunk's outline: skin, subcutaneous fat, muscular wall and cavity as nested tubes along z, up to the neck.

Numbers are chosen, so that trunks come out 2 x 150 to 230 mm wide and 2 x 95 to 170 mm deep.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.shapes import Tube
from OsteoJointLib.phantom.spine.column import Column

REACH_MM = 440.0
"""How far the trunk extends above and below the L1/L2 disc."""
_MM_PER_CM = 10.0
_KNOT_MM = 40.0  # between two knots of the outline
_MID_WALL = 0.38  # where ribs run, from the wall's inside (0) to its outside (1)
_SMOOTH_KNOTS, _FLATTENED = 5, 0.4  # over which the back follows the column; share of its hollow that lying fills
_BACK_FAT, _BACK_FAT_LIMITS_MM, _FRONT_FAT = (0.3, 0.9), (3.0, 45.0), (0.6, 1.4)  # of the flank's fat
_COLUMN_TO_BACK_MM, _SKIN_MM = 66.0, 4.0  # from the bodies' centers to the back's muscle; skin and fascia
_WALL_MM: Range = (11.0, 20.0)
_WAVE_SD, _WAVE_KNOTS = 0.04, 3  # how uneven the outline is, and over how many knots that is smoothed
_WAIST, _WAIST_Z_MM, _WAIST_SPAN_MM = (0.0, 0.1), -60.0, 80.0  # how much narrower, at which z, over what height
_HALF_WIDTH_MM, _HALF_WIDTH_PER_FAT = (112.0, 145.0), 0.003  # of the cavity; larger by this share per mm of fat
_HALF_DEPTH_MM, _HALF_DEPTH_PER_FAT = (78.0, 108.0), 0.006
_SQUARENESS: Range = (0.0, 0.35)
_OFF_CENTER_SD_MM = 3.0  # of the trunk from the column's foot
# by height over S1's center: the least half width of the muscle, the most of the cavity, and what the buttocks add
_HIPS_Z_MM = (-400.0, -220.0, -100.0, -20.0, 40.0, 90.0)
_HIPS_MM, _PELVIC_CAVITY_MM = (155.0, 160.0, 168.0, 158.0, 147.0, 0.0), (20.0, 40.0, 88.0, 112.0, 140.0, 999.0)
_HIPS_FOLLOW = (-20.0, 90.0), (1.0, 0.0)  # they lie around the sacrum, the trunk around the column's middle
_BUTTOCKS_MM = (28.0, 32.0, 32.0, 26.0, 16.0, 0.0)

_T6 = 13  # VerSe number
_INLET_WIDTH = (0.95, 0.87, 0.77, 0.64, 0.46, 0.25)  # of the cavity at T6, here and below: at T5 to C7
_INLET_DEPTH = (0.95, 0.88, 0.78, 0.64, 0.46, 0.25)
_INLET_BACK = (0.98, 0.95, 0.93, 0.93, 0.9, 0.6)  # how far it reaches behind the bodies' centers
_NECK_MM = ((72.0, 66.0), (63.0, 60.0), (62.0, 58.0))  # half width and depth of its muscle at C7, C6 and the top
_NECK_BEHIND_MM, _NECK_FAT = 11.0, 0.25  # its middle behind the bodies'; its fat over the flank's


@dataclass(frozen=True, eq=False)
class Torso:
    """Nested outlines."""

    skin: Tube
    muscle: Tube
    cavity: Tube

    @property
    def thickness_cm(self) -> float:
        """Diameter of the circle as large as the skin's outline at the L1/L2 disc: so much water hardens the beam."""
        _, _, rx, ry = (float(v[0]) for v in self.skin.at(np.zeros(1)))
        return 2.0 * float(np.sqrt(rx * ry)) / _MM_PER_CM

    def wall_point(self, side: float, angle_rad: float, z_mm: float) -> np.ndarray:
        """World point (3,) in the middle of the wall; angle 0 is the back's midline, pi/2 the flank."""
        inner, outer = (np.array(tube.at(np.array([z_mm])))[:, 0] for tube in (self.cavity, self.muscle))
        cx, cy, rx, ry = (1.0 - _MID_WALL) * inner + _MID_WALL * outer
        u, v = np.sin(angle_rad), np.cos(angle_rad)
        rho = np.sqrt(1.0 - self.cavity.squareness * u * u * v * v)
        return np.array([cx + side * rx * u / rho, cy + ry * v / rho, z_mm])


def _running_mean(values: np.ndarray, count: int) -> np.ndarray:
    """Average over an odd number of neighbors; beyond the ends the last value goes on."""
    return np.convolve(np.pad(values, count // 2, mode="edge"), np.ones(count) / count, mode="valid")


def build_torso(person: Person, column: Column, rng: np.random.Generator) -> Torso:
    """Draw the outlines around a column."""
    z = np.arange(-REACH_MM, REACH_MM + 1, _KNOT_MM)
    spine_z, spine_xy = column.track(_T6)
    smooth = np.interp(z, spine_z, spine_xy[:, 1])
    smooth = _running_mean(smooth, _SMOOTH_KNOTS)
    smooth = smooth + _FLATTENED * (smooth.max() - smooth)  # who lies on the back has a flat one
    back_fat = float(np.clip(person.fat_mm * between(rng, _BACK_FAT), *_BACK_FAT_LIMITS_MM))
    skin_back = smooth + (_COLUMN_TO_BACK_MM * person.scale + _SKIN_MM + back_fat)
    wall = between(rng, _WALL_MM) * person.scale
    wave = _running_mean(1.0 + _WAVE_SD * rng.normal(size=z.size), _WAVE_KNOTS)
    waist = 1.0 - between(rng, _WAIST) * np.exp(-(((z - _WAIST_Z_MM) / _WAIST_SPAN_MM) ** 2))
    cavity_x = between(rng, _HALF_WIDTH_MM) * person.scale * (1 + _HALF_WIDTH_PER_FAT * person.fat_mm) * wave * waist
    cavity_y = between(rng, _HALF_DEPTH_MM) * person.scale * (1 + _HALF_DEPTH_PER_FAT * person.fat_mm) * wave
    over_s1 = z - column.sacrum.center[2]
    hips, pelvic, buttocks = (
        np.interp(over_s1, _HIPS_Z_MM, mm) * person.scale for mm in (_HIPS_MM, _PELVIC_CAVITY_MM, _BUTTOCKS_MM)
    )
    muscle_x = np.maximum(cavity_x + wall, hips)
    front_fat = person.fat_mm * between(rng, _FRONT_FAT)
    depth = cavity_y + wall + 0.5 * (front_fat + back_fat)
    center_y = skin_back - depth
    inner_y = skin_back - back_fat - wall - cavity_y
    squareness = between(rng, _SQUARENESS)
    center_x = float(rng.normal(0, _OFF_CENTER_SD_MM)) + column.sacrum.center[0] * np.interp(over_s1, *_HIPS_FOLLOW)

    def tube(y: np.ndarray, rx: np.ndarray, ry: np.ndarray) -> Tube:
        return Tube(z, center_x, y, rx, ry, squareness)

    trunk = Torso(
        skin=tube(center_y + 0.5 * buttocks, muscle_x + person.fat_mm, depth + 0.5 * buttocks),
        muscle=tube(inner_y + 0.5 * buttocks, muscle_x, cavity_y + wall + 0.5 * buttocks),
        cavity=tube(inner_y, np.minimum(cavity_x, pelvic), cavity_y),
    )
    return _narrowed(trunk, column, person)


def _narrowed(trunk: Torso, column: Column, person: Person) -> Torso:
    """Narrow a trunk from T6 upward to the chest's inlet and the neck; below T6 it stays as it is.

    Sections are rows of half width, and how far they reach before and behind the column's center, in mm.
    """
    base = column.find(_T6).frame.center
    above = np.array([v.frame.center for v in reversed(column.vertebrae) if v.sizes.verse_label < _T6])
    above = np.append(above, [[*above[-1, :2], max(REACH_MM, above[-1, 2] + _KNOT_MM)]], axis=0)

    def section(tube: Tube) -> np.ndarray:
        _, cy, rx, ry = (float(v[0]) for v in tube.at(base[2:]))
        return np.array([rx, base[1] - (cy - ry), cy + ry - base[1]])

    wide, before, behind = at_t6 = section(trunk.cavity)
    back = behind * np.array(_INLET_BACK)
    inlet = np.stack([wide * np.array(_INLET_WIDTH), (before + behind) * np.array(_INLET_DEPTH) - back, back], axis=1)

    def grown(tube: Tube, fat_mm: float) -> Tube:
        neck = np.array(_NECK_MM) * person.scale + fat_mm
        neck = np.stack([neck[:, 0], neck[:, 1] - _NECK_BEHIND_MM, neck[:, 1] + _NECK_BEHIND_MM], axis=1)
        return _topped(tube, base, above, np.append(inlet[:-1] + section(tube) - at_t6, neck, axis=0))

    return Torso(
        skin=grown(trunk.skin, _NECK_FAT * person.fat_mm + _SKIN_MM),
        muscle=grown(trunk.muscle, 0.0),
        cavity=_topped(trunk.cavity, base, above[: len(inlet)], inlet),
    )


def _topped(tube: Tube, base: np.ndarray, centers: np.ndarray, sections: np.ndarray) -> Tube:
    """Replace the part of a tube above ``base`` by one through sections about a column's centers."""
    low = tube.z_knots < base[2]
    half, before, behind = sections.T
    shift = float(tube.at(base[2:])[0][0]) - base[0]
    over = centers[:, 0] + shift, centers[:, 1] + 0.5 * (behind - before), half, 0.5 * (before + behind)
    under = tube.center_x, tube.center_y, tube.radius_x, tube.radius_y
    # a knot at T6 itself keeps what is below it as it was
    x, y, rx, ry = (
        np.concatenate([a[low], at_base, b]) for a, at_base, b in zip(under, tube.at(base[2:]), over, strict=True)
    )
    z = np.concatenate([tube.z_knots[low], base[2:], centers[:, 2]])
    return Tube(z, x, y, rx, ry, tube.squareness)
