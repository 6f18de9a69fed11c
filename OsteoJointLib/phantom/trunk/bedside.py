"""What lies in the field beside the trunk: table and mattress, calibration rods, arms, leads and tubes.

Numbers are chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between, choose
from OsteoJointLib.phantom.draws.morphometry import SIDES
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.draws.tissue import TissueHu
from OsteoJointLib.phantom.physics.beam import Beam
from OsteoJointLib.phantom.scanner.acquisition import Acquisition
from OsteoJointLib.phantom.solids.scene import Material, Scene, Solid, Tissue
from OsteoJointLib.phantom.solids.shapes import Capsule, Frame, RoundedBox, Tube
from OsteoJointLib.phantom.trunk.torso import REACH_MM

# a table's top is a flat arch: half width and half depth of the ellipse whose lower edge it is, mm
_TABLES = {"curved": 0.55, "deep": 0.2, "flat": 0.25}  # shares
_TOP_HALF_MM = {"curved": (420.0, 380.0), "deep": (270.0, 300.0), "flat": (215.0, 22.0)}
_TOP_BULGE_MM, _TABLE_INSIDE, _FOAM_HU = 1.5, -1000.0, (-960.0, -860.0)  # air or foam in a shell of carbon
_PRESSED = 0.7  # quantile of the back's heights at which the table begins
_BACK_STEP_MM, _BACK_TOP_MM = 40.0, 160.0  # where these are measured; the neck lies higher, the shoulders as the back
_TABLE_SKIN_HU, _TABLE_SKIN_MM = (-150.0, 250.0), (1.5, 3.5)
_BOARD_BELOW_MM, _BOARD_HALF_MM, _BOARD_ROUND_MM, _BOARD_HU = 50.0, (190.0, 1.5), 1.0, -150.0
_ROD_BMD_MG_CM3 = (0.0, 50.0, 100.0, 150.0, 200.0)
_ROD_APART_MM, _ROD_UP_MM, _ROD_MM = 30.0, 12.0, 9.0  # middle to middle, over the table, radius
_MATTRESS_SHARE, _MATTRESS_MM, _MATTRESS_HALF_MM = 0.4, (6.0, 25.0), 200.0  # thickness, half width
_MATTRESS_HU: Range = (-970.0, -860.0)

_ARM_GAP_MM, _ARM_MM, _WASTED_ARM = (0.0, 25.0), (34.0, 48.0), 0.75  # from the trunk; radius of the soft tissue
_ELBOW_Z_MM, _WRIST_Z_MM = (-50.0, 60.0), -280.0
_ELBOW_BACK_MM, _WRIST_FRONT_MM = (0.0, 45.0), (0.0, 70.0)  # behind and before the trunk's middle
_HUMERUS_MM, _FOREARM_MM, _FOREARM_APART_MM = (10.5, 13.0), (6.5, 8.0), 13.0  # radii; between radius and ulna, half
_ARM_BONE_HU, _ARM_CORTEX_HU, _ARM_CORTEX_MM = (20.0, 150.0), (900.0, 1500.0), (2.5, 4.5)
_FOREARM_THIN, _ARM_FAT_MM = 0.8, 6.0  # radius of the forearm's soft tissue over the upper arm's

_LEADS, _LEAD_SHARE, _LEAD_MM, _LEAD_HU = (1, 4), 0.2, 0.9, (900.0, 2200.0)  # from, fewer than
_LEAD_STEPS, _LEAD_WANDER = 8, 0.25  # parts; rad a part
_TUBE_SHARE, _TUBE_MM, _TUBE_WALL_MM, _TUBE_HU = 0.15, (2.5, 6.0), 1.2, (100.0, 400.0)
_CATHETER_SHARE, _CATHETER_MM, _CATHETER_HU, _CATHETER_TURN_MM = 0.08, (1.5, 2.5), (300.0, 900.0), 35.0


def add_table(scene: Scene, skin: Tube, acquisition: Acquisition, beam: Beam, own: np.random.Generator) -> None:
    """Put the patient table under the back, with calibration rods when asked for."""
    # buttocks and shoulders are pressed into the table; rods lie under the whole back
    _, back_y, _, behind = skin.at(np.minimum(np.arange(-REACH_MM, REACH_MM, _BACK_STEP_MM), _BACK_TOP_MM))
    back = float(np.quantile(back_y + behind, 1.0 if acquisition.rods else _PRESSED)) + acquisition.table_mm
    z, (wide, deep) = np.array([-REACH_MM, REACH_MM]), _TOP_HALF_MM[kind := choose(own, _TABLES)]
    middle = back + _TOP_BULGE_MM + (deep if kind == "flat" else -deep)
    inside = between(own, _FOAM_HU) if kind == "flat" else _TABLE_INSIDE
    top = Tube(z, np.zeros(2), np.full(2, middle), np.full(2, wide), np.full(2, deep), 0.9 if kind == "flat" else 0.0)
    table = Solid(top, Material(inside, between(own, _TABLE_SKIN_HU), between(own, _TABLE_SKIN_MM)))
    board = RoundedBox(Frame(np.array([0, back + _BOARD_BELOW_MM, 0])), (*_BOARD_HALF_MM, REACH_MM), _BOARD_ROUND_MM)
    if own.random() < _MATTRESS_SHARE:
        half = 0.5 * min(between(own, _MATTRESS_MM), acquisition.table_mm + 1.0)
        pad = RoundedBox(Frame(np.array([0, back - half, 0])), (_MATTRESS_HALF_MM, half, REACH_MM), 0.5)
        scene.surroundings.append(Solid(pad, Material(between(own, _MATTRESS_HU))))
    scene.surroundings += [table, Solid(board, Material(_BOARD_HU))]
    if acquisition.rods:
        for index, bmd in enumerate(_ROD_BMD_MG_CM3):
            x, y = np.full(2, (index - 2) * _ROD_APART_MM), np.full(2, back - _ROD_UP_MM)
            rod = Tube(z, x, y, np.full(2, _ROD_MM), np.full(2, _ROD_MM))
            scene.surroundings.append(Solid(rod, Material(beam.k2hpo4_hu * bmd)))


def add_arms(
    scene: Scene, skin: Tube, joints: Sequence[np.ndarray], tissue: TissueHu, person: Person, rng: np.random.Generator
) -> None:
    """Put both arms beside the trunk, from the (right, left) shoulder joints down."""
    size = person.scale * (_WASTED_ARM if person.habitus == "wasted" else 1.0)
    bone = Material(
        between(rng, _ARM_BONE_HU), scene.mineral * between(rng, _ARM_CORTEX_HU), between(rng, _ARM_CORTEX_MM)
    )
    for side, shoulder in zip(SIDES, joints, strict=True):
        soft, gap = between(rng, _ARM_MM) * size, between(rng, _ARM_GAP_MM)
        heights = np.array([between(rng, _ELBOW_Z_MM), _WRIST_Z_MM])
        cx, cy, rx, _ = skin.at(heights)
        x = cx + side * (rx.max() + gap + soft)
        y = cy + np.array([between(rng, _ELBOW_BACK_MM), -between(rng, _WRIST_FRONT_MM)])
        elbow, wrist = np.stack([x, y, heights], axis=1)
        for start, end, radius in ((shoulder, elbow, soft), (elbow, wrist, _FOREARM_THIN * soft)):
            scene.surroundings.append(
                Solid(Capsule(start, end, radius, radius), Material(tissue.fat, tissue.skin, 1.5))
            )
            lean = radius - _ARM_FAT_MM - 0.2 * person.fat_mm
            scene.surroundings.append(Solid(Capsule(start, end, lean, lean), Material(tissue.muscle)))
        humerus, forearm = (between(rng, mm) * person.scale for mm in (_HUMERUS_MM, _FOREARM_MM))
        scene.skeleton.append(Solid(Capsule(shoulder, elbow, humerus, humerus * 1.3), bone, Tissue.OTHER_BONE))
        for apart in (-_FOREARM_APART_MM, _FOREARM_APART_MM):
            aside = np.array([0.5 * apart, apart, 0.0]) * person.scale
            scene.skeleton.append(Solid(Capsule(elbow, wrist + aside, forearm, forearm), bone, Tissue.OTHER_BONE))


def add_leads(scene: Scene, skin: Tube, rng: np.random.Generator) -> None:
    """Put leads and tubes on the skin, and a catheter into the belly."""
    for share, radius, material in (
        (_LEAD_SHARE, _LEAD_MM, Material(between(rng, _LEAD_HU))),
        (_TUBE_SHARE, between(rng, _TUBE_MM), Material(-1000.0, between(rng, _TUBE_HU), _TUBE_WALL_MM)),
    ):
        for _ in range(int(rng.integers(*_LEADS)) if rng.random() < share else 0):
            angle, z = between(rng, (0.0, np.pi)), between(rng, (-200.0, 250.0))
            points = []
            for _ in range(_LEAD_STEPS):
                x, y, rx, ry = (float(v[0]) for v in skin.at(np.array([z])))
                points.append(np.array([x + (rx + radius) * np.cos(angle), y - (ry + radius) * np.sin(angle), z]))
                angle, z = angle + float(rng.normal(0, _LEAD_WANDER)), z + float(rng.normal(0, 25.0))
            for start, end in pairwise(points):
                scene.skeleton.append(Solid(Capsule(start, end, radius, radius), material))
    if rng.random() < _CATHETER_SHARE:
        radius, hu = between(rng, _CATHETER_MM), between(rng, _CATHETER_HU)
        points = np.cumsum(rng.normal(0, _CATHETER_TURN_MM, (_LEAD_STEPS, 3)), axis=0) + np.array([0, -80.0, 0])
        for start, end in pairwise(points):
            scene.skeleton.append(Solid(Capsule(start, end, radius, radius), Material(hu)))
