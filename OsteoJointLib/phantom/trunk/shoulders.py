"""The shoulder girdle: clavicles, scapulae and humeri with the muscles and the skin over them, arms up or down.

What a chest CT shows above and beside the ribs. Numbers are chosen beside real CTs; mm are those of the tables' man.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, around, between
from OsteoJointLib.phantom.draws.morphometry import SIDES
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.bars import Bar, Plate
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Material, Scene, Shape, Solid, Tissue
from OsteoJointLib.phantom.solids.shapes import Capsule
from OsteoJointLib.phantom.spine.column import Column
from OsteoJointLib.phantom.trunk.torso import Torso

_C7, _T1, _T2, _T3, _T4, _T6, _T7 = 7, 8, 9, 10, 11, 13, 14  # VerSe numbers

# by whether the arms are up: the shoulder joint beside, behind and over a body's center
_JOINT_AT, _JOINT_SD_MM = {True: _T1, False: _T2}, 5.0
_JOINT_MM = {True: (138.0, 0.0, -2.0), False: (166.0, 2.0, -8.0)}
_ACROMION_MM = {True: (-8.0, 24.0, 20.0), False: (4.0, 16.0, 30.0)}  # beside, behind and over the joint
_ARM_OUT: dict[bool, Range] = {True: (0.2, 0.65), False: (0.05, 0.15)}  # mm to the side per mm up or down
_ARM_FRONT: dict[bool, Range] = {True: (0.05, 0.35), False: (0.0, 0.0)}  # and to the front
_ARM_LONG_MM, _CAP_MM = 310.0, 55.0  # of a raised upper arm; how far down the deltoid covers one that hangs
# corners of the scapula on the back's wall: bodies beside them, angles in rad from the back's midline
_SUPERIOR_AT, _SUPERIOR_RAD = _T2, {True: (0.62, 0.82), False: (0.6, 0.75)}
_INFERIOR_AT, _INFERIOR_RAD = {True: _T6, False: _T7}, {True: (1.05, 1.4), False: (0.75, 0.95)}
_OVER_WALL_MM, _NECK_IN_MM = 14.0, 27.0  # the blade lies so far over the ribs; its neck so far from the joint

_HEAD_MM, _SHAFT_MM = (22.0, 25.0), (10.5, 13.0)  # radii of the humerus
_HEAD_LONG, _HEAD_TAPER, _SHAFT_FLARE, _HEAD_BLEND_MM = 0.05, 0.85, 1.3, 8.0  # of the way to the elbow; of the radii
_BLADE_MM, _SPINE_MM = (2.2, 3.0, 7.5), (2.5, 4.0, 3.5)  # half thickness at the corners of blade and spine
_SPINE_FROM, _ACROMION_BAR_MM = 0.28, ((4.0, 4.0), (10.0, 8.0))  # of the medial border; half thickness, half width
_ACROMION_TO_MM, _CORACOID_MM, _CORACOID_THICK_MM = (6.0, -24.0, 2.0), (2.0, -30.0, 14.0), 5.0
_CLAVICLE_IN_MM, _CLAVICLE_FRONT_MM, _CLAVICLE_OVER_MM = 25.0, 0.0, 12.0  # sternal end: aside, before the wall, over T3
_CLAVICLE_BEND = ((0.0, 0.0), (0.35, -9.0), (0.72, 4.0), (1.0, -10.0))  # share of its way; mm behind the straight line
_CLAVICLE_MM = (8.5, 6.0, 5.5, 6.0)  # half thickness there
_FLAT_CORTEX, _FLAT_CORTEX_MM, _BONE_TEXTURE_HU = 0.85, (1.0, 1.8), 20.0  # HU over the bodies' shell; thickness; SD
_LONG_CORE, _LONG_CORTEX_MM = (0.5, 0.9), (1.5, 2.8)  # HU of a humerus over the ribs'; its shell

_MUSCLE_SIZE: Range = (0.85, 1.15)
_DELTOID_MM, _ARM_MM, _CUFF_MM = 37.0, (42.0, 36.0), (12.0, 14.0, 25.0)  # radii; on the blade's corners
_AXILLA_MM, _OVER_CLAVICLE_MM = (16.0, 26.0), 14.0  # latissimus and teres, from blade to joint; around the clavicle
_TRAPEZIUS_MM = (22.0, 16.0, 11.0)  # at nape, acromion and the clavicle's sternal end
_NAPE_MM = (16.0, 14.0, 4.0)  # beside, behind and over the body of C7
_PECTORAL_MM, _PECTORAL_FRONT_MM = (6.0, 8.0, 22.0), 12.0  # on breast, flank and before the joint; so far before it
_BREAST_RAD, _FLANK_RAD = 2.9, 2.1
_WASTED_ARM, _FAT, _FAT_LIMITS_MM = 0.75, 0.5, (6.0, 40.0)  # muscles of the wasted; skin and fat, of the flank's


@dataclass(frozen=True, eq=False)
class Shoulders:
    """Both shoulders.

    Args:
        joints: middles of the (right, left) humeral heads.
        muscle, skin: what the trunk's wall and outline are widened by.
        flat_bones, humeri: clavicles and scapulae; upper arms, or their heads where the arms hang.
    """

    joints: tuple[np.ndarray, ...]
    muscle: tuple[Shape, ...]
    skin: tuple[Shape, ...]
    flat_bones: tuple[Shape, ...]
    humeri: tuple[Shape, ...]


@dataclass(frozen=True, eq=False)
class _Points:
    """Where one shoulder's parts are, in world mm; ``mirror`` makes a left one of it."""

    mirror: np.ndarray
    joint: np.ndarray
    acromion: np.ndarray
    elbow: np.ndarray
    superior: np.ndarray
    inferior: np.ndarray
    clavicle: np.ndarray
    nape: np.ndarray
    breast: np.ndarray
    flank: np.ndarray


def _over_wall(torso: Torso, side: float, angle_rad: float, z_mm: float, over_mm: float) -> np.ndarray:
    """Point (3,) over the trunk's wall, away from its middle."""
    point, back, front = (torso.wall_point(side, angle, z_mm) for angle in (angle_rad, 0.0, np.pi))
    out = point - 0.5 * (back + front)
    return point + over_mm * out / np.linalg.norm(out)


def build_shoulders(person: Person, column: Column, torso: Torso, rng: np.random.Generator) -> Shoulders:
    """Draw both shoulders, the arms up or down as the person holds them."""
    up, s = not person.arms_down, person.scale
    shift = np.array([around(rng, (0.0, _JOINT_SD_MM)), 0.0, around(rng, (0.0, _JOINT_SD_MM))])
    along = np.array([between(rng, _ARM_OUT[up]), -between(rng, _ARM_FRONT[up]), 1.0 if up else -1.0])
    along *= (_ARM_LONG_MM if up else _CAP_MM) / np.linalg.norm(along)
    superior_rad, inferior_rad = between(rng, _SUPERIOR_RAD[up]), between(rng, _INFERIOR_RAD[up])

    def center(label: int) -> np.ndarray:
        return column.find(label).frame.center

    def on_wall(side: float, angle_rad: float, label: int, over_mm: float) -> np.ndarray:
        return _over_wall(torso, side, angle_rad, float(center(label)[2]), over_mm * s)

    sides = []
    for side in SIDES:
        mirror = np.array([side, 1.0, 1.0])
        joint = center(_JOINT_AT[up]) + mirror * (np.array(_JOINT_MM[up]) + shift) * s
        notch = on_wall(side, np.pi, _T3, _CLAVICLE_FRONT_MM)
        sides.append(
            _Points(
                mirror,
                joint=joint,
                acromion=joint + mirror * np.array(_ACROMION_MM[up]) * s,
                elbow=joint + mirror * along * s,
                superior=on_wall(side, superior_rad, _SUPERIOR_AT, _OVER_WALL_MM),
                inferior=on_wall(side, inferior_rad, _INFERIOR_AT[up], _OVER_WALL_MM),
                clavicle=notch + np.array([side * _CLAVICLE_IN_MM, 0.0, _CLAVICLE_OVER_MM]) * s,
                nape=center(_C7) + mirror * np.array(_NAPE_MM) * s,
                breast=on_wall(side, _BREAST_RAD, _T4, 0.0),
                flank=on_wall(side, _FLANK_RAD, _T6, 0.0),
            )
        )
    head, shaft = between(rng, _HEAD_MM) * s, between(rng, _SHAFT_MM) * s
    size = s * between(rng, _MUSCLE_SIZE) * (_WASTED_ARM if person.habitus == "wasted" else 1.0)
    fat_mm = float(np.clip(_FAT * person.fat_mm, *_FAT_LIMITS_MM))
    return Shoulders(
        joints=tuple(points.joint for points in sides),
        muscle=tuple(part for points in sides for part in _soft(points, up, size, 0.0)),
        skin=tuple(part for points in sides for part in _soft(points, up, size, fat_mm)),
        flat_bones=tuple(bone for points in sides for bone in (_scapula(points, s), _clavicle(points, s))),
        humeri=tuple(_humerus(points, up, head, shaft) for points in sides),
    )


def _scapula(at: _Points, scale: float) -> Compound:
    """Shape a scapula: blade, spine with acromion, and coracoid."""
    neck = at.joint - at.mirror * np.array([_NECK_IN_MM, 0.0, 0.0]) * scale
    root = at.superior + _SPINE_FROM * (at.inferior - at.superior)
    tip = at.acromion + at.mirror * np.array(_ACROMION_TO_MM) * scale
    coracoid = neck + at.mirror * np.array(_CORACOID_MM) * scale
    thin, wide = (np.array(half) * scale for half in _ACROMION_BAR_MM)
    thick = _CORACOID_THICK_MM * scale
    return Compound(
        (
            Plate(np.array([at.superior, at.inferior, neck]), _three(_BLADE_MM, scale)),
            Plate(np.array([root, at.acromion, neck]), _three(_SPINE_MM, scale)),
            Bar(at.acromion, tip, (thin[0], thin[1]), (wide[0], wide[1]), np.array([1.0, 0.0, 0.0])),
            Capsule(neck, coracoid, thick, thick),
        )
    )


def _clavicle(at: _Points, scale: float) -> Compound:
    """Shape a clavicle: an S from the sternum to the acromion."""
    way = at.acromion - at.clavicle
    points = [at.clavicle + share * way + np.array([0.0, back * scale, 0.0]) for share, back in _CLAVICLE_BEND]
    thick = np.array(_CLAVICLE_MM) * scale
    pieces = zip(pairwise(points), pairwise(thick), strict=True)
    return Compound(tuple(Capsule(start, end, r0, r1) for (start, end), (r0, r1) in pieces))


def _humerus(at: _Points, up: bool, head_mm: float, shaft_mm: float) -> Compound:
    """Shape a raised upper arm's bone, or the head alone of one that hangs (its shaft is the arm's)."""
    head = Capsule(at.joint, at.joint + _HEAD_LONG * (at.elbow - at.joint), head_mm, _HEAD_TAPER * head_mm)
    shaft = Capsule(at.joint, at.elbow, _SHAFT_FLARE * shaft_mm, shaft_mm)
    return Compound((head, shaft) if up else (head,), blend_mm=_HEAD_BLEND_MM)


def _soft(at: _Points, up: bool, size: float, grow_mm: float) -> list[Shape]:
    """Shape the muscles around one shoulder, ``grow_mm`` thicker than they are for what lies over them."""

    def thick(mm: float) -> float:
        return mm * size + grow_mm

    start, end = _ARM_MM if up else (_DELTOID_MM, _DELTOID_MM)
    front = at.joint - np.array([0.0, _PECTORAL_FRONT_MM * size, 0.0])
    axilla, axilla_end = _AXILLA_MM
    return [
        Capsule(at.joint, at.elbow, thick(start), thick(end)),
        Plate(np.array([at.superior, at.inferior, at.joint]), _three(_CUFF_MM, size, grow_mm)),
        Capsule(at.inferior, at.joint, thick(axilla), thick(axilla_end)),
        Plate(np.array([at.nape, at.acromion, at.clavicle]), _three(_TRAPEZIUS_MM, size, grow_mm)),
        Capsule(at.clavicle, at.acromion, thick(_OVER_CLAVICLE_MM), thick(_OVER_CLAVICLE_MM)),
        Plate(np.array([at.breast, at.flank, front]), _three(_PECTORAL_MM, size, grow_mm)),
    ]


def _three(radii_mm: tuple[float, float, float], scale: float, grow_mm: float = 0.0) -> tuple[float, float, float]:
    a, b, c = radii_mm
    return a * scale + grow_mm, b * scale + grow_mm, c * scale + grow_mm


def add_shoulders(
    scene: Scene, shoulders: Shoulders, cortex_hu: float, core_hu: float, rng: np.random.Generator
) -> None:
    """Put the shoulders' bones into the scene; their muscle and skin are part of the trunk's."""
    flat = Material(core_hu, _FLAT_CORTEX * cortex_hu, between(rng, _FLAT_CORTEX_MM), _BONE_TEXTURE_HU)
    long = Material(core_hu * between(rng, _LONG_CORE), cortex_hu, between(rng, _LONG_CORTEX_MM), _BONE_TEXTURE_HU)
    for shapes, bone in ((shoulders.flat_bones, flat), (shoulders.humeri, long)):
        scene.skeleton.extend(Solid(shape, bone, Tissue.OTHER_BONE) for shape in shapes)
