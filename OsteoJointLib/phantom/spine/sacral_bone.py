"""Sacrum, which tells L5 from S1: five fused bodies on a curve, alae, canal, crest, foramina, and its transitions.

Numbers are chosen beside real CTs and the sacrum of a man; mm are those of the tables' man and lie in each segment's
own frame: x outward from the midline, y backward, z upward from the segment's center.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between
from OsteoJointLib.phantom.draws.morphometry import SIDES
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.bars import Bar, Plate
from OsteoJointLib.phantom.solids.body_shape import BodyShape
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Material, Scene, Shape, Solid, Tissue
from OsteoJointLib.phantom.solids.shapes import Capsule, Ellipsoid, Frame, RoundedBox, rotation
from OsteoJointLib.phantom.spine.column import DISC_SQUARENESS, Column

# by segment, S1 to S5
_HEIGHT = (1.0, 0.98, 0.92, 0.84, 0.76)  # over S1's
_HALF_WIDTH, _HALF_DEPTH = (0.48, 0.36, 0.27, 0.21, 0.17), (0.46, 0.33, 0.24, 0.18, 0.14)  # over L5's width, depth
_ALA_HALF_MM = ((19.0, 17.0, 15.0), (19.0, 15.0, 13.0), (15.0, 12.0, 11.0), (12.0, 8.0, 9.0), (9.0, 6.0, 8.0))
_ALA_TO_MM, _ALA_BACK_MM, _ALA_YAW = (
    (62.0, 56.0, 46.0, 35.0, 25.0),
    (12.0, 9.0, 7.0, 5.0, 4.0),
    (0.4, 0.3, 0.2, 0.1, 0.0),
)
_CANAL_MM = ((14.0, 7.5), (12.0, 6.0), (9.0, 5.0), (7.0, 4.0), (5.0, 3.0))  # half width, half depth
_MASS_MM, _MASS_OUT = (12.0, 11.0, 8.0, 6.0, 4.0), 0.74  # what joins the alae at the side: radius, share of their reach
_WALL_OUT_MM, _WALL = 5.0, 0.26  # the canal's side wall: beside the canal, radius over the segment's height
_CREST_MM = (8.0, 8.0, 6.0, 4.0, 2.0)  # how far the median crest stands out behind
_FORAMEN_MM = (5.5, 5.0, 4.2, 3.6)  # radius in front, under S1 to S4
_BEND_SHARE = (0.02, 0.28, 0.4, 0.3)  # of the whole bend, between S1 and S2 and so on

_BEND_DEG: Range = (35.0, 75.0)
_CORTEX, _CORTEX_MM, _TEXTURE_HU = 0.9, (0.8, 1.5), 14.0  # HU over the other bones'
_BLEND_MM, _WAIST, _BOWL_MM, _FUSED_MM = 5.0, 0.1, (0.5, 2.5), 1.0  # bodies reach this far into one another
_BODY_OF_ALA = 0.7  # how far an ala reaches into its body
_ALA_DARKEST_HU, _ALA_OVER_CORE_HU, _ALA_CORE = -40.0, 20.0, 0.75  # the alae's fatty marrow; its size in the ala
_LAMINA_MM, _LAMINA_OUT_MM, _LAMINA_OVER_MM = 2.5, 9.0, 4.0  # half thickness; beside the canal; into the next segment
_CREST_HALF_MM, _CREST_TALL, _ROUND_MM = 3.0, 0.44, 2.0  # half thickness; half height over the segment's
_FORAMEN_OUT_MM, _FORAMEN_BACK, _FORAMEN_MARGIN_MM = 7.0, 0.55, 20.0  # beside the body; radius behind; reach
_FACET_MM, _FACET_OUT_MM, _FACET_BACK_MM, _FACET_UP_MM = (6.0, 4.5, 9.0), 6.0, 9.0, 5.0  # over S1's canal, to L5
_GAP_MM, _GAP_KEPT, _LEAST_GAP_MM = (-2.0, 4.0), (0.2, 0.7), 0.6  # half height of S1/S2's disc; further down
_RIM_MM = 1.0  # dense bone around a remnant disc

# a lumbarized S1: half height of its disc, reach of its ala and of S2's, width of S2's body over its own
_LUMBAR_GAP_MM, _LUMBAR_ALA, _SQUARED = (2.5, 5.0), (0.78, 1.1), 0.95
_WING_ROOT_MM, _WING_MM, _WING_OUT_MM = (7.0, 9.0), (6.0, 10.0), (42.0, 52.0)  # sacralized L5: radii, how far out
_WING_SHORT_MM, _WING_FUSED = (4.0, 8.0), 0.5  # stops before the ala, unless it has grown together with it
_WING_BOTH_SIDES = 0.6  # share


def _frames(frame: Frame, heights: list[float], rng: np.random.Generator) -> list[Frame]:
    """Stack the five segments' frames along the sacral curve."""
    bend = np.deg2rad(between(rng, _BEND_DEG))
    frames = [frame]
    for share, (above, below) in zip(_BEND_SHARE, pairwise(heights), strict=True):
        previous = frames[-1]
        axes = previous.axes @ rotation(-share * bend, 0, 0)
        frames.append(Frame(previous.point(0, 0, -0.5 * above) - axes[:, 2] * 0.5 * below, axes))
    return frames


def add_sacrum(
    scene: Scene,
    column: Column,
    person: Person,
    cortex_hu: float,
    core_hu: float,
    disc_hu: float,
    rng: np.random.Generator,
) -> None:
    """Put the sacrum into the scene, with remnant discs, and a sacralized last lumbar body's wings.

    Marrow of the alae is fatty and may be darker than muscle.
    """
    s, sizes, lumbarized = person.scale, column.sacrum_sizes, person.transition == "lumbarized"
    heights = [sizes.height_mm * share for share in _HEIGHT]
    frames = _frames(column.sacrum, heights, rng)
    widths, depths = [sizes.width_mm * v for v in _HALF_WIDTH], [sizes.depth_mm * v for v in _HALF_DEPTH]
    if lumbarized:
        widths[1] = widths[0] * _SQUARED
    parts: list[Shape] = []
    alae: list[Ellipsoid] = []
    masses: dict[float, list[np.ndarray]] = {side: [] for side in SIDES}
    for index, frame in enumerate(frames):
        half = 0.5 * heights[index]
        bowl = (between(rng, _BOWL_MM), 0.0) if index == 0 else (0.0, 0.0)
        parts.append(BodyShape(frame, widths[index], depths[index], half + _FUSED_MM, waist=_WAIST, concavity_mm=bowl))
        reach = _ALA_TO_MM[index] * s * (_LUMBAR_ALA[index] if lumbarized and index < 2 else 1.0)
        half_x = 0.5 * (reach - _BODY_OF_ALA * widths[index])
        _, half_y, half_z = (v * s for v in _ALA_HALF_MM[index])
        for side in SIDES:
            at = frame.point(side * (reach - half_x), _ALA_BACK_MM[index] * s, 0)
            mass = frame.point(side * reach * _MASS_OUT, _ALA_BACK_MM[index] * s, 0)
            canal_x, canal_y = (v * s for v in _CANAL_MM[index])
            arch = frame.point(side * (canal_x + _WALL_OUT_MM * s), depths[index] + 2.0 * canal_y, 0)
            parts.append(Capsule(mass, arch, _MASS_MM[index] * s, _WALL * heights[index]))
            masses[side].append(mass)
            alae.append(
                Ellipsoid(Frame(at, frame.axes @ rotation(0, 0, side * _ALA_YAW[index])), (half_x, half_y, half_z), 0.3)
            )
        parts += _back(frame, depths[index], heights[index], index, s)
    radii = [radius * s for radius in _MASS_MM]
    for points in masses.values():
        parts += [Capsule(*ends, *sizes) for ends, sizes in zip(pairwise(points), pairwise(radii), strict=True)]
    holes = _canal(frames, depths, heights, s) + _foramina(frames, widths, heights, s)
    shell = cortex_hu * _CORTEX
    bone = Material(core_hu, shell, between(rng, _CORTEX_MM), _TEXTURE_HU)
    scene.skeleton.append(Solid(Compound((*parts, *alae), holes, _BLEND_MM * s), bone, Tissue.SACRUM))
    fatty = Material(between(rng, (_ALA_DARKEST_HU, core_hu + _ALA_OVER_CORE_HU)), texture_hu=_TEXTURE_HU)
    for ala in alae[:4]:
        a, b, c = (_ALA_CORE * v for v in ala.radii)
        scene.skeleton.append(Solid(Ellipsoid(ala.frame, (a, b, c), ala.squareness), fatty))
    _add_discs(scene, frames, heights, widths, depths, Material(disc_hu, shell, _RIM_MM), lumbarized, rng)
    if person.transition == "sacralized":
        _add_wings(scene, column, bone, s, rng)


def _back(frame: Frame, depth: float, height: float, index: int, s: float) -> list[Shape]:
    """Shape the plate behind the canal, the median crest on it and, on S1, the facets that meet L5's."""
    canal_x, canal_y = (v * s for v in _CANAL_MM[index])
    plate_y = depth + 2.0 * canal_y + _LAMINA_MM * s
    crest = _CREST_MM[index] * s
    shapes: list[Shape] = [
        RoundedBox(
            Frame(frame.point(0, plate_y, 0), frame.axes),
            (canal_x + _LAMINA_OUT_MM * s, _LAMINA_MM * s, 0.5 * height + _LAMINA_OVER_MM * s),
            _ROUND_MM * s,
        ),
        RoundedBox(
            Frame(frame.point(0, plate_y + 0.5 * crest, 0), frame.axes),
            (_CREST_HALF_MM * s, 0.5 * crest + _LAMINA_MM * s, _CREST_TALL * height),
            _ROUND_MM * s,
        ),
    ]
    if index == 0:
        a, b, c = (v * s for v in _FACET_MM)
        for side in SIDES:
            at = frame.point(
                side * (canal_x + _FACET_OUT_MM * s),
                depth + canal_y + _FACET_BACK_MM * s,
                0.5 * height + _FACET_UP_MM * s,
            )
            shapes.append(Ellipsoid(Frame(at, frame.axes), (a, b, c)))
    return shapes


def _canal(frames: list[Frame], depths: list[float], heights: list[float], s: float) -> tuple[Shape, ...]:
    """Shape the sacral canal behind the bodies, open at both ends."""
    behind = [
        frame.point(0, depth + canal[1] * s, 0) for frame, depth, canal in zip(frames, depths, _CANAL_MM, strict=True)
    ]
    behind = [behind[0] + frames[0].axes[:, 2] * heights[0], *behind, behind[-1] - frames[-1].axes[:, 2] * heights[-1]]
    sizes = [_CANAL_MM[0], *_CANAL_MM, _CANAL_MM[-1]]
    return tuple(
        Bar(a, b, (v[1] * s, w[1] * s), (v[0] * s, w[0] * s), frames[0].axes[:, 0])
        for (a, b), (v, w) in zip(pairwise(behind), pairwise(sizes), strict=True)
    )


def _foramina(frames: list[Frame], widths: list[float], heights: list[float], s: float) -> tuple[Shape, ...]:
    """Shape the four pairs of foramina, wider in front than behind."""
    holes = []
    for index, radius in enumerate(_FORAMEN_MM):
        frame, reach = frames[index], (_FORAMEN_MARGIN_MM + _ALA_HALF_MM[index][1]) * s
        for side in SIDES:
            x, z = side * (widths[index] * 0.75 + _FORAMEN_OUT_MM * s), -0.5 * heights[index]
            front, back = frame.point(x, -reach, z), frame.point(x, reach + _ALA_BACK_MM[index] * s, z)
            holes.append(Capsule(front, back, radius * s, _FORAMEN_BACK * radius * s))
    return tuple(holes)


def _add_discs(
    scene: Scene,
    frames: list[Frame],
    heights: list[float],
    widths: list[float],
    depths: list[float],
    material: Material,
    lumbarized: bool,
    rng: np.random.Generator,
) -> None:
    """Put the remnants of discs between the fused bodies; a lumbarized S1 has a whole one under it."""
    gap = between(rng, _LUMBAR_GAP_MM if lumbarized else _GAP_MM)
    for index, frame in enumerate(frames[:-1]):
        if gap > _LEAST_GAP_MM:
            disc = Frame(frame.point(0, 0, -0.5 * heights[index]), frame.axes)
            wide, deep = (0.5 * (v[index] + v[index + 1]) + _RIM_MM for v in (widths, depths))
            scene.skeleton.append(Solid(Ellipsoid(disc, (wide, deep, gap + _RIM_MM), DISC_SQUARENESS), material))
        gap *= between(rng, _GAP_KEPT)


def _add_wings(scene: Scene, column: Column, bone: Material, s: float, rng: np.random.Generator) -> None:
    """Broaden the last lumbar body's transverse processes into wings that reach the alae (Castellvi II to IV)."""
    last, sacrum = column.vertebrae[-1], column.sacrum
    both, first = rng.random() < _WING_BOTH_SIDES, int(rng.integers(2))
    root_y, root_z = 0.8 * last.body.half_depth, 0.2 * last.body.half_height
    for side in SIDES if both else SIDES[first : first + 1]:
        fused = rng.random() < _WING_FUSED
        root = last.frame.point(side * 0.9 * last.body.half_width, root_y, root_z)
        out = between(rng, _WING_OUT_MM) * s
        ala = sacrum.point(side * out, _ALA_BACK_MM[0] * s, _ALA_HALF_MM[0][2] * s)
        tip = last.frame.point(side * out, root_y + 8.0 * s, root_z)
        end = ala if fused else ala + sacrum.axes[:, 2] * (between(rng, _WING_SHORT_MM) + _WING_MM[0]) * s
        radii = between(rng, _WING_ROOT_MM) * s, 0.8 * between(rng, _WING_MM) * s, between(rng, _WING_MM) * s
        scene.skeleton.append(Solid(Plate(np.array([root, tip, end]), radii), bone, Tissue.POSTERIOR))
