"""The arch against real vertebrae, and its parts on their sides."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from OsteoJointLib.phantom.draws.morphometry import FROM_T6, VERTEBRAE
from OsteoJointLib.phantom.draws.person import Person, draw_person
from OsteoJointLib.phantom.solids.body_shape import BodyShape
from OsteoJointLib.phantom.solids.shapes import Frame
from OsteoJointLib.phantom.spine import arch
from OsteoJointLib.phantom.spine.arch import build_arch

BODY_MM, WHOLE_MM = 1.3, 1.7
"""Largest mean distance to a real body and to a real vertebra, 0.1 mm of it for the fewer points."""
L1, L3 = FROM_T6 + 7, FROM_T6 + 9  # rows of VERTEBRAE


@pytest.fixture(scope="module")
def measuring(repository: Path):
    """The script that measures the shapes, as a module, with fewer points, so that it is quick."""
    spec = importlib.util.spec_from_file_location("measure_shapes", repository / "Testing" / "measure_shapes.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    module.POINTS, module.FIT_POINTS = 20_000, 1_500
    return module


def person(**changes) -> Person:
    return replace(draw_person(np.random.default_rng(0)), scale=1.0, degeneration=0.0, **changes)


def body() -> BodyShape:
    return BodyShape(Frame(np.zeros(3)), 25.0, 20.0, 14.5)


def reach_mm(bone, side: float, height: slice = slice(None)) -> float:
    """How far bone reaches to a side (-1 right, +1 left) of the midline."""
    x, y, z = np.arange(0.0, 65.0, 0.5), np.arange(15.0, 75.0), np.arange(-35.0, 30.0)[height]
    inside = np.min([shape.distance(np.sort(side * x), y, z) for shape in bone], axis=0) < 0
    return float(np.abs(np.sort(side * x)[inside.any(axis=(0, 1))]).max())


def test_bodies_and_vertebrae_lie_near_real_ones(measuring, real_shapes):
    rows = list(measuring.measure(real_shapes, ("L1", "L4")))
    assert {row[0] for row in rows} == {"visible-human-male", "mean-of-87"}
    far = [row for row in rows if row[3] > (BODY_MM if row[2] == "body" else WHOLE_MM)]
    assert not far


def test_a_wrong_vertebra_is_measured_as_wrong(measuring):
    body_shape, bones = measuring.mean_vertebra("L3")
    whole, alone = measuring.mesh([body_shape, *bones]), measuring.mesh([body_shape])
    assert measuring.distance_mm(whole, whole)[0] < 0.6, "two samples of one surface"
    assert measuring.distance_mm(alone, whole)[0] > 3.0, "a body without its arch"


def test_the_scale_is_how_much_the_real_one_was_enlarged(measuring):
    whole = measuring.mesh([body()])
    smaller = measuring.Surface(whole.points * 0.8, whole.faces)
    distance, scale = measuring.distance_mm(smaller, whole)
    assert scale == pytest.approx(1 / 0.8, rel=0.01)
    assert distance < 0.6


def test_transverse_processes_of_l1_reach_9_to_25_mm_beyond_the_pedicle_and_differ_by_side(monkeypatch):
    monkeypatch.setattr(arch, "_OSSICLE", 0.0)
    beyond, differ = [], []
    for seed in range(12):
        bone = build_arch(VERTEBRAE[L1], body(), person(), np.random.default_rng(seed)).bone
        right, left = (reach_mm(bone, side) for side in (-1.0, 1.0))
        beyond += [right - 19.0, left - 19.0]  # the pedicle's outer edge lies 19 mm beside the midline
        differ.append(abs(right - left))
    assert 8.0 < min(beyond) < 14.0
    assert 20.0 < max(beyond) < 27.0
    assert np.mean(differ) > 0.7


def test_a_tip_apart_is_bone_of_its_own_beyond_a_gap(monkeypatch):
    monkeypatch.setattr(arch, "_OSSICLE", 1.0)
    bone = build_arch(VERTEBRAE[L1], body(), person(), np.random.default_rng(3)).bone
    assert len(bone) == 3, "the arch and a tip on either side"
    assert len(build_arch(VERTEBRAE[L3], body(), person(), np.random.default_rng(3)).bone) == 1, "L1 alone has them"
    for tip, side in zip(bone[1:], (-1.0, 1.0), strict=True):
        low, high = tip.bounds()
        middle = 0.5 * (low + high)
        assert np.sign(middle[0]) == side
        inner = reach_mm(bone[:1], side)
        clear = np.abs([low[0], high[0]]).min() + arch._MELT_MM - inner
        assert 1.0 < clear < 7.0


def test_degeneration_grows_the_facets_only():
    young, old = (
        build_arch(VERTEBRAE[L3], body(), replace(person(), degeneration=d), np.random.default_rng(5)).bone[0]
        for d in (0.0, 1.0)
    )
    thicker = {
        pair[:2]: max(b.radius_mm) / max(a.radius_mm)
        for pair, a, b in zip(arch._BLADES, young.blades, old.blades, strict=False)
    }
    assert {pair for pair, factor in thicker.items() if factor > 1.001} == {
        ("isthmus", "facet"),
        ("facet", "mammillary"),
        ("pars", "lower"),
    }


def test_the_canal_is_open_and_the_marrow_leads_into_the_pedicles():
    built = build_arch(VERTEBRAE[L3], body(), person(), np.random.default_rng(1))
    at = np.array([0.0])
    bone = np.min([s.distance(at, np.array([28.0]), np.array([-10.0, 0.0, 10.0])) for s in built.bone], axis=0)
    assert (bone > 1.5).all(), "8 mm behind the body, in the midline, there is canal at every height"
    assert [float(np.sign(m.blades[0].end[0])) for m in built.marrow] == [-1.0, 1.0]
    for marrow in built.marrow:
        x, y, z = (np.array([c]) for c in marrow.blades[0].end)
        assert marrow.distance(x, y, z)[0, 0, 0] < 0 < -built.bone[0].distance(x, y, z)[0, 0, 0]
