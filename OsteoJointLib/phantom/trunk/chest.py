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
from OsteoJointLib.phantom.trunk.great_vessels import add_lung_vessels
from OsteoJointLib.phantom.trunk.torso import REACH_MM, Torso

_C7, _T1, _T2, _T6 = 7, 8, 9, 13  # VerSe numbers

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
_APEX_MM, _APEX_KNOTS, _APEX_TIP = 8.0, (0.8, 1.0), (0.75, 0.3)  # over T1; of the way up there from T2; of the cavity
_UPPER_HALF_WIDTH_MM = (46.0, 42.0, 37.0, 33.0, 31.0, 29.0)  # of the mediastinum at T5 to C7
_MEDIASTINUM_HALF_WIDTH_MM, _MEDIASTINUM_DEPTH = (14.0, 26.0, 36.0, 44.0, 48.0), (0.2, 0.7, 1.0, 1.0, 1.0)
_HEART_BLOOD, _HEART_HU = 0.5, 10.0  # HU of heart and mediastinum: half of the aorta's and a little
_PARASPINAL_MM, _PARASPINAL_SQUARE = (12.0, 50.0, 80.0), 0.4  # front behind the bodies, half width, back at most


def add_chest(
    scene: Scene,
    torso: Torso,
    column: Column,
    tissue: TissueHu,
    person: Person,
    rng: np.random.Generator,
    vessels_rng: np.random.Generator,
) -> None:
    """Lungs above the diaphragm, with the domes cut out of them and fluid behind them, and the mediastinum.

    Args:
        scene: into which they are put.
        torso: whose cavity they fill.
        column: behind them.
        tissue: HU.
        person: whose.
        rng: source of their shapes.
        vessels_rng: source of the lungs' vessels.
    """
    sulcus = between(rng, _SULCUS_MM)
    dome = sulcus + between(rng, _DOME_RISE_MM)
    # the lungs' lowest part lies behind the diaphragm: the sulcus reaches lower at the back than in front
    t2, t1 = (column.find(label).frame.center[2] for label in (_T2, _T1))
    apex = t2 + (t1 + _APEX_MM - t2) * np.array(_APEX_KNOTS)
    knots = torso.cavity.z_knots
    low, high = np.add(sulcus, _LUNG_KNOTS_MM), knots[(knots > sulcus + _LUNG_KNOTS_MM[-1]) & (knots <= t2)]
    z = np.concatenate([low, high, apex])
    cx, cy, rx, ry = torso.cavity.at(z)
    wide, deep = (
        np.concatenate([share[:-1], np.full(high.size, share[-1]), _APEX_TIP]) for share in (_LUNG_WIDTH, _LUNG_DEPTH)
    )
    lungs = Tube(
        z, cx, cy + ry * np.maximum(_LUNG_BACK - deep, 0.0) * (z < t2), rx * wide, ry * deep, torso.cavity.squareness
    )
    scene.background.append(Solid(lungs, soft(between(rng, _LUNG_HU), _LUNG_TEXTURE)))
    add_lung_vessels(scene, column, torso, person, vessels_rng)
    for side in SIDES:
        z_dome = np.linspace(sulcus - _DOME_BELOW_MM, dome + _DOME_HIGHER_MM[side], _DOME_KNOTS)
        bulge = np.sqrt(1.0 - np.linspace(0.0, _DOME_TIP, _DOME_KNOTS) ** 2)
        x, y = (np.full(_DOME_KNOTS, v) for v in (side * rx[1] * _DOME_X, cy[1] - _DOME_FRONT * ry[1]))
        depth = ry[1] * between(rng, _DOME_DEPTH) * bulge
        shape = Tube(z_dome, x, y, rx[1] * _DOME_WIDTH * bulge, depth)
        scene.background.append(Solid(shape, soft(tissue.visceral_fat + _DOME_OVER_FAT_HU, _DOME_TEXTURE)))
    _add_effusion(scene, lungs, person, rng.spawn(1)[0])
    _add_mediastinum(scene, torso, column, tissue, person, sulcus)


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


def _add_mediastinum(
    scene: Scene, torso: Torso, column: Column, tissue: TissueHu, person: Person, sulcus: float
) -> None:
    """Put heart and mediastinum between the lungs, and muscle behind them: no lung lies behind the vertebrae."""
    spine_z, spine_xy = column.track()
    z = np.linspace(sulcus, REACH_MM, _MEDIASTINUM_KNOTS)
    upper = np.array([v.frame.center[2] for v in reversed(column.vertebrae) if _C7 <= v.sizes.verse_label < _T6])
    heart_z, z = z, np.append(z[z < column.find(_T6).frame.center[2]], upper)
    middle, spine_y = np.zeros(z.size), np.interp(z, spine_z, spine_xy[:, 1])
    _, cy, _, ry = torso.cavity.at(z)
    deepest = 0.5 * (spine_y + _MEDIASTINUM_BEHIND_MM - (cy - ry * _MEDIASTINUM_FRONT))
    widths, depth = (
        np.interp(z, np.linspace(heart_z[0], heart_z[-1], len(values)), values)
        for values in (_MEDIASTINUM_HALF_WIDTH_MM, _MEDIASTINUM_DEPTH)
    )
    widths[-upper.size :] = np.array(_UPPER_HALF_WIDTH_MM) * person.scale
    heart = Tube(z, middle, spine_y + _MEDIASTINUM_BEHIND_MM - deepest * depth, widths, deepest * depth)
    scene.background.append(Solid(heart, soft(tissue.aorta * _HEART_BLOOD + _HEART_HU, _MEDIASTINUM_TEXTURE)))
    before, wide, behind = _PARASPINAL_MM
    _, wall_y, _, wall_deep = torso.muscle.at(z)
    front, back = spine_y + before, np.minimum(spine_y + behind, wall_y + wall_deep)
    muscle = Tube(z, middle, 0.5 * (front + back), np.full(z.size, wide), 0.5 * (back - front), _PARASPINAL_SQUARE)
    scene.background.append(Solid(muscle, soft(tissue.muscle, _PARASPINAL_TEXTURE)))
