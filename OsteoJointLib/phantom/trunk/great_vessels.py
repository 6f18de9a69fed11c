"""What lies between the lungs over the heart: arch of the aorta, great vessels, airway; and the lungs' own vessels.

Numbers are chosen; mm are those of the tables' man.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between
from OsteoJointLib.phantom.draws.morphometry import SIDES
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.draws.tissue import TissueHu
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Material, Scene, Solid
from OsteoJointLib.phantom.solids.shapes import Capsule, Tube
from OsteoJointLib.phantom.spine.column import Column
from OsteoJointLib.phantom.trunk.torso import Torso

_C6, _C7, _T1, _T2, _T3, _T4, _T5, _T6, _T7, _T8 = range(6, 16)  # VerSe numbers

# paths: (body, mm beside its center (positive left), before it); the arch's begin at the descending aorta
_Path = Sequence[tuple[int, float, float]]
_ARCH: _Path = ((_T3, 8.0, 48.0), (_T4, -10.0, 78.0), (_T6, -18.0, 84.0), (_T7, -8.0, 78.0))
_ARCH_TURN_MM, _ARCH_GROWS = (2.0, -4.0, 4.0), 1.25  # its last descending point over T4: aside, behind, over
_ARTERIES: tuple[_Path, ...] = (
    ((_T4, -8.0, 70.0), (_T2, -18.0, 48.0), (_C7, -26.0, 34.0), (_C6, -28.0, 30.0)),
    ((_T4, 0.0, 58.0), (_T1, 22.0, 36.0), (_C6, 27.0, 28.0)),
    ((_T4, 8.0, 45.0), (_T2, 24.0, 24.0), (_T1, 48.0, 20.0)),
)
_VEINS: tuple[_Path, ...] = (
    ((_T7, -30.0, 66.0), (_T4, -30.0, 62.0), (_T3, -28.0, 58.0)),
    ((_T3, -28.0, 58.0), (_T2, -32.0, 42.0), (_C7, -38.0, 34.0), (_C6, -38.0, 28.0)),
    ((_T3, -28.0, 58.0), (_T3, 18.0, 66.0), (_T1, 38.0, 36.0), (_C6, 38.0, 26.0)),
)
_PULMONARY: tuple[_Path, ...] = (
    ((_T7, 8.0, 86.0), (_T5, 12.0, 66.0), (_T5, 30.0, 42.0), (_T7, 46.0, 34.0)),
    ((_T5, 12.0, 66.0), (_T6, -34.0, 50.0), (_T7, -46.0, 40.0)),
)
_ARTERY_MM, _VEIN_MM, _PULMONARY_MM = (3.5, 6.0), (5.5, 8.5), (8.0, 12.0)  # radii
_AIRWAY: tuple[_Path, ...] = (
    ((_C6, 0.0, 36.0), (_T2, 0.0, 38.0), (_T5, 2.0, 36.0)),
    ((_T5, 2.0, 36.0), (_T6, -26.0, 38.0), (_T7, -46.0, 40.0)),
    ((_T5, 2.0, 36.0), (_T6, 32.0, 36.0), (_T7, 50.0, 36.0)),
)
_AIRWAY_MM, _AIRWAY_HU, _AIRWAY_WALL_HU, _AIRWAY_WALL_MM = (8.5, 6.0, 5.5), -985.0, 40.0, 1.5
_UPWARD_MM = 70.0  # how far the neck's go on over C6
_BRANCHES, _BRANCH_MM, _BRANCH_HU = (16, 26), (1.3, 3.2), 35.0  # of a lung's vessels: from, fewer than; radius
_BRANCH_FROM = {-1.0: (_T7, -44.0, 38.0), 1.0: (_T7, 46.0, 36.0)}
_BRANCH_RAD: Range = (0.3, 2.6)  # where they end on the wall; how far up and down:
_BRANCH_RISE_MM, _BRANCH_SHARE, _BRANCH_TAPER = (-75.0, 75.0), (0.45, 0.85), 0.4  # of the way; of the radius at the end


def _points(column: Column, path: _Path, scale: float) -> list[np.ndarray]:
    points = [
        column.find(label).frame.center + np.array([aside, -before, 0.0]) * scale for label, aside, before in path
    ]
    if path[-1][0] == _C6:
        points.append(points[-1] + np.array([0.0, 0.0, _UPWARD_MM]))
    if path[0][0] == _C6:
        points.insert(0, points[0] + np.array([0.0, 0.0, _UPWARD_MM]))
    return points


def _hose(points: Sequence[np.ndarray], radii: Sequence[float]) -> Compound:
    pieces = zip(pairwise(points), pairwise(radii), strict=True)
    return Compound(tuple(Capsule(start, end, r0, r1) for (start, end), (r0, r1) in pieces))


def add_great_vessels(
    scene: Scene,
    column: Column,
    aorta: Tube,
    tissue: TissueHu,
    person: Person,
    rng: np.random.Generator,
) -> None:
    """Put the arch on the aorta that ends at T6, and the other vessels and the airway around it."""
    s = person.scale

    def add(paths: Sequence[_Path], radius_mm: Range, hu: float) -> None:
        for path in paths:
            points, radius = _points(column, path, s), between(rng, radius_mm) * s
            scene.background.append(Solid(_hose(points, [radius] * len(points)), Material(hu)))

    add(_VEINS, _VEIN_MM, tissue.cava)
    add(_PULMONARY, _PULMONARY_MM, tissue.cava)
    radius = float(aorta.radius_x[-1])
    start = np.array([aorta.center_x[-1], aorta.center_y[-1], aorta.z_knots[-1]])
    t6, t4 = (column.find(label).frame.center for label in (_T6, _T4))
    points = [start, start + (t4 - t6) + np.array(_ARCH_TURN_MM) * s, *_points(column, _ARCH, s)]
    arch = _hose(points, np.linspace(radius, _ARCH_GROWS * radius, len(points)).tolist())
    scene.background.append(Solid(arch, Material(tissue.aorta)))
    add(_ARTERIES, _ARTERY_MM, tissue.aorta)
    air = Material(_AIRWAY_HU, _AIRWAY_WALL_HU, _AIRWAY_WALL_MM)
    hoses = [
        _hose(p := _points(column, path, s), [mm * s] * len(p)) for path, mm in zip(_AIRWAY, _AIRWAY_MM, strict=True)
    ]
    scene.background.append(Solid(Compound(tuple(hoses)), air))


def add_lung_vessels(scene: Scene, column: Column, torso: Torso, person: Person, rng: np.random.Generator) -> None:
    """Put each lung's vessels into it, from its root toward the wall."""
    for side in SIDES:
        (root,) = _points(column, (_BRANCH_FROM[side],), person.scale)
        pieces = []
        for _ in range(int(rng.integers(*_BRANCHES))):
            rise = between(rng, _BRANCH_RISE_MM) * person.scale
            way = torso.wall_point(side, between(rng, _BRANCH_RAD), float(root[2]) + rise) - root
            thick = between(rng, _BRANCH_MM)
            pieces.append(Capsule(root, root + between(rng, _BRANCH_SHARE) * way, thick, _BRANCH_TAPER * thick))
        scene.background.append(Solid(Compound(tuple(pieces)), Material(_BRANCH_HU)))
