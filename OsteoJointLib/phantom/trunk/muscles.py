"""The trunk's wall, and the muscles along the spine.

Numbers are chosen; z is in mm from the L1/L2 disc.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.config import ReferenceTissue
from OsteoJointLib.phantom.draws.chance import Range, between
from OsteoJointLib.phantom.draws.morphometry import SIDES
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.draws.tissue import TissueHu, soft
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Scene, Solid
from OsteoJointLib.phantom.solids.shapes import Tube
from OsteoJointLib.phantom.spine.column import Column
from OsteoJointLib.phantom.spine.pelvis import thinnest_skin
from OsteoJointLib.phantom.trunk.shoulders import Shoulders
from OsteoJointLib.phantom.trunk.torso import Torso

# texture of a tissue: (SD in HU, grain in mm)
_FAT_TEXTURE, _CAVITY_TEXTURE, _RED_TEXTURE = (8.0, 5.0), (14.0, 6.0), (8.0, 3.0)
_WALL_GRAIN_MM, _MARBLED_GRAIN_MM = 5.0, 4.0

_SKIN_MM, _SKIN_BLEND_MM, _WALL_BLEND_MM = 2.0, 30.0, 4.0
_WALL_FAT, _BACK_FAT = 0.4, 0.7  # share of the person's fraction of fat: the wall ages less than the back
_WALL_MARBLING_HU, _BACK_MARBLING_HU = (10.0, 20.0), (10.0, 45.0)  # texture of muscle, and its rise per fraction of fat

_MUSCLE_SIZE: Range = (0.8, 1.2)
_MUSCLE_BOTTOM_MM, _BOTTOM_FRONT_MM = -230.0, 25.0  # the muscles leave the sacrum to the front
_TAPER_Z_MM, _TAPER = (-120.0, 0.0, 120.0, 220.0, 330.0), (1.0, 1.0, 0.8, 0.65, 0.55)  # of the back muscles
_BACK_X_MM, _BACK_Y_MM, _BACK_MM, _BACK_SQUARE = 34.0, 53.0, (30.0, 22.0), 0.4  # half width, half depth
_LOW_MM = 40.0  # z up to which quadratus and psoas reach
_QUADRATUS_X_MM, _QUADRATUS_Y_MM, _QUADRATUS_MM = 62.0, 30.0, (18.0, 9.0)
_PSOAS_Z_MM, _PSOAS_MM = (-230.0, -130.0, -60.0, 20.0, 40.0), (14.0, 24.0, 20.0, 8.0, 3.0)  # half width
_PSOAS_OUT_Z_MM, _PSOAS_OUT_MM = (-230.0, -120.0), (35.0, 0.0)  # it leaves the column below
_PSOAS_X_MM, _PSOAS_X, _PSOAS_Y_MM, _PSOAS_DEPTH = 20.0, 0.95, 6.0, 1.25
_CRUS_BETWEEN_MM, _CRUS_Z_MM, _CRUS_MM = (-45.0, 90.0), (-45.0, 0.0, 90.0), (2.5, 5.0, 6.0)  # half depth
_CRUS_X_MM, _CRUS_FRONT_MM, _CRUS_WIDTH = 13.0, 20.0, 1.3


def add_wall(
    scene: Scene, torso: Torso, shoulders: Shoulders, column: Column, tissue: TissueHu, person: Person
) -> None:
    """Skin, subcutaneous fat, muscular wall with the shoulders' muscles, and the cavity's fat."""
    plain, rise = _WALL_MARBLING_HU
    muscle_texture = plain + rise * person.muscle_fat, _WALL_GRAIN_MM
    trunk = Compound((torso.skin, *shoulders.skin), blend_mm=_SKIN_BLEND_MM)
    skin = Compound((trunk, *thinnest_skin(column)))
    wall = Compound((torso.muscle, *shoulders.muscle), blend_mm=_WALL_BLEND_MM)
    scene.skin = Solid(skin, soft(tissue.fat, _FAT_TEXTURE, tissue.skin, _SKIN_MM), reference=ReferenceTissue.FAT)
    scene.background += [
        Solid(
            wall,
            soft(tissue.marbled(_WALL_FAT * person.muscle_fat), muscle_texture),
            reference=ReferenceTissue.MUSCLE,
        ),
        Solid(torso.cavity, soft(tissue.visceral_fat, _CAVITY_TEXTURE), reference=ReferenceTissue.FAT),
    ]


def add_muscles(scene: Scene, column: Column, tissue: TissueHu, person: Person, rng: np.random.Generator) -> None:
    """Back muscles, quadratus lumborum, psoas and the diaphragm's crura along the column."""
    s = person.scale * between(rng, _MUSCLE_SIZE)
    z, xy = column.track()
    bottom = (_MUSCLE_BOTTOM_MM, float(xy[0, 0]), float(xy[0, 1]) - _BOTTOM_FRONT_MM)
    z, x, y = (np.concatenate([[v], a]) for v, a in zip(bottom, (z, xy[:, 0], xy[:, 1]), strict=True))
    plain, rise = _BACK_MARBLING_HU
    marbling = plain + rise * person.muscle_fat, _MARBLED_GRAIN_MM
    marbled = soft(tissue.marbled(_BACK_FAT * person.muscle_fat), marbling)
    red = soft(tissue.muscle, _RED_TEXTURE)
    size = np.interp(z, _TAPER_Z_MM, _TAPER)
    low, high = z < _LOW_MM, (z > _CRUS_BETWEEN_MM[0]) & (z < _CRUS_BETWEEN_MM[1])

    def add(at: np.ndarray, cx: np.ndarray, cy: np.ndarray, rx: np.ndarray, ry: np.ndarray) -> None:
        scene.background.append(Solid(Tube(z[at], cx, cy, rx, ry), red, reference=ReferenceTissue.MUSCLE))

    for side in SIDES:
        wide, deep = (half * s * size for half in _BACK_MM)
        back = Tube(z, x + side * _BACK_X_MM * s, y + _BACK_Y_MM * person.scale, wide, deep, _BACK_SQUARE)
        scene.background.append(Solid(back, marbled, reference=ReferenceTissue.MUSCLE))
        wide, deep = (np.full(low.sum(), half * s) for half in _QUADRATUS_MM)
        add(low, x[low] + side * _QUADRATUS_X_MM * s, y[low] + _QUADRATUS_Y_MM, wide, deep)
        psoas = np.interp(z[low], _PSOAS_Z_MM, _PSOAS_MM) * s
        out = _PSOAS_X_MM * person.scale + psoas * _PSOAS_X + np.interp(z[low], _PSOAS_OUT_Z_MM, _PSOAS_OUT_MM)
        add(low, x[low] + side * out, y[low] + _PSOAS_Y_MM, psoas, psoas * _PSOAS_DEPTH)
        if high.sum() >= 2:  # a tube has two knots at least
            crus = np.interp(z[high], _CRUS_Z_MM, _CRUS_MM) * s
            front = y[high] - _CRUS_FRONT_MM * person.scale
            add(high, x[high] + side * _CRUS_X_MM, front, crus * _CRUS_WIDTH, crus)
