"""Ribs and pelvis: what tells T12 from L1 and L5 from S1."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from OsteoJointLib.phantom.morphometry import RIB_DROP, RIB_LENGTH_MM
from OsteoJointLib.phantom.person import Person
from OsteoJointLib.phantom.scene import Material, Scene, Solid, Tissue
from OsteoJointLib.phantom.shapes import Capsule, Ellipsoid, Frame, ShellPatch
from OsteoJointLib.phantom.spine import Column, Vertebra
from OsteoJointLib.phantom.torso import Torso

_SIDES = (-1.0, 1.0)
_STEP_MM = 12.0


def _rib_path(
    vertebra: Vertebra, torso: Torso, side: float, length_mm: float, drop: float, rng: np.random.Generator
) -> np.ndarray:
    """Points (N, 3) of one rib from its head at the body to its tip, ``length_mm`` along the curve."""
    frame, body, sizes = vertebra.frame, vertebra.body, vertebra.sizes
    raised = 0.55 if sizes.verse_label < 18 else 0.15
    head = frame.point(side * (0.86 * body.half_width + 2.5), 0.72 * body.half_depth, raised * body.half_height)
    neck = frame.point(
        side * (sizes.transverse_mm + 4.0),
        body.half_depth + 9.0 + sizes.transverse_back_mm,
        raised * body.half_height - 2.0,
    )
    if sizes.verse_label >= 18:
        # the last ribs hang free of the transverse process and leave the body more sideways
        neck = frame.point(
            side * (0.86 * body.half_width + 16.0),
            body.half_depth + float(rng.uniform(0, 14)),
            0.1 * body.half_height - 3.0,
        )
    points, walked, z = [head, neck], float(np.linalg.norm(neck - head)), float(neck[2])
    angle = 0.0
    while (
        abs(torso.wall_point(side, angle, z)[0] - neck[0]) > 3.0
        and abs(torso.wall_point(side, angle, z)[0]) < abs(neck[0]) + 14.0
    ):
        angle += 0.02
        if angle > 1.2:
            break
    while walked < length_mm:
        previous = points[-1]
        angle += _STEP_MM / 125.0
        fall = drop * _STEP_MM * (0.6 + 0.4 * np.sin(min(angle, np.pi)))
        z -= fall
        target = torso.wall_point(side, angle, z)
        if len(points) < 5:
            blend = (0.35, 0.65, 0.9)[len(points) - 2]
            ahead = previous + (points[-1] - points[-2]) / max(np.linalg.norm(points[-1] - points[-2]), 1e-6) * _STEP_MM
            target = blend * target + (1 - blend) * np.array([ahead[0], ahead[1], z])
        walked += float(np.linalg.norm(target - previous))
        points.append(target)
        if angle > 2.6:
            break
    return np.array(points)


def _cut(path: np.ndarray, length_mm: float) -> np.ndarray:
    """The first ``length_mm`` of a path."""
    steps = np.linalg.norm(np.diff(path, axis=0), axis=1)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    keep = along < length_mm
    tip = np.array([np.interp(length_mm, along, path[:, axis]) for axis in range(3)])
    return np.concatenate([path[keep], tip[None]])


def draw_rib_lengths(person: Person, rng: np.random.Generator) -> dict[str, tuple[float, float]]:
    """Length in mm of each vertebra's (right, left) rib for this person; 0 for none."""

    def both(low: float, high: float) -> tuple[float, float]:
        return float(rng.uniform(low, high)), float(rng.uniform(low, high))

    lengths = {}
    for name, (mean, sd) in RIB_LENGTH_MM.items():
        usual = max(mean * person.scale + float(rng.normal(0, sd)), 40.0 if name == "T12" else 60.0)
        lengths[name] = both(usual - 8.0, usual + 8.0)
    if person.twelfth_rib == "stub":
        lengths["T12"] = both(12, 32)
    if person.twelfth_rib == "missing":
        lengths["T12"] = (0.0, 0.0)
    lengths["L1"] = both(12, 40) if person.twelfth_rib == "extra" else (0.0, 0.0)
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
    thickness = float(rng.uniform(3.0, 4.4))
    bone = Material(core_hu, cortex_hu, float(rng.uniform(0.8, 1.6)), 15.0)
    for vertebra in column.vertebrae:
        drop = RIB_DROP.get(vertebra.sizes.name, 0.8) * float(rng.normal(1.0, 0.12))
        for side, length in zip(_SIDES, lengths.get(vertebra.sizes.name, (0.0, 0.0)), strict=True):
            if length <= 0.0:
                continue
            path = _cut(_rib_path(vertebra, torso, side, length, drop, rng), length)
            for index, (start, end) in enumerate(pairwise(path)):
                radius = thickness * (1.0 if index < len(path) - 3 else 0.8)
                tall = 1.25 if index < 2 else 1.75
                scene.skeleton.append(Solid(Capsule(start, end, radius, radius, tall), bone, Tissue.RIB))


def add_pelvis(scene: Scene, column: Column, cortex_hu: float, core_hu: float, rng: np.random.Generator) -> None:
    """Put iliac wings, the hip joints and the femora's heads into the scene."""
    sacrum = column.sacrum.center
    scale = column.sacrum_sizes.width_mm / 54.0
    bone = Material(core_hu, cortex_hu, float(rng.uniform(1.2, 2.2)), 15.0)

    def add(shape) -> None:
        scene.skeleton.append(Solid(shape, bone, Tissue.OTHER_BONE))

    crest = float(rng.uniform(42, 80))
    for side in _SIDES:
        middle = sacrum + np.array([side * 86.0, -18.0, crest - 66.0]) * scale
        outward = np.array([side * 0.72, 0.62, -0.25])
        radius = float(rng.uniform(110, 170)) * scale
        wing = Ellipsoid(Frame(middle), (56.0 * scale, 70.0 * scale, 66.0 * scale))
        add(
            ShellPatch(
                middle - outward / np.linalg.norm(outward) * radius, radius, float(rng.uniform(6, 10)) * scale, wing
            )
        )
        joint = sacrum + np.array([side * 52.0, 14.0, -14.0]) * scale
        add(Ellipsoid(Frame(joint), (8.0 * scale, 22.0 * scale, 34.0 * scale)))
        hip = sacrum + np.array([side * 88.0, -42.0, -98.0]) * scale
        add(Ellipsoid(Frame(hip + np.array([side * 2, 4.0, 14.0]) * scale), (26.0 * scale, 30.0 * scale, 32.0 * scale)))
        head = hip + np.array([side * 6.0, -2.0, -10.0]) * scale
        add(Ellipsoid(Frame(head), (23.0 * scale,) * 3))
        add(Capsule(head, head + np.array([side * 48.0, 6.0, -42.0]) * scale, 16.0 * scale, 17.0 * scale))
        add(
            Capsule(
                hip + np.array([0, -8.0, -12.0]) * scale,
                sacrum + np.array([side * 14.0, -92.0, -125.0]) * scale,
                13.0 * scale,
                11.0 * scale,
            )
        )
