"""The sternum: manubrium and body in the front of the wall, and where the cartilages of the first seven ribs reach it.

Numbers are chosen; mm are those of the tables' man.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from OsteoJointLib.phantom.draws.chance import around, between
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.bars import Bar
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Material, Scene, Solid, Tissue
from OsteoJointLib.phantom.spine.column import Column
from OsteoJointLib.phantom.trunk.torso import Torso

_T2, _T4, _T9 = 9, 11, 16  # VerSe numbers
_TOP_MM, _ANGLE_MM, _END_MM = -9.0, -11.0, 0.0  # of the manubrium over T2's center, the angle over T4's, the end: T9's
_HEIGHT_SD_MM = 5.0
# down the bone: 0 at the top, 1 at the angle, 2 at the lower end; half width and half thickness
_SHAPE = np.array(
    [(0.0, 24.0, 7.0), (0.35, 27.0, 6.0), (0.95, 14.0, 4.5), (1.05, 13.0, 4.5), (1.8, 18.0, 5.0), (2, 12.0, 3.5)]
)
_NOTCH = {"T1": 0.3, "T2": 1.0, "T3": 1.25, "T4": 1.45, "T5": 1.63, "T6": 1.78, "T7": 1.9}  # where the ribs reach it
_PIECES = 6  # from the top to the angle, and from there down
_CORTEX_MM, _CORTEX, _TEXTURE_HU = (0.6, 1.3), 0.75, 15.0  # shell; its HU over the bodies' shell


@dataclass(frozen=True)
class Sternum:
    """Heights of its top, its angle and its lower end, in world mm, and the person's size."""

    heights_mm: tuple[float, float, float]
    scale: float

    def height_mm(self, down: float) -> float:
        """World z at a place between top (0), angle (1) and lower end (2)."""
        return float(np.interp(down, (0.0, 1.0, 2.0), self.heights_mm))

    def notch(self, rib: str) -> tuple[float, float] | None:
        """World z where a rib's cartilage reaches it, and half its width there; None for the lower ribs."""
        if rib not in _NOTCH:
            return None
        down = _NOTCH[rib]
        return self.height_mm(down), float(np.interp(down, _SHAPE[:, 0], _SHAPE[:, 1])) * self.scale


def draw_sternum(column: Column, person: Person, rng: np.random.Generator) -> Sternum:
    """Draw where the sternum lies."""
    ends = ((_T2, _TOP_MM), (_T4, _ANGLE_MM), (_T9, _END_MM))
    shift = around(rng, (0.0, _HEIGHT_SD_MM))
    top, angle, end = (float(column.find(label).frame.center[2]) + (mm + shift) * person.scale for label, mm in ends)
    return Sternum((top, angle, end), person.scale)


def add_sternum(
    scene: Scene, sternum: Sternum, torso: Torso, cortex_hu: float, core_hu: float, rng: np.random.Generator
) -> None:
    """Put the sternum into the front of the wall."""
    down = np.linspace(0.0, 2.0, 2 * _PIECES + 1)
    points = [torso.wall_point(1.0, np.pi, sternum.height_mm(place)) for place in down]
    wide, thin = (np.interp(down, _SHAPE[:, 0], _SHAPE[:, column]) * sternum.scale for column in (1, 2))
    across = np.array([1.0, 0.0, 0.0])
    pieces = zip(pairwise(points), pairwise(thin), pairwise(wide), strict=True)
    bone = Compound(tuple(Bar(start, end, thick, half, across) for (start, end), thick, half in pieces))
    material = Material(core_hu, _CORTEX * cortex_hu, between(rng, _CORTEX_MM), _TEXTURE_HU)
    scene.skeleton.append(Solid(bone, material, Tissue.OTHER_BONE))
