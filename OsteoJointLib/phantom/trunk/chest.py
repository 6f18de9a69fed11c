"""Lungs, diaphragm, heart and mediastinum, and fluid behind the lungs.

Numbers are chosen. Positions are in mm from the L1/L2 disc, or shares of the cavity's half width (x), half depth (y).
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between
from OsteoJointLib.phantom.draws.morphometry import SIDES
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.draws.tissue import FLUID_HU, FLUID_TEXTURE, TissueHu, soft
from OsteoJointLib.phantom.solids.combined import Common, Compound, Moved
from OsteoJointLib.phantom.solids.scene import Scene, Solid
from OsteoJointLib.phantom.solids.shapes import Frame, RoundedBox, Tube
from OsteoJointLib.phantom.spine.column import Column
from OsteoJointLib.phantom.trunk.torso import REACH_MM, Torso

# texture of a tissue: (SD in HU, grain in mm)
_LUNG_TEXTURE, _DOME_TEXTURE = (25.0, 3.0), (12.0, 6.0)
_MEDIASTINUM_TEXTURE, _PARASPINAL_TEXTURE = (15.0, 6.0), (12.0, 4.0)

_SULCUS_MM: Range = (-5.0, 75.0)  # z of the lungs' lowest point
_DOME_RISE_MM: Range = (45.0, 95.0)  # of the diaphragm's top over it
_LUNG_KNOTS_MM = (0.0, 25.0, 80.0)  # above the sulcus; the lungs' width and depth at these and at the top end:
_LUNG_WIDTH, _LUNG_DEPTH, _LUNG_BACK = (0.72, 0.92, 0.97, 0.97), (0.4, 0.58, 0.95, 0.97), 0.97
_LUNG_HU: Range = (-900.0, -780.0)
_DOME_HIGHER_MM = {-1.0: 10.0, 1.0: -6.0}  # right (over the liver) and left, from the mean
_DOME_BELOW_MM, _DOME_KNOTS, _DOME_TIP = 25.0, 9, 0.995  # starts below the sulcus; cut tip, lest a radius be 0
_DOME_X, _DOME_FRONT, _DOME_WIDTH, _DOME_DEPTH = 0.48, 0.22, 0.66, (0.78, 0.95)
_DOME_OVER_FAT_HU = 30.0  # fat mixed with liver, spleen and muscle
_EFFUSION_MM, _POOL_ROUND_MM = (8.0, 60.0), 1.0  # thickness of the crescent at the back
_MEDIASTINUM_KNOTS, _MEDIASTINUM_BEHIND_MM, _MEDIASTINUM_FRONT = 13, 20.0, 0.95
_MEDIASTINUM_HALF_WIDTH_MM, _MEDIASTINUM_DEPTH = (14.0, 26.0, 36.0, 44.0, 48.0), (0.2, 0.7, 1.0, 1.0, 1.0)
_HEART_BLOOD, _HEART_HU = 0.5, 10.0  # HU of heart and mediastinum: half of the aorta's and a little
_PARASPINAL_MM, _PARASPINAL_SQUARE = (46.0, 50.0, 34.0), 0.4  # how far behind the column, half width, half depth


def add_chest(
    scene: Scene, torso: Torso, column: Column, tissue: TissueHu, person: Person, rng: np.random.Generator
) -> None:
    """Lungs above the diaphragm, with the domes cut out of them and fluid behind them, and the mediastinum."""
    sulcus = between(rng, _SULCUS_MM)
    dome = sulcus + between(rng, _DOME_RISE_MM)
    # the lungs' lowest part lies behind the diaphragm: the sulcus reaches lower at the back than in front
    z = np.append(np.add(sulcus, _LUNG_KNOTS_MM), REACH_MM)
    cx, cy, rx, ry = torso.cavity.at(z)
    deep = np.array(_LUNG_DEPTH)
    lungs = Tube(z, cx, cy + ry * (_LUNG_BACK - deep), rx * _LUNG_WIDTH, ry * deep, torso.cavity.squareness)
    scene.background.append(Solid(lungs, soft(between(rng, _LUNG_HU), _LUNG_TEXTURE)))
    for side in SIDES:
        z_dome = np.linspace(sulcus - _DOME_BELOW_MM, dome + _DOME_HIGHER_MM[side], _DOME_KNOTS)
        bulge = np.sqrt(1.0 - np.linspace(0.0, _DOME_TIP, _DOME_KNOTS) ** 2)
        x, y = (np.full(_DOME_KNOTS, v) for v in (side * rx[1] * _DOME_X, cy[1] - _DOME_FRONT * ry[1]))
        depth = ry[1] * between(rng, _DOME_DEPTH) * bulge
        shape = Tube(z_dome, x, y, rx[1] * _DOME_WIDTH * bulge, depth)
        scene.background.append(Solid(shape, soft(tissue.visceral_fat + _DOME_OVER_FAT_HU, _DOME_TEXTURE)))
    _add_effusion(scene, lungs, person, rng.spawn(1)[0])
    _add_mediastinum(scene, torso, column, tissue, sulcus)


def _add_effusion(scene: Scene, lungs: Tube, person: Person, rng: np.random.Generator) -> None:
    """Put a crescent of fluid behind one lung or both, as it lies in a patient on the back."""
    wide, deep = float(lungs.radius_x.max()), float(lungs.radius_y.max())
    for side, name in zip(SIDES, ("right", "left"), strict=True):
        size = between(rng, _EFFUSION_MM)
        if person.effusion in (name, "both"):
            half = Frame(np.array([lungs.center_x[0] + side * wide, lungs.center_y.max(), 0.0]))
            chest = RoundedBox(half, (wide, 2.0 * deep, REACH_MM), _POOL_ROUND_MM)
            fluid = Common((Compound((lungs,), (Moved(lungs, np.array([0.0, -size, 0.0])),)), chest))
            scene.background.append(Solid(fluid, soft(between(rng, FLUID_HU), FLUID_TEXTURE)))


def _add_mediastinum(scene: Scene, torso: Torso, column: Column, tissue: TissueHu, sulcus: float) -> None:
    """Put heart and mediastinum between the lungs, and muscle behind them: no lung lies behind the vertebrae."""
    spine_z, spine_xy = column.track()
    z = np.linspace(sulcus, REACH_MM, _MEDIASTINUM_KNOTS)
    middle, spine_y = np.zeros(z.size), np.interp(z, spine_z, spine_xy[:, 1])
    _, cy, _, ry = torso.cavity.at(z)
    deepest = 0.5 * (spine_y + _MEDIASTINUM_BEHIND_MM - (cy - ry * _MEDIASTINUM_FRONT))
    widths, depth = (
        np.interp(z, np.linspace(z[0], z[-1], len(values)), values)
        for values in (_MEDIASTINUM_HALF_WIDTH_MM, _MEDIASTINUM_DEPTH)
    )
    heart = Tube(z, middle, spine_y + _MEDIASTINUM_BEHIND_MM - deepest * depth, widths, deepest * depth)
    scene.background.append(Solid(heart, soft(tissue.aorta * _HEART_BLOOD + _HEART_HU, _MEDIASTINUM_TEXTURE)))
    behind, wide, deep = _PARASPINAL_MM
    muscle = Tube(z, middle, spine_y + behind, np.full(z.size, wide), np.full(z.size, deep), _PARASPINAL_SQUARE)
    scene.background.append(Solid(muscle, soft(tissue.muscle, _PARASPINAL_TEXTURE)))
