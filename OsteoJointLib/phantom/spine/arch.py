"""The vertebral arch: pedicles, articular, transverse and spinous processes and laminae, melted into one solid.

The lumbar nodes and thicknesses were fitted together to the Visible Human's L1 to L5 and to the mean L2 to L5 of 87
patients (sources in :mod:`OsteoJointLib.phantom.draws.morphometry`; ``Testing/measure_shapes.py`` tells how near they
come). The thoracic and cervical nodes are chosen: narrow pedicles high on the body, facets in the coronal plane, a
steep spinous process, longest at T7, and a canal that is wide at C6. So is every other number that names no source. mm
are those of the tables' man.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, around, between
from OsteoJointLib.phantom.draws.morphometry import SIDES, VertebraSizes
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.blend import Blade, Blend
from OsteoJointLib.phantom.solids.body_shape import BodyShape
from OsteoJointLib.phantom.solids.scene import Shape

_C6, _T1, _T4, _T7, _T9, _T12, _L1, _L2, _L3, _L4, _L5 = 6, 8, 11, 14, 16, 19, 20, 21, 22, 23, 24  # VerSe numbers
_NODES = ("root", "isthmus", "facet", "mammillary", "pars", "lower", "lamina", "spine", "keel", "accessory", "tip")
_AT_MM = {
    "root": (
        (15.0, 13.5, 12.0, 12.0, 12.0, 14.0, 15.6, 16.4, 17.2, 18.8, 26.3),
        (-3.0, -4.0, -5.0, -5.0, -5.0, -6.0, -7.0, -7.0, -7.0, -7.0, -7.0),
        (1.0, 3.0, 5.0, 5.0, 5.0, 4.5, 4.0, 4.3, 4.3, 4.1, 0.6),
    ),
    "isthmus": (
        (18.0, 13.5, 11.5, 11.5, 11.5, 13.5, 14.7, 15.6, 15.4, 15.9, 18.1),
        (2.0, 3.0, 3.0, 3.0, 3.0, 3.0, 2.9, 7.6, 9.1, 7.3, 8.5),
        (0.0, 3.5, 5.5, 5.5, 5.5, 4.5, 3.3, 4.6, 4.4, 4.5, 3.2),
    ),
    "facet": (
        (19.0, 14.0, 11.5, 11.5, 11.5, 13.5, 15.4, 16.2, 16.5, 19.4, 22.6),
        (8.0, 8.0, 7.5, 7.5, 7.5, 10.5, 11.3, 9.7, 10.7, 10.5, 11.2),
        (6.0, 10.0, 12.0, 12.0, 12.0, 12.5, 13.1, 14.6, 13.6, 13.7, 11.8),
    ),
    "mammillary": (
        (19.5, 14.0, 11.5, 11.5, 11.5, 16.0, 19.0, 19.0, 19.9, 22.6, 26.0),
        (9.5, 10.0, 9.5, 9.5, 9.5, 18.0, 21.6, 24.5, 24.5, 20.2, 19.7),
        (5.0, 8.0, 10.0, 10.0, 10.0, 11.5, 12.2, 12.3, 11.4, 9.5, 8.8),
    ),
    "pars": (
        (18.5, 13.0, 11.0, 11.0, 11.0, 11.0, 11.5, 10.1, 13.4, 13.6, 14.7),
        (10.0, 12.0, 11.5, 11.5, 11.5, 11.5, 11.0, 10.9, 8.6, 8.0, 9.8),
        (0.0, 0.0, 0.0, 0.0, 0.0, 1.5, 2.5, 0.6, 3.9, -1.2, -0.7),
    ),
    "lower": (
        (18.5, 12.5, 10.0, 10.0, 10.0, 8.5, 8.1, 8.5, 10.5, 14.7, 18.1),
        (12.0, 17.5, 18.5, 18.5, 18.5, 18.5, 19.6, 17.3, 17.8, 15.7, 18.2),
        (-7.0, -12.0, -13.5, -13.5, -13.5, -19.0, -20.2, -17.6, -18.5, -14.5, -14.4),
    ),
    "lamina": (
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        (19.0, 18.0, 18.0, 18.0, 18.0, 17.5, 17.3, 16.6, 17.6, 19.4, 23.6),
        (-3.0, -5.0, -7.0, -7.0, -7.0, -6.5, -5.9, -5.3, -6.5, -7.3, -8.2),
    ),
    "spine": (
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        (36.0, 42.0, 39.0, 37.0, 38.0, 41.0, 41.8, 46.1, 49.0, 43.0, 41.0),
        (-8.0, -12.0, -24.0, -34.0, -28.0, -16.0, -10.7, -7.0, -8.0, -10.5, -14.0),
    ),
    "keel": (
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        (36.0, 42.0, 39.0, 37.0, 38.0, 41.0, 42.0, 43.9, 47.6, 40.6, 36.5),
        (-11.0, -17.0, -28.0, -38.0, -31.0, -20.0, -15.5, -18.5, -17.0, -17.5, -18.0),
    ),
    "accessory": (
        (21.0, 20.0, 16.0, 16.0, 16.0, 16.0, 16.9, 18.9, 21.2, 23.7, 33.7),
        (1.0, 10.0, 13.0, 13.0, 13.0, 12.0, 10.7, 10.9, 9.0, 5.0, 4.4),
        (0.0, 3.0, 5.0, 5.0, 5.0, 4.0, 3.0, 3.9, 3.2, 1.6, 0.4),
    ),
    "tip": (
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0),
        (0.0, 3.0, 9.0, 9.0, 9.0, 3.0, 3.6, 4.7, 3.7, 6.0, 3.7),
    ),
}
_AT_LABELS = (_C6, _T1, _T4, _T7, _T9, _T12, _L1, _L2, _L3, _L4, _L5)
"""Nodes of the arch at these VerSe numbers, interpolated between: rows are mm to the side, behind the body's back wall
and above its middle. "pars" is the neck between the facets, "lower" the tip of the lower articular process, "spine" and
"keel" the upper and lower end of the spinous process; how far the transverse process's "tip" reaches is in the table of
sizes."""
_BLADES = (
    ("root", "isthmus", (5.2, 4.6), (2.6, 4.4)),
    ("isthmus", "facet", (2.0, 2.5), (4.2, 0.0)),
    ("facet", "mammillary", (2.8, 3.6), (4.2, 2.4)),
    ("isthmus", "pars", (2.0, 2.5), (0.0, 0.0)),
    ("pars", "lower", (3.9, 4.7), (0.0, 4.4)),
    ("pars", "lamina", (2.0, 4.4), (3.5, 4.5)),
    ("lamina", "spine", (2.0, 2.8), (4.5, 3.5)),
    ("lamina", "keel", (2.7, 3.4), (4.5, 2.4)),
    ("isthmus", "accessory", (4.7, 6.8), (4.4, 0.0)),
    ("accessory", "tip", (4.0, 2.5), (0.6, 1.9)),
)
"""Blades between nodes: half thickness and sweep up and down, at either end, in mm (:class:`Blade`)."""
_TIP_MM, _TIP_FROM_MM = 2.5, 11.0  # radius of the tip; where a process begins behind the body
_MELT_MM = 5.0  # over which the blades melt together; fitted with it
_THICKNESS = ((_C6, _T4, _T9, _T12, _L1), (0.68, 0.76, 0.78, 0.93, 1.0))  # factor on the blades, by VerSe number
_PEDICLE_SPREAD, _BULK_SPREAD = (0.85, 1.2), (0.92, 1.1)  # factor on the pedicle, on all else
_NODE_SD_MM, _TIP_SD_MM = 0.8, 2.0  # scatter of a node on one side; height of the transverse process's tip
_REACH, _SIDE_REACH = (0.84, 1.15), (0.93, 1.06)  # of the transverse processes; of one side beside the other
_CANAL_MM = (12.0, 16.5)  # half width, depth, by which the canal's spread moves the nodes
_SPINOUS: Range = (1.0, 0.07)  # mean and SD of the factor on the spinous process's length: 51.6 (43 to 61) mm
_SPINOUS_ASIDE_MM = 1.2  # SD of its tip beside the midline
_FACET_GROWTH = 0.5  # of the articular processes in the most degenerate
_OSSICLE, _OSSICLE_GAP_MM, _OSSICLE_MM = 0.04, (2.0, 5.0), (5.0, 12.0)  # share of L1's sides; gap; length
_OSSICLE_AT = (0.35, 0.6)  # of the way to the tip: where the process ends before it
_UNDER_ENDPLATE_MM = 2.0
_MARROW_ROOT_MM, _CORTEX_MM = -1.5, 1.3  # where the marrow begins behind the body; bone around it


@dataclass(frozen=True, eq=False)
class Arch:
    """An arch: its ``bone``, and the ``marrow`` that leads through the body's wall into the pedicles."""

    bone: tuple[Shape, ...]
    marrow: tuple[Shape, ...]


def _nodes(sizes: VertebraSizes) -> np.ndarray:
    """Mean nodes of the left half, (11, 3) mm."""
    return np.array([[np.interp(sizes.verse_label, _AT_LABELS, axis) for axis in _AT_MM[node]] for node in _NODES])


def landmark_mm(sizes: VertebraSizes, node: str) -> np.ndarray:
    """Mean place of a node, (3,) mm of the tables' man: to the side, behind the back wall, above the body's middle."""
    return _nodes(sizes)[_NODES.index(node)]


def _scattered(sizes: VertebraSizes, scale: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Draw this vertebra's nodes for (right, left), each (11, 3) in mm with x to that side."""
    nodes = _nodes(sizes)
    middle = nodes[:, 0] == 0.0
    middle[_NODES.index("tip")] = False
    nodes[~middle, 0] += _CANAL_MM[0] * (sizes.canal_width - 1.0)
    nodes[1:, 1] += _CANAL_MM[1] * (sizes.canal_depth - 1.0)
    lamina, spine, keel = (_NODES.index(name) for name in ("lamina", "spine", "keel"))
    length = around(rng, _SPINOUS)
    aside = around(rng, (0.0, _SPINOUS_ASIDE_MM))
    for end in (spine, keel):
        nodes[end] += (nodes[end] - nodes[lamina]) * (length - 1.0)
    reach = sizes.transverse_mm / scale * between(rng, _REACH) - _TIP_MM
    sides = []
    for side in SIDES:
        own = nodes + rng.normal(0.0, _NODE_SD_MM, nodes.shape) * ~middle[:, None]
        own[[spine, keel], 0] = side * aside
        tip = own[-1]
        tip[0] = reach * between(rng, _SIDE_REACH)
        tip[1] = _TIP_FROM_MM + sizes.transverse_back_mm / scale
        tip[2] += around(rng, (0.0, _TIP_SD_MM))
        sides.append(own)
    return sides[0], sides[1]


def _blades(points: dict[str, np.ndarray], thick: float, person: Person, rng: np.random.Generator) -> list[Blade]:
    """Lay the blades of one half between its nodes, all in mm."""
    pedicle = between(rng, _PEDICLE_SPREAD)
    grown = 1.0 + _FACET_GROWTH * person.degeneration * rng.random()
    blades = []
    for start, end, radius, tall in _BLADES:
        factor = np.full(2, thick)
        if start == "root":
            factor *= pedicle
        if end == "mammillary":
            factor *= grown
        if end in ("lower", "facet"):
            factor[1] *= grown
        (r0, r1), (t0, t1) = np.array(radius) * factor, np.array(tall) * factor
        blades.append(Blade(points[start], points[end], (r0, r1), (t0, t1)))
    return blades


def _within(body: BodyShape, pedicle: Blade) -> Blade:
    """Flatten a pedicle's root, so that it stays under the endplate of a low body."""
    (r0, r1), (t0, t1) = pedicle.radius_mm, pedicle.tall_mm
    low = min((body.half_height - _UNDER_ENDPLATE_MM) / (pedicle.start[2] + r0 + t0), 1.0)
    root = pedicle.start * np.array([1.0, 1.0, low])
    return replace(pedicle, start=root, radius_mm=(r0 * low, r1), tall_mm=(t0 * low, t1))


def _cut_off_tip(process: Blade, scale: float, rng: np.random.Generator) -> tuple[Blade, Blade]:
    """Shorten a transverse process and lay the bony tip that never grew on to it beyond a gap."""
    whole = process.end - process.start
    along = whole / np.linalg.norm(whole)
    end = process.start + whole * between(rng, _OSSICLE_AT)
    r1 = process.radius_mm[1]
    begin = end + along * (between(rng, _OSSICLE_GAP_MM) * scale + 2.0 * r1)
    tip = Blade(begin, begin + along * between(rng, _OSSICLE_MM) * scale, (r1, r1 * 0.8))
    return replace(process, end=end), tip


def build_arch(sizes: VertebraSizes, body: BodyShape, person: Person, rng: np.random.Generator) -> Arch:
    """Shape the arch behind a body.

    Args:
        sizes: the vertebra's, scaled to the person.
        body: the drawn body, whose frame and back wall carry the arch.
        person: whose; degeneration grows the articular processes.
        rng: source of the scatter.
    """
    scale, back = person.scale, np.array([0.0, body.half_depth, 0.0])
    thick = scale * float(np.interp(sizes.verse_label, *_THICKNESS)) * between(rng, _BULK_SPREAD)
    blades: list[Blade] = []
    apart: list[Shape] = []
    marrow: list[Shape] = []
    for side, nodes in zip(SIDES, _scattered(sizes, scale, rng), strict=True):
        points = dict(zip(_NODES, nodes * scale * np.array([side, 1.0, 1.0]) + back, strict=True))
        half = _blades(points, thick, person, rng)
        half[0] = _within(body, half[0])
        if sizes.verse_label == _L1 and rng.random() < _OSSICLE:
            half[-1], tip = _cut_off_tip(half[-1], scale, rng)
            apart.append(Blend(body.frame, (tip,), _MELT_MM))
        blades += half
        pedicle = half[0]
        inside = pedicle.start + (pedicle.end - pedicle.start) * 0.5
        inside[1] = body.half_depth + _MARROW_ROOT_MM
        core = max(pedicle.radius_mm[1] - _CORTEX_MM, 1.0)
        marrow.append(Blend(body.frame, (Blade(inside, pedicle.end, (core, core), pedicle.tall_mm),), _MELT_MM))
    return Arch((Blend(body.frame, tuple(blades), _MELT_MM), *apart), tuple(marrow))
