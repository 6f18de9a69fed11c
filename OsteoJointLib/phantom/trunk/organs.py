"""Soft tissue: wall, lungs, organs, bowel and muscles.

Numbers are chosen. Positions are in mm from the L1/L2 disc, or shares of the cavity's half width (x), half depth (y).
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between, choose
from OsteoJointLib.phantom.draws.morphometry import SIDES
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.draws.tissue import TissueHu
from OsteoJointLib.phantom.solids.combined import Common, Moved, Without
from OsteoJointLib.phantom.solids.scene import Material, Scene, Solid
from OsteoJointLib.phantom.solids.shapes import Ellipsoid, Frame, RoundedBox, Tube, rotation
from OsteoJointLib.phantom.spine.column import Column
from OsteoJointLib.phantom.trunk.calcification import add_stones
from OsteoJointLib.phantom.trunk.torso import REACH_MM, Torso

_FATTY_MUSCLE_HU = 110.0  # how much darker fat is than muscle, roughly
_L1 = 20  # VerSe number

# texture of a tissue: (SD in HU, grain in mm)
_FAT_TEXTURE, _CAVITY_TEXTURE, _LUNG_TEXTURE, _DOME_TEXTURE = (8.0, 5.0), (14.0, 6.0), (25.0, 3.0), (12.0, 6.0)
_MEDIASTINUM_TEXTURE, _PARASPINAL_TEXTURE = (15.0, 6.0), (12.0, 4.0)
_ORGAN_TEXTURE, _STOMACH_TEXTURE, _STOMACH_GAS_TEXTURE = (8.0, 3.0), (15.0, 3.0), (20.0, 3.0)
_BOWEL_TEXTURE, _STOOL_TEXTURE, _COLON_TEXTURE = (6.0, 3.0), (120.0, 3.0), (90.0, 4.0)
_RED_TEXTURE, _WALL_GRAIN_MM, _MARBLED_GRAIN_MM = (8.0, 3.0), 5.0, 4.0
_SINUS_TEXTURE_HU = 15.0

_SKIN_MM = 2.0
_WALL_FAT_HU = 60.0  # how much darker the wall's muscle is per fraction of fat: it ages less than the back's
_WALL_MARBLING_HU, _BACK_MARBLING_HU = (10.0, 20.0), (10.0, 45.0)  # texture of muscle, and its rise per fraction of fat

_SULCUS_MM: Range = (-5.0, 75.0)  # z of the lungs' lowest point
_DOME_RISE_MM: Range = (45.0, 95.0)  # of the diaphragm's top over it
_LUNG_KNOTS_MM = (0.0, 25.0, 80.0)  # above the sulcus; the lungs' width and depth at these and at the top end:
_LUNG_WIDTH, _LUNG_DEPTH, _LUNG_BACK = (0.72, 0.92, 0.97, 0.97), (0.4, 0.58, 0.95, 0.97), 0.97
_LUNG_HU: Range = (-900.0, -780.0)
_DOME_HIGHER_MM = {-1.0: 10.0, 1.0: -6.0}  # right (over the liver) and left, from the mean
_DOME_BELOW_MM, _DOME_KNOTS, _DOME_TIP = (
    25.0,
    9,
    0.995,
)  # it starts below the sulcus; its tip is cut, lest a radius be 0
_DOME_X, _DOME_FRONT, _DOME_WIDTH, _DOME_DEPTH = 0.48, 0.22, 0.66, (0.78, 0.95)
_DOME_OVER_FAT_HU = 30.0  # fat mixed with liver, spleen and muscle
_EFFUSION_MM, _POOL_ROUND_MM = (8.0, 60.0), 1.0  # thickness of the crescent at the back
_FLUID_HU, _FLUID_TEXTURE = (0.0, 25.0), (5.0, 4.0)  # texture as above
_ASCITES_Z_MM, _ASCITES_KNOTS = (-300.0, 75.0), 8
_ASCITES_WIDE, _ASCITES_DEEP = 0.98, (0.55, 0.85)  # of the cavity's half sizes
_MEDIASTINUM_KNOTS, _MEDIASTINUM_BEHIND_MM, _MEDIASTINUM_FRONT = 13, 20.0, 0.95
_MEDIASTINUM_HALF_WIDTH_MM, _MEDIASTINUM_DEPTH = (14.0, 26.0, 36.0, 44.0, 48.0), (0.2, 0.7, 1.0, 1.0, 1.0)
_HEART_BLOOD, _HEART_HU = 0.5, 10.0  # HU of heart and mediastinum: half of the aorta's and a little
_PARASPINAL_MM, _PARASPINAL_SQUARE = (46.0, 50.0, 34.0), 0.4  # how far behind the column, half width, half depth

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

_MUSCLE_SIZE: Range = (0.8, 1.2)
_MUSCLE_TOP_MM, _MUSCLE_BOTTOM_MM, _BOTTOM_FRONT_MM = 220.0, -230.0, 25.0  # the muscles leave the sacrum to the front
_TAPER_Z_MM, _TAPER = (-120.0, 0.0, 120.0, 220.0), (1.0, 1.0, 0.8, 0.65)  # of the back muscles
_BACK_X_MM, _BACK_Y_MM, _BACK_MM, _BACK_SQUARE = 34.0, 53.0, (30.0, 22.0), 0.4  # half width, half depth
_LOW_MM = 40.0  # z up to which quadratus and psoas reach
_QUADRATUS_X_MM, _QUADRATUS_Y_MM, _QUADRATUS_MM = 62.0, 30.0, (18.0, 9.0)
_PSOAS_Z_MM, _PSOAS_MM = (-230.0, -130.0, -60.0, 20.0, 40.0), (14.0, 24.0, 20.0, 8.0, 3.0)  # half width
_PSOAS_OUT_Z_MM, _PSOAS_OUT_MM = (-230.0, -120.0), (35.0, 0.0)  # it leaves the column below
_PSOAS_X_MM, _PSOAS_X, _PSOAS_Y_MM, _PSOAS_DEPTH = 20.0, 0.95, 6.0, 1.25
_CRUS_BETWEEN_MM, _CRUS_Z_MM, _CRUS_MM = (-45.0, 90.0), (-45.0, 0.0, 90.0), (2.5, 5.0, 6.0)  # half depth
_CRUS_X_MM, _CRUS_FRONT_MM, _CRUS_WIDTH = 13.0, 20.0, 1.3


def _soft(hu: float, texture: tuple[float, float], shell_hu: float = 0.0, shell_mm: float = 0.0) -> Material:
    """Name a soft tissue's material by HU, texture and wall."""
    return Material(hu, shell_hu, shell_mm, *texture)


def add_wall(scene: Scene, torso: Torso, tissue: TissueHu, person: Person) -> None:
    """Skin, subcutaneous fat, muscular wall and the cavity's fat."""
    plain, rise = _WALL_MARBLING_HU
    muscle_texture = plain + rise * person.muscle_fat, _WALL_GRAIN_MM
    scene.background += [
        Solid(torso.skin, _soft(tissue.fat, _FAT_TEXTURE, tissue.skin, _SKIN_MM)),
        Solid(torso.muscle, _soft(tissue.muscle - _WALL_FAT_HU * person.muscle_fat, muscle_texture)),
        Solid(torso.cavity, _soft(tissue.visceral_fat, _CAVITY_TEXTURE)),
    ]


def add_chest(
    scene: Scene, torso: Torso, column: Column, tissue: TissueHu, person: Person, rng: np.random.Generator
) -> None:
    """Lungs above the diaphragm, with the domes cut out of them and fluid behind them, and the mediastinum."""
    sulcus = between(rng, _SULCUS_MM)
    dome = sulcus + between(rng, _DOME_RISE_MM)
    # the lungs' lowest part lies behind the diaphragm: the sulcus reaches lower at the back than in front
    z = np.append(np.add(sulcus, _LUNG_KNOTS_MM), REACH_MM)
    cx, cy, rx, ry = torso.cavity.at(z)
    deep = np.array(_LUNG_DEPTH)
    lungs = Tube(z, cx, cy + ry * (_LUNG_BACK - deep), rx * _LUNG_WIDTH, ry * deep, torso.cavity.squareness)
    scene.background.append(Solid(lungs, _soft(between(rng, _LUNG_HU), _LUNG_TEXTURE)))
    for side in SIDES:
        z_dome = np.linspace(sulcus - _DOME_BELOW_MM, dome + _DOME_HIGHER_MM[side], _DOME_KNOTS)
        bulge = np.sqrt(1.0 - np.linspace(0.0, _DOME_TIP, _DOME_KNOTS) ** 2)
        x, y = (np.full(_DOME_KNOTS, v) for v in (side * rx[1] * _DOME_X, cy[1] - _DOME_FRONT * ry[1]))
        depth = ry[1] * between(rng, _DOME_DEPTH) * bulge
        shape = Tube(z_dome, x, y, rx[1] * _DOME_WIDTH * bulge, depth)
        scene.background.append(Solid(shape, _soft(tissue.visceral_fat + _DOME_OVER_FAT_HU, _DOME_TEXTURE)))
    _add_effusion(scene, lungs, person, rng.spawn(1)[0])
    _add_mediastinum(scene, torso, column, tissue, sulcus)


def _add_effusion(scene: Scene, lungs: Tube, person: Person, rng: np.random.Generator) -> None:
    """Put a crescent of fluid behind one lung or both, as it lies in a patient on the back."""
    wide, deep = float(lungs.radius_x.max()), float(lungs.radius_y.max())
    for side, name in zip(SIDES, ("right", "left"), strict=True):
        size = between(rng, _EFFUSION_MM)
        if person.effusion in (name, "both"):
            half = Frame(np.array([lungs.center_x[0] + side * wide, lungs.center_y.max(), 0.0]))
            chest = RoundedBox(half, (wide, 2.0 * deep, REACH_MM), _POOL_ROUND_MM)
            fluid = Common((Without(lungs, (Moved(lungs, np.array([0.0, -size, 0.0])),)), chest))
            scene.background.append(Solid(fluid, _soft(between(rng, _FLUID_HU), _FLUID_TEXTURE)))


def add_ascites(scene: Scene, torso: Torso, person: Person, rng: np.random.Generator) -> None:
    """Fill the front of the cavity with fluid; bowel and organs are painted into it."""
    if person.ascites:
        knots = np.linspace(*_ASCITES_Z_MM, _ASCITES_KNOTS)
        cx, cy, rx, ry = torso.cavity.at(knots)
        deep = between(rng, _ASCITES_DEEP)
        fluid = Tube(knots, cx, cy - (1.0 - deep) * ry, rx * _ASCITES_WIDE, ry * deep, torso.cavity.squareness)
        scene.background.append(Solid(fluid, _soft(between(rng, _FLUID_HU), _FLUID_TEXTURE)))


def _add_mediastinum(scene: Scene, torso: Torso, column: Column, tissue: TissueHu, sulcus: float) -> None:
    """Put heart and mediastinum between the lungs, and muscle behind them: no lung lies behind the vertebrae."""
    spine_z, spine_xy = column.track()
    z = np.linspace(sulcus, REACH_MM, _MEDIASTINUM_KNOTS)
    middle, spine_y = np.zeros(z.size), np.interp(z, spine_z, spine_xy[:, 1])
    _, cy, _, ry = torso.cavity.at(z)
    deepest = 0.5 * (spine_y + _MEDIASTINUM_BEHIND_MM - (cy - ry * _MEDIASTINUM_FRONT))
    widths, depth = (
        np.interp(z, np.linspace(z[0], z[-1], len(values)), values)
        for values in (_MEDIASTINUM_HALF_WIDTH_MM, _MEDIASTINUM_DEPTH)
    )
    heart = Tube(z, middle, spine_y + _MEDIASTINUM_BEHIND_MM - deepest * depth, widths, deepest * depth)
    scene.background.append(Solid(heart, _soft(tissue.aorta * _HEART_BLOOD + _HEART_HU, _MEDIASTINUM_TEXTURE)))
    behind, wide, deep = _PARASPINAL_MM
    muscle = Tube(z, middle, spine_y + behind, np.full(z.size, wide), np.full(z.size, deep), _PARASPINAL_SQUARE)
    scene.background.append(Solid(muscle, _soft(tissue.muscle, _PARASPINAL_TEXTURE)))


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

    add(*place(*_LIVER), _soft(tissue.liver, _ORGAN_TEXTURE))
    add(*place(*_SPLEEN), _soft(tissue.spleen, _ORGAN_TEXTURE))
    add(*place(*_STOMACH), _soft(tissue.bowel_fluid, _STOMACH_TEXTURE, tissue.bowel_wall, _STOMACH_WALL_MM))
    if rng.random() < _STOMACH_GAS_SHARE:
        x, y, z_mm, half_x, half_y = _STOMACH_GAS
        center = np.array((x * rx, cy + y * ry, between(rng, z_mm)))
        add(center, (half_x * rx, half_y * ry, _STOMACH_GAS_HALF_MM), _soft(_GAS_HU, _STOMACH_GAS_TEXTURE))
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
            (kidney, _KIDNEY_MM, _soft(tissue.kidney, _ORGAN_TEXTURE)),
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
        material = _soft(
            hu, _STOOL_TEXTURE if content == "stool" else _BOWEL_TEXTURE, tissue.bowel_wall, _BOWEL_WALL_MM
        )
        loop = Ellipsoid(Frame(center, rotation(*rng.uniform(*_LOOP_TURN, 3))), radii)
        scene.background.append(Solid(loop, material))
    for side in SIDES:
        knots = np.append(_COLON_Z_MM, between(rng, _COLON_TOP_MM))
        _, middle, wide, deep = torso.cavity.at(knots)
        hu = _GAS_HU if rng.random() < _COLON_GAS_SHARE else between(rng, _COLON_HU)
        radius_x, radius_y = (np.full(knots.size, between(rng, _COLON_MM)) for _ in range(2))
        colon = Tube(knots, side * wide * _COLON_X, middle + _COLON_BACK * deep, radius_x, radius_y)
        scene.background.append(Solid(colon, _soft(hu, _COLON_TEXTURE, tissue.bowel_wall, _BOWEL_WALL_MM)))


def add_muscles(scene: Scene, column: Column, tissue: TissueHu, person: Person, rng: np.random.Generator) -> None:
    """Back muscles, quadratus lumborum, psoas and the diaphragm's crura along the column."""
    s = person.scale * between(rng, _MUSCLE_SIZE)
    z, xy = column.track()
    inside = z < _MUSCLE_TOP_MM
    bottom = (_MUSCLE_BOTTOM_MM, float(xy[0, 0]), float(xy[0, 1]) - _BOTTOM_FRONT_MM)
    z, x, y = (np.concatenate([[v], a[inside]]) for v, a in zip(bottom, (z, xy[:, 0], xy[:, 1]), strict=True))
    plain, rise = _BACK_MARBLING_HU
    marbling = plain + rise * person.muscle_fat, _MARBLED_GRAIN_MM
    marbled = _soft(tissue.muscle - _FATTY_MUSCLE_HU * person.muscle_fat, marbling)
    red = _soft(tissue.muscle, _RED_TEXTURE)
    size = np.interp(z, _TAPER_Z_MM, _TAPER)
    low, high = z < _LOW_MM, (z > _CRUS_BETWEEN_MM[0]) & (z < _CRUS_BETWEEN_MM[1])

    def add(at: np.ndarray, cx: np.ndarray, cy: np.ndarray, rx: np.ndarray, ry: np.ndarray) -> None:
        scene.background.append(Solid(Tube(z[at], cx, cy, rx, ry), red))

    for side in SIDES:
        wide, deep = (half * s * size for half in _BACK_MM)
        back = Tube(z, x + side * _BACK_X_MM * s, y + _BACK_Y_MM * person.scale, wide, deep, _BACK_SQUARE)
        scene.background.append(Solid(back, marbled))
        wide, deep = (np.full(low.sum(), half * s) for half in _QUADRATUS_MM)
        add(low, x[low] + side * _QUADRATUS_X_MM * s, y[low] + _QUADRATUS_Y_MM, wide, deep)
        psoas = np.interp(z[low], _PSOAS_Z_MM, _PSOAS_MM) * s
        out = _PSOAS_X_MM * person.scale + psoas * _PSOAS_X + np.interp(z[low], _PSOAS_OUT_Z_MM, _PSOAS_OUT_MM)
        add(low, x[low] + side * out, y[low] + _PSOAS_Y_MM, psoas, psoas * _PSOAS_DEPTH)
        if high.sum() >= 2:  # a tube has two knots at least
            crus = np.interp(z[high], _CRUS_Z_MM, _CRUS_MM) * s
            front = y[high] - _CRUS_FRONT_MM * person.scale
            add(high, x[high] + side * _CRUS_X_MM, front, crus * _CRUS_WIDTH, crus)
