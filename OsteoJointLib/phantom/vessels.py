"""Aorta with its calcified wall, vena cava, mesenteric vessels, and the spinal canal with its sac."""

from __future__ import annotations

import numpy as np

from OsteoJointLib.phantom.organs import TissueHu
from OsteoJointLib.phantom.person import Person
from OsteoJointLib.phantom.scene import Material, Scene, Solid
from OsteoJointLib.phantom.shapes import Ellipsoid, Frame, Tube, rotation
from OsteoJointLib.phantom.spine import Column


def _track(column: Column) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Knots z of the column in the abdomen and chest, with its x and y there."""
    z, xy = column.track()
    inside = (z > -110) & (z < 330)
    return z[inside], xy[inside, 0], xy[inside, 1]


def add_vessels(scene: Scene, column: Column, tissue: TissueHu, person: Person, rng: np.random.Generator) -> None:
    """Put the vessels in front of the column into the scene."""
    z, x, y = _track(column)
    aorta_mm, cava_mm = float(rng.uniform(8.5, 13)), float(rng.uniform(8, 13))
    front_y = y - 19.0 * person.scale - float(rng.uniform(0, 7))
    ones = np.ones_like(z)
    aorta = Tube(z, x + float(rng.uniform(4, 16)), front_y - aorta_mm, aorta_mm * ones, aorta_mm * ones)
    scene.background.append(Solid(aorta, Material(tissue.aorta, tissue.aorta + 8, 1.0, 4.0)))
    for _ in range(rng.poisson(8 * person.degeneration)):
        angle, height = rng.uniform(0, 2 * np.pi), rng.uniform(z[0], z[-1])
        cx, cy, _, _ = aorta.at(np.array([height]))
        at = np.array([cx[0] + aorta_mm * np.cos(angle), cy[0] + aorta_mm * np.sin(angle), height])
        plaque = Ellipsoid(Frame(at), (2.0, 2.0, float(rng.uniform(2, 8))))
        scene.skeleton.append(Solid(plaque, Material(float(rng.uniform(300, 900)))))
    low = z < 120
    cava_x = x[low] - float(rng.uniform(12, 24))
    cava = Tube(z[low], cava_x, front_y[low] - 0.7 * cava_mm, cava_mm * ones[low], 0.75 * cava_mm * ones[low])
    scene.background.append(Solid(cava, Material(tissue.cava, texture_hu=4.0)))
    for _ in range(int(rng.integers(10, 30))):
        at = np.array([rng.uniform(-60, 70), float(y.mean()) - rng.uniform(35, 100), rng.uniform(-120, 60)])
        turned = Frame(at, rotation(*rng.uniform(-1, 1, 3)))
        radii = (float(rng.uniform(2, 5)), float(rng.uniform(2, 5)), float(rng.uniform(5, 25)))
        scene.background.append(Solid(Ellipsoid(turned, radii), Material(tissue.cava)))


def add_canal(scene: Scene, column: Column, tissue: TissueHu, person: Person) -> None:
    """Put the spinal canal's fat and the dural sac into the scene; the bones are painted around them."""
    z, x, y = _track(column)
    canal_y = y + (18.0 + 8.5) * person.scale
    z, x, canal_y = np.append(z, z[-1] + 40.0), np.append(x, x[-1]), np.append(canal_y, canal_y[-1])
    for wide, deep, material in (
        (12.0, 9.5, Material(tissue.visceral_fat)),
        (9.5, 7.5, Material(tissue.canal, texture_hu=4.0)),
    ):
        scene.skeleton.append(Solid(Tube(z, x, canal_y, np.full(z.size, wide), np.full(z.size, deep)), material))
