"""Discs: fluid and fiber, vacuum gas, calcification; and the bone that bridges or replaces them.

Numbers are chosen. All of it is painted before the bodies, which keep what is theirs.
"""

from __future__ import annotations

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between, choose
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.scene import Material, Scene, Solid, Tissue
from OsteoJointLib.phantom.solids.shapes import Ellipsoid, Frame, rotation
from OsteoJointLib.phantom.spine.column import DISC_SQUARENESS, Column, Disc

_DISC_IN_MM, _DISC_SD_HU, _DISC_TEXTURE_HU = 5.0, 8.0, 4.0  # it reaches into the bowls above, below
_GAS_CHANCE = {True: 0.6, False: 0.25}  # of a vanished disc, another one, in the most degenerate
_GAS_WIDE, _GAS_DEEP, _GAS_MM, _GAS_HU = 0.6, 0.5, 1.2, (-600.0, -100.0)  # of the disc's; half height
_LIME_CHANCE = 0.15  # of a calcified disc, in the most degenerate
_LIME_AT, _LIME_HALF, _LIME_HU = 0.6, (0.15, 0.5), (180.0, 700.0)  # how far out, half size, over the disc's
_BULGE: Range = (0.9, 1.12)  # of a disc over its body, in width and depth

_BLOCK, _BLOCK_IN_MM, _BLOCK_CORTEX_MM = 0.9, 1.5, 1.0  # waist of a block vertebra over its bodies
_BRIDGE_PLACES = {"front": 0.35, "front right": 0.25, "right": 0.15, "left": 0.12, "front left": 0.13}  # shares
_BRIDGE_TURN = {"front": 0.0, "front right": -0.8, "right": -1.4, "left": 1.4, "front left": 0.8}  # rad from the front
_BRIDGE_MM: tuple[Range, Range] = ((4.0, 13.0), (2.0, 5.0))  # half width along the rim, half thickness
_BRIDGE_IN = 0.4  # of its half thickness that lies over the disc
_BRIDGE_UP_MM: Range = (4.0, 11.0)  # over the disc's half height, onto either body
_BRIDGE_CORTEX_MM, _BRIDGE_OVER_HU = (0.8, 2.0), (80.0, 350.0)  # core over the bodies'
_SECOND_BRIDGE = 0.35  # share of bridged discs with another one


def add_discs(scene: Scene, column: Column, person: Person, disc_hu: float, rng: np.random.Generator) -> None:
    """Put discs between the bodies, some with vacuum gas or calcified."""
    own = rng.spawn(1)[0]
    for disc in column.discs:
        wide, deep = (half * between(own, _BULGE) for half in (disc.half_width, disc.half_depth))
        shape = Ellipsoid(disc.frame, (wide, deep, 0.5 * disc.height_mm + _DISC_IN_MM), DISC_SQUARENESS)
        hu = disc_hu + float(rng.normal(0, _DISC_SD_HU))
        scene.skeleton.append(Solid(shape, Material(hu, texture_hu=_DISC_TEXTURE_HU), Tissue.DISC))
        if rng.random() < _GAS_CHANCE[disc.label in person.vanished] * person.degeneration:
            gas = Ellipsoid(disc.frame, (wide * _GAS_WIDE, deep * _GAS_DEEP, _GAS_MM))
            scene.skeleton.append(Solid(gas, Material(between(rng, _GAS_HU))))
        if own.random() < _LIME_CHANCE * person.degeneration:
            _add_lime(scene, disc, hu, own)


def _add_lime(scene: Scene, disc: Disc, disc_hu: float, rng: np.random.Generator) -> None:
    """Put a lump of calcium into a disc."""
    x, y = (half * between(rng, (-_LIME_AT, _LIME_AT)) for half in (disc.half_width, disc.half_depth))
    wide, deep = (half * between(rng, _LIME_HALF) for half in (disc.half_width, disc.half_depth))
    lump = Ellipsoid(Frame(disc.frame.point(x, y, 0), disc.frame.axes), (wide, deep, 0.5 * disc.height_mm + 1.0))
    scene.skeleton.append(Solid(lump, Material(disc_hu + scene.mineral * between(rng, _LIME_HU))))


def add_bridges(scene: Scene, column: Column, person: Person, cortex_hu: float, rng: np.random.Generator) -> None:
    """Put bone over bridged discs, and in the place of fused ones."""
    for disc in column.discs:
        core_hu = disc.upper.trabecular_hu
        if disc.label in person.fused:
            half = disc.half_width * _BLOCK, disc.half_depth * _BLOCK, 0.5 * disc.height_mm + _DISC_IN_MM
            block = Ellipsoid(disc.frame, half, DISC_SQUARENESS)
            bone = Material(core_hu, cortex_hu, _BLOCK_CORTEX_MM)
            scene.skeleton.append(Solid(block, bone, Tissue.OTHER_BONE))
        if disc.label in person.bridged:
            for _ in range(1 + (rng.random() < _SECOND_BRIDGE)):
                bone = Material(
                    core_hu + scene.mineral * between(rng, _BRIDGE_OVER_HU), cortex_hu, between(rng, _BRIDGE_CORTEX_MM)
                )
                scene.skeleton.append(Solid(_bridge(disc, rng), bone, Tissue.OTHER_BONE))


def _bridge(disc: Disc, rng: np.random.Generator) -> Ellipsoid:
    """Shape a bridge that bulges over the rims in front or at a side."""
    angle = _BRIDGE_TURN[choose(rng, _BRIDGE_PLACES)]
    wide, thick = (between(rng, half_mm) for half_mm in _BRIDGE_MM)
    out, forth = (half - _BRIDGE_IN * thick for half in (disc.half_width, disc.half_depth))
    out, forth = np.sin(angle) * out, -np.cos(angle) * forth
    tall = 0.5 * disc.height_mm + between(rng, _BRIDGE_UP_MM)
    turned = Frame(disc.frame.point(out, forth, 0), disc.frame.axes @ rotation(0, 0, angle))
    return Ellipsoid(turned, (wide, thick, tall))


def join_blocks(scene: Scene, column: Column, person: Person) -> None:
    """Let marrow run through the endplates of a block vertebra; painted after the bodies."""
    for disc in column.discs:
        if disc.label in person.fused:
            half = disc.half_width * _BLOCK * _BLOCK, disc.half_depth * _BLOCK * _BLOCK
            marrow = Ellipsoid(disc.frame, (*half, 0.5 * disc.height_mm + _BLOCK_IN_MM * 2), DISC_SQUARENESS)
            scene.skeleton.append(Solid(marrow, Material(disc.upper.trabecular_hu)))
