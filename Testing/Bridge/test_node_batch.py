"""A batch over volumes: rows, names, what is skipped, fails and stays in the scene; with an engine that pretends."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from functools import partial
from typing import ClassVar

import numpy as np
import pytest
import qt
import slicer

from OsteoJointLib.batch.ledger import CaseRecord, Ledger, Outcome
from OsteoJointLib.errors import ModelRefused, OsteoJointError, Reason, RunFailed
from OsteoJointLib.failures import lacks_package
from OsteoJointLib.names import Names
from OsteoJointLib.output.csv_rows import COLUMNS
from OsteoJointLib.output.viewer_arrays import MaskArray
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.batch import node_batch
from OsteoJointLib.slicer_bridge.batch.node_batch import NodeBatch
from OsteoJointLib.slicer_bridge.batch.volume_case import VolumeCase
from OsteoJointLib.slicer_bridge.reading.memory import Wanted
from OsteoJointLib.slicer_bridge.reading.said import Said
from OsteoJointLib.slicer_bridge.scene.owned_nodes import ROLE, OwnedNodes
from OsteoJointLib.worker.answers import Delivered

from .fake_reading import DOCUMENT

analyze_nodes = partial(node_batch.analyze_nodes, names="own")
LEVEL = {"center_ras_mm": [1.0, 2.0, 3.0], "slice_index": 4, "confidence": 0.9, "source": "auto"}
WHOLE = DOCUMENT | {
    "levels": {"L1": LEVEL, "L2": LEVEL},
    "segmentation": {name: {"area_mm2": 1300.0, "volume_ml": None} for name in ("L1", "L2")},
    "input": {"form": "volume", "kvp": 120.0, "kernel": None, "contrast": False},
    "version": "0",
}


DOUBTFUL = WHOLE | {
    "classification": {"status": None, "probabilities": {}, "fusion_weights": {}},
    "flags": [{"code": "levels_uncertain", "level": None, "message": "Count again."}],
}


class FakeEngine:
    """Stands in for the engine: each CT is read, unless `failures` has an error for its name; notes what was asked.

    The levels of a CT called "doubtful" are in doubt.
    """

    failures: ClassVar[dict[str, OsteoJointError]]
    read: ClassVar[list[str]]
    delivered: ClassVar[list[object]]
    open: ClassVar[set[str]]
    on_start: ClassVar[Callable[[], object] | None]

    def __init__(self, client):
        pass

    def start(self, wanted, on_levels, on_result, on_done, on_error, on_progress):
        name = slicer.mrmlScene.GetNodeByID(wanted.volume_id).GetName()
        self.read.append(name)
        self.open.add(wanted.volume_id)

        def answer():
            if self.on_start:
                self.on_start()
            if name in self.failures:
                on_error(self.failures[name])
            else:
                on_result(DOUBTFUL if name == "doubtful" else WHOLE, None)
                on_done()

        qt.QTimer.singleShot(0, answer)

    def ask_case(self, request, masks, on_done, on_error):
        self.delivered.append(masks)
        asked = request("case-1", {})
        folder = asked.out
        assert asked.row == folder.name  # the report names the case
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "result.json").write_text(json.dumps(WHOLE), encoding="utf-8")
        qt.QTimer.singleShot(0, lambda: on_done(Delivered((folder / "result.json",))))

    def forget(self, volume_id):
        self.open.discard(volume_id)

    def cancel(self):
        self.open.clear()


@pytest.fixture
def engine(scene, monkeypatch):
    """The pretending engine, fresh."""
    for name, value in (("failures", {}), ("read", []), ("delivered", []), ("open", set()), ("on_start", None)):
        monkeypatch.setattr(FakeEngine, name, value, raising=False)
    monkeypatch.setattr(node_batch, "Engine", FakeEngine)
    return FakeEngine


def add_ct(name="CT", seed=0):
    noise = np.random.default_rng(seed).integers(-1000, 1000, (8, 16, 16)).astype(np.int16)
    return slicer.util.addVolumeFromArray(noise, name=name)


def table(folder):
    with (folder / "batch.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_levels_in_doubt_are_refused_and_nothing_is_written_of_them(engine, tmp_path):
    doubtful, good = analyze_nodes([add_ct("doubtful", 1), add_ct("good", 2)], tmp_path / "out")
    assert (doubtful["outcome"], doubtful["reason"], good["outcome"]) == ("refused", "levels_uncertain", "done")
    assert doubtful["message"].startswith("Count again. Proposed, from above: L1, L2.")
    assert [path.name for path in (tmp_path / "out" / "cases").iterdir()] == ["good"]
    assert len(engine.delivered) == 1


def test_one_row_a_volume_with_its_reason(engine, tmp_path):
    engine.failures["bad"] = RunFailed(Reason.OUT_OF_MEMORY, "Memory ran out.")
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "empty")
    told = []
    nodes = [add_ct("good", 1), add_ct("bad", 2), empty]
    rows = analyze_nodes(nodes, tmp_path / "out", on_progress=lambda *one: told.append(one))
    assert [(row["case"], row["outcome"], row["reason"]) for row in rows] == [
        ("good", "done", ""),
        ("bad", "failed", "out_of_memory"),
        ("empty", "refused", "not_3d"),
    ]
    assert rows == table(tmp_path / "out")
    assert rows[0]["status"] == "osteopenia"
    assert [(done, total) for done, total, row in told] == [(1, 3), (2, 3), (3, 3)]


def test_a_single_volume_needs_no_list(engine, tmp_path):
    assert [row["case"] for row in analyze_nodes(add_ct(), tmp_path / "out")] == ["CT"]


def test_each_ct_is_let_go_before_the_next(engine, tmp_path):
    most = []
    engine.on_start = staticmethod(lambda: most.append(len(engine.open)))
    analyze_nodes([add_ct(seed=seed) for seed in range(3)], tmp_path / "out")
    assert most == [1, 1, 1]
    assert not engine.open


def test_volumes_of_one_name_and_unsafe_names_keep_apart(engine, tmp_path):
    rows = analyze_nodes([add_ct("2: CT / a", 1), add_ct("2: CT / a", 2)], tmp_path / "out")
    assert [row["case"] for row in rows] == ["2_CT_a", "2_CT_a-2"]
    assert sorted(path.name for path in (tmp_path / "out" / "cases").iterdir()) == ["2_CT_a", "2_CT_a-2"]


def test_a_second_batch_skips_what_is_done_whatever_the_order(engine, tmp_path, host):
    first, second = add_ct("CT", 1), add_ct("CT", 2)
    before = analyze_nodes([first, second], tmp_path / "out")
    engine.read.clear()
    after = analyze_nodes([second, first], tmp_path / "out")
    assert not engine.read
    assert after == before[::-1]
    batch, ends = NodeBatch([first, second], tmp_path / "out", names=Names.OWN), []
    batch.ended.connect(ends.append)
    batch.start()
    assert host.wait_until(lambda: ends, 10)
    assert batch.skipped == {"CT", "CT-2"}
    assert ends[0].words == "2 cases, done before: nothing to read."
    assert table(tmp_path / "out") == before


def test_another_patients_ct_of_the_same_name_never_takes_the_place(engine, tmp_path):
    analyze_nodes(add_ct("CT", 1), tmp_path / "out")
    analyze_nodes(add_ct("CT", 2), tmp_path / "out")
    assert [row["case"] for row in table(tmp_path / "out")] == ["CT", "CT-2"]


def test_what_has_changed_or_failed_is_read_again(engine, tmp_path):
    changed, failed, lost = add_ct("changed", 1), add_ct("failed", 2), add_ct("lost", 3)
    engine.failures["failed"] = RunFailed(Reason.FAILED, "It broke.")
    analyze_nodes([changed, failed, lost], tmp_path / "out")
    (tmp_path / "out" / "cases" / "lost" / "result.json").unlink()
    slicer.util.arrayFromVolume(changed)[0, 0, 0] = 7
    engine.failures.clear()
    engine.read.clear()
    analyze_nodes([changed, failed, lost], tmp_path / "out")
    assert engine.read == ["changed", "failed", "lost"]
    assert [row["case"] for row in table(tmp_path / "out")] == ["changed", "changed-2", "failed", "lost"]


def test_what_a_user_drew_is_delivered_and_read_again_once_it_changes(engine, tmp_path, monkeypatch):
    drawn = {Level.L1: MaskArray(np.ones((1, 2, 2), np.uint8), np.eye(4))}

    def want(case, settings):
        case.wanted = Wanted(case.volume_id, masks=drawn)

    monkeypatch.setattr(VolumeCase, "want", want)
    node = add_ct()
    for _ in range(2):
        analyze_nodes(node, tmp_path / "out")
    assert engine.delivered == [drawn]
    drawn[Level.L1].array_kji[0, 0, 0] = 0
    analyze_nodes(node, tmp_path / "out")
    assert engine.read == ["CT", "CT"]


def test_points_and_masks_are_known_apart_by_level_and_place(scene):
    case, mask, moved = VolumeCase(add_ct()), np.ones((1, 2, 2), np.uint8), np.eye(4)
    moved[2, 3] = 5.0
    one, other, nothing = (1.0, 2.0, 3.0), (1.0, 2.0, 33.0), Said()

    def digest(points=None, said=nothing, **masks):
        arrays = {Level(level): MaskArray(mask, place) for level, place in masks.items()}
        case.wanted = Wanted(case.volume_id, points=points, masks=arrays, said=said)
        return case.own_digest()

    digests = [
        *(digest({Level.L1: one, Level.L2: other}), digest({Level.L1: other, Level.L2: one})),
        *(digest(L1=np.eye(4)), digest(L2=np.eye(4)), digest(L1=moved)),
        *(digest(said=Said(leave_out=Level.L1)), digest(said=Said(leave_out=Level.L2)), digest(said=Said(kvp=100.0))),
    ]
    assert len({*digests, ""}) == 9
    assert digest() == ""


def test_volumes_without_voxels_have_a_row_each_and_the_same_the_next_time(engine, tmp_path):
    empty = [slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "CT") for _ in range(2)]
    analyze_nodes(add_ct(), tmp_path / "out")
    for _ in range(2):
        rows = analyze_nodes(empty, tmp_path / "out")
        assert [row["case"] for row in rows] == ["CT-2", "CT-3"]
    assert [row["case"] for row in table(tmp_path / "out")] == ["CT", "CT-2", "CT-3"]


def test_two_batches_at_once_give_names_of_their_own(engine, tmp_path):
    meanwhile = CaseRecord("CT", Outcome.REFUSED, dict.fromkeys(COLUMNS, "") | {"case": "CT"}, "of another")
    nodes = (Ledger(tmp_path / "out").enter(meanwhile) or node for node in [add_ct()])
    assert [row["case"] for row in analyze_nodes(nodes, tmp_path / "out")] == ["CT-2"]
    assert [row["case"] for row in table(tmp_path / "out")] == ["CT", "CT-2"]


def test_by_default_no_volumes_name_is_written(engine, tmp_path):
    engine.failures["Wang"] = RunFailed(Reason.FAILED, "It broke.")
    empty = slicer.mrmlScene.AddNewNodeByClass("vtkMRMLScalarVolumeNode", "Li")
    gone = add_ct("Jones", 3)
    engine.on_start = staticmethod(lambda: gone.GetScene() and slicer.mrmlScene.RemoveNode(gone))
    nodes = [add_ct("Smith^John", 1), add_ct("Wang", 2), empty, gone]
    rows = node_batch.analyze_nodes(nodes, tmp_path / "out")
    assert [row["case"] for row in rows] == ["case-0001", "case-0002", "case-0003", "case-0004"]
    written = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")]
    written += [path.read_text(encoding="utf-8", errors="replace") for path in tmp_path.rglob("*") if path.is_file()]
    assert not re.findall(r"Smith|Wang|Jones|\bLi\b", " ".join(written))
    again = node_batch.analyze_nodes(nodes[::-1][1:], tmp_path / "out", names="keys")
    assert [row["case"] for row in again] == ["case-0003", "case-0002", "case-0001"]
    keys = (tmp_path / "out" / "keys.csv").read_text(encoding="utf-8").splitlines()[1:]
    assert keys == ["case-0001,Smith^John,,", "case-0002,Wang,,", "case-0003,Li,,"]


def test_all_are_read_again_on_request(engine, tmp_path):
    node = add_ct()
    analyze_nodes(node, tmp_path / "out")
    analyze_nodes(node, tmp_path / "out", skip_existing=False)
    assert engine.read == ["CT", "CT"]
    assert len(table(tmp_path / "out")) == 1


def test_nothing_is_left_in_the_scene(engine, tmp_path):
    nodes = [add_ct(seed=seed) for seed in range(2)]
    before = slicer.mrmlScene.GetNumberOfNodes()
    analyze_nodes(nodes, tmp_path / "out")
    assert slicer.mrmlScene.GetNumberOfNodes() == before


def test_inputs_may_be_loaded_one_by_one_and_removed(engine, tmp_path):
    analyze_nodes(add_ct(), tmp_path / "out")  # what a first CT makes for good: color nodes, hierarchy
    slicer.mrmlScene.RemoveNode(slicer.util.getNode("CT"))
    before = slicer.mrmlScene.GetNumberOfNodes()
    most = []
    engine.on_start = staticmethod(lambda: most.append(len(slicer.util.getNodesByClass("vtkMRMLScalarVolumeNode"))))
    loaded = (add_ct(f"CT {seed}", seed) for seed in range(1, 4))
    rows = analyze_nodes(loaded, tmp_path / "out", remove_inputs=True)
    assert [row["outcome"] for row in rows] == ["done"] * 3
    assert most == [1, 1, 1]
    assert slicer.mrmlScene.GetNumberOfNodes() <= before


def test_a_removed_volume_takes_along_what_belongs_to_its_reading(engine, tmp_path):
    node = add_ct()
    belongs = OwnedNodes(node).add("notes", slicer.mrmlScene.CreateNodeByClass("vtkMRMLTextNode"), "notes")
    analyze_nodes(node, tmp_path / "out", remove_inputs=True)
    assert node.GetScene() is None and belongs.GetScene() is None


def test_a_generator_that_breaks_ends_the_batch_with_its_words(engine, tmp_path):
    def loaded():
        yield add_ct()
        raise OSError("The drive was pulled out")

    with pytest.raises(OsteoJointError, match="The drive was pulled out"):
        analyze_nodes(loaded(), tmp_path / "out")
    assert [row["case"] for row in table(tmp_path / "out")] == ["CT"]


def test_maps_of_a_reading_are_no_cts(engine, tmp_path):
    heat = add_ct("heat map")
    heat.SetAttribute(ROLE, "heatmap.L1")
    assert [row["case"] for row in analyze_nodes([heat, add_ct("CT", 1)], tmp_path / "out")] == ["CT"]


def test_a_volume_removed_meanwhile_has_its_reason(engine, tmp_path):
    first, second = add_ct("first", 1), add_ct("second", 2)
    engine.on_start = staticmethod(lambda: slicer.mrmlScene.RemoveNode(second))
    rows = analyze_nodes([first, second], tmp_path / "out")
    assert [(row["case"], row["reason"]) for row in rows] == [("first", ""), ("second", "not_found")]


@pytest.mark.parametrize("lack", [ModelRefused(Reason.DEVICE_MISSING, "No card."), lacks_package("torch")])
def test_what_no_ct_can_help_ends_the_batch(engine, tmp_path, lack):
    engine.failures["CT"] = lack
    with pytest.raises(OsteoJointError, match=re.escape(lack.message)):
        analyze_nodes([add_ct("CT", 1), add_ct("other", 2)], tmp_path / "out")
    assert engine.read == ["CT"]


def test_a_folder_with_other_files_is_refused(engine, tmp_path):
    (tmp_path / "thesis.docx").touch()
    with pytest.raises(OsteoJointError) as refusal:
        analyze_nodes(add_ct(), tmp_path)
    assert refusal.value.reason is Reason.OUTPUT_EXISTS
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.docx"]


def test_cancel_keeps_what_is_done(engine, tmp_path):
    rows = analyze_nodes(
        [add_ct("a", 1), add_ct("b", 2)], tmp_path / "out", on_progress=lambda done, total, row: done < 1
    )
    assert [row["case"] for row in rows] == ["a"]
    assert not engine.open
    slicer.app.processEvents()
    assert engine.read in (["a"], ["a", "b"])
    assert len(table(tmp_path / "out")) == 1


def test_a_large_ct_leaves_the_window_its_turns(engine, tmp_path, host):
    node = slicer.util.addVolumeFromArray(np.zeros((300, 512, 512), np.int16), name="large")
    batch = NodeBatch([node], tmp_path / "out")
    ends, ticks = [], []
    batch.ended.connect(ends.append)
    timer = qt.QTimer()
    timer.setInterval(0)
    timer.connect("timeout()", lambda: ticks.append(1))
    timer.start()
    batch.start()
    assert host.wait_until(lambda: ends, 30)
    timer.stop()
    assert len(ticks) > 15  # a large CT is hashed in many turns, between which others have theirs
