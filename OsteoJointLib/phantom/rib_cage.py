"""Ribs, which tell T12 from L1.

Numbers are chosen unless they come from :mod:`OsteoJointLib.phantom.morphometry`.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from OsteoJointLib.phantom.chance import Range, between
from OsteoJointLib.phantom.morphometry import RIB_DROP, RIB_LENGTH_MM, SIDES
from OsteoJointLib.phantom.person import Person
from OsteoJointLib.phantom.scene import Material, Scene, Solid, Tissue
from OsteoJointLib.phantom.shapes import Capsule
from OsteoJointLib.phantom.spine import Column, Vertebra
from OsteoJointLib.phantom.torso import Torso

_STEP_MM = 12.0  # between two points of a rib
_T11 = 18  # VerSe number
_HEAD_X, _HEAD_OUT_MM, _HEAD_Y = 0.86, 2.5, 0.72  # of the body's half width, mm beside it, of its half depth
_RAISED = {False: 0.55, True: 0.15}  # where the head sits, of the half height: T6 to T10, and T11 and T12
_NECK_OUT_MM, _NECK_BACK_MM, _NECK_DOWN_MM = 4.0, 9.0, 2.0  # beyond the transverse process's tip, behind the body
_FREE_OUT_MM, _FREE_BACK_MM, _FREE_Z, _FREE_DOWN_MM = 16.0, (0.0, 14.0), 0.1, 3.0  # neck of T11 and T12
_ANGLE_STEP, _LARGEST_START = 0.02, 1.2  # rad from the back's midline, when looking for where the neck meets the wall
_AT_WALL_MM, _BESIDE_MM = 3.0, 14.0  # met: as near as this, or this far outside the neck
_WALL_RADIUS_MM = 125.0  # of the trunk, roughly: turns steps into angles
_FALL_BACK, _FALL_FLANK = 0.6, 0.4  # share of a rib's fall that is the same everywhere, and that the flank adds
_TO_WALL = (0.35, 0.65, 0.9)  # how much of the wall the first steps behind the neck follow
_LAST_ANGLE = 2.6  # rad, the rib's cartilage begins here

_LEAST_RIB_MM, _LEAST_T12_MM = 60.0, 40.0
_SIDE_DIFFERENCE_MM = 8.0  # right and left differ by up to twice this
_STUB_MM, _L1_RIB_MM = (12.0, 32.0), (12.0, 40.0)
_DROP_BELOW, _DROP_SPREAD = 0.8, 0.12  # mm per mm of a rib on L1, SD of the factor on all drops
_RIB_MM, _RIB_CORTEX_MM, _BONE_TEXTURE_HU = (3.0, 4.4), (0.8, 1.6), 15.0  # half thickness, shell, SD
_TIP_PARTS, _TIP_THIN = 3, 0.8  # the last parts are thinner
_NECK_PARTS, _NECK_TALL, _RIB_TALL = 2, 1.25, 1.75  # height over width of the first parts and of the others


def _rib_path(
    vertebra: Vertebra, torso: Torso, side: float, length_mm: float, drop: float, rng: np.random.Generator
) -> np.ndarray:
    """Points (N, 3) of one rib from its head at the body to its tip, ``length_mm`` along the curve."""
    frame, body, sizes = vertebra.frame, vertebra.body, vertebra.sizes
    free = sizes.verse_label >= _T11
    raised, beside = _RAISED[free] * body.half_height, _HEAD_X * body.half_width
    head = frame.point(side * (beside + _HEAD_OUT_MM), _HEAD_Y * body.half_depth, raised)
    neck = frame.point(
        side * (sizes.transverse_mm + _NECK_OUT_MM),
        body.half_depth + _NECK_BACK_MM + sizes.transverse_back_mm,
        raised - _NECK_DOWN_MM,
    )
    if free:
        # the last ribs hang free of the transverse process and leave the body more sideways
        neck = frame.point(
            side * (beside + _FREE_OUT_MM),
            body.half_depth + between(rng, _FREE_BACK_MM),
            _FREE_Z * body.half_height - _FREE_DOWN_MM,
        )
    points, walked, z = [head, neck], float(np.linalg.norm(neck - head)), float(neck[2])
    angle = 0.0
    while (
        abs(torso.wall_point(side, angle, z)[0] - neck[0]) > _AT_WALL_MM
        and abs(torso.wall_point(side, angle, z)[0]) < abs(neck[0]) + _BESIDE_MM
    ):
        angle += _ANGLE_STEP
        if angle > _LARGEST_START:
            break
    while walked < length_mm:
        previous = points[-1]
        angle += _STEP_MM / _WALL_RADIUS_MM
        z -= drop * _STEP_MM * (_FALL_BACK + _FALL_FLANK * np.sin(min(angle, np.pi)))
        target = torso.wall_point(side, angle, z)
        if len(points) - 2 < len(_TO_WALL):
            blend, step = _TO_WALL[len(points) - 2], points[-1] - points[-2]
            ahead = previous + step / max(np.linalg.norm(step), 1e-6) * _STEP_MM
            target = blend * target + (1 - blend) * np.array([ahead[0], ahead[1], z])
        walked += float(np.linalg.norm(target - previous))
        points.append(target)
        if angle > _LAST_ANGLE:
            break
    return np.array(points)


def _cut(path: np.ndarray, length_mm: float) -> np.ndarray:
    """Return the first ``length_mm`` of a path."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    keep = along < length_mm
    tip = np.array([np.interp(length_mm, along, path[:, axis]) for axis in range(3)])
    return np.concatenate([path[keep], tip[None]])


def draw_rib_lengths(person: Person, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Draw the length in mm of each vertebra's (right, left) rib for this person; 0 for none."""

    def both(limits: Range) -> tuple[float, float]:
        return between(rng, limits), between(rng, limits)

    lengths = {}
    for name, (mean, sd) in RIB_LENGTH_MM.items():
        least = _LEAST_T12_MM if name == "T12" else _LEAST_RIB_MM
        usual = max(mean * person.scale + float(rng.normal(0, sd)), least)
        lengths[name] = both((usual - _SIDE_DIFFERENCE_MM, usual + _SIDE_DIFFERENCE_MM))
    if person.twelfth_rib == "stub":
        lengths["T12"] = both(_STUB_MM)
    if person.twelfth_rib == "missing":
        lengths["T12"] = (0.0, 0.0)
    lengths["L1"] = both(_L1_RIB_MM) if person.twelfth_rib == "extra" else (0.0, 0.0)
    return lengths


def add_ribs(
    scene: Scene,
    column: Column,
    torso: Torso,
    lengths: dict[str, tuple[float, float]],
    cortex_hu: float,
    core_hu: float,
    rng: np.random.Generator,
) -> None:
    """Put every rib of the column into the scene."""
    thickness = between(rng, _RIB_MM)
    bone = Material(core_hu, cortex_hu, between(rng, _RIB_CORTEX_MM), _BONE_TEXTURE_HU)
    for vertebra in column.vertebrae:
        drop = RIB_DROP.get(vertebra.sizes.name, _DROP_BELOW) * float(rng.normal(1.0, _DROP_SPREAD))
        for side, length in zip(SIDES, lengths.get(vertebra.sizes.name, (0.0, 0.0)), strict=True):
            if length <= 0.0:
                continue
            path = _cut(_rib_path(vertebra, torso, side, length, drop, rng), length)
            for index, (start, end) in enumerate(pairwise(path)):
                radius = thickness * (1.0 if index < len(path) - _TIP_PARTS else _TIP_THIN)
                tall = _NECK_TALL if index < _NECK_PARTS else _RIB_TALL
                scene.skeleton.append(Solid(Capsule(start, end, radius, radius, tall), bone, Tissue.RIB))
