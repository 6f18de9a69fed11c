"""The nodes of a reading belong to their CT, whatever a user does to the scene."""

from __future__ import annotations

from types import SimpleNamespace
from unittest.mock import Mock

import slicer
from example_readings import add_ct, make_views, move, placed, save_and_load, turned

from OsteoJointLib.records import Level, PointSource
from OsteoJointLib.slicer_bridge.scene import level_nodes, mask_nodes, overlay_nodes, result_node
from OsteoJointLib.slicer_bridge.scene.level_nodes import LevelMark
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes, Role


def fill(volume) -> OwnedNodes:
    nodes, views = OwnedNodes(volume), make_views(volume)
    level_nodes.show_levels(
        nodes,
        {
            Level.L1: LevelMark((1, 2, 3), 0.9, PointSource.AUTO),
            Level.L2: LevelMark((1, 2, -25), 0.9, PointSource.AUTO),
        },
    )
    mask_nodes.show_masks(nodes, views)
    overlay_nodes.show_overlays(nodes, views)
    result_node.set_result(nodes, {"name": volume.GetName()})
    return nodes


def class_names() -> list[str]:
    scene = slicer.mrmlScene
    return sorted(scene.GetNthNode(index).GetClassName() for index in range(scene.GetNumberOfNodes()))


def test_two_cts_keep_apart(scene):
    one, other = fill(add_ct(name="one")), fill(add_ct("oblique", name="other"))
    assert not {node.GetID() for node in one.all()} & {node.GetID() for node in other.all()}
    assert result_node.result(one) == {"name": "one"} and result_node.result(other) == {"name": "other"}
    assert one.get("masks").GetName() == "L1 L2 (one)"
    one.remove_all()
    assert one.all() == [] and one.get("masks") is None
    assert other.get("masks") is not None


def test_what_is_absent_is_looked_for_once_and_found_as_soon_as_it_comes(scene, monkeypatch):
    volume = add_ct()
    listed = Mock(wraps=scene.GetNodes())
    with monkeypatch.context() as patch:
        patch.setattr(slicer, "mrmlScene", SimpleNamespace(GetNodes=lambda: listed, GetNodeByID=scene.GetNodeByID))
        nodes = OwnedNodes(volume)
        assert [nodes.get(role) for role in Role] == [None] * len(Role)
    assert listed.GetItemAsObject.call_count == scene.GetNumberOfNodes()
    other = OwnedNodes(volume)  # another reader of the same CT, such as a batch
    result_node.set_result(other, {})
    assert nodes.get(Role.RESULT) is other.get(Role.RESULT) is not None
    scene.RemoveNode(other.get(Role.RESULT))
    assert nodes.get(Role.RESULT) is None


def test_removing_a_reading_leaves_the_scene_as_it_was(scene):
    volume = add_ct()
    before = class_names()
    nodes = fill(volume)
    assert class_names() != before
    nodes.remove_all()
    assert class_names() == before


def test_nodes_a_user_deleted_are_absent_and_made_again(scene):
    volume = add_ct()
    nodes = fill(volume)
    for node in nodes.all():
        scene.RemoveNode(node)
    assert nodes.all() == []
    assert level_nodes.points(nodes) == {} and result_node.result(nodes) is None
    fill(volume)
    assert len(level_nodes.points(nodes)) == 2


def test_the_ct_may_go_first(scene):
    volume = add_ct()
    nodes = fill(volume)
    scene.RemoveNode(volume)
    assert nodes.volume is None
    assert mask_nodes.mask_fingerprints(nodes) == {Level.L1: "", Level.L2: ""}
    assert len(level_nodes.points(nodes)) == 2
    level_nodes.update_boxes(nodes)
    nodes.follow_volume()
    nodes.remove_all()
    assert nodes.all() == []


def test_a_closed_scene_holds_nothing(scene):
    nodes = fill(add_ct())
    scene.Clear()
    assert nodes.volume is None and nodes.all() == [] and nodes.get("masks") is None
    # a new CT gets the old one's ID: nothing of the old reading comes back
    assert OwnedNodes(add_ct()).all() == []


def test_nodes_stay_with_a_ct_that_is_moved(scene):
    volume = add_ct()
    nodes = fill(volume)
    move(volume, placed(turned(10, 20), (1, 1, 1), (5.0, 6.0, 7.0)))
    nodes.follow_volume()
    movable = [node for node in nodes.all() if node.IsA("vtkMRMLTransformableNode")]
    assert len(movable) == 9
    assert {node.GetTransformNodeID() for node in movable} == {volume.GetTransformNodeID()}


def tree(scene):
    return slicer.vtkMRMLSubjectHierarchyNode.GetSubjectHierarchyNode(scene)


def folders_of(nodes: OwnedNodes) -> set[int]:
    hierarchy = tree(slicer.mrmlScene)
    listed = [node for node in nodes.all() if not node.GetHideFromEditors()]
    return {hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) for node in listed}


def test_visible_nodes_are_in_one_folder_in_the_study_of_the_ct(scene):
    volume, hierarchy = add_ct(), tree(scene)
    study = hierarchy.CreateStudyItem(hierarchy.GetSceneItemID(), "study")
    hierarchy.SetItemParent(hierarchy.GetItemByDataNode(volume), study)
    (folder,) = folders_of(fill(volume))
    assert (hierarchy.GetItemName(folder), hierarchy.GetItemParent(folder)) == ("OsteoJoint (CT)", study)
    assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(volume)) == study


def test_hidden_segmentations_have_an_item_outside_the_folder_whose_eye_would_show_them(scene):
    nodes, hierarchy = fill(add_ct()), tree(scene)
    hidden = [node for node in nodes.all() if node.GetHideFromEditors() and node.IsA("vtkMRMLSegmentationNode")]
    assert hidden
    for node in hidden:
        assert hierarchy.GetItemParent(hierarchy.GetItemByDataNode(node)) == hierarchy.GetSceneItemID()


def test_hidden_masks_of_an_older_scene_get_their_item_before_they_are_written(scene):
    volume = add_ct()
    nodes, hierarchy = fill(volume), tree(scene)
    network = nodes.get(Role.NETWORK)
    hierarchy.RemoveItem(hierarchy.GetItemByDataNode(network), False, False)
    mask_nodes.show_masks(nodes, make_views(volume, [3, 4]))  # Slicer would complain
    assert hierarchy.GetItemByDataNode(network)


def test_each_ct_has_its_folder_which_goes_with_the_reading(scene, tmp_path):
    one, other = fill(add_ct(name="one")), fill(add_ct("oblique", name="other"))
    (first,), (second,) = folders_of(one), folders_of(other)
    assert first != second
    one.remove_all()
    assert tree(scene).GetItemByName("OsteoJoint (one)") == 0
    save_and_load(tmp_path)
    again = OwnedNodes(slicer.util.getNode("other"))
    again.remove(Role.TABLE)
    again.add(Role.TABLE, slicer.vtkMRMLTableNode(), "numbers")
    (found,) = folders_of(again)
    assert tree(scene).GetItemName(found) == "OsteoJoint (other)"


def test_a_folder_keeps_what_a_user_put_into_it(scene):
    nodes, hierarchy = fill(add_ct()), tree(scene)
    (folder,) = folders_of(nodes)
    own = hierarchy.GetItemByDataNode(scene.AddNewNodeByClass("vtkMRMLMarkupsFiducialNode", "mine"))
    hierarchy.SetItemParent(own, folder)
    nodes.remove_all()
    assert hierarchy.GetItemParent(own) == folder


def test_a_saved_scene_finds_its_nodes_again_beside_other_cts(scene, tmp_path):
    first = fill(add_ct(name="one"))
    fill(add_ct("oblique", name="other"))
    roles = sorted(node.GetAttribute("OsteoJoint.Role") for node in first.all())
    save_and_load(tmp_path)
    for name in ("one", "other"):
        nodes = OwnedNodes(slicer.util.getNode(name))
        assert sorted(node.GetAttribute("OsteoJoint.Role") for node in nodes.all()) == roles
        assert result_node.result(nodes) == {"name": name}
        assert len(level_nodes.points(nodes)) == 2
