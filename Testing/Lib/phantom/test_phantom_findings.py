"""Old spines and hardware: each finding is measured in the rendered HU, on the side and level where it was drawn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.draws.contrast import NO_CONTRAST
from OsteoJointLib.phantom.draws.findings import Findings, draw_findings
from OsteoJointLib.phantom.draws.person import Person, draw_person
from OsteoJointLib.phantom.draws.tissue import draw_tissue_hu
from OsteoJointLib.phantom.patient import build_patient
from OsteoJointLib.phantom.physics.beam import REFERENCE
from OsteoJointLib.phantom.scanner.acquisition import acquire, draw_acquisition
from OsteoJointLib.phantom.scanner.metal import streaks
from OsteoJointLib.phantom.scanner.rendering import render_classes, render_hu, render_labels
from OsteoJointLib.phantom.solids.combined import Compound
from OsteoJointLib.phantom.solids.scene import Scene, Tissue
from OsteoJointLib.phantom.solids.shapes import Tube
from OsteoJointLib.phantom.spine.column import Column, build_column
from OsteoJointLib.phantom.spine.discs import add_bridges, add_discs, join_blocks
from OsteoJointLib.phantom.spine.endplates import add_sclerosis, dent_endplates
from OsteoJointLib.phantom.spine.implants import add_implant
from OsteoJointLib.phantom.spine.lesions import add_lesions
from OsteoJointLib.phantom.spine.vertebrae import Vertebra, add_vertebra
from OsteoJointLib.phantom.trunk.bedside import add_arms, add_table
from OsteoJointLib.phantom.trunk.calcification import add_plaques, add_stent
from OsteoJointLib.phantom.trunk.chest import add_chest
from OsteoJointLib.phantom.trunk.organs import add_ascites
from OsteoJointLib.phantom.trunk.shoulders import build_shoulders
from OsteoJointLib.phantom.trunk.torso import build_torso

MARROW_HU, DISC_HU = 120.0, 70.0
PLAIN = replace(
    draw_person(np.random.default_rng(5)),
    **vars(Findings(degeneration=0.0)),
    scale=1.0,
    lumbar_bodies=5,
    scoliosis_deg=0.0,
    rotation_deg=0.0,
    lordosis=1.0,
)
L1, L2, L3 = 20, 21, 22
ACQUISITION = draw_acquisition(np.random.default_rng(0), False)


def column_of(person: Person) -> Column:
    column = build_column(person, np.random.default_rng(1)).seen(lambda bmd: MARROW_HU)
    return dent_endplates(column, person, np.random.default_rng(2))


def painted(person: Person, column: Column, seed: int = 3) -> Scene:
    """The column alone, with all that is drawn of it."""
    scene, rng = Scene(), np.random.default_rng(seed)
    add_discs(scene, column, person, DISC_HU, rng)
    add_bridges(scene, column, person, 500.0, rng)
    for vertebra in column.vertebrae:
        add_vertebra(scene, vertebra, person, 500.0, 0.0, rng)
    join_blocks(scene, column, person)
    add_sclerosis(scene, column, person, rng)
    add_lesions(scene, column, person, rng)
    add_implant(scene, column, person, rng)
    return scene


def grid_about(point: np.ndarray, half_mm: float = 40.0, spacing_mm: float = 0.8) -> Grid:
    n = int(2 * half_mm / spacing_mm)
    return Grid.axis_aligned((n, n, n), (spacing_mm,) * 3, tuple(point - half_mm))


def hu_at(scene: Scene, points: list[np.ndarray]) -> np.ndarray:
    """HU at world points, each on a grid of its own."""
    values = []
    for point in points:
        hu = render_hu(scene, grid_about(point, 2.0), np.random.default_rng(0))
        values.append(float(hu[2, 2, 2]))
    return np.array(values)


def along_axis(scene: Scene, vertebra: Vertebra, x: float, y: float, z_mm: np.ndarray) -> np.ndarray:
    """HU along a body's axis at shares x, y of its half sizes."""
    body = vertebra.body
    return hu_at(scene, [vertebra.frame.point(x * body.half_width, y * body.half_depth, z) for z in z_mm])


def test_a_vanished_disc_leaves_no_room_and_its_neighbor_keeps_its_own():
    person = replace(PLAIN, vanished=(L2,))
    heights = {disc.label: disc.height_mm for disc in column_of(person).discs}
    assert heights[L2] < 1.5
    assert heights[L1] > 5.0
    assert heights[L3] > 7.0
    scene = painted(person, column := column_of(person))
    grid = grid_about(column.find(L2).frame.point(0, 0, -13.0))
    labels = render_labels(scene, grid)
    middle = np.rint(grid.lps_to_index(column.find(L2).frame.center)).astype(int)
    line = labels[:, middle[1], middle[2]]
    gap = np.flatnonzero(line == L2).min() - np.flatnonzero(line == L3).max() - 1
    assert gap * 0.8 < 2.5, "the endplates' bowls are flat where bodies touch"


@pytest.mark.parametrize("label", [L1, L2])
def test_sclerosis_lies_under_the_endplates_beside_its_disc_only(label):
    person = replace(PLAIN, sclerotic=(label,))
    column = column_of(person)
    above, below = column.find(label), column.find(label + 1)
    denser = {"above": 0, "below": 0}
    for seed in range(6):
        scene = painted(person, column, seed)
        near_mm = above.body.half_height - above.body.concavity_mm[1] - 1.0
        # spots of the lower endplate, then of the upper one of the same body, at the same depth
        spots = [(0.0, 0.0), (0.0, -0.6), (0.0, 0.6), (0.6, 0.0), (-0.6, 0.0)]
        low = max(along_axis(scene, above, x, y, np.array([-near_mm]))[0] for x, y in spots)
        high = max(along_axis(scene, above, x, y, np.array([near_mm - 3.0]))[0] for x, y in spots)
        under = below.body.half_height - below.body.concavity_mm[0] - 1.0
        first = max(along_axis(scene, below, x, y, np.array([under]))[0] for x, y in spots)
        assert high < MARROW_HU + 60.0, "the endplate far from the disc stays as it is"
        assert max(low, first) > MARROW_HU + 100.0
        denser["above"] += low > MARROW_HU + 100.0
        denser["below"] += first > MARROW_HU + 100.0
    assert min(denser.values()) >= 2


def test_a_fused_pair_is_bridged_by_bone_and_keeps_two_labels():
    person = replace(PLAIN, fused=(L1,))
    column = column_of(person)
    disc = next(d for d in column.discs if d.label == L1)
    scene = painted(person, column)
    open_disc = next(d for d in column.discs if d.label == L3)
    fused_hu, open_hu = hu_at(scene, [disc.frame.center, open_disc.frame.center])
    assert fused_hu == pytest.approx(MARROW_HU, abs=20.0)
    assert open_hu < DISC_HU + 30.0
    labels = render_labels(scene, grid_about(disc.frame.center))
    assert {L1, L2} <= set(np.unique(labels))


def test_a_bridge_spans_the_disc_as_other_bone_and_is_no_part_of_the_mask():
    person = replace(PLAIN, bridged=(L2,))
    column = column_of(person)
    disc = next(d for d in column.discs if d.label == L2)
    grid = grid_about(disc.frame.center)
    scene, plain = painted(person, column), painted(PLAIN, column)
    classes = render_classes(scene, grid, 0.0)
    z = np.rint(grid.lps_to_index(disc.frame.center)).astype(int)[0]
    assert (classes[z] == Tissue.OTHER_BONE).any()
    assert not (render_classes(plain, grid, 0.0) == Tissue.OTHER_BONE).any()
    assert np.array_equal(render_labels(scene, grid), render_labels(plain, grid))


def test_a_node_is_a_dent_with_a_dense_rim_and_is_left_out_of_the_mask():
    person = replace(PLAIN, nodes=(L2,))
    column = column_of(person)
    dent = column.find(L2).dents[0]
    assert not column.find(L1).dents
    grid = grid_about(column.find(L2).frame.center)
    with_node, without = (
        render_labels(painted(p, c), grid) == L2 for p, c in ((person, column), (PLAIN, column_of(PLAIN)))
    )
    lost_ml = (without.sum() - with_node.sum()) * 0.8**3 / 1000
    assert 0.05 < lost_ml < 1.5
    index = np.rint(grid.lps_to_index(dent.frame.center)).astype(int)
    assert not with_node[tuple(index)]
    scene = painted(person, column)
    toward_middle = np.sign(float((column.find(L2).frame.center - dent.frame.center) @ dent.frame.axes[:, 2]))
    rim = dent.frame.point(0, 0, toward_middle * (dent.radii[2] + 0.4))
    assert hu_at(scene, [rim])[0] > MARROW_HU + 100.0


def broken(kind: str, monkeypatch: pytest.MonkeyPatch) -> Column:
    monkeypatch.setattr("OsteoJointLib.phantom.spine.vertebrae._BROKEN", {kind: 1.0})
    return column_of(replace(PLAIN, fractured=(L2,), collapsed=(L2,)))


def heights_mm(vertebra: Vertebra) -> np.ndarray:
    """Height of a body in front, in the middle and at the back."""
    body, z = vertebra.body, np.arange(-20, 20, 0.1)
    heights = []
    for y in (-0.85, 0.0, 0.7):
        points = np.array([vertebra.frame.point(0, y * body.half_depth, v) for v in z])
        inside = [float(body.distance(p[:1], p[1:2], p[2:3])[0, 0, 0]) < 0 for p in points]
        heights.append(np.sum(inside) * 0.1)
    return np.array(heights)


def test_each_fracture_loses_its_own_part(monkeypatch):
    whole = heights_mm(column_of(PLAIN).find(L2))
    wedge, biconcave, crush = (
        heights_mm(broken(kind, monkeypatch).find(L2)) for kind in ("wedge", "biconcave", "crush")
    )
    assert wedge[0] < 0.75 * whole[0]
    assert wedge[2] > 0.9 * whole[2]
    assert biconcave[1] < 0.75 * whole[1]
    assert min(biconcave[0] / whole[0], biconcave[2] / whole[2]) > biconcave[1] / whole[1] + 0.1
    assert np.all(crush < 0.7 * whole)


def test_a_wedge_bends_the_column_forward_and_bodies_do_not_overlap(monkeypatch):
    bent, straight = broken("wedge", monkeypatch), column_of(PLAIN)

    def lean(column: Column) -> float:
        upper, lower = (column.find(label).frame.axes[:, 2] for label in (L1, L3))
        return float(np.rad2deg(np.arctan2(-upper[1], upper[2]) - np.arctan2(-lower[1], lower[2])))

    assert lean(bent) > lean(straight) + 5.0, "the upper part leans to the front"


@pytest.mark.parametrize(
    ("kind", "low", "high"), [("bone island", 400, 1100), ("cement", 1000, 2600), ("lytic", 0, 80)]
)
def test_a_lesion_lies_in_its_body_and_in_no_other(kind, low, high):
    person = replace(PLAIN, lesions=((L2, kind),))
    column = column_of(person)
    for label in (L1, L2):
        vertebra = column.find(label)
        grid = grid_about(vertebra.frame.center)
        inside = render_labels(painted(person, column), grid) == label
        hu = render_hu(painted(person, column), grid, np.random.default_rng(0))
        core = np.zeros_like(inside)
        core[5:-5, 5:-5, 5:-5] = inside[5:-5, 5:-5, 5:-5]
        changed = hu - render_hu(painted(PLAIN, column_of(PLAIN)), grid, np.random.default_rng(0))
        spot = core & (np.abs(changed) > 30.0)
        assert spot.any() == (label == L2)
        if label == L2:
            assert low < np.median(hu[spot]) < high


def test_a_hemangioma_is_dark_with_dense_upright_strands():
    person = replace(PLAIN, lesions=((L2, "hemangioma"),))
    column = column_of(person)
    grid = grid_about(column.find(L2).frame.center, 14.0, 0.5)
    hu = render_hu(painted(person, column), grid, np.random.default_rng(0))
    middle = hu[20:36, 20:36, 20:36]
    assert np.percentile(middle, 25) < 60.0
    assert np.percentile(middle, 98) > 200.0
    across, along = (np.abs(np.diff(middle, axis=axis)).mean() for axis in (2, 0))
    assert along < 0.6 * across, "the strands stand upright"


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_screw_is_metal_in_the_pedicle_of_its_side_and_level(side):
    person = replace(PLAIN, implant="screws", implanted=(L2, L3))
    column = column_of(person)
    scene, plain = painted(person, column), painted(PLAIN, column)

    def pedicle_hu(label: int, inside: Scene) -> float:
        vertebra = column.find(label)
        grid = grid_about(vertebra.frame.point(side * 15.5, vertebra.body.half_depth + 3.0, 4.0), 8.0)
        hu = render_hu(inside, grid, np.random.default_rng(0))
        bone = render_classes(plain, grid, 0.0) == Tissue.POSTERIOR
        return float(np.where(bone, hu, -1000.0).max())

    assert pedicle_hu(L2, scene) > 3000.0
    assert pedicle_hu(L3, scene) > 3000.0
    assert pedicle_hu(L1, scene) < 1500.0
    assert pedicle_hu(L2, plain) < 1500.0


def test_screws_run_forward_and_stay_on_their_side():
    column = column_of(PLAIN)
    scene = painted(replace(PLAIN, implant="screws", implanted=(L2, L3)), column)
    metal = [s.shape for s in scene.skeleton if s.material.core_hu > 3000.0 and isinstance(s.shape, Compound)]
    screws = [shape.parts[0] for shape in metal if shape.holes]  # rods pass no body
    assert len(screws) == 4
    sides = []
    for screw in screws:
        body = min(
            (column.find(label) for label in (L2, L3)), key=lambda v: np.linalg.norm(v.frame.center - screw.start)
        )
        tip, head = ((end - body.frame.center) @ body.frame.axes for end in (screw.start, screw.end))
        assert tip[0] * head[0] > 0.0
        assert abs(tip[0]) < abs(head[0]), "screws converge"
        assert tip[1] < 0.0 < body.body.half_depth + 10.0 < head[1]
        sides.append(np.sign(tip[0]))
    assert sorted(sides) == [-1, -1, 1, 1]


def test_metal_is_other_bone_outside_the_body_and_body_inside():
    person = replace(PLAIN, implant="screws", implanted=(L2,))
    column = column_of(person)
    grid = grid_about(column.find(L2).frame.center, 55.0, 1.0)
    scene = painted(person, column)
    classes = render_classes(scene, grid, 0.0)
    metal = render_hu(scene, grid, np.random.default_rng(0)) > 3000.0
    inside, named = classes[metal] == Tissue.BODY, classes[metal] == Tissue.OTHER_BONE
    assert np.mean(inside | named) > 0.9, "at its edge a voxel is metal by half"
    assert (classes[metal] == Tissue.BODY).sum() > 50
    assert np.array_equal(render_labels(scene, grid), render_labels(painted(PLAIN, column), grid))


def test_streaks_are_dark_between_two_pieces_of_metal_and_none_without():
    plane = np.zeros((256, 256), np.float32)
    assert streaks(plane, 0.8, np.random.default_rng(0)) is None
    y, x = np.indices(plane.shape)
    for center in (96, 160):
        plane[np.hypot(x - center, y - 128) < 5] = 5000.0
    rays = np.mean([streaks(plane, 0.8, np.random.default_rng(seed)) for seed in range(8)], axis=0)
    assert rays[126:131, 120:137].mean() < -20.0
    assert rays[60:70, 120:137].mean() > rays[126:131, 120:137].mean() + 20.0
    assert np.all(rays[plane > 2500] == 0.0)


def test_a_scan_of_metal_has_streaks_and_the_noise_of_one_without():
    grid = Grid.axis_aligned((2, 128, 128), (1.0, 1.0, 2.0), (0.0, 0.0, 0.0))
    quiet = replace(ACQUISITION, noise_hu=2.0, cupping_hu=0.0, metal_at_mm=None)
    plain = np.zeros(grid.shape_zyx, np.float32)
    metal = plain.copy()
    metal[0, 60:68, 40:48] = metal[0, 60:68, 80:88] = 5000.0
    empty, held = (acquire(volume.copy(), grid, quiet, np.random.default_rng(1)) for volume in (plain, metal))
    assert np.array_equal(empty[1], held[1]), "a slice without metal stays as it is"
    assert held[0, 62:66, 58:70].mean() < empty[0, 62:66, 58:70].mean() - 20.0


def test_half_of_the_training_patients_have_an_old_spine():
    old = [
        np.mean([build_patient(np.random.default_rng(s), varied).person.degeneration > 0.45 for s in range(24)])
        for varied in (False, True)
    ]
    assert old[0] < 0.3 < old[1]


def test_lime_and_stent_lie_in_the_vessels_wall_and_leave_the_lumen():
    z = np.array([-60.0, 60.0])
    vessel = Tube(z, np.zeros(2), np.zeros(2), np.full(2, 10.0), np.full(2, 10.0))
    old = replace(PLAIN, degeneration=1.0)
    scene = Scene()
    for seed in range(3):
        add_plaques(scene, vessel, old, np.random.default_rng(seed))
    assert len(scene.skeleton) > 10
    young = Scene()
    add_plaques(young, vessel, PLAIN, np.random.default_rng(0))
    assert not young.skeleton
    stented = Scene()
    add_stent(stented, vessel, np.random.default_rng(0))
    grid = Grid.axis_aligned((1, 40, 40), (0.75, 0.75, 1.0), (-14.6, -14.6, -20.0))
    hu = render_hu(stented, grid, np.random.default_rng(0))[0]
    y, x = np.indices(hu.shape) * 0.75 - 14.6
    radius = np.hypot(x, y)
    assert hu[(radius > 9.2) & (radius < 9.8)].mean() > 500.0
    assert hu[radius < 7.0].max() == -1000.0


@pytest.mark.parametrize(
    ("sides", "filled"), [("right", (True, False)), ("left", (False, True)), ("both", (True, True))]
)
def test_an_effusion_lies_at_the_back_of_its_side(sides, filled):
    person = replace(PLAIN, effusion=sides)
    column, scene = column_of(PLAIN), Scene()
    torso = build_torso(PLAIN, column, np.random.default_rng(0))
    tissue = draw_tissue_hu(REFERENCE, NO_CONTRAST, False, np.random.default_rng(0))
    add_chest(scene, torso, column, tissue, person, np.random.default_rng(4), np.random.default_rng(4))
    shapes = [s.shape for s in scene.background if s.material.core_hu > -1.0 and s.material.texture_hu == 5.0]
    z, (cx, cy, rx, ry) = np.array([150.0]), (v[0] for v in torso.cavity.at(np.array([150.0])))
    x, y = np.linspace(cx - rx, cx + rx, 81), np.linspace(cy - ry, cy + ry, 81)
    wet = np.any([shape.distance(x, y, z)[0] < 0 for shape in shapes], axis=0)
    assert (wet[:, :38].any(), wet[:, 43:].any()) == filled, "x grows to the left"
    assert np.nonzero(wet)[0].mean() > 50, "fluid sinks to the back"
    assert not wet[:20].any()


def test_ascites_lies_in_front_of_the_retroperitoneum():
    torso, scene = build_torso(PLAIN, column_of(PLAIN), np.random.default_rng(0)), Scene()
    add_ascites(scene, torso, PLAIN, np.random.default_rng(0))
    assert not scene.background
    add_ascites(scene, torso, replace(PLAIN, ascites=True), np.random.default_rng(0))
    fluid = scene.background[0].shape
    _, cy, _, ry = torso.cavity.at(fluid.z_knots)
    assert np.all(fluid.center_y + fluid.radius_y < cy + 0.9 * ry)
    assert np.allclose(fluid.center_y - fluid.radius_y, cy - ry)


def test_arms_lie_beside_the_trunk_as_other_bone():
    person, column, scene = replace(PLAIN, arms_down=True), column_of(PLAIN), Scene()
    torso = build_torso(person, column, np.random.default_rng(0))
    joints = build_shoulders(person, column, torso, np.random.default_rng(0)).joints
    tissue = draw_tissue_hu(REFERENCE, NO_CONTRAST, False, np.random.default_rng(0))
    add_arms(scene, torso.skin, joints, tissue, person, np.random.default_rng(0))
    bones = scene.skeleton
    assert {solid.tissue for solid in bones} == {Tissue.OTHER_BONE}
    for sign in (-1, 1):
        own = [solid.shape for solid in bones if np.sign(solid.shape.start[0]) == sign]
        assert len(own) == 3
        widest = torso.skin.center_x.max() + torso.skin.radius_x.max()
        assert all(abs(shape.end[0]) > widest - 8.0 for shape in own)
        np.testing.assert_array_equal(own[0].start, joints[sign > 0], "it hangs at its shoulder")


def test_the_table_lies_under_the_back_and_with_rods_under_all_of_it():
    torso = build_torso(PLAIN, column_of(PLAIN), np.random.default_rng(0))
    lying = torso.skin.z_knots < 170.0
    backs, middle = (torso.skin.center_y + torso.skin.radius_y)[lying], torso.skin.center_x[0]
    for seed in range(12):
        for rods, above in ((False, 0.6), (True, 1.0)):
            acquisition = replace(ACQUISITION, table_mm=3.0, rods=rods)
            scene = Scene()
            add_table(scene, torso.skin, acquisition, REFERENCE, np.random.default_rng(seed))
            table = next(s for s in scene.surroundings if s.material.shell_mm)
            y = np.arange(backs.min() - 5.0, backs.max() + 60.0, 0.5)
            distance = np.abs(table.shape.distance(np.array([middle]), y, np.array([0.0]))[0, :, 0])
            assert np.mean(backs < y[distance < 0.6].min()) >= above


def test_findings_are_rare_in_the_young_and_frequent_in_training():
    young = [draw_findings(np.random.default_rng(s), 0.05, (), 5, False) for s in range(500)]
    old = [draw_findings(np.random.default_rng(s), 0.9, (), 5, False) for s in range(500)]
    varied = [draw_findings(np.random.default_rng(s), 0.05, (), 5, True) for s in range(500)]
    for name in ("vanished", "sclerotic", "bridged"):
        rare, often, trained = (np.mean([bool(getattr(f, name)) for f in group]) for group in (young, old, varied))
        assert rare < 0.06
        assert often > 0.6
        assert trained > 0.25
    metal = [np.mean([f.implant in ("screws", "rods", "cage") for f in group]) for group in (young, varied)]
    assert metal[0] < 0.06 < metal[1]


@pytest.mark.parametrize("label", [L1, L2])
def test_what_would_spoil_the_density_of_l1_and_l2_is_rare_in_evaluation(label):
    people = [draw_person(np.random.default_rng(seed)) for seed in range(3000)]
    for kind in ("cement", "hemangioma"):
        assert np.mean([(label, kind) in p.lesions for p in people]) < 0.02
    assert np.mean([p.implant in ("screws", "rods") and label in p.implanted for p in people]) < 0.02
