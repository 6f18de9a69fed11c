"""Spots in the vertebral bodies: hemangioma, bone island, metastasis, fatty marrow, cement.

Numbers are chosen. All of them belong to the body's mask.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.combined import Common
from OsteoJointLib.phantom.solids.scene import Material, Scene, Shape, Solid, Tissue
from OsteoJointLib.phantom.solids.shapes import Capsule, Ellipsoid, Frame, rotation
from OsteoJointLib.phantom.spine.column import Column
from OsteoJointLib.phantom.spine.vertebrae import Vertebra

# half size in mm, HU of a spot
_SPOTS: dict[str, tuple[Range, Range]] = {
    "bone island": ((2.5, 6.0), (500.0, 1000.0)),
    "lytic": ((4.0, 11.0), (15.0, 60.0)),
    "sclerotic": ((3.0, 11.0), (350.0, 800.0)),
    "fatty": ((5.0, 11.0), (-60.0, 20.0)),
}
_DENSE = ("bone island", "sclerotic")
_SPOTS_MANY, _MANY = ("lytic", "sclerotic"), (1, 5)  # metastases come in numbers: from, fewer than
_SPOT_AT, _SPOT_STRETCH = 0.6, (0.8, 1.25)  # how far out, factor of either half size
_HEMANGIOMA_HALF: Range = (0.5, 1.0)  # of the body's half sizes
_HEMANGIOMA_HU, _STRIA_HU, _STRIA_MM = (-60.0, 40.0), (280.0, 600.0), (0.5, 1.0)  # core; coarse trabeculae, radius
_STRIA_STEP_MM, _STRIA_JITTER_MM, _STRIA_DENSITY = 4.5, 1.2, 0.85  # share of the places that have one
_CEMENT_LUMPS, _CEMENT_MM, _CEMENT_HU = (3, 8), (3.0, 8.0), (1200.0, 2500.0)
_CEMENT_AT, _CEMENT_FRONT = 0.55, -0.15  # of the half sizes
_TURN: Range = (-1.0, 1.0)  # rad about each axis


def add_lesions(scene: Scene, column: Column, person: Person, rng: np.random.Generator) -> None:
    """Paint the lesions of every body; after the bodies."""
    kinds = dict(person.lesions)
    for vertebra in column.vertebrae:
        kind = kinds.get(vertebra.sizes.verse_label)
        if kind in _SPOTS:
            _add_spots(scene, vertebra, kind, rng)
        elif kind == "hemangioma":
            _add_hemangioma(scene, vertebra, rng)
        elif kind == "cement":
            _add_cement(scene, vertebra, rng)


def _add(scene: Scene, vertebra: Vertebra, shape: Shape, material: Material) -> None:
    scene.skeleton.append(Solid(Common((vertebra.outline, shape)), material, Tissue.BODY))


def _place(vertebra: Vertebra, share: float, rng: np.random.Generator) -> np.ndarray:
    """Draw a point (3,) of the body, no farther out than ``share`` of its half sizes."""
    body = vertebra.body
    x, y, z = rng.uniform(-share, share, 3)
    return vertebra.frame.point(x * body.half_width, y * body.half_depth, z * body.half_height)


def _add_spots(scene: Scene, vertebra: Vertebra, kind: str, rng: np.random.Generator) -> None:
    """Paint one spot, or several where there are metastases."""
    half_mm, hu = _SPOTS[kind]
    brighter = scene.mineral if kind in _DENSE else 1.0
    for _ in range(int(rng.integers(*_MANY)) if kind in _SPOTS_MANY else 1):
        size = between(rng, half_mm)
        a, b, c = (size * between(rng, _SPOT_STRETCH) for _ in range(3))
        frame = Frame(_place(vertebra, _SPOT_AT, rng), rotation(*rng.uniform(*_TURN, 3)))
        _add(scene, vertebra, Ellipsoid(frame, (a, b, c)), Material(brighter * between(rng, hu)))


def _add_hemangioma(scene: Scene, vertebra: Vertebra, rng: np.random.Generator) -> None:
    """Paint fatty marrow with coarse upright trabeculae."""
    body, frame = vertebra.body, vertebra.frame
    wide, deep, tall = (
        half * between(rng, _HEMANGIOMA_HALF) for half in (body.half_width, body.half_depth, body.half_height)
    )
    center = frame.point(between(rng, (-1, 1)) * (body.half_width - wide), 0, 0)
    whole = Ellipsoid(Frame(center, frame.axes), (wide, deep, tall * 1.2))
    _add(scene, vertebra, whole, Material(between(rng, _HEMANGIOMA_HU)))
    hu, up = scene.mineral * between(rng, _STRIA_HU), frame.axes[:, 2] * 2.0 * tall
    across, along = (np.arange(-half, half + 0.1, _STRIA_STEP_MM) for half in (wide, deep))
    for x, y in np.stack(np.meshgrid(across, along), axis=-1).reshape(-1, 2):
        if (x / wide) ** 2 + (y / deep) ** 2 < 0.9 and rng.random() < _STRIA_DENSITY:
            jitter = rng.normal(0, _STRIA_JITTER_MM, 2)
            at = center + frame.axes[:, :2] @ (np.array([x, y]) + jitter)
            radius = between(rng, _STRIA_MM)
            _add(scene, vertebra, Common((Capsule(at - up, at + up, radius, radius), whole)), Material(hu))


def _add_cement(scene: Scene, vertebra: Vertebra, rng: np.random.Generator) -> None:
    """Paint an irregular lump of cement."""
    body, hu = vertebra.body, scene.mineral * between(rng, _CEMENT_HU)
    middle = vertebra.frame.point(0, _CEMENT_FRONT * body.half_depth, 0) - vertebra.frame.center
    for _ in range(int(rng.integers(*_CEMENT_LUMPS))):
        a, b, c = (between(rng, _CEMENT_MM) for _ in range(3))
        frame = Frame(_place(vertebra, _CEMENT_AT, rng) + middle, rotation(*rng.uniform(*_TURN, 3)))
        _add(scene, vertebra, Ellipsoid(frame, (a, b, c)), Material(hu))
