"""Cartilages of the ribs: the first seven reach the sternum, the next rise along the wall; old ones calcify in patches.

Numbers are chosen.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from OsteoJointLib.phantom.draws.chance import between
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.bars import Bar
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Material, Scene, Solid, Tissue
from OsteoJointLib.phantom.trunk.torso import Torso

_STEP_MM, _LONG_MM, _RISE = 12.0, (70.0, 130.0), (0.3, 0.7)  # a part; where it reaches no sternum: length, mm up per mm
_END_RAD, _HALF_MM = 3.0, (3.0, 6.0)  # from the back's midline; half thickness and height
_HU, _TEXTURE_HU = (70.0, 120.0), 10.0
_CALCIFIED = {"F": 0.35, "M": 0.7}  # share of a cartilage's parts that is calcified in the oldest
_CALCIFIED_OLD, _CALCIFIED_SPAN = 40.0, 50.0  # years: none at 40, all of it at 90
_CALCIUM_HU, _CALCIUM_MM, _CALCIUM_LENGTH = (200.0, 600.0), (1.0, 2.2), 0.7  # half thickness; share of the part


def draw_calcified(person: Person, rng: np.random.Generator) -> float:
    """Draw which share of the cartilages' parts is calcified."""
    old = float(np.clip((person.age_years - _CALCIFIED_OLD) / _CALCIFIED_SPAN, 0.0, 1.0))
    return old * _CALCIFIED[person.sex] * rng.random()


def _to_sternum(
    torso: Torso, tip: np.ndarray, angle: float, girth_mm: float, side: float, notch: tuple[float, float]
) -> list[np.ndarray]:
    """Lay points along the wall from a rib's tip to the sternum's edge."""
    height, half_width = notch
    wide = float(torso.cavity.at(np.array([height]))[2][0])
    end = np.pi - float(np.arcsin(half_width / wide))
    steps = max(int(np.ceil(0.5 * girth_mm * (end - angle) / _STEP_MM)), 1)
    share = np.linspace(0.0, 1.0, steps + 1)[1:]
    angles, heights = angle + share * (end - angle), tip[2] + share * (height - tip[2])
    return [tip, *(torso.wall_point(side, a, z) for a, z in zip(angles, heights, strict=True))]


def _rising(
    torso: Torso, tip: np.ndarray, angle: float, girth_mm: float, side: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """Lay points along the wall from a rib's tip to the front and up."""
    z, rise, points = float(tip[2]), between(rng, _RISE), [tip]
    for _ in range(int(between(rng, _LONG_MM) / _STEP_MM)):
        angle, z = angle + 2.0 * _STEP_MM / girth_mm, z + rise * _STEP_MM
        if angle > _END_RAD:
            break
        points.append(torso.wall_point(side, angle, z))
    return points


def add_cartilage(
    scene: Scene,
    torso: Torso,
    tip: np.ndarray,
    side: float,
    notch: tuple[float, float] | None,
    calcified: float,
    rng: np.random.Generator,
) -> None:
    """Continue a rib to the front along the wall.

    Args:
        scene: into which it is put.
        torso: whose wall it follows.
        tip: of the rib, (3,) in world mm.
        side: -1 right, 1 left.
        notch: world z where it reaches the sternum, and half that bone's width; None where it doesn't.
        calcified: share of its parts.
        rng: source of its shape and its calcium.
    """
    cx, cy, rx, ry = (float(v[0]) for v in torso.cavity.at(tip[2:]))
    angle, girth = float(np.arctan2(abs(tip[0] - cx) / rx, (tip[1] - cy) / ry)), rx + ry
    points = (
        _to_sternum(torso, tip, angle, girth, side, notch) if notch else _rising(torso, tip, angle, girth, side, rng)
    )
    if len(points) < 2:
        return
    thin, tall = _HALF_MM
    up = np.array([0.0, 0.0, 1.0])
    parts = tuple(Bar(a, b, (thin, thin), (tall, tall), up) for a, b in pairwise(points))
    soft = Material(between(rng, _HU), texture_hu=_TEXTURE_HU)
    scene.skeleton.append(Solid(Compound(parts), soft))
    for part in parts:
        if rng.random() < calcified:
            half = between(rng, _CALCIUM_MM)
            end = part.start + _CALCIUM_LENGTH * (part.end - part.start)
            calcium = Bar(part.start, end, (half, half), (1.5 * half, half), up)
            scene.skeleton.append(
                Solid(calcium, Material(scene.mineral * between(rng, _CALCIUM_HU)), Tissue.OTHER_BONE)
            )
