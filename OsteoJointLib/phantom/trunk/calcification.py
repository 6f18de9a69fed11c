"""Calcium and metal in vessels and organs: aortic and iliac walls, stent, filter, stones, nodes.

Numbers are chosen; positions are in mm from the L1/L2 disc.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between, choose
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Material, Scene, Solid
from OsteoJointLib.phantom.solids.shapes import Capsule, Ellipsoid, Frame, Tube, rotation

_RING_CHANCE, _RING_LONG_MM, _RINGS = 0.6, (8.0, 60.0), (1, 5)  # in the most degenerate; length; from, fewer than
_RING_MM, _RING_HU = (0.8, 2.0), (300.0, 800.0)  # thickness of the wall's lime
_SPOTS, _SPOT_MM, _SPOT_HALF_MM, _SPOT_HU = 10.0, (1.0, 2.5), (1.5, 8.0), (300.0, 900.0)  # mean number; radius, half
_STENT_MM, _STENT_HU, _STENT_Z_MM = 1.0, (1400.0, 2600.0), ((-10.0, 60.0), (-105.0, -60.0))  # struts; top, bottom
_FILTER_LEGS, _FILTER_LEG_MM, _FILTER_HU, _FILTER_Z_MM = 6, 0.5, 2600.0, (-35.0, 30.0)
_FILTER_TALL_MM, _FILTER_WIDE = 35.0, 0.9  # of the cava's half width

_STONE = {"kidney": 0.05, "gall": 0.08, "node": 0.06, "splenic": 0.1}  # shares of the patients
_STONE_COUNT = (1, 5)  # from, fewer than
_KIDNEY_STONE_MM, _KIDNEY_STONE_HU, _KIDNEY_SPREAD_MM = (1.0, 5.0), (300.0, 1200.0), (8.0, 6.0, 22.0)
_GALL_AT_MM: tuple[Range, Range, Range] = ((-75.0, -45.0), (60.0, 95.0), (-25.0, 15.0))  # x, before the column, z
_GALL_MM, _GALL_HU, _GALL_WALL_HU, _GALL_WALL_MM = (13.0, 18.0, 26.0), (0.0, 20.0), 30.0, 1.5
_GALL_STONE_MM, _GALL_STONE_HU, _GALL_RIM_HU, _GALL_RIM_MM = (2.0, 8.0), (40.0, 250.0), (250.0, 600.0), 1.0
_NODE_AT_MM: tuple[Range, Range, Range] = ((-40.0, 40.0), (25.0, 80.0), (-100.0, 60.0))
_NODE_MM, _NODE_HU = (2.0, 6.0), (250.0, 900.0)
_SPLENIC_AT_MM: tuple[Range, Range, Range] = ((20.0, 90.0), (15.0, 60.0), (10.0, 50.0))


def add_plaques(scene: Scene, vessel: Tube, person: Person, rng: np.random.Generator) -> None:
    """Put lime into a vessel's wall: spots, and rings over parts of its length."""
    low, high = float(vessel.z_knots[0]), float(vessel.z_knots[-1])
    if rng.random() < _RING_CHANCE * person.degeneration**2:
        for _ in range(int(rng.integers(*_RINGS))):
            middle, half = between(rng, (low, high)), 0.5 * between(rng, _RING_LONG_MM)
            part = _part(vessel, max(middle - half, low), min(middle + half, high))
            _add_wall(scene, part, between(rng, _RING_MM), scene.mineral * between(rng, _RING_HU))
    for _ in range(rng.poisson(_SPOTS * person.degeneration)):
        angle, height = rng.uniform(0, 2 * np.pi), between(rng, (low, high))
        x, y, rx, ry = (float(v[0]) for v in vessel.at(np.array([height])))
        at = np.array([x + rx * np.cos(angle), y + ry * np.sin(angle), height])
        radius = between(rng, _SPOT_MM)
        spot = Ellipsoid(Frame(at), (radius, radius, between(rng, _SPOT_HALF_MM)))
        scene.skeleton.append(Solid(spot, Material(scene.mineral * between(rng, _SPOT_HU))))


def _part(vessel: Tube, bottom_mm: float, top_mm: float, grow_mm: float = 0.0) -> Tube:
    """Cut a piece out of a tube."""
    z = np.linspace(bottom_mm, top_mm, 5)
    x, y, rx, ry = vessel.at(z)
    return Tube(z, x, y, rx + grow_mm, ry + grow_mm)


def _add_wall(scene: Scene, vessel: Tube, thick_mm: float, hu: float) -> None:
    """Paint a vessel's wall and leave its lumen; the ends are open."""
    inside = Tube(
        vessel.z_knots + np.array([-1, 0, 0, 0, 1.0]),
        vessel.center_x,
        vessel.center_y,
        np.maximum(vessel.radius_x - thick_mm, 1.0),
        np.maximum(vessel.radius_y - thick_mm, 1.0),
    )
    scene.skeleton.append(Solid(Compound((vessel,), (inside,)), Material(hu)))


def add_stent(scene: Scene, vessel: Tube, rng: np.random.Generator) -> None:
    """Put a stent into the aorta below the kidneys."""
    top, bottom = (between(rng, limits) for limits in _STENT_Z_MM)
    low, high = float(vessel.z_knots[0]), float(vessel.z_knots[-1])
    _add_wall(scene, _part(vessel, max(bottom, low), min(top, high)), _STENT_MM, between(rng, _STENT_HU))


def add_filter(scene: Scene, cava: Tube, rng: np.random.Generator) -> None:
    """Put a filter, legs down, into the vena cava."""
    z = between(rng, _FILTER_Z_MM)
    heights = np.array([z, z - _FILTER_TALL_MM])
    x, y, rx, ry = cava.at(heights)
    tip = np.array([x[0], y[0], z])
    for angle in np.arange(_FILTER_LEGS) * (2 * np.pi / _FILTER_LEGS):
        across = np.array([np.cos(angle) * rx[1], np.sin(angle) * ry[1]]) * _FILTER_WIDE
        foot = np.array([x[1] + across[0], y[1] + across[1], heights[1]])
        scene.skeleton.append(Solid(Capsule(tip, foot, _FILTER_LEG_MM, _FILTER_LEG_MM), Material(_FILTER_HU)))


def add_stones(scene: Scene, kidneys: list[Frame], spine_y: float, rng: np.random.Generator) -> None:
    """Put stones into kidneys and gallbladder, and lime into lymph nodes and the splenic artery."""

    def near(at_mm: tuple[Range, Range, Range]) -> np.ndarray:
        x, before, z = (between(rng, limits) for limits in at_mm)
        return np.array([x, spine_y - before, z])

    def lump(at: np.ndarray, half_mm: Range, material: Material) -> None:
        a, b, c = (between(rng, half_mm) for _ in range(3))
        scene.skeleton.append(Solid(Ellipsoid(Frame(at, rotation(*rng.uniform(-1, 1, 3))), (a, b, c)), material))

    many = {name: int(rng.integers(*_STONE_COUNT)) if rng.random() < share else 0 for name, share in _STONE.items()}
    for _ in range(many["kidney"]):
        at = kidneys[choose(rng, {0: 0.5, 1: 0.5})].point(*rng.uniform(-1, 1, 3) * _KIDNEY_SPREAD_MM)
        lump(at, _KIDNEY_STONE_MM, Material(scene.mineral * between(rng, _KIDNEY_STONE_HU)))
    bladder = near(_GALL_AT_MM)
    gall = Material(between(rng, _GALL_HU), _GALL_WALL_HU, _GALL_WALL_MM)
    scene.background.append(Solid(Ellipsoid(Frame(bladder), _GALL_MM), gall))
    for _ in range(many["gall"]):
        at = bladder + np.array([*rng.uniform(-6, 6, 1), 0.4 * _GALL_MM[1], *rng.uniform(-12, 12, 1)])
        stone = Material(between(rng, _GALL_STONE_HU), scene.mineral * between(rng, _GALL_RIM_HU), _GALL_RIM_MM)
        lump(at, _GALL_STONE_MM, stone)
    for name, at_mm in (("node", _NODE_AT_MM), ("splenic", _SPLENIC_AT_MM)):
        for _ in range(many[name]):
            lump(near(at_mm), _NODE_MM, Material(scene.mineral * between(rng, _NODE_HU)))
