"""What the slice views show: places, overlays, outlines; looked at in rendered pictures."""

from __future__ import annotations

import numpy as np
import pytest
import slicer
import vtk
from example_readings import (
    AXIAL,
    LYING,
    add_ct,
    add_volume,
    canonical_grid,
    centers_ras,
    lps_to_ras,
    make_views,
    placed,
    turned,
    world_matrix,
)
from PIL import Image

from OsteoJointLib.output.drawing import COLOR_STOPS, opaqueness
from OsteoJointLib.output.terminology import segment_color_rgb
from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.scene import level_nodes, mask_nodes, overlay_nodes, slice_views
from OsteoJointLib.slicer_bridge.scene.level_nodes import LevelMark
from OsteoJointLib.slicer_bridge.scene.overlay_nodes import ROLES
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes

SLICES = ("Red", "Yellow", "Green")


def slice_nodes() -> list:
    return [slicer.mrmlScene.GetNodeByID(f"vtkMRMLSliceNode{name}") for name in SLICES]


def composite_nodes() -> list:
    return [slicer.app.layoutManager().sliceWidget(name).mrmlSliceCompositeNode() for name in SLICES]


def center_of_view(node) -> np.ndarray:
    """World place of a slice view's middle."""
    matrix = slicer.util.arrayFromVTKMatrix(node.GetXYToRAS())
    width, height, _ = node.GetDimensions()
    return (matrix @ [width / 2, height / 2, 0, 1])[:3]


def pixel_of(ras, node, picture: np.ndarray) -> tuple[int, int]:
    """Row and column of a world place in a rendered slice."""
    matrix = slicer.util.arrayFromVTKMatrix(node.GetXYToRAS())
    x, y = (np.linalg.inv(matrix) @ [*ras, 1.0])[:2]
    return round(picture.shape[0] - 1 - y), round(x)


def near(picture: np.ndarray, color, tolerance: int = 12) -> np.ndarray:
    """Where a picture has a color."""
    return (np.abs(picture.astype(int) - np.asarray(color)) <= tolerance).all(axis=-1)


@pytest.mark.parametrize("lying", LYING)
def test_every_view_is_centered_on_the_point(scene, views_host, lying):
    volume = add_ct(lying)
    slice_views.show_volume(volume)
    grid = canonical_grid(volume)
    ras = lps_to_ras(grid.index_to_lps(np.array([7.0, 20.0, 21.0])))
    slice_views.jump_to(ras)
    assert {node.GetBackgroundVolumeID() for node in composite_nodes()} == {volume.GetID()}
    for node in slice_nodes():
        np.testing.assert_allclose(center_of_view(node), ras, atol=0.5 * node.GetFieldOfView()[0] / 400)
    # a point between two slices is brought onto the nearer one, where masks and maps are
    between = lps_to_ras(grid.index_to_lps(np.array([7.4, 20.0, 21.0])))
    slice_views.jump_to(between, volume)
    for node in slice_nodes():
        np.testing.assert_allclose(center_of_view(node), ras, atol=0.5 * node.GetFieldOfView()[0] / 400)


def test_views_are_turned_onto_an_oblique_ct_alone(scene, views_host):
    def normal() -> np.ndarray:
        return slicer.util.arrayFromVTKMatrix(slice_nodes()[0].GetSliceToRAS())[:3, 2]

    slice_views.show_volume(add_ct("axial"))
    np.testing.assert_allclose(np.abs(normal()), (0, 0, 1), atol=1e-6)
    oblique = add_ct("oblique")
    slice_views.show_volume(oblique)
    column = world_matrix(oblique)[:3, 2]
    assert abs(normal() @ column / np.linalg.norm(column)) == pytest.approx(1.0, abs=1e-6)


def test_only_our_own_foreground_is_taken_away(scene, views_host):
    volume, other = add_ct(), add_ct(name="PET")
    nodes = OwnedNodes(volume)
    overlay_nodes.show_overlays(nodes, make_views(volume))
    slice_views.show_volume(volume)
    slice_views.show_foreground(other, 0.3)
    slice_views.show_foreground(None)
    assert {node.GetForegroundVolumeID() for node in composite_nodes()} == {other.GetID()}
    slice_views.show_foreground(nodes.get("explanation"), 0.7)
    for node in composite_nodes():
        assert node.GetForegroundVolumeID() == nodes.get("explanation").GetID()
        assert node.GetForegroundOpacity() == 0.7 and node.GetBackgroundVolumeID() == volume.GetID()
    slice_views.show_foreground(None)
    assert {node.GetForegroundVolumeID() for node in composite_nodes()} == {None}


@pytest.fixture
def views_host(host, scene):
    """The layout manager; its views look along the patient's axes again afterwards."""
    for node in slice_nodes():
        node.SetMappedInLayout(True)
    yield host.views
    # Slicer complains of turned views when it loads a scene
    for node, orientation in zip(slice_nodes(), ("Axial", "Sagittal", "Coronal"), strict=True):
        node.SetOrientation(orientation)


@pytest.fixture
def shown(scene, views_host):
    """A reading on an oblique CT, the views at L1 and turned onto its planes."""
    matrix = placed(turned(11, 17) @ AXIAL, (0.7, 0.7, 2.5), (15.0, 14.0, -30.0))
    volume = add_volume(np.full((24, 40, 44), 100, np.int16), matrix)
    volume.GetDisplayNode().SetAutoWindowLevel(False)
    volume.GetDisplayNode().SetWindowLevel(400, 100)
    nodes, pictures = OwnedNodes(volume), make_views(volume)
    mask_nodes.show_masks(nodes, pictures)
    overlay_nodes.show_overlays(nodes, pictures)
    body = centers_ras(pictures.levels[Level.L1].mask, pictures.levels[Level.L1].mask_to_ras)
    slice_views.jump_to(body.mean(axis=0), volume)
    for node in slice_nodes():
        node.SetFieldOfView(25.0, 25.0, node.GetFieldOfView()[2])
    return nodes, pictures, body


def test_the_outline_is_drawn_around_the_mask(shown, views_host):
    nodes, _, body = shown
    nodes.get("measured").SetDisplayVisibility(False)
    picture = views_host.render_slice("Red", (500, 500))
    line = near(picture, segment_color_rgb(Level.L1))
    rows, columns = np.nonzero(line)
    pixels = np.array([pixel_of(ras, slice_nodes()[0], picture) for ras in body])
    half = 0.35 / 25.0 * 500  # half a CT pixel in pixels of the picture
    np.testing.assert_allclose((rows.min(), rows.max()), (pixels[:, 0].min() - half, pixels[:, 0].max() + half), atol=3)
    np.testing.assert_allclose(
        (columns.min(), columns.max()), (pixels[:, 1].min() - half, pixels[:, 1].max() + half), atol=3
    )
    # L2 is on another slice
    assert not near(picture, segment_color_rgb(Level.L2)).any()


def test_the_network_s_outline_is_drawn_over_the_mask_although_its_node_is_hidden(shown, views_host):
    nodes, _, _ = shown
    nodes.get("measured").SetDisplayVisibility(False)

    def lowest(color) -> int:
        rows = np.nonzero(near(views_host.render_slice("Red", (500, 500)), color))[0]
        return int(rows.max()) if rows.size else 0

    whole = lowest(segment_color_rgb(Level.L1))
    assert lowest(mask_nodes.NETWORK_RGB) == 0
    mask_nodes.show_beside(nodes, "network")  # which lacks the lower half
    assert lowest(segment_color_rgb(Level.L1)) == whole
    assert whole - lowest(mask_nodes.NETWORK_RGB) == pytest.approx(6 * 0.7 / 25 * 500, abs=4)
    mask_nodes.show_beside(nodes, None)
    nodes.get("measured").SetDisplayVisibility(False)
    assert lowest(segment_color_rgb(Level.L1)) == whole and lowest(mask_nodes.NETWORK_RGB) == 0


@pytest.mark.parametrize("kind", ROLES)
def test_the_overlay_is_drawn_where_it_is_high_and_nowhere_else(shown, views_host, kind):
    nodes, pictures, _ = shown
    for role in ("masks", "measured"):
        nodes.get(role).SetDisplayVisibility(False)
    before = views_host.render_slice("Red", (500, 500))
    slice_views.show_foreground(nodes.get(kind), 1.0)
    legend = slicer.vtkSlicerColorLogic.GetColorLegendDisplayNode(nodes.get(kind))
    legend.SetVisibility(False)
    picture = views_host.render_slice("Red", (500, 500))
    values = getattr(pictures.levels[Level.L1], kind)
    value = float(values.max())
    steps, opaque = np.linspace(0, 1, len(COLOR_STOPS)), opaqueness(np.array(value))
    color = np.array([np.interp(value, steps, channel) for channel in np.transpose(COLOR_STOPS)])
    high = centers_ras(values, pictures.levels[Level.L1].crop_to_ras)
    for ras in high[1:-1]:  # the ends fade: the map is drawn smooth
        pixel = pixel_of(ras, slice_nodes()[0], picture)
        expected = opaque * color + (1 - opaque) * before[pixel]
        assert near(picture[pixel], expected, 25), ras
    gray = (picture.max(axis=-1).astype(int) - picture.min(axis=-1)) < 8
    # drawn smooth, a line of pixels is up to twice as thick
    assert 1.0 <= (~gray).sum() / (len(high) * (0.7 / 25.0 * 500) ** 2) <= 2.0


def test_the_legend_stands_in_a_view_with_its_overlay_alone(shown, views_host):
    nodes, _, _ = shown
    low = COLOR_STOPS[8]
    assert not near(views_host.render_slice("Red", (500, 500))[:, 400:], low, 6).any()
    slice_views.show_foreground(nodes.get("explanation"), 0.5)
    assert near(views_host.render_slice("Red", (500, 500))[:, 400:], low, 6).sum() > 20
    slice_views.show_foreground(None)
    assert not near(views_host.render_slice("Red", (500, 500))[:, 400:], low, 6).any()


@pytest.mark.parametrize("size_px", [(472, 321), (749, 477)])
def test_the_legend_is_whole_and_stands_beside_the_body(shown, views_host, size_px):
    nodes, _, _ = shown
    node = nodes.get("explanation")
    slice_views.show_foreground(node, 0.5)
    pictures = []
    for visible in (True, False):
        node.GetNthDisplayNode(1).SetVisibility(visible)
        pictures.append(views_host.render_slice("Red", size_px).astype(int))
    rows, columns = np.nonzero(np.abs(pictures[0] - pictures[1]).max(axis=2))
    width, height = size_px
    assert rows.min() > 2 and rows.max() < 0.6 * height
    assert 0.64 * width < columns.min() and columns.max() < width - 2


def test_a_view_that_is_younger_than_the_legend_shows_it_too_and_an_upright_one_never(shown, views_host):
    nodes, _, _ = shown
    number = 4713
    view = '<view class="vtkMRMLSliceNode" singletontag="Young"/>'
    upright = '<view class="vtkMRMLSliceNode" singletontag="Yellow"/>'
    description = f'<layout type="horizontal"><item>{view}</item><item>{upright}</item></layout>'
    views_host.layoutLogic().GetLayoutNode().AddLayoutDescription(number, description)
    views_host.setLayout(number)
    slicer.app.processEvents()
    slice_views.show_volume(nodes.volume)
    low = COLOR_STOPS[8]
    for opacity, seen in ((0.5, True), (0.6, True), (None, False)):
        slice_views.show_foreground(nodes.get("explanation") if opacity else None, opacity or 0)
        young = near(views_host.render_slice("Young", (500, 500))[:, 400:], low, 6).sum()
        assert (young > 20) == seen
        assert near(views_host.render_slice("Yellow", (500, 500))[:, 400:], low, 6).sum() == 0


def test_a_screenshot_a_view_of_the_layout(shown, views_host, tmp_path):
    slice_nodes()[2].SetMappedInLayout(False)
    views_host.threeDWidget(0).mrmlViewNode().SetMappedInLayout(True)
    pictures = slice_views.screenshots(tmp_path / "new")
    assert [picture.caption for picture in pictures] == ["Axial slice", "Sagittal slice", "3D view"]
    for picture in pictures:
        with Image.open(picture.file) as image:
            assert image.format == "PNG" and min(image.size) > 100
    with Image.open(pictures[0].file) as image:
        expected = views_host.sliceWidget("Red").sliceView().pixels()
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), expected)


def test_a_screenshot_leaves_out_the_names_in_the_corners(shown, views_host, tmp_path):
    view = views_host.sliceWidget("Red").sliceView()
    plain = view.pixels()
    view.cornerAnnotation().SetText(vtk.vtkCornerAnnotation.UpperLeft, "Smith^John 1950-01-01")
    assert (view.pixels() != plain).any()
    first = slice_views.screenshots(tmp_path)[0]
    with Image.open(first.file) as image:
        np.testing.assert_array_equal(np.asarray(image.convert("RGB")), plain)
    assert (view.pixels() != plain).any()  # on the screen they stay


def test_without_a_layout_manager_nothing_is_asked_of_it(scene, monkeypatch, tmp_path):
    monkeypatch.setattr(slice_views, "layout_manager", lambda: None)
    volume = add_ct()
    slice_views.jump_to((1.0, 2.0, 3.0), volume)
    slice_views.show_foreground(volume)
    slice_views.show_foreground(None)
    assert slice_views.screenshots(tmp_path / "new") == []
    assert not (tmp_path / "new").exists()


def test_points_and_boxes_are_drawn(shown, views_host):
    nodes, _, body = shown
    center = tuple(body.mean(axis=0).tolist())
    nodes.get("masks").SetDisplayVisibility(False)
    level_nodes.show_levels(nodes, {Level.L1: LevelMark(center, 0.9, PointSource.AUTO)})
    picture = views_host.render_slice("Red", (500, 500))
    row, column = pixel_of(center, slice_nodes()[0], picture)
    around = picture[row - 6 : row + 7, column - 6 : column + 7]
    assert near(around, segment_color_rgb(Level.L1), 40).any()
