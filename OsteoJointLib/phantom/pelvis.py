"""Sacrum and pelvis, which tell L5 from S1.

Numbers are chosen; mm are those of the tables' man. Points of the pelvis are x (outward from the midline), y (backward)
and z (upward) from the first sacral body's center.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.phantom.chance import Range, between
from OsteoJointLib.phantom.morphometry import SIDES
from OsteoJointLib.phantom.person import Person
from OsteoJointLib.phantom.scene import Material, Scene, Shape, Solid, Tissue
from OsteoJointLib.phantom.shapes import BodyShape, Capsule, Ellipsoid, Frame, RoundedBox, ShellPatch, rotation
from OsteoJointLib.phantom.spine import DISC_SQUARENESS, Column

_SACRAL_PARTS = 5
_SACRUM_CORTEX, _SACRUM_CORTEX_MM, _SACRUM_TEXTURE_HU = 0.8, 0.9, 12.0  # HU over the other bones'
_ALA_CORTEX_MM, _ALA_TEXTURE_HU, _ALA_DARKEST_HU, _ALA_OVER_CORE_HU = 1.2, 15.0, -40.0, 20.0
_SACRAL_BEND_DEG: Range = (6.0, 18.0)  # between two of its bodies
_S1_WIDTH, _S1_DEPTH = 0.48, 0.46  # half sizes over the last lumbar body's sizes
_SHRINK_WIDTH, _SHRINK_DEPTH, _SHRINK_HEIGHT, _SHRINK_GAP = 0.84, 0.78, 0.86, (0.3, 0.8)  # from body to body
_SACRAL_GAP_MM, _LEAST_GAP_MM, _BODY_BACK_STEP_MM = (0.0, 8.0), 0.5, 2.0  # half height of S1/S2's disc; painted from
_ALA_MM, _ALA_LESS_MM, _ALA_IN, _ALA_HALF = 38.0, 6.5, 0.6, 0.62  # reach at S1, less per body; overlap, half width
_ALA_BACK_MM, _ALA_BACK_MORE_MM, _ALA_DEPTH_MM, _ALA_DEPTH_LESS_MM = 4.0, 2.0, 15.0, 2.0
_ALA_TALL, _ALA_YAW, _ALA_SQUARE = 1.1, 0.35, 0.3  # rad
_SACRAL_BOWL_MM, _BOWL_OF_GAP, _OVERLAP_MM, _SACRAL_WAIST = (0.3, 2.0), 0.4, 0.8, 0.1
_MEDIAN_CREST_BACK_MM, _MEDIAN_CREST_BACK_LESS_MM = 16.0, 2.0  # behind the bodies at S1, less per body
_MEDIAN_CREST_MM, _MEDIAN_CREST_LESS_MM = 13.0, 2.0  # half width
_MEDIAN_CREST_HALF_DEPTH_MM, _MEDIAN_CREST_ROUND_MM = 4.0, 3.0

_BONE_TEXTURE_HU = 15.0
_PELVIS_WIDTH_MM = 54.0  # of the last lumbar body where the pelvis has the sizes below
_PELVIS_CORTEX_MM: Range = (1.2, 2.2)
_CREST_MM: Range = (42.0, 80.0)  # height of the iliac crest over S1
_WING_AT_MM, _WING_BELOW_CREST_MM, _WING_MM = (86.0, -18.0), 66.0, (56.0, 70.0, 66.0)
_WING_OUTWARD, _WING_RADIUS_MM, _WING_THICK_MM = (0.72, 0.62, -0.25), (110.0, 170.0), (6.0, 10.0)  # direction, curve
_JOINT_AT_MM, _JOINT_MM = (52.0, 14.0, -14.0), (8.0, 22.0, 34.0)  # sacroiliac
_HIP_AT_MM, _SOCKET_AT_MM, _SOCKET_MM = (88.0, -42.0, -98.0), (2.0, 4.0, 14.0), (26.0, 30.0, 32.0)  # socket from hip
_HEAD_AT_MM, _HEAD_MM = (6.0, -2.0, -10.0), 23.0  # of the femur, from the hip
_FEMUR_TO_MM, _FEMUR_MM = (48.0, 6.0, -42.0), (16.0, 17.0)  # neck's end from the head; radius there and back
_PUBIS_FROM_MM, _PUBIS_TO_MM, _PUBIS_MM = (0.0, -8.0, -12.0), (14.0, -92.0, -125.0), (13.0, 11.0)  # from hip, from S1


def add_sacrum(
    scene: Scene,
    column: Column,
    person: Person,
    cortex_hu: float,
    core_hu: float,
    disc_hu: float,
    rng: np.random.Generator,
) -> None:
    """Put the sacrum into the scene: five shrinking bodies on a backward curve, remnant discs, alae and a median crest.

    Marrow of the alae is fatty and may be darker than muscle; the S1/S2 disc often persists.
    """
    s, frame, sizes = person.scale, column.sacrum, column.sacrum_sizes
    cortex_hu = cortex_hu * _SACRUM_CORTEX
    bone = Material(core_hu, cortex_hu, _SACRUM_CORTEX_MM, _SACRUM_TEXTURE_HU)
    ala_hu = between(rng, (_ALA_DARKEST_HU, core_hu + _ALA_OVER_CORE_HU))
    wing = Material(ala_hu, cortex_hu, _ALA_CORTEX_MM, _ALA_TEXTURE_HU)

    def add(shape: Shape, material: Material = bone) -> None:
        scene.skeleton.append(Solid(shape, material, Tissue.SACRUM))

    center, axes, bend = frame.center, frame.axes, rotation(np.deg2rad(between(rng, _SACRAL_BEND_DEG)), 0, 0)
    width, depth, height = _S1_WIDTH * sizes.width_mm, _S1_DEPTH * sizes.depth_mm, 0.5 * sizes.height_mm
    gap_mm = between(rng, _SACRAL_GAP_MM)
    for segment in range(_SACRAL_PARTS):
        body = Frame(center, axes)
        reach = (_ALA_MM - _ALA_LESS_MM * segment) * s
        half = (_ALA_HALF * reach, (_ALA_DEPTH_MM - _ALA_DEPTH_LESS_MM * segment) * s, height * _ALA_TALL)
        for side in SIDES:
            out = side * (width * _ALA_IN + 0.5 * reach)
            ala_center = body.point(out, _ALA_BACK_MM + _ALA_BACK_MORE_MM * segment, 0)
            ala = Frame(ala_center, axes @ rotation(0, 0, -side * _ALA_YAW))
            add(Ellipsoid(ala, half, _ALA_SQUARE), wing)
        if gap_mm > _LEAST_GAP_MM:
            disc = Frame(body.point(0, 0, -height), axes)
            add(Ellipsoid(disc, (width, depth, gap_mm), DISC_SQUARENESS), Material(disc_hu))
        bowl = (between(rng, _SACRAL_BOWL_MM), _BOWL_OF_GAP * gap_mm)
        half_height = height + _OVERLAP_MM - 0.5 * gap_mm
        add(BodyShape(body, width, depth, half_height, waist=_SACRAL_WAIST, concavity_mm=bowl))
        crest = Frame(
            body.point(0, depth + (_MEDIAN_CREST_BACK_MM - _MEDIAN_CREST_BACK_LESS_MM * segment) * s, 0), axes
        )
        crest_half = ((_MEDIAN_CREST_MM - _MEDIAN_CREST_LESS_MM * segment) * s, _MEDIAN_CREST_HALF_DEPTH_MM * s, height)
        add(RoundedBox(crest, crest_half, _MEDIAN_CREST_ROUND_MM * s))
        center = body.point(0, _BODY_BACK_STEP_MM * s, -height)
        axes = axes @ bend
        width, depth, height = width * _SHRINK_WIDTH, depth * _SHRINK_DEPTH, height * _SHRINK_HEIGHT
        gap_mm *= between(rng, _SHRINK_GAP)
        center = center - axes[:, 2] * height


def _off(column: Column, side: float, at_mm: tuple[float, float, float]) -> np.ndarray:
    """Offset (3,) of a place of the pelvis, given for the tables' man, on one side (-1 right, +1 left)."""
    outward, back, up = at_mm
    return np.array([side * outward, back, up]) * (column.sacrum_sizes.width_mm / _PELVIS_WIDTH_MM)


def hip_center(column: Column, side: float) -> np.ndarray:
    """Center (3,) of the femur's head."""
    return column.sacrum.center + _off(column, side, _HIP_AT_MM) + _off(column, side, _HEAD_AT_MM)


def add_pelvis(scene: Scene, column: Column, cortex_hu: float, core_hu: float, rng: np.random.Generator) -> None:
    """Put iliac wings, the hip joints and the femora's heads into the scene."""
    s1, scale = column.sacrum.center, column.sacrum_sizes.width_mm / _PELVIS_WIDTH_MM
    bone = Material(core_hu, cortex_hu, between(rng, _PELVIS_CORTEX_MM), _BONE_TEXTURE_HU)

    def add(shape: Shape) -> None:
        scene.skeleton.append(Solid(shape, bone, Tissue.OTHER_BONE))

    def ellipsoid(center: np.ndarray, half_mm: tuple[float, float, float]) -> Ellipsoid:
        a, b, c = half_mm
        return Ellipsoid(Frame(center), (a * scale, b * scale, c * scale))

    def rod(start: np.ndarray, end: np.ndarray, radii_mm: tuple[float, float]) -> Capsule:
        return Capsule(start, end, radii_mm[0] * scale, radii_mm[1] * scale)

    crest = between(rng, _CREST_MM)
    for side in SIDES:

        def off(outward: float, back: float, up: float, side: float = side) -> np.ndarray:
            return _off(column, side, (outward, back, up))

        middle = s1 + off(*_WING_AT_MM, crest - _WING_BELOW_CREST_MM)
        x, y, z = _WING_OUTWARD
        outward = np.array([side * x, y, z])
        radius = between(rng, _WING_RADIUS_MM) * scale
        curve_center = middle - outward / np.linalg.norm(outward) * radius
        add(ShellPatch(curve_center, radius, between(rng, _WING_THICK_MM) * scale, ellipsoid(middle, _WING_MM)))
        add(ellipsoid(s1 + off(*_JOINT_AT_MM), _JOINT_MM))
        hip = s1 + off(*_HIP_AT_MM)
        head = hip_center(column, side)
        add(ellipsoid(hip + off(*_SOCKET_AT_MM), _SOCKET_MM))
        add(ellipsoid(head, (_HEAD_MM,) * 3))
        add(rod(head, head + off(*_FEMUR_TO_MM), _FEMUR_MM))
        add(rod(hip + off(*_PUBIS_FROM_MM), s1 + off(*_PUBIS_TO_MM), _PUBIS_MM))
