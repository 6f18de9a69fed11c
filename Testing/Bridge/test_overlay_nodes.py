"""The two overlays: where they lie, how they look, what is saved."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
from example_readings import LYING, add_ct, centers_ras, make_views, move, placed, save_and_load, world_matrix

from OsteoJointLib.errors import RunFailed
from OsteoJointLib.output.drawing import COLOR_STOPS
from OsteoJointLib.output.viewer_arrays import Views
from OsteoJointLib.slicer_bridge.scene import overlay_nodes
from OsteoJointLib.slicer_bridge.scene.combined_map import PlacedMap, combine
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes


def shifted(x: float, y: float, z: float) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, 3] = (x, y, z)
    return matrix


@pytest.mark.parametrize("lying", LYING)
def test_every_pixel_lies_where_the_worker_put_it(scene, lying):
    volume = add_ct(lying)
    nodes, views = OwnedNodes(volume), make_views(volume)
    overlay_nodes.show_overlays(nodes, views)
    for role, value in (("heatmap", 100), ("explanation", 50)):
        node = nodes.get(role)
        array = slicer.util.arrayFromVolume(node)
        assert array.dtype == np.uint8 and set(np.unique(array)) == {0, value}
        expected = np.concatenate([centers_ras(getattr(one, role), one.crop_to_ras) for one in views.levels.values()])
        found = centers_ras(array, world_matrix(node))
        np.testing.assert_allclose(found[np.lexsort(np.round(found, 3).T)],
                                   expected[np.lexsort(np.round(expected, 3).T)], atol=1e-4)  # fmt: skip


def test_low_values_are_transparent_and_colors_are_the_nodes_own(scene):
    volume = add_ct()
    nodes = OwnedNodes(volume)
    overlay_nodes.show_overlays(nodes, make_views(volume))
    for role in ("heatmap", "explanation"):
        display = nodes.get(role).GetDisplayNode()
        assert display.GetApplyThreshold() and display.GetLowerThreshold() == overlay_nodes.FROM_PERCENT
        assert (display.GetWindowLevelMin(), display.GetWindowLevelMax()) == (0, 100)
        assert display.GetInterpolate()
        assert display.GetColorNode() is nodes.get(f"{role} colors")
        legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(nodes.get(role))
        assert legend.GetTitleText().endswith("(%)")
    assert nodes.get("heatmap").GetName() == "Boundary heat map (CT)"


def test_yellow_is_most_in_both_and_the_colors_are_the_report_s(scene):
    volume = add_ct()
    nodes = OwnedNodes(volume)
    overlay_nodes.show_overlays(nodes, make_views(volume))
    for role in overlay_nodes.ROLES:
        lookup = nodes.get(f"{role} colors").GetLookupTable()
        for value, stop in zip(np.linspace(0, 1, len(COLOR_STOPS)), COLOR_STOPS, strict=True):
            *color, alpha = lookup.GetTableValue(round(255 * value))
            np.testing.assert_allclose(np.multiply(color, 255), stop, atol=3)
            assert alpha == pytest.approx(min(1.0, 1.6 * value), abs=0.01)


def test_an_update_keeps_the_nodes_and_what_a_user_set(scene):
    volume = add_ct()
    nodes = OwnedNodes(volume)
    overlay_nodes.show_overlays(nodes, make_views(volume))
    first = nodes.get("explanation")
    first.GetDisplayNode().SetLowerThreshold(40)
    overlay_nodes.show_overlays(nodes, make_views(volume, slices=(20, 2)))
    assert nodes.get("explanation") is first
    assert slicer.util.arrayFromVolume(first).shape[0] == 19
    assert first.GetDisplayNode().GetLowerThreshold() == 40
    assert scene.GetNumberOfNodesByClass("vtkMRMLColorLegendDisplayNode") == 2


def test_an_overlay_that_is_not_there_any_more_is_removed(scene):
    volume = add_ct()
    nodes, views = OwnedNodes(volume), make_views(volume)
    overlay_nodes.show_overlays(nodes, make_views(volume, maps=False))
    assert nodes.all() == []
    overlay_nodes.show_overlays(nodes, Views({"L1": views.levels["L1"]}))  # one level is enough
    assert slicer.util.arrayFromVolume(nodes.get("heatmap")).shape == (1, 20, 24)
    overlay_nodes.show_overlays(nodes, make_views(volume, maps=False))
    assert nodes.all() == []
    assert scene.GetNumberOfNodesByClass("vtkMRMLColorLegendDisplayNode") == 0


def test_overlays_of_a_moved_ct_stay_on_it(scene):
    volume = add_ct()
    nodes, views = OwnedNodes(volume), make_views(volume)
    overlay_nodes.show_overlays(nodes, views)
    parent = placed(np.eye(3), (1, 1, 1), (5.0, 6.0, 7.0))
    first = world_matrix(nodes.get("heatmap"))
    move(volume, parent)
    nodes.follow_volume()
    np.testing.assert_allclose(world_matrix(nodes.get("heatmap")), parent @ first)


def test_overlays_survive_a_saved_scene(scene, tmp_path):
    volume = add_ct("oblique")
    nodes = OwnedNodes(volume)
    overlay_nodes.show_overlays(nodes, make_views(volume))
    first = world_matrix(nodes.get("explanation")), slicer.util.arrayFromVolume(nodes.get("explanation")).copy()
    save_and_load(tmp_path)
    nodes = OwnedNodes(slicer.util.getNode("CT"))
    node = nodes.get("explanation")
    np.testing.assert_allclose(world_matrix(node), first[0], atol=1e-4)
    np.testing.assert_array_equal(slicer.util.arrayFromVolume(node), first[1])
    assert node.GetDisplayNode().GetColorNode() is nodes.get("explanation colors")
    color = [0.0] * 4
    nodes.get("explanation colors").GetColor(0, color)
    np.testing.assert_allclose(color, [*np.array(COLOR_STOPS[0]) / 255, 0.0], atol=0.005)
    nodes.get("explanation colors").GetColor(255, color)
    np.testing.assert_allclose(color, [*np.array(COLOR_STOPS[-1]) / 255, 1.0], atol=0.005)
    assert node.GetDisplayNode().GetLowerThreshold() == overlay_nodes.FROM_PERCENT
    assert slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(node).GetTitleText() == "Explanation map (%)"


def test_levels_on_one_slice_share_it():
    one = PlacedMap(np.full((2, 2), 0.3), np.eye(4))
    other = PlacedMap(np.full((2, 2), 0.6), shifted(1, 0, 0))
    assert combine([one, other]).array_kji.tolist() == [[[30, 60, 60], [30, 60, 60]]]


def test_a_grid_half_a_pixel_off_is_shifted_onto_the_other():
    """Worked on paper: a pixel between two pixels gives each half."""
    one = PlacedMap(np.zeros((1, 4)), np.eye(4))
    other = PlacedMap(np.ones((1, 1)), shifted(1.5, 0, 1))
    combined = combine([one, other])
    assert combined.array_kji.tolist() == [[[0, 0, 0, 0]], [[0, 50, 50, 0]]]
    np.testing.assert_array_equal(combined.ijk_to_world, np.eye(4))
    below = combine([one, PlacedMap(np.ones((1, 1)), shifted(0, -0.25, -1))])
    assert below.array_kji[0, :, 0].tolist() == [25, 75] and below.ijk_to_world[1:3, 3].tolist() == [-1, -1]


def test_slices_that_are_not_parallel_are_refused():
    with pytest.raises(RunFailed, match="parallel"):
        combine([PlacedMap(np.ones((1, 1)), np.eye(4)), PlacedMap(np.ones((1, 1)), np.diag([2.0, 1, 1, 1]))])
