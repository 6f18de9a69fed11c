"""Aorta and iliac arteries, vena cava, mesenteric vessels, and the spinal canal with its sac.

Numbers are chosen; positions are in mm from the L1/L2 disc.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.config import ReferenceTissue
from OsteoJointLib.phantom.draws.chance import Range, between
from OsteoJointLib.phantom.draws.morphometry import CANAL_HALF_DEPTH_MM, SIDES
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.draws.tissue import TissueHu
from OsteoJointLib.phantom.solids.scene import Material, Scene, Solid
from OsteoJointLib.phantom.solids.shapes import Ellipsoid, Frame, Tube, rotation
from OsteoJointLib.phantom.spine.column import Column
from OsteoJointLib.phantom.trunk.calcification import add_filter, add_plaques, add_stent

_T6 = 13  # VerSe number
_LOWEST_MM = -110.0  # where the aorta before, and the sac within, the column end
_GAP_MM: Range = (0.0, 7.0)  # between column and vessels
_BODY_FRONT_MM, _BODY_BACK_MM = 19.0, 18.0  # front and back of a body of the tables' man from its center
_AORTA_MM, _AORTA_X_MM = (8.5, 13.0), (4.0, 16.0)  # radius, how far left
_AORTA_WALL_HU, _AORTA_WALL_MM, _BLOOD_TEXTURE_HU = 8.0, 1.0, 4.0  # brighter than blood, thickness, SD
_ILIAC_MM, _ILIAC_TO_MM, _ILIAC_BEND_MM = (4.5, 7.0), (45.0, -5.0, -240.0), 12.0  # radius; x, y, z of the end
_CAVA_MM, _CAVA_X_MM, _CAVA_TOP_MM = (8.0, 13.0), (12.0, 24.0), 120.0  # half width, how far right, where it ends
_CAVA_FRONT, _CAVA_FLAT = 0.7, 0.75  # of its half width: how far before the column, half depth
_MESENTERIC = (10, 30)  # vessels: at least, fewer than
_MESENTERIC_AT_MM = ((-60.0, 70.0), (35.0, 100.0), (-120.0, 60.0))  # x, before the column, z
_MESENTERIC_MM: tuple[Range, Range, Range] = ((2.0, 5.0), (2.0, 5.0), (5.0, 25.0))  # half sizes
_MESENTERIC_TURN: Range = (-1.0, 1.0)  # rad about each axis
_SAC_ABOVE_MM = 40.0  # how far canal and sac go on above the column's first body
_CANAL_BEHIND_MM = 1.5  # behind a body that is less deep
_CANAL_MM, _SAC_MM = (12.0, 9.5), (9.5, 7.5)  # half width, half depth


def _track(column: Column, up_to: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Knots z of the column above the pelvis up to the body of that VerSe number, with its x and y there."""
    z, xy = column.track(up_to)
    inside = z > _LOWEST_MM
    return z[inside], xy[inside, 0], xy[inside, 1]


def add_vessels(scene: Scene, column: Column, tissue: TissueHu, person: Person, rng: np.random.Generator) -> Tube:
    """Put the vessels in front of the column into the scene, and return the aorta up to T6."""
    z, x, y = _track(column, _T6)
    aorta_mm, cava_mm = between(rng, _AORTA_MM), between(rng, _CAVA_MM)
    front_y = y - _BODY_FRONT_MM * person.scale - between(rng, _GAP_MM)
    ones = np.ones_like(z)
    aorta = Tube(z, x + between(rng, _AORTA_X_MM), front_y - aorta_mm, aorta_mm * ones, aorta_mm * ones)
    wall = Material(tissue.aorta, tissue.aorta + _AORTA_WALL_HU, _AORTA_WALL_MM, _BLOOD_TEXTURE_HU)
    scene.background.append(Solid(aorta, wall, reference=ReferenceTissue.BLOOD))
    own = rng.spawn(1)[0]  # lime and metal change nothing else
    vessels = [aorta, *_add_iliacs(scene, aorta, tissue, own)]
    for vessel in vessels:
        add_plaques(scene, vessel, person, own)
    if person.implant == "stent":
        add_stent(scene, aorta, own)
    low = z < _CAVA_TOP_MM
    wide, cava_x = cava_mm * ones[low], x[low] - between(rng, _CAVA_X_MM)
    cava = Tube(z[low], cava_x, front_y[low] - _CAVA_FRONT * cava_mm, wide, _CAVA_FLAT * cava_mm * ones[low])
    scene.background.append(Solid(cava, Material(tissue.cava, texture_hu=_BLOOD_TEXTURE_HU)))
    if person.implant == "filter":
        add_filter(scene, cava, own)
    left_mm, front_mm, height_mm = _MESENTERIC_AT_MM
    for _ in range(int(rng.integers(*_MESENTERIC))):
        at = np.array([between(rng, left_mm), float(y.mean()) - between(rng, front_mm), between(rng, height_mm)])
        turned = Frame(at, rotation(*rng.uniform(*_MESENTERIC_TURN, 3)))
        a, b, c = (between(rng, half_mm) for half_mm in _MESENTERIC_MM)
        scene.background.append(Solid(Ellipsoid(turned, (a, b, c)), Material(tissue.cava)))
    return aorta


def _add_iliacs(scene: Scene, aorta: Tube, tissue: TissueHu, rng: np.random.Generator) -> list[Tube]:
    """Put the common iliac arteries into the scene, from the aorta's end to the pelvis."""
    start = np.array([aorta.center_x[0], aorta.center_y[0], aorta.z_knots[0]])
    out, back, low = _ILIAC_TO_MM
    iliacs = []
    for side in SIDES:
        end = np.array([side * out, start[1] + back, low])
        middle = 0.5 * (start + end) + np.array([side * _ILIAC_BEND_MM, -_ILIAC_BEND_MM, 0.0])
        x, y, z = np.stack([end, middle, start], axis=1)
        radius = np.full(3, between(rng, _ILIAC_MM))
        iliacs.append(Tube(z, x, y, radius, radius))
        blood = Material(tissue.aorta, texture_hu=_BLOOD_TEXTURE_HU)
        scene.background.append(Solid(iliacs[-1], blood, reference=ReferenceTissue.BLOOD))
    return iliacs


def add_canal(scene: Scene, column: Column, tissue: TissueHu, person: Person) -> None:
    """Put the spinal canal's fat and the dural sac into the scene; the bones are painted around them."""
    z, x, y = _track(column)
    half_depth = [0.5 * v.sizes.depth_mm for v in reversed(column.vertebrae)]
    back = np.interp(z, column.centers_lps_mm[::-1, 2], half_depth) + _CANAL_BEHIND_MM
    canal_y = y + np.minimum(back, _BODY_BACK_MM * person.scale) + CANAL_HALF_DEPTH_MM * person.scale
    z, x, canal_y = np.append(z, z[-1] + _SAC_ABOVE_MM), np.append(x, x[-1]), np.append(canal_y, canal_y[-1])
    for (wide, deep), material in (
        (_CANAL_MM, Material(tissue.visceral_fat)),
        (_SAC_MM, Material(tissue.canal, texture_hu=_BLOOD_TEXTURE_HU)),
    ):
        scene.skeleton.append(Solid(Tube(z, x, canal_y, np.full(z.size, wide), np.full(z.size, deep)), material))
