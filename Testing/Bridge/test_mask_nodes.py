"""Masks keep their place in the world whichever way a CT lies, and survive edits, transforms and files."""

from __future__ import annotations

import time

import numpy as np
import pytest
import slicer
import vtk
from example_readings import (
    AXIAL,
    LYING,
    add_ct,
    add_volume,
    body,
    centers_ras,
    make_views,
    move,
    placed,
    save_and_load,
    turned,
    world_matrix,
)

from OsteoJointLib.errors import RunFailed
from OsteoJointLib.output.terminology import segment_color_rgb, terminology_entry
from OsteoJointLib.output.viewer_arrays import LevelViews, MaskArray, Views
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.scene import mask_nodes
from OsteoJointLib.slicer_bridge.scene.mask_nodes import MaskSource
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role

LOGIC = slicer.vtkSlicerSegmentationsModuleLogic


def paint(node, segment_id: str, corner_ijk, shape_kji, volume, mode=LOGIC.MODE_MERGE_MASK) -> None:
    """Draw a block as Slicer's Segment Editor does, in the voxels of a volume."""
    i, j, k = corner_ijk
    depth, height, width = shape_kji
    image = slicer.vtkOrientedImageData()
    image.SetExtent(i, i + width - 1, j, j + height - 1, k, k + depth - 1)
    image.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
    image.GetPointData().GetScalars().Fill(1)
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    image.SetGeometryFromImageToWorldMatrix(matrix)
    assert LOGIC.SetBinaryLabelmapToSegment(image, node, segment_id, mode)


def volume_of(mask: MaskArray) -> float:
    return float(mask.array_kji.sum() * abs(np.linalg.det(mask.ijk_to_world[:3, :3])))


@pytest.mark.parametrize("whole", [False, True])
@pytest.mark.parametrize("lying", LYING)
def test_every_voxel_lies_where_the_worker_put_it(scene, lying, whole):
    volume = add_ct(lying)
    nodes, views = OwnedNodes(volume), make_views(volume, whole=whole)
    mask_nodes.show_masks(nodes, views)
    for role, kind in ((Role.MASKS, "mask"), (Role.NETWORK, "network_mask"), (Role.MEASURED, "roi")):
        for level, mask in mask_nodes.masks(nodes, role).items():
            expected = centers_ras(getattr(views.levels[level], kind), views.levels[level].mask_to_ras)
            np.testing.assert_allclose(centers_ras(mask.array_kji, mask.ijk_to_world), expected, atol=1e-4)


@pytest.mark.parametrize("lying", LYING)
def test_slicer_itself_sees_the_voxels_there(scene, lying):
    """By Slicer's own export of the segment onto the CT: the same voxels of the CT are in the mask."""
    volume = add_ct(lying)
    nodes, views = OwnedNodes(volume), make_views(volume, whole=True)
    mask_nodes.show_masks(nodes, views)
    array = slicer.util.arrayFromSegmentBinaryLabelmap(nodes.get(Role.MASKS), Level.L2, volume)
    expected = centers_ras(views.levels[Level.L2].mask, views.levels[Level.L2].mask_to_ras)
    np.testing.assert_allclose(centers_ras(array, world_matrix(volume)), expected, atol=1e-4)


def test_segments_carry_name_color_terminology_and_geometry(scene):
    volume = add_ct()
    nodes = OwnedNodes(volume)
    mask_nodes.show_masks(nodes, make_views(volume))
    node = nodes.get(Role.MASKS)
    assert node.GetNodeReference("referenceImageGeometryRef") is volume
    assert [node.GetSegmentation().GetNthSegmentID(index) for index in range(2)] == [Level.L1, Level.L2]
    for level in Level:
        segment = node.GetSegmentation().GetSegment(level)
        assert segment.GetName() == level.value
        np.testing.assert_allclose(segment.GetColor(), np.array(segment_color_rgb(level)) / 255, atol=1e-6)
        value = vtk.reference("")
        assert segment.GetTag("TerminologyEntry", value)
        assert str(value) == terminology_entry(level)
    assert not node.GetHideFromEditors() and node.GetDisplayVisibility()
    assert nodes.get(Role.NETWORK).GetHideFromEditors() and not nodes.get(Role.NETWORK).GetDisplayVisibility()


def test_an_update_keeps_the_segments_themselves(scene):
    volume = add_ct()
    nodes = OwnedNodes(volume)
    mask_nodes.show_masks(nodes, make_views(volume))
    node = nodes.get(Role.MASKS)
    former = [node.GetSegmentation().GetSegment(level) for level in (Level.L1, Level.L2)]
    node.GetDisplayNode().SetOpacity2DFill(0.7)
    mask_nodes.show_masks(nodes, make_views(volume, slices=(18, 8)))
    assert nodes.get(Role.MASKS) is node
    assert [node.GetSegmentation().GetSegment(level) for level in (Level.L1, Level.L2)] == former
    assert node.GetDisplayNode().GetOpacity2DFill() == 0.7
    assert node.GetSegmentation().GetNumberOfSegments() == 2


def test_levels_that_are_not_asked_for_keep_the_users_mask(scene):
    volume = add_ct()
    nodes = OwnedNodes(volume)
    mask_nodes.show_masks(nodes, make_views(volume))
    paint(nodes.get(Role.MASKS), Level.L1, (10, 10, 2), (3, 4, 5), volume)
    before = mask_nodes.mask_fingerprints(nodes)
    mask_nodes.show_masks(nodes, make_views(volume, slices=(18, 8)), levels=[Level.L2])
    after = mask_nodes.mask_fingerprints(nodes)
    assert after[Level.L1] == before[Level.L1] and after[Level.L2] != before[Level.L2]


def test_reading_back_follows_what_a_user_drew(scene):
    volume = add_ct()
    nodes, views = OwnedNodes(volume), make_views(volume)
    mask_nodes.show_masks(nodes, views)
    # over three slices, beyond the former extent
    paint(nodes.get(Role.MASKS), Level.L1, (2, 3, 20), (3, 4, 5), volume)
    mask = mask_nodes.masks(nodes)[Level.L1]
    assert mask.array_kji.sum() == body().sum() + 60
    assert mask.array_kji.dtype == np.uint8 and mask.array_kji.max() == 1
    for axes in ((0, 1), (0, 2), (1, 2)):  # cut to what is drawn
        assert mask.array_kji.any(axis=axes)[[0, -1]].all()
    np.testing.assert_array_equal(mask_nodes.masks(nodes)[Level.L2].array_kji, views.levels[Level.L2].mask)


def test_reading_back_a_label_map_of_another_geometry(scene):
    """The Segment Editor can oversample: the body stays where it is and as large as it is."""
    volume = add_ct("oblique")
    nodes, views = OwnedNodes(volume), make_views(volume)
    mask_nodes.show_masks(nodes, views)
    before = mask_nodes.masks(nodes)[Level.L1]
    segmentation = nodes.get(Role.MASKS).GetSegmentation()
    for level in (Level.L1, Level.L2):
        fine = slicer.vtkOrientedImageData()
        fine.DeepCopy(segmentation.GetSegment(level).GetRepresentation("Binary labelmap"))
        matrix = vtk.vtkMatrix4x4()
        fine.GetImageToWorldMatrix(matrix)
        reference = slicer.vtkOrientedImageData()
        halved = slicer.util.arrayFromVTKMatrix(matrix) @ np.diag([0.5, 0.5, 0.5, 1.0])
        halved[:3, 3] -= halved[:3, :3] @ [0.5, 0.5, 0.5]
        reference.SetExtent(*(2 * end + side for end, side in zip(fine.GetExtent(), (0, 1) * 3, strict=True)))
        reference.AllocateScalars(vtk.VTK_UNSIGNED_CHAR, 1)
        reference.SetGeometryFromImageToWorldMatrix(slicer.util.vtkMatrixFromArray(halved))
        out = slicer.vtkOrientedImageData()
        assert slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(fine, reference, out)
        segmentation.GetSegment(level).AddRepresentation("Binary labelmap", out)
    after = mask_nodes.masks(nodes)[Level.L1]
    assert np.linalg.det(after.ijk_to_world[:3, :3]) == pytest.approx(np.linalg.det(before.ijk_to_world[:3, :3]) / 8)
    assert volume_of(after) == pytest.approx(volume_of(before), rel=0.01)
    middle = [centers_ras(mask.array_kji, mask.ijk_to_world).mean(axis=0) for mask in (before, after)]
    np.testing.assert_allclose(middle[0], middle[1], atol=0.05)


def test_no_mask_is_none_however_it_went(scene):
    volume = add_ct()
    nodes = OwnedNodes(volume)
    assert mask_nodes.masks(nodes) == {Level.L1: None, Level.L2: None}
    assert mask_nodes.mask_fingerprints(nodes) == {Level.L1: "", Level.L2: ""}
    views = make_views(volume)
    empty = np.zeros((1, 1, 1), np.uint8)
    one = views.levels[Level.L1]
    nothing = LevelViews(empty, empty, empty, one.mask_to_ras, one.crop_to_ras)
    mask_nodes.show_masks(nodes, Views({Level.L1: nothing, Level.L2: views.levels[Level.L2]}))
    assert mask_nodes.masks(nodes)[Level.L1] is None and mask_nodes.masks(nodes)[Level.L2] is not None
    assert Level.L1 not in mask_nodes.masked_levels(nodes, Role.MASKS) and mask_nodes.masked_levels(nodes, Role.MASKS)
    mask_nodes.show_masks(nodes, views)
    mask_nodes.show_masks(nodes, Views({Level.L1: nothing}))
    assert mask_nodes.masks(nodes)[Level.L1] is None and mask_nodes.masks(nodes)[Level.L2] is not None
    nodes.get(Role.MASKS).GetSegmentation().RemoveSegment(Level.L2)
    assert mask_nodes.masks(nodes)[Level.L2] is None and mask_nodes.source(nodes, Level.L2) is None
    mask_nodes.mark_source(nodes, Level.L2, MaskSource.REFINED)
    slicer.mrmlScene.RemoveNode(nodes.get(Role.MASKS))
    assert mask_nodes.masks(nodes) == {Level.L1: None, Level.L2: None}
    mask_nodes.show_masks(nodes, views)
    assert Level.L1 in mask_nodes.masked_levels(nodes, Role.MASKS)


def test_a_segment_made_anew_by_a_user_is_found_by_its_name(scene):
    volume = add_ct()
    nodes = OwnedNodes(volume)
    mask_nodes.show_masks(nodes, make_views(volume))
    segmentation = nodes.get(Role.MASKS).GetSegmentation()
    segmentation.RemoveSegment(Level.L1)
    segment_id = segmentation.AddEmptySegment("Segment_7", Level.L1)
    paint(nodes.get(Role.MASKS), segment_id, (3, 4, 5), (1, 2, 3), volume)
    assert mask_nodes.masks(nodes)[Level.L1].array_kji.sum() == 6
    mask_nodes.show_masks(nodes, make_views(volume))
    assert segmentation.GetNumberOfSegments() == 2
    assert mask_nodes.masks(nodes)[Level.L1].array_kji.sum() == body().sum()


def test_a_fingerprint_changes_with_the_voxels_alone(scene):
    volume = add_ct()
    nodes = OwnedNodes(volume)
    mask_nodes.show_masks(nodes, make_views(volume))
    first = mask_nodes.mask_fingerprints(nodes)
    assert first[Level.L1] != first[Level.L2] and all(first.values())
    mask_nodes.mark_source(nodes, Level.L1, MaskSource.REFINED)
    move(volume, placed(turned(10, 20), (1, 1, 1), (5.0, 6.0, 7.0)))
    nodes.follow_volume()
    assert mask_nodes.mask_fingerprints(nodes) == first
    # padding: a label map as large as the CT
    segment = nodes.get(Role.MASKS).GetSegmentation().GetSegment(Level.L1)
    padded, image = slicer.vtkOrientedImageData(), segment.GetRepresentation("Binary labelmap")
    volume_image = LOGIC.CreateOrientedImageDataFromVolumeNode(volume)
    volume_image.SetGeometryFromImageToWorldMatrix(_matrix(volume))
    slicer.vtkOrientedImageDataResample.ResampleOrientedImageToReferenceOrientedImage(image, volume_image, padded)
    assert padded.GetDimensions() == volume.GetImageData().GetDimensions()
    segment.AddRepresentation("Binary labelmap", padded)
    assert mask_nodes.mask_fingerprints(nodes) == first
    # one voxel
    paint(nodes.get(Role.MASKS), Level.L1, (0, 0, 0), (1, 1, 1), volume)
    changed = mask_nodes.mask_fingerprints(nodes)
    assert changed[Level.L1] != first[Level.L1] and changed[Level.L2] == first[Level.L2]


def _matrix(volume):
    matrix = vtk.vtkMatrix4x4()
    volume.GetIJKToRASMatrix(matrix)
    return matrix


@pytest.mark.parametrize("lying", LYING)
def test_a_saved_scene_gives_the_same_masks(scene, lying, tmp_path):
    volume = add_ct(lying)
    nodes, views = OwnedNodes(volume), make_views(volume, whole=True)
    mask_nodes.show_masks(nodes, views)
    mask_nodes.mark_source(nodes, Level.L1, MaskSource.REFINED)
    mask_nodes.keep(nodes, [Level.L2])
    first = mask_nodes.mask_fingerprints(nodes)
    save_and_load(tmp_path)
    again = OwnedNodes(slicer.util.getNode("CT"))
    assert mask_nodes.mask_fingerprints(again) == first
    assert mask_nodes.source(again, Level.L1) == "refined"
    assert mask_nodes.masked_levels(again, Role.BEFORE) == [Level.L2]
    for level, mask in mask_nodes.masks(again).items():
        expected = centers_ras(views.levels[level].mask, views.levels[level].mask_to_ras)
        np.testing.assert_allclose(centers_ras(mask.array_kji, mask.ijk_to_world), expected, atol=1e-3)
    assert not again.get(Role.NETWORK).GetDisplayVisibility()


def test_masks_from_before_come_back_with_all_their_slices(scene):
    volume = add_ct("oblique")
    nodes = OwnedNodes(volume)
    mask_nodes.show_masks(nodes, make_views(volume))
    paint(nodes.get(Role.MASKS), Level.L1, (2, 3, 15), (3, 4, 5), volume)
    mask_nodes.mark_source(nodes, Level.L1, MaskSource.CORRECTED)
    first = mask_nodes.mask_fingerprints(nodes)
    mask_nodes.keep(nodes, [Level.L1])
    mask_nodes.show_masks(nodes, make_views(volume, corner_yx=(13, 13)))
    mask_nodes.mark_source(nodes, Level.L1, MaskSource.REFINED)
    second = mask_nodes.mask_fingerprints(nodes)
    assert second[Level.L1] != first[Level.L1]
    mask_nodes.restore(nodes, Role.BEFORE, [Level.L1, Level.L2])  # of L2 nothing was kept
    third = mask_nodes.mask_fingerprints(nodes)
    assert third == {Level.L1: first[Level.L1], Level.L2: second[Level.L2]}
    assert mask_nodes.source(nodes, Level.L1) == "corrected"
    mask_nodes.restore(nodes, Role.NETWORK, [Level.L1])
    assert mask_nodes.source(nodes, Level.L1) is MaskSource.NETWORK
    assert mask_nodes.masks(nodes)[Level.L1].array_kji.sum() == body()[:6].sum()
    mask_nodes.keep(nodes, [Level.L2])
    assert mask_nodes.masked_levels(nodes, Role.BEFORE) == [Level.L2]
    mask_nodes.keep(nodes, [])
    assert not mask_nodes.masked_levels(nodes, Role.BEFORE)


def test_an_exchange_loses_nothing_and_is_its_own_undo(scene):
    volume = add_ct()
    nodes = OwnedNodes(volume)
    mask_nodes.show_masks(nodes, make_views(volume))
    mask_nodes.mark_source(nodes, Level.L1, MaskSource.CORRECTED)
    mask_nodes.keep(nodes, [Level.L1])
    mask_nodes.show_masks(nodes, make_views(volume, corner_yx=(13, 13)))
    mask_nodes.mark_source(nodes, Level.L1, MaskSource.REFINED)
    before, now = mask_nodes.mask_fingerprints(nodes, Role.BEFORE), mask_nodes.mask_fingerprints(nodes)
    mask_nodes.exchange(nodes)
    assert mask_nodes.mask_fingerprints(nodes) == {Level.L1: before[Level.L1], Level.L2: now[Level.L2]}
    assert mask_nodes.mask_fingerprints(nodes, Role.BEFORE)[Level.L1] == now[Level.L1]
    assert (mask_nodes.source(nodes, Level.L1), mask_nodes.source(nodes, Level.L1, Role.BEFORE)) == (
        "corrected",
        "refined",
    )
    mask_nodes.exchange(nodes)
    assert mask_nodes.mask_fingerprints(nodes) == now
    assert mask_nodes.source(nodes, Level.L1) == "refined"


def test_other_masks_are_shown_in_place_of_the_present_ones(scene):
    volume = add_ct()
    nodes = OwnedNodes(volume)
    mask_nodes.show_beside(nodes, Role.BEFORE)  # nothing there yet
    mask_nodes.show_masks(nodes, make_views(volume))
    mask_nodes.keep(nodes, [Level.L1])

    def shown():
        roles = (Role.MASKS, Role.NETWORK, Role.BEFORE, Role.MEASURED)
        return {role for role in roles if nodes.get(role).GetDisplayVisibility()}

    assert shown() == {Role.MASKS, Role.MEASURED}
    mask_nodes.show_beside(nodes, Role.NETWORK)  # an outline over the others
    assert shown() == {Role.MASKS, Role.MEASURED, Role.NETWORK}
    display = nodes.get(Role.NETWORK).GetDisplayNode()
    assert display.GetVisibility2DOutline() and not display.GetVisibility2DFill()
    mask_nodes.show_beside(nodes, Role.BEFORE)
    assert shown() == {Role.BEFORE}
    mask_nodes.show_beside(nodes, None)
    assert shown() == {Role.MASKS, Role.MEASURED}


@pytest.mark.parametrize("whole", [False, True])
def test_the_surface_is_that_of_the_body(scene, whole):
    """A mask of one slice has only a plate."""
    volume = add_ct()
    nodes, views = OwnedNodes(volume), make_views(volume, whole=whole)
    mask_nodes.show_surface(nodes, True)  # nothing there yet
    mask_nodes.show_masks(nodes, views)
    display = nodes.get(Role.MASKS).GetDisplayNode()
    assert not display.GetVisibility3D()
    mask_nodes.show_surface(nodes, True)
    assert display.GetVisibility3D()
    surface = vtk.vtkPolyData()
    assert LOGIC.GetSegmentClosedSurfaceRepresentation(nodes.get(Role.MASKS), Level.L1, surface)
    bounds = np.array(surface.GetBounds()).reshape(3, 2)
    expected = centers_ras(views.levels[Level.L1].mask, views.levels[Level.L1].mask_to_ras)
    np.testing.assert_allclose(bounds.mean(axis=1), (expected.min(axis=0) + expected.max(axis=0)) / 2, atol=0.3)
    height = bounds[2, 1] - bounds[2, 0]
    assert 3.5 * 2.5 < height < 6 * 2.5 if whole else height < 2 * 2.5
    mask_nodes.show_surface(nodes, False)
    assert not display.GetVisibility3D()
    assert not nodes.get(Role.MASKS).GetSegmentation().ContainsRepresentation("Closed surface")


def test_the_neighbors_are_outlines_that_come_and_go(scene):
    volume = add_ct("oblique")
    nodes, views = OwnedNodes(volume), make_views(volume, whole=True)
    bodies = {name: views.levels[level].mask_array() for name, level in (("T12", Level.L1), ("L3", Level.L2))}
    mask_nodes.show_masks(nodes, views)
    mask_nodes.show_neighbors(nodes, Views(views.levels, bodies))
    node = nodes.get(Role.NEIGHBORS)
    assert list(node.GetSegmentation().GetSegmentIDs()) == ["T12", "L3"]
    for name, mask in bodies.items():
        array = slicer.util.arrayFromSegmentBinaryLabelmap(node, name, volume)
        expected = centers_ras(mask.array_kji, mask.ijk_to_world)
        np.testing.assert_allclose(centers_ras(array, world_matrix(volume)), expected, atol=1e-4)
    assert not node.GetDisplayNode().GetVisibility2DFill()
    mask_nodes.show_surface(nodes, True)
    assert node.GetDisplayNode().GetVisibility3D() and node.GetSegmentation().ContainsRepresentation("Closed surface")
    assert list(nodes.get(Role.MASKS).GetSegmentation().GetSegmentIDs()) == ["L1", "L2"]  # nothing more to edit
    mask_nodes.show_neighbors(nodes, Views(views.levels, {"L3": bodies["L3"]}))
    assert nodes.get(Role.NEIGHBORS) is node and list(node.GetSegmentation().GetSegmentIDs()) == ["L3"]
    mask_nodes.show_neighbors(nodes, views)
    assert nodes.get(Role.NEIGHBORS) is None


def test_a_mask_between_the_voxels_is_refused(scene):
    volume = add_ct()
    nodes, views = OwnedNodes(volume), make_views(volume)
    move(volume, placed(np.eye(3), (1, 1, 1), (0.3, 0.0, 0.0)))
    with pytest.raises(RunFailed, match="moved or replaced during the run"):
        mask_nodes.show_masks(nodes, views)


def test_a_large_ct_costs_nothing(scene):
    """Printed, not asserted: pytest -s shows it."""
    oblique = placed(turned(3, 5) @ AXIAL, (0.7, 0.7, 1.0), (180, 170, -200))
    volume = add_volume(np.zeros((400, 512, 512), np.int16), oblique)
    nodes, views = OwnedNodes(volume), make_views(volume, slices=(220, 186), corner_yx=(250, 240))
    big = {
        level: LevelViews(*(np.kron(mask, np.ones((30, 5, 5), np.uint8))
                            for mask in (one.mask, one.network_mask, one.roi)),
                          one.mask_to_ras, one.crop_to_ras)
        for level, one in views.levels.items()
    }  # fmt: skip
    times = {}
    for name, call in (
        ("first", lambda: mask_nodes.show_masks(nodes, Views(big))),
        ("again", lambda: mask_nodes.show_masks(nodes, Views(big))),
        ("read", lambda: mask_nodes.masks(nodes)),
        ("fingerprints", lambda: mask_nodes.mask_fingerprints(nodes)),
        ("keep", lambda: mask_nodes.keep(nodes, [Level.L1, Level.L2])),
    ):
        start = time.perf_counter()
        call()
        times[name] = round((time.perf_counter() - start) * 1000, 2)
    print(f"\nmasks of 30 x 60 x 80 voxels on 512 x 512 x 400 voxels, ms: {times}")
    assert mask_nodes.masks(nodes)[Level.L1].array_kji.shape == (30, 60, 80)
