"""A CT that stays open: opened once, its levels asked for again and again, masks refined, views written."""

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.frames import Grid, mask_to_plane
from OsteoJointLib.records import BodyEvidence, CtSlicePair, CtVolume, Flag, Level


@pytest.fixture
def points(chain) -> dict:
    return {level.value: [-x, -y, z] for level, (x, y, z) in chain.centers_lps_mm.items()}


def write_mask(path: Path, chain, level: Level, scale: float) -> str:
    """A label map of one level's ellipse on its slice."""
    volume = chain.make_ct()
    center = np.asarray(chain.centers_lps_mm[level])
    labels = np.zeros(volume.hu.shape, np.uint8)
    plane = chain.body_plane(volume.grid, center, tuple(scale * axis for axis in chain.semi_axes_mm))
    labels[round(volume.grid.lps_to_index(center)[0])] = plane * level.verse_label
    image = sitk.GetImageFromArray(labels)
    image.SetSpacing(volume.grid.spacing_xyz_mm)
    image.SetOrigin(volume.grid.origin_lps_mm)
    sitk.WriteImage(image, str(path))
    return str(path)


def test_open_reads_a_ct_and_loads_no_weights(client):
    done = client.done("open", input="ct.nrrd")
    assert (done["case"], done["flags"]) == ("case-1", [])
    assert client.loads == 0
    assert client.stages == ["io"]
    assert client.done("close", case="case-1")["open"] == 0


def test_a_refusal_of_the_levels_leaves_the_case_open(client, points):
    def refuse(volume):
        raise InputRefused(Reason.LEVELS_UNDECIDED, "No rib is in view.")

    finder = client.reader.finder
    case = client.done("open", input="ct.nrrd")["case"]
    client.reader = replace(client.reader, finder=refuse)
    assert client.ask("levels", case=case)["reason"] == "levels_undecided"
    assert client.ask("levels", case=case, points={**points, "L1": [0, 0, 9999]})["reason"] == "point_outside"
    r, a, s = points["L2"]
    on_one_body = {**points, "L1": [r, a, s + 0.7]}
    assert client.ask("levels", case=case, points=on_one_body)["reason"] == "points_on_one_body"
    assert client.ask("segment", case=case, gradcam=False)["reason"] == "levels_undecided"
    placed = client.done("levels", case=case, points=points)
    assert placed["levels"]["L1"]["source"] == "user"
    assert placed["column"] == []
    assert client.done("segment", case=case, gradcam=False)["result"]["levels"]["L2"]["source"] == "user"
    assert client.stages.count("io") == 1
    assert client.reader.finder is not finder


def test_points_that_are_no_neighbors_are_told_with_the_levels(client, points):
    case = client.done("open", input="ct.nrrd")["case"]
    r, a, s = points["L2"]
    told = client.done("levels", case=case, points={**points, "L1": [r, a, s + 15.0]})
    assert [flag["code"] for flag in told["flags"]] == ["points_doubtful"]


@pytest.mark.parametrize("case", [None, [1], {"a": 1}, 5, "case-9"])
def test_what_is_no_open_case_is_wrong_usage(case, client):
    for op in ("close", "classify", "label"):
        assert client.ask(op, case=case)["reason"] == "usage"


def test_a_case_that_is_null_is_none(client):
    assert client.done("levels", case=None, input="ct.nrrd")["case"] == "case-1"


def test_levels_asked_for_again_forget_the_reading(client):
    case = client.done("analyze", input="ct.nrrd", gradcam=False)["case"]
    client.done("levels", case=case)
    assert "no masks yet" in client.ask("classify", case=case)["message"]


def test_levels_name_the_column_from_top_to_bottom(client, chain):
    bodies = tuple(BodyEvidence((1.0, 2.0, z), 0.9, (0.0, 0.0), (True, True), False, False) for z in (95.0, 60.0, 25.0))
    doubt = Flag(Reason.LEVELS_UNCERTAIN, "It may be T12.")
    found = replace(chain.found_levels(), column=bodies, names=("T12", "L1", "L2"), flags=(doubt,))
    client.reader = replace(client.reader, finder=lambda volume: found)
    done = client.done("levels", input="ct.nrrd")
    assert done["flags"] == [{"code": "levels_uncertain", "message": "It may be T12.", "level": None}]
    assert [body["name"] for body in done["column"]] == ["T12", "L1", "L2"]
    assert done["column"][0] == {"name": "T12", "center_ras_mm": [-1.0, -2.0, 95.0], "score": 0.9}
    assert [done["levels"][name]["slice_index"] for name in ("L1", "L2")] == [12, 5]


def test_levels_in_doubt_have_a_class_once_both_points_were_given_as_they_are(client, chain, points):
    client.reader = replace(client.reader, finder=lambda volume: chain.doubtful.levels)
    told = client.done("levels", input="ct.nrrd")
    assert [flag["code"] for flag in told["flags"]] == ["levels_uncertain"]
    asked = {"case": told["case"], "gradcam": False}
    assert client.done("segment", **asked)["result"]["classification"]["status"] is None
    once = client.done("segment", **asked, points={"L2": points["L2"]})["result"]
    assert {name: once["levels"][name]["in_doubt"] for name in ("L1", "L2")} == {"L1": True, "L2": False}
    assert once["classification"]["status"] is None
    twice = client.done("segment", **asked, points={"L1": points["L1"]})["result"]
    assert twice["classification"]["status"] is not None
    assert twice["levels"]["T12"]["slice_index"] == 16
    assert not {"levels_uncertain", "class_held_back"} & {flag["code"] for flag in twice["flags"]}


def test_segment_without_levels_finds_them_and_with_one_point_keeps_the_other(client, points):
    case = client.done("open", input="ct.nrrd")["case"]
    found = client.done("segment", case=case, gradcam=False)["result"]["levels"]
    assert [found[name]["source"] for name in ("L1", "L2")] == ["auto", "auto"]
    other = client.done("levels", input="ct.nrrd")["case"]
    r, a, s = points["L2"]
    moved = client.done("segment", case=other, points={"L2": [r, a, s + 5]}, gradcam=False)["result"]["levels"]
    assert [moved[name]["source"] for name in ("L1", "L2")] == ["auto", "user"]
    assert moved["L2"]["slice_index"] == found["L2"]["slice_index"] + 1
    fresh = client.done("open", input="ct.nrrd")["case"]
    assert "Only one of the two" in client.ask("segment", case=fresh, points={"L2": [r, a, s]})["message"]


def test_refine_moves_only_the_levels_asked_for_and_an_edit_takes_it_back(client, chain, tmp_path):
    case = client.done("analyze", input="ct.nrrd", gradcam=False)["case"]
    small = {level.value: write_mask(tmp_path / f"{level}.nrrd", chain, level, 0.93) for level in Level}
    edited = client.done("edit", case=case, segmentation=small, gradcam=False)["result"]
    client.stages.clear()
    refined = client.done("refine", case=case, levels=["L1"], parameters={"max_shift_mm": 3, "length_weight": 1.5})
    assert client.stages == ["level_set", "measure", "classification", "explanation"]
    masks = refined["result"]["segmentation"]
    assert [masks[name]["refined"] for name in ("L1", "L2")] == [True, False]
    assert masks["L1"]["area_mm2"] > 1.05 * edited["segmentation"]["L1"]["area_mm2"]
    assert masks["L2"]["area_mm2"] == edited["segmentation"]["L2"]["area_mm2"]
    assert refined["edited"] == []
    back = client.done("edit", case=case, segmentation=small, gradcam=False)
    assert back["edited"] == ["L1"]
    assert back["result"]["segmentation"] == edited["segmentation"]
    still = client.done("refine", case=case, segmentation=small, levels=["L1"], parameters={"max_shift_mm": 0.1})
    area_mm2 = still["result"]["segmentation"]["L1"]["area_mm2"]
    assert area_mm2 == pytest.approx(edited["segmentation"]["L1"]["area_mm2"], rel=0.02)
    both = client.done("refine", case=case, segmentation=small, gradcam=False)["result"]["segmentation"]
    assert all(both[name]["refined"] for name in ("L1", "L2"))


def test_a_mask_made_before_says_how(client, chain, tmp_path):
    case = client.done("analyze", input="ct.nrrd", gradcam=False)["case"]
    small = {level.value: write_mask(tmp_path / f"{level}.nrrd", chain, level, 0.93) for level in Level}
    made = {"L1": {"edited": False, "refined": True}}
    masks = client.done("edit", case=case, segmentation=small, made=made, gradcam=False)["result"]["segmentation"]
    marks = [(False, True), (True, False)]
    assert [(masks[name]["edited"], masks[name]["refined"]) for name in ("L1", "L2")] == marks
    other = {"L1": {"edited": True, "refined": False}}
    masks = client.done("edit", case=case, segmentation=small, made=other, gradcam=False)["result"]["segmentation"]
    assert [(masks[name]["edited"], masks[name]["refined"]) for name in ("L1", "L2")] == marks  # no other mask came
    smaller = {"L1": write_mask(tmp_path / "smaller.nrrd", chain, Level.L1, 0.9)}
    fields = {"case": case, "segmentation": smaller, "made": other, "gradcam": False}
    masks = client.done("refine", levels=["L1"], **fields)["result"]["segmentation"]
    assert (masks["L1"]["edited"], masks["L1"]["refined"]) == (True, True)  # the level set has moved it since
    for wrong in ({"L3": {}}, {"L1": {"edited": True}}, {"L1": {"edited": 1, "refined": False}}, ["L1"]):
        assert client.ask("edit", case=case, segmentation=small, made=wrong)["reason"] == "usage"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"levels": ["L3"]}, "levels must be L1 or L2"),
        ({"levels": []}, "No level is named"),
        ({"parameters": {"speed": 1.0}}, "no parameter 'speed'. Its parameters are max_shift_mm"),
        ({"parameters": {"max_shift_mm": "2"}}, "max_shift_mm must be a number"),
        ({"parameters": {"max_shift_mm": True}}, "max_shift_mm must be a number"),
        ({"parameters": {"max_shift_mm": -1.0}}, "max_shift_mm must be positive"),
    ],
)
def test_what_a_refinement_cannot_use_is_wrong_usage(client, fields, words):
    case = client.done("analyze", input="ct.nrrd", gradcam=False)["case"]
    error = client.ask("refine", case=case, **fields)
    assert error["reason"] == "usage"
    assert re.search(words, error["message"])


def test_the_network_s_own_mask_given_back_counts_as_never_edited(client, chain, tmp_path):
    done = client.done("analyze", input="ct.nrrd", gradcam=False)
    case, first = done["case"], done["result"]
    result = client.session._result(case)
    reading = result.l1
    plane = mask_to_plane(reading.segmentation.network_mask, reading.axial, result.volume.grid.shape_zyx[1:])
    own = tmp_path / "own.nrrd"
    image = sitk.GetImageFromArray(np.pad(plane[None] * np.uint8(20), ((reading.axial.slice_index, 0), (0, 0), (0, 0))))
    image.SetSpacing(result.volume.grid.spacing_xyz_mm)
    image.SetOrigin(result.volume.grid.origin_lps_mm)
    sitk.WriteImage(image, str(own))
    small = write_mask(tmp_path / "small.nrrd", chain, Level.L1, 0.7)
    changed = client.done("edit", case=case, segmentation={"L1": small}, gradcam=False)["result"]
    assert changed["classification"] != first["classification"]
    made = {"L1": {"edited": True, "refined": False}}  # says who undoes without looking
    again = client.done("edit", case=case, segmentation={"L1": str(own)}, made=made, gradcam=False)["result"]
    assert again["classification"] == first["classification"]
    assert again["measurements"] == first["measurements"]
    assert again["segmentation"] == first["segmentation"]


def test_views_are_in_place_before_done_and_say_where_they_lie(client, tmp_path):
    path = tmp_path / "new" / "views.npz"
    done = client.done("analyze", input="ct.nrrd", views=str(path))
    assert done["files"] == []
    assert done["views"]["file"] == str(path)
    with np.load(path) as arrays:
        kinds = ("mask", "network_mask", "roi", "heatmap", "explanation")
        assert set(arrays) == {f"{level}_{kind}" for level in ("L1", "L2") for kind in kinds}
        assert arrays["L1_mask"].any()
    assert np.shape(done["views"]["L2"]["mask_to_ras"]) == np.shape(done["views"]["L2"]["crop_to_ras"]) == (4, 4)
    assert list(path.parent.iterdir()) == [path]
    again = client.done("classify", case=done["case"], gradcam=False, views=str(path))
    with np.load(again["views"]["file"]) as arrays:
        assert "L1_explanation" not in arrays
        assert "L1_heatmap" in arrays


def test_load_says_what_there_is_to_compute_with(client):
    hardware = client.done("load")["hardware"]
    assert set(hardware) == {"torch", "cuda", "driver", "cards", "cores", "threads", "words"}
    assert hardware["cores"] >= 1
    assert hardware["torch"] in hardware["words"]


def test_a_pair_of_slices_is_opened_read_and_drawn_but_no_label(client, chain, points, monkeypatch, tmp_path):
    volume = chain.make_ct()

    def one(level) -> CtVolume:
        index = round(chain.centers_lps_mm[level][2] / 5)
        grid = Grid.axis_aligned((1, 90, 120), volume.grid.spacing_xyz_mm, (-119.0, -89.0, 5.0 * index))
        flags = (Flag(Reason.KERNEL_UNKNOWN, "No kernel."), Flag(Reason.METAL, "Metal.", level))
        return CtVolume(volume.hu[index : index + 1], grid, volume.source, flags)

    monkeypatch.setattr(
        "OsteoJointLib.io.ct_input.read_ct", lambda path, **settings: CtSlicePair(one(Level.L1), one(Level.L2))
    )
    opened = client.done("open", input="pair")
    case = opened["case"]
    assert [flag["level"] for flag in opened["flags"]] == [None, "L1", "L2"]
    levels = client.done("levels", case=case)
    assert (levels["levels"], levels["column"]) == (None, [])
    done = client.done("segment", case=case, gradcam=False, views=str(tmp_path / "v.npz"))
    for name, (_, _, s) in points.items():
        assert done["views"][name]["mask_to_ras"][2][3] == s
    assert "pair of single slices" in client.ask("label", case=case, folder="x", name="a", patient="P")["message"]
    assert client.done("levels", case=case, points=points)["levels"]["L2"]["slice_index"] == 0
