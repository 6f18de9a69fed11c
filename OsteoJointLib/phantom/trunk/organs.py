"""Liver, spleen, stomach, kidneys, bowel, and fluid in the cavity.

Numbers are chosen. Positions are in mm from the L1/L2 disc, or shares of the cavity's half width (x), half depth (y).
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between, choose
from OsteoJointLib.phantom.draws.morphometry import SIDES
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.draws.tissue import FLUID_HU, FLUID_TEXTURE, TissueHu, soft
from OsteoJointLib.phantom.solids.scene import Material, Scene, Solid
from OsteoJointLib.phantom.solids.shapes import Ellipsoid, Frame, Tube, rotation
from OsteoJointLib.phantom.spine.column import Column
from OsteoJointLib.phantom.trunk.calcification import add_stones
from OsteoJointLib.phantom.trunk.torso import Torso

_L1 = 20  # VerSe number

# texture of a tissue: (SD in HU, grain in mm)
_ORGAN_TEXTURE, _STOMACH_TEXTURE, _STOMACH_GAS_TEXTURE = (8.0, 3.0), (15.0, 3.0), (20.0, 3.0)
_BOWEL_TEXTURE, _STOOL_TEXTURE, _COLON_TEXTURE = (6.0, 3.0), (120.0, 3.0), (90.0, 4.0)
_SINUS_TEXTURE_HU = 15.0

_ASCITES_Z_MM, _ASCITES_KNOTS = (-300.0, 75.0), 8
_ASCITES_WIDE, _ASCITES_DEEP = 0.98, (0.55, 0.85)  # of the cavity's half sizes

_UPPER_ABDOMEN_MM = 20.0  # z where the cavity is measured for the organs
_ORGAN_TILT = 0.2  # rad, SD about each axis
# center x, y; z from, to; half width, half depth; half height from, to
_LIVER = (-0.45, 0.05, (25.0, 75.0), 0.52, 0.85, (65.0, 105.0))
_SPLEEN = (0.72, 0.45, (15.0, 60.0), 0.22, 0.42, (40.0, 60.0))
_STOMACH = (0.35, -0.35, (20.0, 55.0), 0.35, 0.38, (28.0, 50.0))
_STOMACH_WALL_MM = 4.0
_STOMACH_GAS_SHARE, _GAS_HU = 0.7, -850.0
_STOMACH_GAS, _STOMACH_GAS_HALF_MM = (0.35, -0.55, (20.0, 50.0), 0.25, 0.18), 24.0
_KIDNEY_X_MM, _KIDNEY_FRONT_MM, _KIDNEY_Z_MM = (54.0, 68.0), (-12.0, 14.0), (-30.0, 12.0)
_KIDNEY_ROLL, _KIDNEY_YAW, _KIDNEY_SIZE = 0.25, 0.5, (0.85, 1.15)  # rad, rad, factor on the half sizes (mm):
_KIDNEY_MM, _SINUS_MM, _PELVIS_MM = (28.0, 25.0, 54.0), (15.0, 11.0, 30.0), (6.0, 7.0, 12.0)
_SINUS_INWARD_MM, _SINUS_FRONT_MM = 10.0, -6.0

_LOOPS = (25, 50)  # of bowel: at least, fewer than
_LOOP_Z_MM: Range = (-260.0, 40.0)
_LOOP_RADIUS, _LOOP_BACK = 0.85, 0.15  # of the cavity: how far out, how far back at most
_CONTENT = {"fluid": 0.55, "gas": 0.2, "stool": 0.15, "contrast": 0.1}  # shares
_LOOP_GAS_HU, _STOOL_HU, _CONTRAST_HU = -880.0, (-150.0, 40.0), (150.0, 500.0)
_LOOP_MM, _LOOP_DEPTH_MM, _BOWEL_WALL_MM = (9.0, 26.0), (9.0, 18.0), 2.5  # half sizes, wall
_LOOP_TURN: Range = (-1.0, 1.0)  # rad about each axis
_COLON_Z_MM, _COLON_TOP_MM = (-170.0, -80.0), (0.0, 30.0)
_COLON_X, _COLON_BACK, _COLON_MM = 0.8, 0.1, (14.0, 24.0)
_COLON_GAS_SHARE, _COLON_HU = 0.4, (-200.0, 60.0)


def add_ascites(scene: Scene, torso: Torso, person: Person, rng: np.random.Generator) -> None:
    """Fill the front of the cavity with fluid; bowel and organs are painted into it."""
    if person.ascites:
        knots = np.linspace(*_ASCITES_Z_MM, _ASCITES_KNOTS)
        cx, cy, rx, ry = torso.cavity.at(knots)
        deep = between(rng, _ASCITES_DEEP)
        fluid = Tube(knots, cx, cy - (1.0 - deep) * ry, rx * _ASCITES_WIDE, ry * deep, torso.cavity.squareness)
        scene.background.append(Solid(fluid, soft(between(rng, FLUID_HU), FLUID_TEXTURE)))


def add_organs(scene: Scene, torso: Torso, column: Column, tissue: TissueHu, rng: np.random.Generator) -> None:
    """Liver, spleen, stomach and kidneys."""
    _, cy, rx, ry = (float(v[0]) for v in torso.cavity.at(np.array([_UPPER_ABDOMEN_MM])))

    def place(
        x: float, y: float, z_mm: Range, half_x: float, half_y: float, half_mm: Range
    ) -> tuple[np.ndarray, tuple[float, float, float]]:
        center = np.array((x * rx, cy + y * ry, between(rng, z_mm)))
        return center, (half_x * rx, half_y * ry, between(rng, half_mm))

    def add(center: np.ndarray, radii: tuple[float, float, float], material: Material) -> None:
        turn = rotation(*rng.normal(0, _ORGAN_TILT, 3))
        scene.background.append(Solid(Ellipsoid(Frame(center, turn), radii), material))

    add(*place(*_LIVER), soft(tissue.liver, _ORGAN_TEXTURE))
    add(*place(*_SPLEEN), soft(tissue.spleen, _ORGAN_TEXTURE))
    add(*place(*_STOMACH), soft(tissue.bowel_fluid, _STOMACH_TEXTURE, tissue.bowel_wall, _STOMACH_WALL_MM))
    if rng.random() < _STOMACH_GAS_SHARE:
        x, y, z_mm, half_x, half_y = _STOMACH_GAS
        center = np.array((x * rx, cy + y * ry, between(rng, z_mm)))
        add(center, (half_x * rx, half_y * ry, _STOMACH_GAS_HALF_MM), soft(_GAS_HU, _STOMACH_GAS_TEXTURE))
    _add_kidneys(scene, float(column.find(_L1).frame.center[1]), tissue, rng)


def _add_kidneys(scene: Scene, spine_y: float, tissue: TissueHu, rng: np.random.Generator) -> None:
    """Put both kidneys with sinus and renal pelvis beside the column, and stones."""
    kidneys = []
    for side in SIDES:
        x, y = side * between(rng, _KIDNEY_X_MM), spine_y - between(rng, _KIDNEY_FRONT_MM)
        kidney = Frame(
            np.array([x, y, between(rng, _KIDNEY_Z_MM)]), rotation(0.0, -side * _KIDNEY_ROLL, side * _KIDNEY_YAW)
        )
        sinus = Frame(kidney.center + np.array([-side * _SINUS_INWARD_MM, _SINUS_FRONT_MM, 0.0]), kidney.axes)
        size = between(rng, _KIDNEY_SIZE)
        kidneys.append(kidney)
        for frame, (a, b, c), material in (
            (kidney, _KIDNEY_MM, soft(tissue.kidney, _ORGAN_TEXTURE)),
            (sinus, _SINUS_MM, Material(tissue.visceral_fat, texture_hu=_SINUS_TEXTURE_HU)),
            (sinus, _PELVIS_MM, Material(tissue.renal_pelvis)),
        ):
            scene.background.append(Solid(Ellipsoid(frame, (a * size, b * size, c * size)), material))
    add_stones(scene, kidneys, spine_y, rng.spawn(1)[0])


def add_bowel(scene: Scene, torso: Torso, tissue: TissueHu, oral_contrast: bool, rng: np.random.Generator) -> None:
    """Loops of small bowel and colon in the front of the cavity, with fluid, gas, stool or oral contrast."""
    for _ in range(int(rng.integers(*_LOOPS))):
        z = between(rng, _LOOP_Z_MM)
        cx, cy, rx, ry = (float(v[0]) for v in torso.cavity.at(np.array([z])))
        radius, angle = np.sqrt(rng.random()) * _LOOP_RADIUS, rng.uniform(-np.pi, np.pi)
        y = min(cy + radius * ry * np.sin(angle), cy + _LOOP_BACK * ry)
        content = choose(rng, _CONTENT)
        hu = {
            "fluid": tissue.bowel_fluid,
            "gas": _LOOP_GAS_HU,
            "stool": between(rng, _STOOL_HU),
            "contrast": between(rng, _CONTRAST_HU) if oral_contrast else tissue.bowel_fluid,
        }[content]
        center = np.array([cx + radius * rx * np.cos(angle), y, z])
        radii = (between(rng, _LOOP_MM), between(rng, _LOOP_DEPTH_MM), between(rng, _LOOP_MM))
        material = soft(hu, _STOOL_TEXTURE if content == "stool" else _BOWEL_TEXTURE, tissue.bowel_wall, _BOWEL_WALL_MM)
        loop = Ellipsoid(Frame(center, rotation(*rng.uniform(*_LOOP_TURN, 3))), radii)
        scene.background.append(Solid(loop, material))
    for side in SIDES:
        knots = np.append(_COLON_Z_MM, between(rng, _COLON_TOP_MM))
        _, middle, wide, deep = torso.cavity.at(knots)
        hu = _GAS_HU if rng.random() < _COLON_GAS_SHARE else between(rng, _COLON_HU)
        radius_x, radius_y = (np.full(knots.size, between(rng, _COLON_MM)) for _ in range(2))
        colon = Tube(knots, side * wide * _COLON_X, middle + _COLON_BACK * deep, radius_x, radius_y)
        scene.background.append(Solid(colon, soft(hu, _COLON_TEXTURE, tissue.bowel_wall, _BOWEL_WALL_MM)))
