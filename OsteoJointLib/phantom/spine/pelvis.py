"""Hip bones and proximal femora.

Numbers are chosen beside real CTs; mm are those of the tables' man. Points are x (outward from the midline), y
(backward) and z (upward) from the first sacral body's center, with the pelvis as it stands over a usual sacral slope.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between
from OsteoJointLib.phantom.draws.morphometry import SACRAL_PITCH_DEG, SIDES
from OsteoJointLib.phantom.solids.bars import Plate
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Material, Scene, Shape, Solid, Tissue
from OsteoJointLib.phantom.solids.shapes import Capsule, Ellipsoid, Frame, rotation
from OsteoJointLib.phantom.spine.column import Column

_WIDTH_MM = 54.0  # of the last lumbar body where the pelvis has the sizes below
_TILT_SHARE = 0.7  # how far the pelvis turns with the sacrum
_CORTEX, _CORTEX_MM, _BLEND_MM, _TEXTURE_HU = 0.85, (0.7, 1.5), 6.0, 15.0  # HU over the other bones'
_CREST_FACTOR: Range = (0.55, 1.2)  # on the height of what lies over S1's center: 24 to 53 mm
_FLARE: Range = (0.8, 1.15)  # factor on how far the wings stand out beside the sacroiliac joint
_WING_TO_HIP_MM = 60.0  # below S1's center the wing ends and the hip begins

# x, y, z and half thickness
_CREST = np.array(  # from the posterior to the anterior superior spine
    [
        (45.0, 66.0, -14.0, 6.5),
        (64.0, 48.0, 22.0, 6.0),
        (91.0, 16.0, 44.0, 5.0),
        (113.0, -18.0, 42.0, 5.0),
        (130.0, -48.0, 22.0, 6.5),
        (129.0, -77.0, -16.0, 5.5),
    ]
)
_CREST_POINTS, _BACK_POINTS = 13, 6  # points of the smooth crest, and how many of them lie behind the fossa
_FRONT = np.array([(108.0, -72.0, -52.0, 7.5), (92.0, -46.0, -66.0, 14.0), (73.0, -18.0, -40.0, 8.5)])
_JOINT_FRONT, _JOINT_BACK = np.array((70.0, 8.0, 6.0, 6.0)), np.array((56.0, 46.0, -42.0, 7.0))
_FOSSA = np.array((104.0, -24.0, 0.0, 1.8))
_HIP, _HEAD_MM, _CARTILAGE_MM = (90.0, -46.0, -88.0), 23.5, 2.5  # center and radius of the head, joint space
_SOCKET, _SOCKET_MM = (84.0, -46.0, -88.0), 31.0
_MOUTH, _MOUTH_WIDER = (130.0, -54.0, -120.0), 1.4  # the socket opens outward and down
_TUBER, _PUBIS_TOP, _PUBIS_LOW = (64.0, -10.0, -146.0), (13.0, -92.0, -112.0), (12.0, -86.0, -136.0)
_RODS = (  # from, to, radius there and there
    ((78.0, -24.0, -100.0), (72.0, -8.0, -124.0), 13.0, 11.0),
    ((72.0, -8.0, -124.0), _TUBER, 11.0, 13.0),
    ((80.0, -64.0, -84.0), (46.0, -84.0, -98.0), 11.0, 7.0),
    ((46.0, -84.0, -98.0), _PUBIS_TOP, 7.0, 9.0),
    (_PUBIS_TOP, _PUBIS_LOW, 10.0, 8.0),
    (_PUBIS_LOW, _TUBER, 6.0, 8.0),
)
_NECK, _TROCHANTER, _UNDER = (131.0, -40.0, -112.0), (144.0, -30.0, -98.0), (126.0, -34.0, -140.0)
_NECK_MM, _TROCHANTER_MM, _LESSER, _LESSER_MM = (15.0, 18.0), 12.0, (114.0, -22.0, -146.0), 9.0
_SHAFT_RUN, _SHAFT_MM = (-8.0, -6.0, -170.0), (17.0, 14.0)  # in the world: a thigh lies flat; 210 mm under the joint
_COVER = ((121.0, -38.0, 18.0), (126.0, -66.0, -18.0), (134.0, -50.0, -30.0), (138.0, -36.0, -102.0))
_COVER_MM = 27.0  # around crest, spine and trochanter: bone, muscle and skin of the thinnest
_GROIN = ((126.0, -66.0, -18.0), (88.0, -64.0, -75.0), (12.0, -80.0, -118.0))  # and before the hip to the pubis
_UPPER_SHAFT = 0.2  # of the shaft: its cortex is half as thick
_SHAFT_CORTEX_MM, _SHAFT_HU, _SHAFT_MARROW_HU = (4.0, 7.0), 0.95, (-60.0, 40.0)  # HU over the other bones'


def _scale(column: Column) -> float:
    return column.sacrum_sizes.width_mm / _WIDTH_MM


def _frame(column: Column) -> Frame:
    """Frame of the pelvis about S1's center: it turns, tilts and leans with the sacrum, less than the slope does."""
    slope = float(np.arctan2(-column.sacrum.axes[1, 2], column.sacrum.axes[2, 2]))
    back = _TILT_SHARE * (slope - np.deg2rad(SACRAL_PITCH_DEG)) - slope
    return Frame(column.sacrum.center, column.sacrum.axes @ rotation(back, 0, 0))


def hip_center(column: Column, side: float) -> np.ndarray:
    """Center (3,) of the femur's head on one side (-1 right, +1 left)."""
    return _frame(column).point(*(np.array([side, 1.0, 1.0]) * _HIP * _scale(column)))


def thinnest_skin(column: Column) -> list[Shape]:
    """Shape the least that lies over the pelvis and the thighs: what a wasted patient's skin does not sink under."""
    scale = _scale(column)
    parts: list[Shape] = []
    for side in SIDES:
        mirror = np.array([side, 1.0, 1.0])
        points = [_frame(column).point(*(mirror * point * scale)) for point in _COVER]
        points.append(points[-1] + mirror * _SHAFT_RUN * scale - np.array([0.0, 0.0, _COVER_MM]) * scale)
        groin = [_frame(column).point(*(mirror * point * scale)) for point in _GROIN]
        rods = *pairwise(points), *pairwise(groin)
        parts += [Capsule(a, b, _COVER_MM * scale, _COVER_MM * scale) for a, b in rods]
    return parts


def _ilium(at: Callable[[np.ndarray], np.ndarray], scale: float) -> list[Shape]:
    """Span one ilium by triangles: around the fossa, and from the sacroiliac joint to the back of the crest."""
    from scipy.interpolate import CubicSpline

    crest = CubicSpline(np.arange(len(_CREST)), _CREST)(np.linspace(0, len(_CREST) - 1, _CREST_POINTS))
    around_fossa = [*crest[_BACK_POINTS - 1 :], *_FRONT, _JOINT_FRONT, crest[_BACK_POINTS - 1]]
    triangles = [(_FOSSA, a, b) for a, b in pairwise(around_fossa)]
    triangles += [(_JOINT_FRONT, a, b) for a, b in pairwise([_FRONT[-1], _JOINT_BACK, *crest[:_BACK_POINTS]])]
    return [
        Plate(np.array([at(p[:3]) for p in (a, b, c)]), (a[3] * scale, b[3] * scale, c[3] * scale))
        for a, b, c in triangles
    ]


def add_pelvis(scene: Scene, column: Column, cortex_hu: float, core_hu: float, rng: np.random.Generator) -> None:
    """Put both hip bones and the femora, down to their shafts, into the scene."""
    pelvis, scale = _frame(column), _scale(column)
    bone = Material(core_hu, _CORTEX * cortex_hu, between(rng, _CORTEX_MM), _TEXTURE_HU)
    shaft = Material(between(rng, _SHAFT_MARROW_HU), cortex_hu * _SHAFT_HU, between(rng, _SHAFT_CORTEX_MM))
    crest, flare = between(rng, _CREST_FACTOR), between(rng, _FLARE)
    for side in SIDES:

        def at(point: np.ndarray | tuple[float, float, float], side: float = side) -> np.ndarray:
            """World position; the draws move what lies above and beside the sacroiliac joint."""
            x, y, z = point
            wing = max(x - _JOINT_FRONT[0], 0.0) * float(np.clip(1.0 + z / _WING_TO_HIP_MM, 0.0, 1.0))
            z = z * (crest if z > 0 else 1.0)
            return pelvis.point(*(np.array([side * (x + wing * (flare - 1.0)), y, z]) * scale))

        _add_half(scene, at, _ilium(at, scale), side, scale, bone, shaft)


def _add_half(
    scene: Scene,
    at: Callable[[np.ndarray | tuple[float, float, float]], np.ndarray],
    ilium: list[Shape],
    side: float,
    scale: float,
    bone: Material,
    shaft: Material,
) -> None:
    """Put one hip bone with its femur into the scene."""

    def ball(center: np.ndarray, radius: float) -> Ellipsoid:
        return Ellipsoid(Frame(center), (radius * scale,) * 3)

    def rod(start: np.ndarray, end: np.ndarray, start_mm: float, end_mm: float) -> Capsule:
        return Capsule(start, end, start_mm * scale, end_mm * scale)

    hip, space = at(_HIP), _HEAD_MM + _CARTILAGE_MM
    ramus = [rod(at(a), at(b), start, end) for a, b, start, end in _RODS]
    socket = rod(hip, at(_MOUTH), space, _MOUTH_WIDER * space)
    hip_bone = Compound((*ilium, *ramus, ball(at(_SOCKET), _SOCKET_MM)), (socket,), _BLEND_MM * scale)
    scene.skeleton.append(Solid(hip_bone, bone, Tissue.OTHER_BONE))
    neck, under = at(_NECK), at(_UNDER)
    run = np.array([side, 1.0, 1.0]) * _SHAFT_RUN * scale
    below, (wide, narrow) = under + _UPPER_SHAFT * run, _SHAFT_MM
    upper = replace(shaft, shell_mm=0.5 * shaft.shell_mm)
    scene.skeleton.append(Solid(rod(below, under + run, wide, narrow), shaft, Tissue.OTHER_BONE))
    scene.skeleton.append(Solid(rod(under, below, wide, wide), upper, Tissue.OTHER_BONE))
    femur = (
        ball(hip, _HEAD_MM),
        rod(hip, neck, *_NECK_MM),
        rod(neck, at(_TROCHANTER), _NECK_MM[1], _TROCHANTER_MM),
        rod(neck, under, _NECK_MM[1], _SHAFT_MM[0]),
        rod(under, at(_LESSER), _LESSER_MM, _LESSER_MM),
    )
    scene.skeleton.append(Solid(Compound(femur, (), _BLEND_MM * scale), bone, Tissue.OTHER_BONE))
