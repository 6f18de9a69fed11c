"""Ribs, which tell T12 from L1.

A rib starts at its costovertebral joint, passes in front of the transverse process (tubercle), turns at its angle and
follows the trunk's wall. Numbers are chosen unless they come from :mod:`OsteoJointLib.phantom.draws.morphometry`.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, around, between
from OsteoJointLib.phantom.draws.morphometry import RIB_DROP, RIB_LENGTH_MM, RIB_TALL, RIB_THICKNESS_MM, SIDES
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.bars import Bar
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Material, Scene, Solid, Tissue
from OsteoJointLib.phantom.spine.column import Column
from OsteoJointLib.phantom.spine.vertebrae import Vertebra
from OsteoJointLib.phantom.trunk.cartilage import add_cartilage, draw_calcified
from OsteoJointLib.phantom.trunk.sternum import Sternum
from OsteoJointLib.phantom.trunk.torso import Torso

RibLengths = dict[str, tuple[float, float]]
"""Length in mm of each vertebra's (right, left) rib along its curve, 0 for none."""
RibHeads = dict[str, tuple[np.ndarray | None, np.ndarray | None]]
"""World position (3,) in LPS mm of each vertebra's (right, left) costovertebral joint, None where there is none."""

LEAST_RIB_MM = 8.0
"""What is shorter is no rib."""

_T1, _T10, _T11 = 8, 17, 18  # VerSe numbers
_FIRST_TALL: Range = (1.7, 2.2)  # width of the flat first rib over its thickness
_SECOND_MM, _FIRST_MM = 0.86, 0.55  # length of the second and the first rib over the third's
_STEP_MM = 8.0  # between two points of a rib
_HEAD_X, _HEAD_OUT_MM, _HEAD_Y = 0.87, 3.0, 0.64  # of the body's half width, mm beside it, of its half depth
_HEAD_UP, _FREE_HEAD_UP = (0.8, 1.05), (0.2, 0.45)  # of the half height: at the disc up to T10, on the body below
_TUBERCLE_IN_MM, _TUBERCLE_FRONT_MM, _TUBERCLE_UP = 1.0, 7.0, 0.4  # from the tip of the transverse process
_TRANSVERSE_BACK_MM = 11.0  # that tip behind the body, besides its own
_FREE_OUT_MM, _FREE_BACK_MM, _FREE_DOWN_MM = (13.0, 19.0), (0.0, 9.0), (1.0, 6.0)  # second point of the last ribs
_TO_WALL_MM = 26.0  # beyond its second point a rib has reached the wall
_LARGEST_START, _ANGLE_STEP = 0.9, 0.05  # of the way from the midline to the flank; rad, for the wall's direction
_FALL_BACK, _FALL_FLANK = 0.45, 0.7  # share of a rib's fall that is the same everywhere, and that the flank adds
_FRONT_ANGLE = 2.75  # rad, from here a rib only falls
_DROP_BELOW = 0.8  # mm per mm of a rib on L1
_DROP_PERSON, _DROP_RIB, _DROP_SIDE = (0.95, 0.16), (1.0, 0.05), (1.0, 0.06)  # mean and SD of factors on the fall

_GIRTH_AT_MM, _USUAL_GIRTH_MM = 60.0, 240.0  # z where the cavity is measured; half width and half depth of a usual one
_SIDE_SD_MM, _LEAST_MM = 8.0, 60.0  # between right and left; of T6 to T11
_T12_MM, _THIN_MM, _STUB_MM, _BESIDE_MM = (45.0, 140.0), (20.0, 140.0), (9.0, 40.0), (30.0, 90.0)  # beside a stub
_L1_RIB_MM: Range = (9.0, 50.0)
_BOTH_SIDES = 0.5  # share of stubs, of missing ribs and of ribs on L1 that are so on both sides

_PLACE_SD, _SIDE_THICKNESS = 0.25, (1.0, 0.05)  # of a rib's place in its range of thickness; factor of one side
_THIN_T12_MM, _TWELFTH_MM = (3.0, 4.0), (3.0, 5.0)  # full thickness; what any twelfth keeps to
# along a rib, at shares of its length: thickness over the shaft's, and how much of its height over thickness it has
_PROFILE = np.array(
    [(0.0, 1.1, 0.0), (0.05, 0.8, 0.4), (0.11, 1.05, 0.5), (0.25, 1.1, 0.7), (0.8, 1.0, 1.0), (1.0, 0.9, 1.1)]
)
_T11_PROFILE = np.array([(0.0, 1.05, 0.0), (0.08, 0.85, 0.4), (0.25, 1.0, 1.0), (0.6, 1.0, 1.0), (1.0, 0.45, 0.6)])
_LAST_PROFILE = np.array([(0.0, 1.1, 0.0), (0.1, 0.95, 0.5), (0.25, 1.0, 1.0), (0.5, 1.0, 1.0), (1.0, 0.3, 0.5)])
_CORTEX_MM, _CORTEX_LOSS, _MOST_CORTEX = (0.7, 1.5), 0.5, 0.45  # shell; share lost by 90 years; of the half thickness
_OLD_FROM, _OLD_SPAN = 40.0, 50.0  # years: no loss at 40, all of it at 90
_CORTEX = 0.85  # HU over the other bones'
_CORTEX_SPREAD, _BONE_TEXTURE_HU = (0.8, 1.2), 15.0  # factor of one rib; SD


def draw_rib_lengths(person: Person, torso: Torso, rng: np.random.Generator) -> RibLengths:
    """Draw the length in mm of each vertebra's (right, left) rib for this person; 0 for none.

    All but the twelfth grow with the trunk, so that they reach its front.
    """
    _, _, wide, deep = torso.cavity.at(np.array([_GIRTH_AT_MM]))
    girth = float(wide[0] + deep[0]) / _USUAL_GIRTH_MM

    def pair(name: str, limits: Range) -> tuple[float, float]:
        mean, sd = RIB_LENGTH_MM[name]
        usual = around(rng, (mean * (person.scale if name == "T12" else girth), sd))
        right, left = (float(np.clip(usual + rng.normal(0, _SIDE_SD_MM), *limits)) for _ in SIDES)
        return right, left

    def rare(limits: Range, other: Range) -> tuple[float, float]:
        """Draw one side by ``limits``, the other too or by ``other``."""
        both = rng.random() < _BOTH_SIDES
        lengths = between(rng, limits), between(rng, limits if both else other)
        return lengths if rng.random() < 0.5 else lengths[::-1]

    lengths = {name: pair(name, (_LEAST_MM, np.inf)) for name in RIB_LENGTH_MM}
    right, left = lengths["T3"]
    lengths |= {name: (right * part, left * part) for name, part in (("T1", _FIRST_MM), ("T2", _SECOND_MM))}
    lengths["T12"] = {
        "thin": lambda: (between(rng, _THIN_MM), between(rng, _THIN_MM)),
        "stub": lambda: rare(_STUB_MM, _BESIDE_MM),
        "missing": lambda: rare((0.0, 0.0), _BESIDE_MM),
    }.get(person.twelfth_rib, lambda: pair("T12", _T12_MM))()
    lengths["L1"] = rare(_L1_RIB_MM, (0.0, 0.0)) if person.twelfth_rib == "extra" else (0.0, 0.0)
    return lengths


def _start(vertebra: Vertebra, above: Vertebra, side: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Head and tubercle of a rib; the last ribs have no tubercle and leave the body sideways.

    The head gives way to its own body and the one above, however broad or spurred they are.
    """
    frame, body, sizes = vertebra.frame, vertebra.body, vertebra.sizes
    free = sizes.verse_label >= _T11
    beside = _HEAD_X * body.half_width + _HEAD_OUT_MM
    up = between(rng, _FREE_HEAD_UP if free else _HEAD_UP) * body.half_height
    head = frame.point(side * beside, _HEAD_Y * body.half_depth, up)
    x, y, z = head[:, None]
    gap = min(float(shape.distance(x, y, z)[0, 0, 0]) for shape in (body, above.body))
    head = head + frame.axes[:, 0] * side * max(_HEAD_OUT_MM - gap, 0.0)
    if free:
        out, back = beside + between(rng, _FREE_OUT_MM), body.half_depth + between(rng, _FREE_BACK_MM)
        return head, frame.point(side * out, back, up - between(rng, _FREE_DOWN_MM))
    back = body.half_depth + _TRANSVERSE_BACK_MM + sizes.transverse_back_mm - _TUBERCLE_FRONT_MM
    return head, frame.point(side * (sizes.transverse_mm - _TUBERCLE_IN_MM), back, _TUBERCLE_UP * body.half_height)


def _rib_path(
    start: tuple[np.ndarray, np.ndarray], torso: Torso, side: float, length_mm: float, drop: float
) -> np.ndarray:
    """Points (N, 3) of one rib from its head and its second point to its tip, ``length_mm`` along them."""
    from scipy.interpolate import CubicSpline

    points = list(start)
    walked, z = float(np.linalg.norm(points[1] - points[0])), float(points[1][2])
    flank = abs(torso.wall_point(side, 0.5 * np.pi, z)[0])
    angle = float(np.arcsin(min((abs(points[1][0]) + _TO_WALL_MM) / flank, _LARGEST_START)))
    points.append(torso.wall_point(side, angle, z - drop * _TO_WALL_MM * _FALL_BACK))
    walked += float(np.linalg.norm(points[2] - points[1]))
    z = float(points[2][2])
    step = 2.0 * _STEP_MM
    while walked < length_mm + step:
        fall = drop * step * (_FALL_BACK + _FALL_FLANK * np.sin(angle) ** 2)
        ahead = torso.wall_point(side, angle + _ANGLE_STEP, z)
        turn = step * _ANGLE_STEP / float(np.linalg.norm(ahead - points[-1]))
        angle, z = min(angle + turn, _FRONT_ANGLE), z - fall
        points.append(torso.wall_point(side, angle, z))
        walked += float(np.linalg.norm(points[-1] - points[-2]))
    knots = np.array(points)
    at = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(knots, axis=0), axis=1))])
    curve = CubicSpline(at, knots)(np.linspace(0, at[-1], max(int(at[-1]), 2)))
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    wanted = np.linspace(0.0, length_mm, max(int(np.ceil(length_mm / _STEP_MM)), 2) + 1)
    return np.stack([np.interp(wanted, along, curve[:, axis]) for axis in range(3)], axis=1)


def _rib(path: np.ndarray, thickness_mm: float, tall: float, profile: np.ndarray, flat: bool) -> Compound:
    """Shape a rib along its path: full thickness and height over thickness of the shaft, profile along it.

    The first rib is flat: what is height in the others points outward.
    """
    share = np.linspace(0.0, 1.0, len(path))
    thin = 0.5 * thickness_mm * np.interp(share, profile[:, 0], profile[:, 1])
    height = thin * (1.0 + (tall - 1.0) * np.interp(share, profile[:, 0], profile[:, 2]))
    up = np.array([0.0, 0.0, 1.0])
    return Compound(
        tuple(
            Bar(a, b, thickness, tallness, np.cross(b - a, up) if flat else up)
            for (a, b), thickness, tallness in zip(pairwise(path), pairwise(thin), pairwise(height), strict=True)
        )
    )


def add_ribs(
    scene: Scene,
    column: Column,
    torso: Torso,
    lengths: RibLengths,
    person: Person,
    sternum: Sternum,
    cortex_hu: float,
    core_hu: float,
    rng: np.random.Generator,
) -> RibHeads:
    """Put every rib of the column into the scene, each with its own thickness, fall and shell.

    Returns:
        The costovertebral joints.
    """
    old = float(np.clip((person.age_years - _OLD_FROM) / _OLD_SPAN, 0.0, 1.0))
    place, person_drop = rng.random(), around(rng, _DROP_PERSON)
    person_cortex = between(rng, _CORTEX_MM) * (1.0 - _CORTEX_LOSS * old)
    calcified = draw_calcified(person, rng)
    heads: RibHeads = {}
    for above, vertebra in pairwise(column.vertebrae):
        name, label = vertebra.sizes.name, vertebra.sizes.verse_label
        drop = RIB_DROP.get(name, _DROP_BELOW) * person_drop * around(rng, _DROP_RIB)
        joints: list[np.ndarray | None] = []
        for side, length in zip(SIDES, lengths.get(name, (0.0, 0.0)), strict=True):
            if length < LEAST_RIB_MM:
                joints.append(None)
                continue
            thickness = _thickness_mm(name, person, place, rng)
            start = _start(vertebra, above, side, rng)
            path = _rib_path(start, torso, side, length, drop * around(rng, _DROP_SIDE))
            profile = _PROFILE if label <= _T10 else _T11_PROFILE if label == _T11 else _LAST_PROFILE
            first = label == _T1
            shape = _rib(path, thickness, between(rng, _FIRST_TALL if first else RIB_TALL[name]), profile, first)
            cortex = min(person_cortex * between(rng, _CORTEX_SPREAD), _MOST_CORTEX * 0.5 * thickness)
            if label <= _T10:
                add_cartilage(scene, torso, path[-1], side, sternum.notch(name), calcified, rng)
            scene.skeleton.append(
                Solid(shape, Material(core_hu, _CORTEX * cortex_hu, cortex, _BONE_TEXTURE_HU), Tissue.RIB)
            )
            joints.append(path[0])
        heads[name] = (joints[0], joints[1])
    return heads


def _thickness_mm(name: str, person: Person, place: float, rng: np.random.Generator) -> float:
    """Draw the full thickness of one rib's shaft; ``place`` is where in the usual range this person's ribs lie."""
    low, high = RIB_THICKNESS_MM[name]
    if name == "T12" and person.twelfth_rib == "thin":
        low, high = _THIN_T12_MM
    thickness = low + (high - low) * float(np.clip(place + rng.normal(0, _PLACE_SD), 0.0, 1.0))
    thickness *= around(rng, _SIDE_THICKNESS)
    return float(np.clip(thickness, *_TWELFTH_MM)) if name == "T12" else thickness * person.scale
