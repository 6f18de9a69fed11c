"""Whole bodies out of a column whose every body is known: names, places, planes, cuts, heights and hints."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import ndimage

from OsteoJointLib.frames import Grid
from OsteoJointLib.records import VERSE_LABELS, BodyEvidence, BodyHeights, BodyVolume, CtVolume, SourceInfo
from OsteoJointLib.whole_body.body_axes import BodyAxes
from OsteoJointLib.whole_body.body_places import body_places
from OsteoJointLib.whole_body.heights import body_heights, fracture_hint
from OsteoJointLib.whole_body.one_body import body_of, filled_by_slice
from OsteoJointLib.whole_body.segmenting import segment_bodies

NAMES = ("T11", "T12", "L1", "L2", "L3", "L4")
HEIGHT_MM, APART_MM, HALF_WIDTH_MM, HALF_DEPTH_MM = 26.0, 34.0, 22.0, 15.0
BONE_HU, TISSUE_HU = 180, 20
CPU = torch.device("cpu")


def bright(images: torch.Tensor) -> SimpleNamespace:
    """A segmenter that takes for bone what is brighter than 100 HU."""
    return SimpleNamespace(mask_logits=200 * (images - 0.65))


NETWORK = SimpleNamespace(segmenter=bright)


@dataclass(frozen=True)
class Spine:
    """A straight column of like bodies, leaning back as it rises; L1 and L2 may be other.

    Args:
        step_mm: between slices.
        lean_deg: of the column and of the bodies in it.
        slices: how many.
        first_mm: height of the first slice above L2's center.
        gap_hu: of the discs.
        front: height of L1's front as a share of its back's.
    """

    step_mm: float = 1.5
    lean_deg: float = 0.0
    slices: int = 150
    first_mm: float = -90.0
    gap_hu: int = TISSUE_HU
    front: float = 1.0

    @property
    def grid(self) -> Grid:
        return Grid.axis_aligned((self.slices, 100, 80), (1.0, 1.0, self.step_mm), (-40.0, -50.0, self.first_mm))

    def center_mm(self, name: str) -> np.ndarray:
        """(3,) x, y, z, which are LPS mm."""
        up_mm = (NAMES.index("L2") - NAMES.index(name)) * APART_MM
        lean = np.deg2rad(self.lean_deg)
        return np.array([0.0, up_mm * np.sin(lean), up_mm * np.cos(lean)])

    def labels(self) -> np.ndarray:
        """(z, y, x) index of the body in NAMES, from 1; 0 elsewhere, -1 in discs."""
        z, y, x = np.meshgrid(*(np.arange(n) for n in self.grid.shape_zyx), indexing="ij", sparse=True)
        z, y, x = self.first_mm + z * self.step_mm, -50.0 + y, -40.0 + x
        lean = np.deg2rad(self.lean_deg)
        along, back = z * np.cos(lean) + y * np.sin(lean), y * np.cos(lean) - z * np.sin(lean)
        inside = (x / HALF_WIDTH_MM) ** 2 + (back / HALF_DEPTH_MM) ** 2 <= 1
        out = np.where(inside & (np.abs(along - APART_MM / 2) < 3.2 * APART_MM), -1, 0)
        for number, name in enumerate(NAMES, 1):
            middle = (NAMES.index("L2") - NAMES.index(name)) * APART_MM
            front = self.front if name == "L1" else 1.0
            share = front + (1 - front) * (back + HALF_DEPTH_MM) / (2 * HALF_DEPTH_MM)
            out[inside & (np.abs(along - middle) <= HEIGHT_MM / 2 * share)] = number
        return out

    def volume(self) -> CtVolume:
        labels = self.labels()
        hu = np.where(labels > 0, BONE_HU, np.where(labels < 0, self.gap_hu, TISSUE_HU)).astype(np.int16)
        return CtVolume(hu, self.grid, SourceInfo("memory"))

    def column(self) -> tuple[BodyEvidence, ...]:
        """What the level network would have found: every body whose center is in view."""
        seen = [self.center_mm(name) for name in NAMES if self.grid.contains(self.center_mm(name))]
        centers = [(float(x), float(y), float(z)) for x, y, z in seen]
        return tuple(BodyEvidence(center, 0.9, (0.0, 0.0), (True, True), False, False) for center in centers)

    def bodies(self, column: bool = True) -> dict[str, BodyVolume]:
        found = self.column() if column else ()
        return segment_bodies(NETWORK, self.volume(), self.places_mm(), found, CPU, {})[0]

    def places_mm(self) -> tuple[np.ndarray, np.ndarray]:
        spacing = np.array(self.grid.spacing_xyz_mm)[::-1]
        l1, l2 = (self.grid.lps_to_index(self.center_mm(name)) * spacing for name in ("L1", "L2"))
        return l1, l2


def dice(body: BodyVolume, labels: np.ndarray) -> float:
    truth = labels == 1 + NAMES.index(body.name)
    both = np.count_nonzero(truth[body.part] & body.mask)
    return 2 * both / (np.count_nonzero(truth) + np.count_nonzero(body.mask))


@pytest.mark.parametrize("lean_deg", [-20.0, 0.0, 20.0])
def test_each_body_is_itself_and_shares_no_voxel(lean_deg):
    spine = Spine(lean_deg=lean_deg)
    bodies, labels = spine.bodies(), spine.labels()
    assert set(bodies) == set(VERSE_LABELS)
    drawn = np.zeros(labels.shape, dtype=int)
    for body in bodies.values():
        assert dice(body, labels) > 0.93  # half a slice at either end
        drawn[body.part] += body.mask
        truth_ml = np.count_nonzero(labels == 1 + NAMES.index(body.name)) * 1.5 / 1000
        assert body.volume_ml == pytest.approx(truth_ml, rel=0.12)  # half a slice at either end
        assert not body.cut and not body.edited
    assert drawn.max() == 1
    assert drawn[labels == -1].sum() < 0.03 * drawn.sum()


def in_all_phases(spine: Spine) -> list[Spine]:
    """The same spine as the slabs, which are 3 mm thick, may fall on it."""
    return [replace(spine, first_mm=spine.first_mm - shift_mm) for shift_mm in (0.0, 1.0, 2.0)]


def blind_to_halves(images: torch.Tensor) -> SimpleNamespace:
    """A segmenter that takes for none what is less than four fifths of a section, as where an endplate slants."""
    logits = bright(images).mask_logits
    whole = np.pi * HALF_WIDTH_MM * HALF_DEPTH_MM / 0.9**2
    halves = (logits > 0).sum(dim=(1, 2, 3), keepdim=True) < 0.8 * whole
    return SimpleNamespace(mask_logits=torch.where(halves, -4.0, logits))


def test_corners_that_the_segmenter_misses_are_found_by_their_edges():
    network, lowest_mm = SimpleNamespace(segmenter=blind_to_halves), []
    for spine in in_all_phases(Spine(lean_deg=20.0)):
        bodies = segment_bodies(network, spine.volume(), spine.places_mm(), spine.column(), CPU, {})[0]
        for name in ("L1", "L2"):
            heights = bodies[name].heights
            assert (
                heights is not None and dice(bodies[name], spine.labels()) > 0.91
            )  # by the segmenter alone .90 and .83
            lowest_mm.append(min(heights.anterior_mm, heights.middle_mm, heights.posterior_mm))
    assert np.mean(lowest_mm) > 21.0  # by the segmenter alone 18 to 21 mm of 26


def test_a_user_s_points_do_as_well_as_a_column():
    bodies, labels = Spine(lean_deg=12.0).bodies(column=False), Spine(lean_deg=12.0).labels()
    assert set(bodies) == set(VERSE_LABELS) and min(dice(body, labels) for body in bodies.values()) > 0.95


def test_points_off_the_middle_part_the_bodies_at_the_discs_all_the_same():
    spine = Spine(lean_deg=12.0)
    l1, l2 = spine.places_mm()
    off = np.array([7.0, 4.0, -5.0])
    for moved in ((l1 + off, l2), (l1, l2 - off), (l1 + off, l2 + off)):
        bodies = segment_bodies(NETWORK, spine.volume(), moved, (), CPU, {})[0]
        assert min(dice(bodies[name], spine.labels()) for name in ("L1", "L2")) > 0.95


def test_windows_that_were_looked_at_are_not_looked_at_again():
    spine, looked = Spine(lean_deg=12.0), []

    def counting(images: torch.Tensor) -> SimpleNamespace:
        looked.append(len(images))
        return bright(images)

    def segmented(shift_mm, seen):
        l1, l2 = spine.places_mm()
        looked.clear()
        network = SimpleNamespace(segmenter=counting)
        return segment_bodies(network, spine.volume(), (l1, l2 + shift_mm), (), CPU, seen)

    bodies, windows = segmented(0.0, {})
    assert sum(looked) == len(windows) > 30
    again, same = segmented(0.0, windows)
    assert not looked and set(same) == set(windows)
    assert all(np.array_equal(again[name].mask, bodies[name].mask) for name in bodies)
    shift_mm = np.array([4.0, 9.0, -6.0])
    moved, mixed = segmented(shift_mm, windows)
    assert 0 < sum(looked) < 0.7 * len(mixed)
    fresh, _ = segmented(shift_mm, {})
    assert sum(looked) == len(mixed)
    assert all(np.array_equal(moved[name].mask, fresh[name].mask) for name in fresh)


def test_where_no_disc_is_seen_the_bodies_part_half_way():
    spine = Spine(gap_hu=BONE_HU)
    bodies = spine.bodies()
    expected_ml = np.pi * HALF_WIDTH_MM * HALF_DEPTH_MM * APART_MM / 1000
    for body in bodies.values():
        assert body.volume_ml == pytest.approx(expected_ml, rel=0.1), body.name


def test_thick_slices_give_bodies_and_say_how_coarse_their_heights_are():
    spine = Spine(step_mm=6.0, slices=38)
    for body in spine.bodies().values():
        assert dice(body, spine.labels()) > 0.9
        assert body.heights is not None and body.heights.limit_mm == pytest.approx(6.0, abs=0.1)
        assert abs(body.heights.posterior_mm - HEIGHT_MM) <= body.heights.limit_mm
        assert fracture_hint(body, ()) is None


def test_bodies_that_the_edge_cuts_say_so_and_have_no_heights():
    spine = Spine(slices=85)  # up to 37.5 mm above L2: through L1
    bodies = spine.bodies()
    assert {name: body.cut for name, body in bodies.items()} == {"L1": True, "L2": False, "L3": False}
    assert bodies["L1"].heights is None and bodies["L2"].heights is not None
    assert fracture_hint(bodies["L1"], (bodies["L2"],)) is None


def test_only_l1_and_l2_in_view_have_no_neighbors():
    spine = Spine(slices=46, first_mm=-16.0)
    for column in (True, False):
        assert set(spine.bodies(column)) == {"L1", "L2"}


def test_a_body_that_the_level_network_missed_is_not_named_after_the_next():
    spine = Spine()
    without_t12 = [body for body in spine.column() if body.center_lps_mm[2] != pytest.approx(2 * APART_MM)]
    places = {place.name: place for place in body_places(*spine.places_mm(), without_t12, spine.grid)}
    assert not places["T12"].seen and places["L3"].seen
    assert places["T12"].center_mm[0] == pytest.approx(places["L1"].center_mm[0] + APART_MM, abs=1)


@pytest.mark.parametrize("lean_deg", [0.0, 15.0])
def test_a_wedge_is_low_in_front_along_its_own_axis(lean_deg):
    spines = in_all_phases(Spine(lean_deg=lean_deg, front=0.6, step_mm=1.0, slices=220))
    told = [spine.bodies()["L1"].heights for spine in spines]
    heights = np.mean([(one.anterior_mm, one.middle_mm, one.posterior_mm) for one in told], axis=0)
    # the front is 0.6, the back 1: linear between them
    expected = [HEIGHT_MM * (0.6 + 0.4 * place) for place in (1 / 6, 1 / 2, 5 / 6)]
    assert heights == pytest.approx(expected, abs=1.5)


def test_what_is_turned_back_to_front_is_low_at_the_back():
    body = Spine(front=0.6, step_mm=1.0, slices=220).bodies()["L1"]
    grid = Spine(step_mm=1.0, slices=220).grid
    turned = body_heights(replace(body, mask=body.mask[:, ::-1]), grid)
    assert body.heights is not None and turned is not None
    assert turned.posterior_mm == pytest.approx(body.heights.anterior_mm, abs=0.3)
    assert turned.anterior_mm == pytest.approx(body.heights.posterior_mm, abs=0.3)


def with_heights(name: str, anterior: float, middle: float, posterior: float, limit: float = 1.0) -> BodyVolume:
    return BodyVolume(name, np.zeros((0, 0, 0), bool), (0, 0, 0), 30.0, BodyHeights(anterior, middle, posterior, limit))


@pytest.mark.parametrize(
    ("heights", "beside", "expected"),
    [
        ((25.0, 24.0, 26.0), (26.0, 27.0), (0, None)),
        ((20.9, 24.0, 26.0), (26.0, 27.0), (0, None)),  # 19.6 %
        ((20.7, 24.0, 26.0), (26.0, 27.0), (1, "wedge")),  # 20.4 %
        ((25.0, 19.0, 26.0), (26.0, 27.0), (2, "biconcave")),  # 26.9 %
        ((15.0, 15.5, 16.0), (26.0, 28.0), (3, "crush")),  # 40.7 %
        ((15.0, 15.5, 16.0), (), (0, None)),  # nothing to compare it with
        ((26.0, 24.0, 20.0), (20.0, 20.5), (0, None)),
    ],
)
def test_grades_are_genant_s(heights, beside, expected):
    neighbors = [with_heights("T12", posterior, posterior, posterior) for posterior in beside]
    hint = fracture_hint(with_heights("L1", *heights), neighbors)
    assert hint is not None and (hint.grade, hint.shape) == expected


def test_no_grade_is_told_from_slices_more_than_three_millimeters_apart():
    assert fracture_hint(with_heights("L1", 10.0, 20.0, 26.0, limit=3.0), ()) is not None
    assert fracture_hint(with_heights("L1", 10.0, 20.0, 26.0, limit=3.1), ()) is None


@pytest.mark.parametrize(("axis", "end"), [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)])
def test_a_mask_at_any_edge_of_the_ct_is_cut(axis, end):
    grid, mask = Grid.axis_aligned((30, 40, 50), (1, 1, 1), (0, 0, 0)), np.ones((5, 6, 7), bool)
    corner = [10, 10, 10]
    assert not body_of("L1", mask, tuple(corner), grid).cut
    corner[axis] = (grid.shape_zyx[axis] - mask.shape[axis]) * end
    assert body_of("L1", mask, tuple(corner), grid).cut


@pytest.mark.parametrize("shape_zyx", [(1, 40, 40), (2, 1, 40), (30, 1, 1), (1, 1, 1), (3, 60, 2)])
def test_scraps_of_a_body_have_no_heights_and_harm_nothing(shape_zyx):
    grid = Grid.axis_aligned((60, 80, 80), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    assert body_of("L1", np.ones(shape_zyx, bool), (10, 10, 10), grid).heights is None


def test_a_body_in_splinters_is_still_a_body():
    grid = Grid.axis_aligned((80, 80, 80), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    splinters = np.random.default_rng(3).random((20, 30, 40)) > 0.97
    assert body_of("L1", splinters, (10, 10, 10), grid).volume_ml > 0


@pytest.mark.parametrize("lean_deg", [0.0, 12.0])
def test_heights_do_not_depend_on_the_box_that_a_body_comes_in(lean_deg):
    spine = Spine(lean_deg=lean_deg)
    whole = spine.labels() == NAMES.index("L1") + 1
    first = np.argwhere(whole).min(axis=0)
    box = tuple(slice(start, end + 1) for start, end in zip(first, np.argwhere(whole).max(axis=0), strict=True))
    z, y, x = (int(n) for n in first)
    told = [body_of("L1", whole, (0, 0, 0), spine.grid), body_of("L1", whole[box], (z, y, x), spine.grid)]
    assert told[0].heights == told[1].heights
    assert told[0].heights.posterior_mm == pytest.approx(HEIGHT_MM, abs=1.5)


def test_holes_are_filled_by_slice_as_scipy_does():
    mask = np.random.default_rng(3).random((5, 40, 30)) > 0.45
    in_plane = ndimage.generate_binary_structure(2, 1)[None]
    filled = filled_by_slice(mask)
    np.testing.assert_array_equal(filled, ndimage.binary_fill_holes(mask, in_plane))
    assert np.count_nonzero(filled) > np.count_nonzero(mask)
    assert not np.array_equal(filled, ndimage.binary_fill_holes(mask))  # a hole that is open above is none in 3-D


def test_a_block_is_sampled_where_the_axes_say():
    values = np.random.default_rng(4).random((9, 11, 12)).astype(np.float32)
    steps = np.array([[0.9, 0.3, 0.1], [-0.2, 0.8, 0.1], [0.1, -0.1, 1.1]])
    axes = BodyAxes(np.array([6.03, 5.01, 4.07]), steps, steps[0])
    along = (np.arange(-3.0, 3.1, 1.0), np.arange(-4.0, 4.1, 2.0), np.arange(-5.0, 5.1, 2.5))
    step_mm, origin_mm = np.array([1.5, 0.7, 0.9]), np.array([1.0, -1.0, 0.5])
    index = (axes.places_mm(*along) - origin_mm) / step_mm
    one_by_one = ndimage.map_coordinates(values, np.moveaxis(index, -1, 0), order=1, cval=-7.0)
    sampled = axes.sampled(values, along, step_mm, origin_mm, -7.0)
    np.testing.assert_allclose(sampled, one_by_one, atol=1e-5)
    assert (sampled == -7.0).any()
    assert (sampled > 0.0).any()
