"""The table, the result document, the terminology, and the pictures as the worker writes them."""

from __future__ import annotations

import json
import math

import numpy as np
import slicer
from example_readings import add_ct, make_views, save_and_load

from OsteoJointLib.output.viewer_arrays import read_views
from OsteoJointLib.slicer_bridge.scene import result_node, segment_terminology, table_node
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes


def document() -> dict:
    def level(value):
        return {"L1": value, "L2": value}

    measurement = {
        "roi": "…", "erosion_mm": 4.0, "voxels": 812, "hu_mean": 103.5, "hu_median": 101.0, "hu_sd": 31.25,
        "bmd_mg_cm3": None, "calibration": None,
    }  # fmt: skip
    too_small = {**measurement, "voxels": 3, "hu_mean": None, "hu_median": None, "hu_sd": None}
    return {
        "levels": level({"center_ras_mm": [1.0, 2.0, 3.0], "confidence": 0.98, "source": "auto"}),
        "segmentation": {"L1": {"area_mm2": 1234.5, "refined": True}, "L2": {"area_mm2": 987.5, "refined": False}},
        "measurements": {"L1": measurement, "L2": too_small},
        "classification": {"status": "osteopenia"},
    }


def cells(node) -> dict[str, list]:
    table = node.GetTable()
    names = [table.GetColumnName(index) for index in range(table.GetNumberOfColumns())]
    rows = range(table.GetNumberOfRows())
    return {name: [table.GetValueByName(row, name).ToString() for row in rows] for name in names}


def test_the_table_has_a_row_a_level(scene):
    nodes = OwnedNodes(add_ct())
    table_node.show_table(nodes, document())
    node = nodes.get("table")
    found = cells(node)
    assert found["Level"] == ["L1", "L2"]
    assert found["Voxels in the region"] == ["812", "3"]
    assert found["Placed by"] == ["OsteoJoint", "OsteoJoint"] and found["Refined by the level set"] == ["yes", "no"]
    assert slicer.util.arrayFromTableColumn(node, "Area of the body, mm²").tolist() == [1234.5, 987.5]
    assert slicer.util.arrayFromTableColumn(node, "Mean HU")[0] == 103.5
    assert math.isnan(slicer.util.arrayFromTableColumn(node, "Mean HU")[1])
    assert np.isnan(slicer.util.arrayFromTableColumn(node, "BMD, mg/cm³")).all()
    assert node.GetLocked()


def test_the_table_is_renewed_in_place(scene):
    nodes = OwnedNodes(add_ct())
    table_node.show_table(nodes, document())
    first = nodes.get("table")
    changed = document()
    changed["measurements"]["L1"]["hu_mean"] = 99.0
    table_node.show_table(nodes, changed)
    assert nodes.get("table") is first and first.GetNumberOfRows() == 2
    assert slicer.util.arrayFromTableColumn(first, "Mean HU")[0] == 99.0


def test_table_and_result_survive_a_saved_scene(scene, tmp_path):
    nodes = OwnedNodes(add_ct())
    table_node.show_table(nodes, document())
    long = {**document(), "text": 'Käse "mg/cm³" ~ \\ | , ; <&> ' * 200}
    result_node.set_result(nodes, long)
    result_node.set_record(nodes, {"points": {"L1": [0.1, 0.2, 0.30000000000000004]}})
    assert nodes.get("result").GetHideFromEditors()
    save_and_load(tmp_path)
    again = OwnedNodes(slicer.util.getNode("CT"))
    assert result_node.result(again) == long
    assert result_node.record(again) == {"points": {"L1": [0.1, 0.2, 0.30000000000000004]}}
    assert cells(again.get("table"))["Level"] == ["L1", "L2"]
    assert slicer.util.arrayFromTableColumn(again.get("table"), "SD of HU")[0] == 31.25


def test_a_short_result_survives_a_saved_scene(scene, tmp_path):
    """Slicer writes short texts into the scene file itself, long ones into files of their own."""
    nodes = OwnedNodes(add_ct())
    result_node.set_result(nodes, {"status": 'a "b" <c> & é'})
    save_and_load(tmp_path)
    assert result_node.result(OwnedNodes(slicer.util.getNode("CT"))) == {"status": 'a "b" <c> & é'}


def test_a_result_that_can_not_be_read_is_none(scene):
    nodes = OwnedNodes(add_ct())
    assert result_node.result(nodes) is None
    result_node.set_result(nodes, {"a": 1})
    for text in ("", "{", "[]", "3"):
        nodes.get("result").SetText(text)
        assert result_node.result(nodes) is None


def test_terminology_is_loaded_and_skipped_without_the_module(scene, monkeypatch):
    segment_terminology.load_terminology()
    assert slicer.modules.terminologies.logic().IsTerminologyContextLoaded(
        "Segmentation category and type - OsteoJoint"
    )
    monkeypatch.delattr(slicer.modules, "terminologies")
    segment_terminology.load_terminology()


def test_pictures_are_read_as_the_worker_writes_them(scene, tmp_path):
    views = make_views(add_ct("oblique"))
    arrays, done = {}, {"file": str(tmp_path / "views.npz")}
    for level, one in views.levels.items():
        for name in ("mask", "network_mask", "roi", "heatmap"):
            arrays[f"{level}_{name}"] = getattr(one, name)
        done[level] = {"mask_to_ras": one.mask_to_ras.tolist(), "crop_to_ras": one.crop_to_ras.tolist()}
    np.savez(tmp_path / "views.npz", **arrays)
    read = read_views(json.loads(json.dumps(done)))
    (tmp_path / "views.npz").unlink()
    assert list(read.levels) == ["L1", "L2"]
    for level, one in read.levels.items():
        np.testing.assert_array_equal(one.mask, views.levels[level].mask)
        np.testing.assert_array_equal(one.heatmap, views.levels[level].heatmap)
        np.testing.assert_array_equal(one.crop_to_ras, views.levels[level].crop_to_ras)
        assert one.explanation is None
        assert one.mask_array("roi").array_kji.shape == (1, 12, 16)
