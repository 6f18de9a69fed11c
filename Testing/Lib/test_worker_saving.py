"""An open case saved: as files for people, and as a labeled case of a dataset."""

import csv
import json
from html import escape
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from OsteoJointLib.records import Level

FILES = {"result.json", "segmentation.seg.nrrd", "report.html", "overview.png"}


@pytest.fixture
def case(client) -> str:
    """A case that was read."""
    name = client.done("analyze", input="ct.nrrd", gradcam=False)["case"]
    client.stages.clear()
    return name


@pytest.fixture
def points(chain) -> dict:
    return {level.value: [-x, -y, z] for level, (x, y, z) in chain.centers_lps_mm.items()}


@pytest.fixture
def drawn(chain, tmp_path) -> dict:
    """Bodies drawn on three slices each, in files cropped to them."""
    volume, paths = chain.make_ct(), {}
    for level, center in chain.centers_lps_mm.items():
        z, y, x = np.round(volume.grid.lps_to_index(np.asarray(center))).astype(int)
        part = chain.body_plane(volume.grid, center)[y - 15 : y + 15, x - 20 : x + 20]
        image = sitk.GetImageFromArray(np.repeat(part[None] * np.uint8(level.verse_label), 3, axis=0))
        image.SetSpacing(volume.grid.spacing_xyz_mm)
        image.SetOrigin(volume.grid.index_to_lps(np.array([z - 1, y - 15, x - 20])))
        paths[level.value] = str(tmp_path / f"{level}.nrrd")
        sitk.WriteImage(image, paths[level.value])
    return paths


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def labels_in(path: Path) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(str(path)))


def test_a_result_is_delivered_as_it_is(client, case, tmp_path):
    done = client.done("deliver", case=case, out=str(tmp_path / "out"))
    assert client.stages == ["output"]
    assert names(tmp_path / "out") == FILES
    assert [Path(file).name for file in done["files"]][-1] == "result.json"
    assert "Views" not in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_user_s_masks_over_many_slices_take_the_mid_slices_place(client, case, drawn, chain, tmp_path):
    client.done("deliver", case=case, out=str(tmp_path / "a"), segmentation=drawn)
    labels = labels_in(tmp_path / "a" / "segmentation.seg.nrrd")
    for level, center in chain.centers_lps_mm.items():
        assert np.count_nonzero((labels == level.verse_label).any(axis=(1, 2))) == 3
        z = round(chain.make_ct().grid.lps_to_index(np.asarray(center))[0])
        np.testing.assert_array_equal(labels[z] == level.verse_label, chain.body_plane(chain.make_ct().grid, center))
    header = sitk.ReadImage(str(tmp_path / "a" / "segmentation.seg.nrrd"))
    assert header.GetMetaData("Segment0_Extent").split()[4:] == ["11", "13"]
    client.done("deliver", case=case, out=str(tmp_path / "b"), segmentation={"L2": drawn["L2"]})
    labels = labels_in(tmp_path / "b" / "segmentation.seg.nrrd")
    assert [np.count_nonzero((labels == n).any(axis=(1, 2))) for n in (20, 21)] == [5, 3]


def test_pictures_of_the_viewer_stand_in_the_report_with_their_captions(client, case, tmp_path):
    shots = []
    for index, (kind, size) in enumerate((("png", (40, 30)), ("jpg", (20, 50)))):
        path = tmp_path / f"shot.{kind}"
        Image.new("RGB", size, (index * 100, 50, 50)).save(path)
        shots.append({"file": str(path), "caption": f'<b>"axial" & {kind}</b>'})
    client.done("deliver", case=case, out=str(tmp_path / "out"), screenshots=shots)
    report = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    views = report[report.index('id="views"') : report.index("Model and settings")]
    assert views.count("<img ") == 2
    assert 'src="data:image/png;base64,' in views and 'src="data:image/jpeg;base64,' in views
    assert 'width="40" height="30"' in views and 'width="20" height="50"' in views
    assert "<b>" not in views
    assert escape(shots[0]["caption"]).replace("&quot;", "&#34;") in views


def test_a_row_is_the_table_s(client, case, tmp_path):
    client.done("deliver", case=case, out=str(tmp_path / "out"), row="CT_7")
    with (tmp_path / "out" / "result.csv").open(newline="", encoding="utf-8") as file:
        (row,) = csv.DictReader(file)
    assert (row["case"], row["outcome"]) == ("CT_7", "done")
    document = json.loads((tmp_path / "out" / "result.json").read_text(encoding="utf-8"))
    assert row["baseline_status"] == document["baseline"]["status"]
    assert "<strong>CT_7</strong>" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_pdf_is_written_when_asked(client, case, tmp_path):
    pytest.importorskip("weasyprint", reason="WeasyPrint makes the PDF, and isn't installed")
    client.done("deliver", case=case, out=str(tmp_path / "out"), pdf=True)
    assert (tmp_path / "out" / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"out": None}, "usage"),
        ({"row": "../x"}, "usage"),
        ({"screenshots": [{"file": "none.png"}]}, "usage"),
        ({"screenshots": [{"file": "none.png", "caption": "x"}]}, "usage"),
        ({"screenshots": [{"file": "text.png", "caption": "x"}]}, "usage"),
        ({"screenshots": [{"file": "shot.bmp", "caption": "x"}]}, "usage"),
        ({"segmentation": "none.nrrd"}, "not_found"),
        ({"out": "taken"}, "output_exists"),
    ],
)
def test_what_cannot_be_delivered_is_refused_and_nothing_is_written(
    client, case, fields, reason, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    (tmp_path / "text.png").write_text("no picture")
    Image.new("RGB", (2, 2)).save("shot.bmp")
    before = names(tmp_path)
    assert client.ask("deliver", **{"case": case, "out": "out", **fields})["reason"] == reason
    assert names(tmp_path) == before


def test_a_read_case_becomes_a_labeled_one(client, case, chain, tmp_path):
    done = client.done("label", case=case, folder=str(tmp_path / "set"), name="case-1", patient="P7", status="normal")
    entry = done["entry"]
    assert (entry["id"], entry["patient"], entry["status"], entry["bmd"]) == ("case-1", "P7", "normal", None)
    assert entry["mask"]["slices"] == "all"
    assert entry["levels"]["L1"]["center_lps_mm"] == list(chain.centers_lps_mm[Level.L1])
    assert done["count"] == 1
    assert all(Path(file).is_file() for file in done["files"])
    assert client.stages == ["output"]
    again = client.ask("label", case=case, folder=str(tmp_path / "set"), name="case-1", patient="P7")
    assert again["reason"] == "output_exists"
    twice = client.ask("label", case=case, folder=str(tmp_path / "set"), name="case-2", patient="P8", replace=True)
    assert (twice["reason"], "case-1 (patient P7)" in twice["message"]) == ("output_exists", True)
    fields = {"bmd": {"L1": 90, "L2": 69.5}, "bmd_method": "QCT", "replace": True}
    entry = client.done("label", case=case, folder=str(tmp_path / "set"), name="case-1", patient="P7", **fields)[
        "entry"
    ]
    assert entry["status"] == "osteoporosis"
    stated = client.done(
        "label", case=case, folder=str(tmp_path / "set"), name="case-1", patient="P7", **fields, status="normal"
    )
    assert stated["entry"]["status"] == "normal"
    assert entry["bmd"] == {"L1": {"mg_cm3": 90.0, "method": "QCT"}, "L2": {"mg_cm3": 69.5, "method": "QCT"}}


def test_drawn_masks_and_placed_points_need_no_reading(client, drawn, points, chain, tmp_path):
    case = client.done("open", input="ct.nrrd")["case"]
    fields = {"case": case, "folder": str(tmp_path / "set"), "name": "a", "patient": "P"}
    assert "levels are not known" in client.ask("label", **fields, segmentation=drawn)["message"]
    assert client.ask("label", **fields, points=points)["reason"] == "mask_empty"
    assert client.ask("label", **fields, points=points, segmentation={"L1": drawn["L1"]})["reason"] == "mask_empty"
    assert not (tmp_path / "set").exists()
    entry = client.done("label", **fields, points=points, segmentation=drawn)["entry"]
    assert entry["mask"]["slices"] == "all"
    client.done("segment", case=case, gradcam=False, volume=False, points=points)
    fields["folder"] = str(tmp_path / "other")
    half = client.done("label", **fields, segmentation={"L1": drawn["L1"]})["entry"]
    assert half["mask"]["slices"] == "mid"  # L2 is labeled on one slice alone
    labels = labels_in(tmp_path / "set" / "a" / "labels.nrrd")
    assert [np.count_nonzero((labels == n).any(axis=(1, 2))) for n in (20, 21)] == [3, 3]
    assert (tmp_path / "set" / "a" / "ct.nrrd").is_file()


def test_a_moved_point_is_the_label_s_center(client, case, points, tmp_path):
    r, a, s = points["L2"]
    fields = {"case": case, "folder": str(tmp_path), "name": "a", "patient": "P"}
    entry = client.done("label", **fields, points={"L2": [r, a + 1, s]})["entry"]
    assert entry["levels"]["L2"]["center_lps_mm"] == [-r, -a - 1, s]
    assert entry["levels"]["L1"]["center_lps_mm"] == [-points["L1"][0], -points["L1"][1], points["L1"][2]]
    client.done("segment", case=case, points={"L2": [r, a + 2, s]}, gradcam=False)
    entry = client.done("label", **fields, replace=True)["entry"]
    assert entry["levels"]["L2"]["center_lps_mm"] == [-r, -a - 2, s]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": "a/b"}, "letters, digits"),
        ({"name": None}, "name must be a text"),
        ({"patient": "  "}, "Give one such as P017"),
        ({"status": "fine"}, "status must be normal"),
        ({"bmd": {"L3": 100.0}}, "bmd must be L1 or L2"),
        ({"bmd": {"L1": 1000.5}, "bmd_method": "QCT"}, "between 0 and 1000"),
        ({"bmd": {"L1": True}}, "bmd.L1 must be a number"),
        ({"bmd": {"L1": 100.0}}, "no bmd_method"),
        ({"bmd": {"L1": 0.98}, "bmd_method": "QCT"}, "looks like g/cm²"),
        ({"bmd": {"L1": 980.0}, "bmd_method": "DXA"}, "DXA gives an areal"),
        ({"patient": "Smith, John"}, "Give one such as P017"),
        ({"bmd": [1]}, "bmd must be an object"),
        ({"replace": "yes"}, "replace must be true or false"),
    ],
)
def test_what_is_no_label_is_refused(client, case, fields, words, tmp_path):
    whole = {"case": case, "folder": str(tmp_path / "set"), "name": "a", "patient": "P", **fields}
    error = client.ask("label", **whole)
    assert error["reason"] == "usage"
    assert words in error["message"]
    assert not (tmp_path / "set").exists()


def test_segments_of_other_names_are_refused(client, case, drawn, tmp_path):
    image = sitk.ReadImage(drawn["L1"])
    for key, value in {"ID": "Segment_1", "Name": "liver", "LabelValue": "20", "Layer": "0"}.items():
        image.SetMetaData(f"Segment0_{key}", value)
    path = tmp_path / "liver.seg.nrrd"
    sitk.WriteImage(image, str(path))
    error = client.ask("deliver", case=case, out=str(tmp_path / "out"), segmentation={"L1": str(path)})
    assert (error["reason"], error["event"]) == ("mask_empty", "error")
    assert "liver.seg.nrrd" in error["message"]


def test_a_ct_is_converted_as_it_is_and_nothing_stays_open(client, chain, tmp_path):
    done = client.done("convert", input="a dicom folder", out=str(tmp_path / "ct.nrrd"))
    assert (done["file"], done["flags"]) == (str(tmp_path / "ct.nrrd"), [])
    image, volume = sitk.ReadImage(done["file"]), chain.make_ct()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), volume.hu)
    np.testing.assert_allclose(image.GetOrigin(), volume.grid.origin_lps_mm)
    assert float(image.GetMetaData("osteojoint_kvp")) == 120.0
    assert "type: raw" in (tmp_path / "ct.nrrd").read_bytes()[:600].decode("latin-1").replace("encoding", "type")
    assert client.ask("segment", case="case-1")["reason"] == "usage"
    assert client.loads == 0
