"""What surgeons left: screws and rods, cage, hip prosthesis, stent, filter, clips; and dense facets and ligaments.

Numbers are chosen. Metal keeps the HU it has before the scanner clips it; streaks come from where it lies
(:mod:`OsteoJointLib.phantom.scanner.metal`). Outside a body it is "other bone", inside it stays the body's.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between
from OsteoJointLib.phantom.draws.morphometry import SIDES
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.combined import Common, Compound
from OsteoJointLib.phantom.solids.scene import Material, Scene, Shape, Solid, Tissue
from OsteoJointLib.phantom.solids.shapes import Capsule, Ellipsoid, Frame, RoundedBox
from OsteoJointLib.phantom.spine.arch import landmark_mm
from OsteoJointLib.phantom.spine.column import Column
from OsteoJointLib.phantom.spine.pelvis import hip_center
from OsteoJointLib.phantom.spine.vertebrae import Vertebra

_METAL_HU: Range = (3500.0, 9000.0)  # titanium to steel
_SCREW_MM: Range = (2.2, 3.2)  # radius
_SCREW_BACK_MM, _SCREW_TIP, _SCREW_IN, _SCREW_OUT_MM = 24.0, (-0.6, 0.0), (0.35, 0.7), 3.0  # see _screw
_HEAD_MM, _ROD_MM, _ROD_OUT_MM = 6.0, (2.4, 3.1), 3.0  # radii; how far the rod goes on beyond the last head
_CROSS_SHARE, _CROSS_MM = 0.3, 2.0  # share of the pairs with a cross link; radius
_CAGE_HALF_MM: tuple[Range, Range] = ((9.0, 14.0), (7.0, 11.0))
_CAGE_HU, _CAGE_WALL_HU, _CAGE_WALL_MM, _CAGE_ROUND_MM = (100.0, 700.0), (1800.0, 5000.0), 1.5, 2.0  # PEEK to titanium
_HEAD_OF_HIP_MM, _CUP_MM, _STEM_MM, _STEM_TO_MM = 15.0, 27.0, 8.0, (45.0, 8.0, -150.0)
_CUP_WALL_MM, _CUP_INSIDE_HU = 4.0, 80.0  # a metal cup lined with plastic
_CLIPS, _CLIP_MM, _CLIP_LONG_MM = (3, 9), 0.8, (4.0, 9.0)
_CLIP_AT_MM = ((-60.0, 60.0), (35.0, 90.0), (-60.0, 60.0))  # x, before the column, z about L1/L2
_CLIP_SPREAD_MM, _CLIP_HU = 12.0, (2500.0, 4500.0)

_FACET_CHANCE, _FACET_HU = 0.5, (450.0, 950.0)  # of one facet joint, in the most degenerate
_FACET_MM: tuple[Range, Range, Range] = ((4.0, 8.0), (4.0, 8.0), (5.0, 9.0))  # half sizes
_FACET_OUT_MM, _FACET_UP_MM = 4.0, 4.0  # of the joint, from the lower articular process's tip
_LIGAMENT_CHANCE, _LIGAMENT_HU, _LIGAMENT_MM = 0.06, (250.0, 700.0), 2.5  # of one gap, in the most degenerate


def _add_metal(scene: Scene, shape: Shape, hu: float, bodies: tuple[Vertebra, ...] = ()) -> None:
    """Paint metal: other bone outside the bodies, body inside."""
    material = Material(hu)
    outlines = tuple(vertebra.outline for vertebra in bodies)
    scene.skeleton.append(Solid(Compound((shape,), outlines), material, Tissue.OTHER_BONE))
    for outline in outlines:
        scene.skeleton.append(Solid(Common((shape, outline)), material, Tissue.BODY))


def _screw(vertebra: Vertebra, side: float, scale: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Head and tip of a screw that runs through the pedicle of one side, converging toward the midline."""
    body = vertebra.body
    out, _, z = landmark_mm(vertebra.sizes, "isthmus") * scale
    head = vertebra.frame.point(side * (out + _SCREW_OUT_MM), body.half_depth + _SCREW_BACK_MM * scale, z)
    tip_x, tip_y = side * out * between(rng, _SCREW_IN), body.half_depth * between(rng, _SCREW_TIP)
    return head, vertebra.frame.point(tip_x, tip_y, 0.5 * z)


def _add_screws(scene: Scene, column: Column, person: Person, rng: np.random.Generator) -> None:
    """Put a screw in either pedicle of every instrumented body, and a rod along the heads of each side."""
    held = [v for v in column.vertebrae if v.sizes.verse_label in person.implanted]
    hu, radius, rod_mm = between(rng, _METAL_HU), between(rng, _SCREW_MM), between(rng, _ROD_MM)
    heads: dict[float, list[np.ndarray]] = {side: [] for side in SIDES}
    for side in SIDES:
        for vertebra in held:
            head, tip = _screw(vertebra, side, person.scale, rng)
            _add_metal(scene, Capsule(tip, head, radius, radius), hu, (vertebra,))
            _add_metal(scene, Ellipsoid(Frame(head), (_HEAD_MM,) * 3), hu)
            heads[side].append(head)
        for above, below in zip(heads[side], heads[side][1:], strict=False):
            _add_metal(scene, Capsule(above, below, rod_mm, rod_mm), hu)
    if held and rng.random() < _CROSS_SHARE:
        right, left = (heads[side][len(held) // 2] for side in SIDES)
        _add_metal(scene, Capsule(right, left, _CROSS_MM, _CROSS_MM), hu)


def _add_cage(scene: Scene, column: Column, person: Person, rng: np.random.Generator) -> None:
    """Put a cage into one disc space."""
    for disc in column.discs:
        if disc.label in person.implanted:
            wide, deep = (between(rng, half_mm) for half_mm in _CAGE_HALF_MM)
            tall = max(0.5 * disc.height_mm + 1.0, _CAGE_ROUND_MM + 1.0)
            box = RoundedBox(disc.frame, (wide, deep, tall), _CAGE_ROUND_MM)
            cage = Material(between(rng, _CAGE_HU), between(rng, _CAGE_WALL_HU), _CAGE_WALL_MM)
            outlines = tuple(v.outline for v in (disc.upper, disc.lower) if v)
            scene.skeleton.append(Solid(Compound((box,), outlines), cage, Tissue.OTHER_BONE))


def _add_hip(scene: Scene, column: Column, person: Person, rng: np.random.Generator) -> None:
    """Replace one hip joint by cup, head and stem of metal."""
    side, hu = float(rng.choice(SIDES)), between(rng, _METAL_HU)
    hip = hip_center(column, side)
    x, y, z = _STEM_TO_MM
    end = hip + np.array([side * x, y, z]) * person.scale
    cup = Ellipsoid(Frame(hip), (_CUP_MM,) * 3)
    scene.skeleton.append(Solid(cup, Material(_CUP_INSIDE_HU, hu, _CUP_WALL_MM), Tissue.OTHER_BONE))
    _add_metal(scene, Ellipsoid(Frame(hip), (_HEAD_OF_HIP_MM,) * 3), hu)
    _add_metal(scene, Capsule(hip, end, _STEM_MM, 0.6 * _STEM_MM), hu)


def _add_clips(scene: Scene, column: Column, person: Person, rng: np.random.Generator) -> None:
    """Strew a few surgical clips about one place before the column."""
    x, before, z = (between(rng, limits) for limits in _CLIP_AT_MM)
    place, hu = np.array([x, -before, z]), between(rng, _CLIP_HU)
    for _ in range(int(rng.integers(*_CLIPS))):
        start = place + rng.normal(0, _CLIP_SPREAD_MM, 3)
        turn = rng.normal(size=3)
        end = start + turn / np.linalg.norm(turn) * between(rng, _CLIP_LONG_MM)
        scene.skeleton.append(Solid(Capsule(start, end, _CLIP_MM, _CLIP_MM), Material(hu)))


_ADD: dict[str, Callable[[Scene, Column, Person, np.random.Generator], None]] = {
    "screws": _add_screws,
    "rods": _add_screws,
    "cage": _add_cage,
    "hip": _add_hip,
    "clips": _add_clips,
}
"""Stent and filter are painted with their vessels, cement with the lesions."""


def add_implant(scene: Scene, column: Column, person: Person, rng: np.random.Generator) -> None:
    """Put the patient's implant into the scene; after the bones."""
    if person.implant in _ADD:
        _ADD[person.implant](scene, column, person, rng)


def add_dense_joints(scene: Scene, column: Column, person: Person, rng: np.random.Generator) -> None:
    """Paint sclerotic facet joints and ossified ligaments between the spinous processes."""
    for vertebra, below in zip(column.vertebrae, column.vertebrae[1:], strict=False):
        body, frame, scale = vertebra.body, vertebra.frame, person.scale
        out, back, up = landmark_mm(vertebra.sizes, "lower") + np.array([_FACET_OUT_MM, 0.0, _FACET_UP_MM])
        for side in SIDES:
            if rng.random() < _FACET_CHANCE * person.degeneration:
                at = frame.point(side * out * scale, body.half_depth + back * scale, up * scale)
                a, b, c = (between(rng, half_mm) * scale for half_mm in _FACET_MM)
                joint = Ellipsoid(Frame(at, frame.axes), (a, b, c))
                scene.skeleton.append(Solid(joint, Material(scene.mineral * between(rng, _FACET_HU)), Tissue.POSTERIOR))
        if rng.random() < _LIGAMENT_CHANCE * person.degeneration:
            upper, lower = (_spinous_tip(v, scale) for v in (vertebra, below))
            strand = Capsule(upper, lower, _LIGAMENT_MM, _LIGAMENT_MM)
            scene.skeleton.append(
                Solid(strand, Material(scene.mineral * between(rng, _LIGAMENT_HU)), Tissue.OTHER_BONE)
            )


def _spinous_tip(vertebra: Vertebra, scale: float) -> np.ndarray:
    """Lower end of the spinous process, roughly."""
    x, back, up = landmark_mm(vertebra.sizes, "keel") * scale
    return vertebra.frame.point(x, vertebra.body.half_depth + back, up)
