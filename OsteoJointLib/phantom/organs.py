"""Soft tissue: wall, lungs, organs, vessels, bowel and muscles, with HU by contrast phase."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.phantom.person import Person
from OsteoJointLib.phantom.scene import Material, Scene, Solid
from OsteoJointLib.phantom.shapes import Ellipsoid, Frame, Tube, rotation
from OsteoJointLib.phantom.spine import Column
from OsteoJointLib.phantom.torso import REACH_MM, Torso

_SIDES = (-1.0, 1.0)


@dataclass(frozen=True)
class TissueHu:
    """HU of every soft tissue; usual radiological values, jittered when drawn."""

    skin: float
    fat: float
    visceral_fat: float
    muscle: float
    liver: float
    spleen: float
    kidney: float
    renal_pelvis: float
    aorta: float
    cava: float
    bowel_wall: float
    bowel_fluid: float
    disc: float
    canal: float


_BASE = TissueHu(20, -105, -95, 52, 58, 48, 34, 5, 42, 42, 40, 15, 75, 25)
_ENHANCED = {
    "none": {},
    "arterial": {"liver": 70, "spleen": 115, "kidney": 150, "aorta": 300, "cava": 90, "bowel_wall": 80, "muscle": 56},
    "portal": {"liver": 110, "spleen": 125, "kidney": 185, "aorta": 155, "cava": 140, "bowel_wall": 90, "muscle": 62},
    "excretory": {
        "liver": 92,
        "spleen": 95,
        "kidney": 165,
        "renal_pelvis": 600,
        "aorta": 110,
        "cava": 110,
        "bowel_wall": 75,
        "muscle": 60,
    },
}
PHASES = tuple(_ENHANCED)


def draw_tissue_hu(phase: str, spread: float, rng: np.random.Generator) -> TissueHu:
    """HU for one patient and contrast phase; ``spread`` is 1 for plausible and more for randomized training."""
    values = {**_BASE.__dict__, **_ENHANCED[phase]}
    drawn = {}
    for name, value in values.items():
        sd = 6.0 if abs(value) < 120 else 0.12 * abs(value)
        drawn[name] = float(value + rng.normal(0, sd * spread))
    drawn["fat"] = float(np.clip(drawn["fat"], -160, -50))
    drawn["visceral_fat"] = float(np.clip(drawn["visceral_fat"], -160, -40))
    return TissueHu(**drawn)


def add_wall(scene: Scene, torso: Torso, tissue: TissueHu, person: Person) -> None:
    """Skin, subcutaneous fat, muscular wall and the cavity's fat."""
    marbling = 10.0 + 20.0 * person.muscle_fat
    scene.background += [
        Solid(torso.skin, Material(tissue.fat, tissue.skin, 2.0, texture_hu=8.0, grain_mm=5.0)),
        Solid(torso.muscle, Material(tissue.muscle - 60 * person.muscle_fat, texture_hu=marbling, grain_mm=5.0)),
        Solid(torso.cavity, Material(tissue.visceral_fat, texture_hu=14.0, grain_mm=6.0)),
    ]


def add_chest(scene: Scene, torso: Torso, column: Column, tissue: TissueHu, rng: np.random.Generator) -> None:
    """Lungs above the diaphragm, with the domes cut out of them, and the mediastinum."""
    sulcus = float(rng.uniform(-5, 75))
    dome = sulcus + float(rng.uniform(45, 95))
    # the lungs' lowest part lies behind the diaphragm: the sulcus reaches lower at the back than in front
    z = np.array([sulcus, sulcus + 25.0, sulcus + 80.0, REACH_MM])
    cx, cy, rx, ry = torso.cavity.at(z)
    wide, deep = np.array([0.72, 0.92, 0.97, 0.97]), np.array([0.4, 0.58, 0.95, 0.97])
    scene.background.append(
        Solid(
            Tube(z, cx, cy + ry * (0.97 - deep), rx * wide, ry * deep, torso.cavity.squareness),
            Material(float(rng.uniform(-900, -780)), texture_hu=25.0, grain_mm=3.0),
        )
    )
    for side in _SIDES:
        top = dome + (10.0 if side < 0 else -6.0)
        z_dome = np.linspace(sulcus - 25.0, top, 9)
        bulge = np.sqrt(1.0 - np.linspace(0.0, 0.995, 9) ** 2)
        y = np.full(9, cy[1] - 0.22 * ry[1])
        depth = ry[1] * float(rng.uniform(0.78, 0.95)) * bulge
        shape = Tube(z_dome, np.full(9, side * rx[1] * 0.48), y, rx[1] * 0.66 * bulge, depth)
        scene.background.append(Solid(shape, Material(tissue.visceral_fat + 30, texture_hu=12.0, grain_mm=6.0)))
    spine_z, spine_xy = column.track()
    z = np.linspace(sulcus, REACH_MM, 5)
    spine_y = np.interp(z, spine_z, spine_xy[:, 1])
    _, cy, _, ry = torso.cavity.at(z)
    half = 0.5 * (spine_y + 20.0 - (cy - ry * 0.95))
    scene.background.append(
        Solid(
            Tube(
                z,
                np.zeros(5),
                spine_y + 20.0 - half,
                np.array([14.0, 26, 36, 44, 48]),
                half * np.array([0.2, 0.7, 1.0, 1.0, 1.0]),
            ),
            Material(tissue.aorta * 0.5 + 10, texture_hu=15.0, grain_mm=6.0),
        )
    )
    # no lung lies behind the vertebrae
    paraspinal = Tube(z, np.zeros(5), spine_y + 46.0, np.full(5, 50.0), np.full(5, 34.0), 0.4)
    scene.background.append(Solid(paraspinal, Material(tissue.muscle, texture_hu=12.0, grain_mm=4.0)))


def add_organs(scene: Scene, torso: Torso, column: Column, tissue: TissueHu, rng: np.random.Generator) -> None:
    """Liver, spleen, stomach and kidneys."""
    _, cy, rx, ry = (float(v[0]) for v in torso.cavity.at(np.array([20.0])))
    spine_y = float(column.find(20).frame.center[1])

    def blob(center, radii, hu, texture=8.0, shell=0.0, shell_mm=0.0) -> None:
        turn = rotation(*rng.normal(0, 0.2, 3))
        scene.background.append(
            Solid(Ellipsoid(Frame(np.asarray(center, float), turn), radii), Material(hu, shell, shell_mm, texture, 3.0))
        )

    blob((-0.45 * rx, cy + 0.05 * ry, rng.uniform(25, 75)), (0.52 * rx, 0.85 * ry, rng.uniform(65, 105)), tissue.liver)
    blob((0.72 * rx, cy + 0.45 * ry, rng.uniform(15, 60)), (0.22 * rx, 0.42 * ry, rng.uniform(40, 60)), tissue.spleen)
    blob(
        (0.35 * rx, cy - 0.35 * ry, rng.uniform(20, 55)),
        (0.35 * rx, 0.38 * ry, rng.uniform(28, 50)),
        tissue.bowel_fluid,
        15.0,
        tissue.bowel_wall,
        4.0,
    )
    if rng.random() < 0.7:
        blob((0.35 * rx, cy - 0.55 * ry, rng.uniform(20, 50)), (0.25 * rx, 0.18 * ry, 24), -850.0, 20.0)
    for side in _SIDES:
        center = np.array([side * rng.uniform(54, 68), spine_y - rng.uniform(-12, 14), rng.uniform(-30, 12)])
        lean = Frame(center, rotation(0.0, -side * 0.25, side * 0.5))
        size = rng.uniform(0.85, 1.15)
        scene.background.append(
            Solid(
                Ellipsoid(lean, (28 * size, 25 * size, 54 * size)),
                Material(tissue.kidney, texture_hu=8.0, grain_mm=3.0),
            )
        )
        sinus = Frame(center + np.array([-side * 10, -6.0, 0.0]), lean.axes)
        scene.background.append(
            Solid(Ellipsoid(sinus, (15 * size, 11 * size, 30 * size)), Material(tissue.visceral_fat, texture_hu=15.0))
        )
        scene.background.append(Solid(Ellipsoid(sinus, (6 * size, 7 * size, 12 * size)), Material(tissue.renal_pelvis)))


def add_bowel(scene: Scene, torso: Torso, tissue: TissueHu, oral_contrast: bool, rng: np.random.Generator) -> None:
    """Loops of small bowel and colon in the front of the cavity, with fluid, gas, stool or oral contrast."""
    for _ in range(int(rng.integers(25, 50))):
        z = float(rng.uniform(-260, 40))
        cx, cy, rx, ry = (float(v[0]) for v in torso.cavity.at(np.array([z])))
        radius, angle = np.sqrt(rng.random()) * 0.85, rng.uniform(-np.pi, np.pi)
        y = min(cy + radius * ry * np.sin(angle), cy + 0.15 * ry)
        content = rng.choice(("fluid", "gas", "stool", "contrast"), p=(0.55, 0.2, 0.15, 0.1))
        hu = {
            "fluid": tissue.bowel_fluid,
            "gas": -880.0,
            "stool": float(rng.uniform(-150, 40)),
            "contrast": float(rng.uniform(150, 500)) if oral_contrast else tissue.bowel_fluid,
        }[str(content)]
        center = np.array([cx + radius * rx * np.cos(angle), y, z])
        radii = (float(rng.uniform(9, 26)), float(rng.uniform(9, 18)), float(rng.uniform(9, 26)))
        texture = 120.0 if content == "stool" else 6.0
        scene.background.append(
            Solid(
                Ellipsoid(Frame(center, rotation(*rng.uniform(-1, 1, 3))), radii),
                Material(hu, tissue.bowel_wall, 2.5, texture, 3.0),
            )
        )
    for side in _SIDES:
        heights = np.array([-170.0, -80.0, float(rng.uniform(0, 30))])
        _, middle, wide, deep = torso.cavity.at(heights)
        hu = -850.0 if rng.random() < 0.4 else float(rng.uniform(-200, 60))
        scene.background.append(
            Solid(
                Tube(
                    heights,
                    side * wide * 0.8,
                    middle + 0.1 * deep,
                    np.full(3, float(rng.uniform(14, 24))),
                    np.full(3, float(rng.uniform(14, 24))),
                ),
                Material(hu, tissue.bowel_wall, 2.5, 90.0, 4.0),
            )
        )


def add_muscles(scene: Scene, column: Column, tissue: TissueHu, person: Person, rng: np.random.Generator) -> None:
    """Back muscles, quadratus lumborum, psoas and the diaphragm's crura along the column."""
    s = person.scale * float(rng.uniform(0.8, 1.2))
    z, xy = column.track()
    inside = z < 220
    z, x, y = (
        np.concatenate([[v], a[inside]])
        for v, a in ((-230.0, z), (float(xy[0, 0]), xy[:, 0]), (float(xy[0, 1]) - 25.0, xy[:, 1]))
    )
    lean = tissue.muscle - 110.0 * person.muscle_fat
    marbled = Material(lean, texture_hu=10.0 + 45.0 * person.muscle_fat, grain_mm=4.0)
    red = Material(tissue.muscle, texture_hu=8.0, grain_mm=3.0)
    size = np.interp(z, [-120, 0, 120, 220], [1.0, 1.0, 0.8, 0.65])
    for side in _SIDES:
        scene.background.append(
            Solid(Tube(z, x + side * 34 * s, y + 53 * person.scale, 30 * s * size, 22 * s * size, 0.4), marbled)
        )
        low = z < 40
        quadratus = np.full(low.sum(), 1.0)
        scene.background.append(
            Solid(Tube(z[low], x[low] + side * 62 * s, y[low] + 30.0, 18 * s * quadratus, 9 * s * quadratus), red)
        )
        grow = np.interp(z[low], [-230, -130, -60, 20, 40], [14.0, 24.0, 20.0, 8.0, 3.0]) * s
        outward = np.interp(z[low], [-230, -120], [35.0, 0.0])
        scene.background.append(
            Solid(
                Tube(
                    z[low], x[low] + side * (20 * person.scale + grow * 0.95 + outward), y[low] + 6.0, grow, grow * 1.25
                ),
                red,
            )
        )
        high = (z > -45) & (z < 90)
        if high.sum() >= 2:
            crus = np.interp(z[high], [-45, 0, 90], [2.5, 5.0, 6.0]) * s
            scene.background.append(
                Solid(Tube(z[high], x[high] + side * 13.0, y[high] - 20.0 * person.scale, crus * 1.3, crus), red)
            )
