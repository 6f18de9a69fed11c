"""Endplates of an old spine: dents (Schmorl's nodes, erosions) with dense rims, and sclerosis under them.

Numbers are chosen. Dents are no part of the body's mask; sclerosis is.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, between, choose
from OsteoJointLib.phantom.draws.person import Person
from OsteoJointLib.phantom.solids.combined import Common, Compound, Moved
from OsteoJointLib.phantom.solids.scene import Material, Scene, Shape, Solid, Tissue
from OsteoJointLib.phantom.solids.shapes import Ellipsoid, Frame, RoundedBox
from OsteoJointLib.phantom.spine.column import Column, Disc
from OsteoJointLib.phantom.spine.vertebrae import Vertebra

_RIMS = (-1.0, 1.0)  # lower, upper endplate
_NODE_MM: tuple[Range, Range, Range] = ((4.0, 9.0), (4.0, 9.0), (3.0, 7.0))  # half sizes
_NODE_AT, _NODE_BACK, _NODE_DEEPEST = 0.45, (-0.3, 0.5), 0.6  # of the half width, depth and height
_EROSIONS, _EROSION_MM = (3, 9), (1.5, 4.0)  # dents of an eroded disc in either endplate: from, fewer than; radius
_EROSION_AT = 0.8
_RIM_MM, _RIM_HU = (1.0, 3.0), (250.0, 600.0)  # dense bone around a node; over the marrow

_BAND_MM, _BAND_HU = (2.0, 8.0), (300.0, 900.0)  # depth of a sclerotic band, HU
_BAND_PLACES = {"whole": 0.45, "front": 0.25, "back": 0.1, "left": 0.1, "right": 0.1}  # shares
_BAND_SIDE = {"front": (0, -1), "back": (0, 1), "left": (1, 0), "right": (-1, 0)}  # direction from the middle
_BAND_REACH: Range = (0.8, 1.4)  # radius of a partial band over the body's half size
_BAND_LAYERS = ((1.0, 0.55), (0.65, 1.0))  # share of the depth, of the density over the marrow
_LENS_DEEPER, _WIDE = 1.3, 2.0  # depth of a lens over a band's; a box about the body, over its half sizes
_BOTH_SIDES, _BAND_TEXTURE_HU, _BAND_GRAIN_MM = 0.7, 60.0, 2.0  # share of the discs with a band above and below
_BOWL_MM, _DENSER_HU = 8.0, 150.0  # deepest bowl of an endplate; a band is at least this denser than the marrow


def _dent(vertebra: Vertebra, rim: float, half_mm: tuple[float, float, float], x: float, y: float) -> Ellipsoid:
    """Shape a dent in the upper (+1) or lower (-1) endplate at shares x, y of the half sizes."""
    body, frame = vertebra.body, vertebra.frame
    bowl = body.concavity_mm[0 if rim > 0 else 1]
    at = frame.point(x * body.half_width, y * body.half_depth, rim * (body.half_height - bowl * (1 - x * x - y * y)))
    return Ellipsoid(Frame(at, frame.axes), half_mm)


def dent_endplates(column: Column, person: Person, rng: np.random.Generator) -> Column:
    """Cut Schmorl's nodes and erosions out of the endplates of those who have them."""
    vertebrae = []
    for vertebra in column.vertebrae:
        label, dents = vertebra.sizes.verse_label, []
        if label in person.nodes:
            a, b, c = (between(rng, half_mm) for half_mm in _NODE_MM)
            x, y = between(rng, (-_NODE_AT, _NODE_AT)), between(rng, _NODE_BACK)
            dents.append(
                _dent(vertebra, float(rng.choice(_RIMS)), (a, b, min(c, 0.6 * vertebra.body.half_height)), x, y)
            )
        for disc, rim in ((label - 1, 1.0), (label, -1.0)):
            for _ in range(int(rng.integers(*_EROSIONS)) if disc in person.eroded else 0):
                radius = between(rng, _EROSION_MM)
                x, y = rng.uniform(-_EROSION_AT, _EROSION_AT, 2)
                dents.append(_dent(vertebra, rim, (radius, radius, radius), float(x), float(y)))
        vertebrae.append(replace(vertebra, dents=tuple(dents)))
    return replace(column, vertebrae=tuple(vertebrae))


def _band(vertebra: Vertebra, rim: float, depth_mm: float) -> Shape:
    """Shape the part of a body within ``depth_mm`` of one endplate."""
    body, frame = vertebra.body, vertebra.frame
    beyond = Moved(body, -rim * depth_mm * frame.axes[:, 2])
    half = 0.5 * min(depth_mm + _BOWL_MM, body.half_height + _BOWL_MM)
    near = Frame(frame.point(0, 0, rim * (body.half_height + 1.0 - half)), frame.axes)
    box = RoundedBox(near, (_WIDE * body.half_width, _WIDE * body.half_depth, half))
    return Common((Compound((vertebra.outline,), (beyond,)), box))


def _lens(vertebra: Vertebra, rim: float, depth_mm: float, place: str, reach: float) -> Shape:
    """Shape a lens of dense bone that sits on one side of an endplate and thins out inward."""
    body, frame = vertebra.body, vertebra.frame
    out, back = _BAND_SIDE[place]
    at = frame.point(out * body.half_width, back * body.half_depth, rim * body.half_height)
    deep = _LENS_DEEPER * depth_mm
    return Common(
        (vertebra.outline, Ellipsoid(Frame(at, frame.axes), (reach * body.half_width, reach * body.half_depth, deep)))
    )


def _add_band(scene: Scene, vertebra: Vertebra, rim: float, place: str, rng: np.random.Generator) -> None:
    """Paint dense bone under one endplate, denser toward it."""
    marrow = vertebra.trabecular_hu
    hu = max(scene.mineral * between(rng, _BAND_HU), marrow + _DENSER_HU)
    depth_mm, reach = between(rng, _BAND_MM), between(rng, _BAND_REACH)
    for depth, dense in _BAND_LAYERS:
        shape = (
            _band(vertebra, rim, depth * depth_mm)
            if place == "whole"
            else _lens(vertebra, rim, depth * depth_mm, place, reach * depth)
        )
        bone = Material(marrow + dense * (hu - marrow), texture_hu=_BAND_TEXTURE_HU, grain_mm=_BAND_GRAIN_MM)
        scene.skeleton.append(Solid(shape, bone, Tissue.BODY))


def add_sclerosis(scene: Scene, column: Column, person: Person, rng: np.random.Generator) -> None:
    """Paint dense bone around nodes and under the endplates beside sclerotic discs; after the bodies."""
    for vertebra in column.vertebrae:
        for dent in vertebra.dents[:1] if vertebra.sizes.verse_label in person.nodes else ():
            width = between(rng, _RIM_MM)
            a, b, c = dent.radii
            around = Ellipsoid(dent.frame, (a + width, b + width, c + width))
            rim = Material(vertebra.trabecular_hu + scene.mineral * between(rng, _RIM_HU))
            scene.skeleton.append(Solid(Common((vertebra.outline, around)), rim, Tissue.BODY))
    for disc in column.discs:
        if disc.label in person.sclerotic:
            _add_bands(scene, disc, rng)


def _add_bands(scene: Scene, disc: Disc, rng: np.random.Generator) -> None:
    """Paint the bands beside one disc: above and below it, or on one side."""
    both, upper, place = rng.random() < _BOTH_SIDES, rng.random() < 0.5, choose(rng, _BAND_PLACES)
    if both or upper:
        _add_band(scene, disc.upper, -1.0, place, rng)
    if disc.lower and (both or not upper):
        _add_band(scene, disc.lower, 1.0, place, rng)
