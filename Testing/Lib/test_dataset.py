"""A dataset on disk: hashes, names, lines of others that stay, and a manifest that never names half a case."""

import hashlib
import json
import os
import re
from dataclasses import replace

import numpy as np
import pytest

from OsteoJointLib.dataset import adding
from OsteoJointLib.dataset.adding import add_case
from OsteoJointLib.dataset.labeled_case import CaseLabel, ImageFile, LabeledCase, LevelCenter, MaskFile, MaskSlices
from OsteoJointLib.dataset.manifest import KnownCase, Manifest
from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.locking import LOCK_FILE
from OsteoJointLib.names import check_name
from OsteoJointLib.pipeline.drawn_masks import read_level_mask
from OsteoJointLib.records import Level, Status

UNSAFE = ("", ".", "..", "a/b", "a\\b", ".hidden", "-x", "a b", "a.", "NUL", "com1.nrrd", "a" * 101, "a\n")


@pytest.fixture
def labels(chain) -> np.ndarray:
    volume = chain.make_ct()
    labels = np.zeros(volume.hu.shape, np.uint8)
    for level, center in chain.centers_lps_mm.items():
        index = round(volume.grid.lps_to_index(np.asarray(center))[0])
        labels[index - 1 : index + 2, chain.body_plane(volume.grid, center)] = level.verse_label
    return labels


def ct(chain, hu: int = 0):
    """The tiny CT, told from others of it by a voxel."""
    volume = chain.make_ct()
    volume.hu[0, 0, 0] = hu
    return volume


def known(chain, **changes) -> CaseLabel:
    return CaseLabel(**{"patient": "P1", "centers_lps_mm": chain.centers_lps_mm, "slices": MaskSlices.ALL, **changes})


def test_a_case_reads_back_with_its_masks_hashes_and_acquisition(chain, labels, tmp_path, monkeypatch):
    monkeypatch.setattr("OsteoJointLib.io.volume_files.check_hu", lambda *_: ())
    folder = tmp_path / "set"
    bmd = {Level.L1: 100.0, Level.L2: 110.5}
    label = known(chain, status=Status.OSTEOPENIA, bmd_mg_cm3=bmd, bmd_method="QCT")
    added = add_case(folder, "case-1", chain.make_ct(), labels, label)
    assert [file.relative_to(folder).as_posix() for file in added.files] == [
        *("case-1/ct.nrrd", "case-1/labels.nrrd", "case-1/preview.png", "cases.jsonl")
    ]
    (line,) = (folder / "cases.jsonl").read_text().splitlines()
    assert Manifest(folder).read() == [added.entry]
    written = json.loads(line)
    assert next(iter(written.items())) == ("format", "osteojoint.cases/1")
    assert (written["id"], written["patient"], written["status"]) == ("case-1", "P1", "osteopenia")
    assert written["bmd"] == {name: {"mg_cm3": bmd[Level(name)], "method": "QCT"} for name in ("L1", "L2")}
    assert written["levels"]["L1"]["center_lps_mm"] == list(chain.centers_lps_mm[Level.L1])
    for file in (written["image"], written["mask"]):
        assert hashlib.sha256((folder / file["path"]).read_bytes()).hexdigest() == file["sha256"]
    back = read_ct(folder / "case-1" / "ct.nrrd")
    np.testing.assert_array_equal(back.hu, chain.make_ct().hu)
    np.testing.assert_allclose(back.grid.matrix, chain.make_ct().grid.matrix)
    assert (back.source.kvp, back.source.kernel, back.source.contrast) == (120.0, "B30f", False)
    for level in Level:
        mask = read_level_mask(folder / "case-1" / "labels.nrrd", level, back.grid)
        np.testing.assert_array_equal(mask.on_grid(back.grid), labels == level.verse_label)
        assert mask.slices == 3


def test_what_is_not_known_is_null(chain, labels, tmp_path):
    entry = add_case(tmp_path, "a", chain.make_ct(), labels, known(chain, slices=MaskSlices.MID)).entry
    assert entry.status is None and entry.bmd is None
    assert (entry.mask.kind, entry.mask.slices) == ("body", MaskSlices.MID)


def test_a_taken_name_is_refused_and_replaced_only_when_asked(chain, labels, tmp_path):
    others = ['{"id":  "x", "note": "spaces and é stay"}', '{"id": "case-1", "patient": "old"}', '{"id": "y"}']
    (tmp_path / "cases.jsonl").write_text("\n".join(others) + "\n", encoding="utf-8")
    with pytest.raises(UsageError, match="already") as refusal:
        add_case(tmp_path, "Case-1", chain.make_ct(), labels, known(chain))
    assert refusal.value.reason is Reason.OUTPUT_EXISTS
    assert names(tmp_path) == {"cases.jsonl"}
    added = add_case(tmp_path, "case-1", chain.make_ct(), labels, known(chain), replace=True)
    lines = (tmp_path / "cases.jsonl").read_text(encoding="utf-8").splitlines()
    assert [lines[0], lines[2]] == [others[0], others[2]]
    assert LabeledCase.from_line(lines[1]) == added.entry
    assert added.count == 3
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="already"):
        add_case(tmp_path, "folder", chain.make_ct(), labels, known(chain))


def test_a_case_replaced_in_other_letters_leaves_no_folder_behind(chain, labels, tmp_path):
    add_case(tmp_path, "case-1", chain.make_ct(), labels, known(chain))
    with pytest.raises(UsageError, match=r"has case-1 \(patient P1\) already"):
        add_case(tmp_path, "CASE-1", ct(chain, 1), labels, known(chain))
    added = add_case(tmp_path, "CASE-1", ct(chain, 1), labels, known(chain, patient="P2"), replace=True)
    assert (added.entry.id, added.entry.patient, added.count) == ("case-1", "P2", 1)
    assert names(tmp_path) == {"case-1", "cases.jsonl"}


def test_a_ct_stands_in_a_dataset_once(chain, labels, tmp_path):
    first = add_case(tmp_path, "case-1", chain.make_ct(), labels, known(chain)).entry
    other_source = replace(chain.make_ct().source, kernel="another", kvp=None)
    for replaced in (False, True):
        with pytest.raises(UsageError, match=r"already as case-1 \(patient P1\)") as refusal:
            again = replace(chain.make_ct(), source=other_source)
            add_case(tmp_path, "case-2", again, labels, known(chain, patient="P2"), replace=replaced)
        assert refusal.value.reason is Reason.OUTPUT_EXISTS
    assert Manifest(tmp_path).read() == [first]
    assert names(tmp_path) == {"case-1", "cases.jsonl"}
    add_case(tmp_path, "case-2", ct(chain, 1), labels, known(chain, patient="P2"))
    add_case(tmp_path, "case-1", chain.make_ct(), labels, known(chain, patient="P3"), replace=True)
    assert ids(tmp_path) == ["case-1", "case-2"]


@pytest.mark.parametrize("patient", ["", "Smith, John", "P 7", "P.7", "Müller", "1953-01-01", "P_1_2_1953", "a" * 33])
def test_a_patient_is_a_code(chain, patient):
    with pytest.raises(UsageError, match="may say who the patient is. Give one such as P017, no name or date of birth"):
        known(chain, patient=patient)


@pytest.mark.parametrize(
    ("value", "method", "words"),
    [
        (0.98, "QCT", "BMD of L1, 0.98, looks like g/cm² from DXA"),
        (980.0, "DXA", "DXA gives an areal BMD"),
        (980.0, "Hologic DEXA", "areal"),
        (-5.0, "QCT", "The BMD of L1 can't be -5 mg/cm³. Enter a number between 0 and 1000"),
        (1000.5, "QCT", "between 0 and 1000"),
        (float("nan"), "QCT", "between 0 and 1000"),
    ],
)
def test_a_bmd_is_a_volumetric_one(chain, value, method, words):
    with pytest.raises(UsageError, match=re.escape(words)):
        known(chain, bmd_mg_cm3={Level.L1: value}, bmd_method=method)
    with pytest.raises(UsageError, match=re.escape(words.replace("L1", "L2"))):
        known(chain, bmd_mg_cm3={Level.L1: 100.0, Level.L2: value}, bmd_method=method)


def names(folder) -> set[str]:
    """What lies in a folder, but for the lock."""
    return {child.name for child in folder.iterdir()} - {LOCK_FILE}


def ids(folder) -> list[str]:
    return [json.loads(line)["id"] for line in (folder / "cases.jsonl").read_text().splitlines()]


def case(name: str) -> LabeledCase:
    image, mask = ImageFile("ct.nrrd", "0"), MaskFile("labels.nrrd", "0", MaskSlices.ALL)
    levels = {level: LevelCenter((1.0, 2.0, 3.0)) for level in Level}
    return LabeledCase(id=name, patient="P1", image=image, mask=mask, levels=levels)


def broken(*_, **__):
    raise OSError("disk full")


def test_a_case_that_cannot_be_written_leaves_the_old_one(chain, labels, tmp_path, monkeypatch):
    entry = add_case(tmp_path, "a", chain.make_ct(), labels, known(chain)).entry
    monkeypatch.setattr(adding, "write_image", broken)
    with pytest.raises(OSError, match="disk full"):
        add_case(tmp_path, "a", chain.make_ct(), labels, known(chain, patient="P2"), replace=True)
    assert Manifest(tmp_path).read() == [entry]
    assert hashlib.sha256((tmp_path / "a" / "ct.nrrd").read_bytes()).hexdigest() == entry.image.sha256
    with pytest.raises(OSError, match="disk full"):
        add_case(tmp_path / "new", "a", chain.make_ct(), labels, known(chain))
    assert names(tmp_path) == {"a", "cases.jsonl"}


def test_while_files_are_replaced_the_manifest_does_not_name_the_case(chain, labels, tmp_path, monkeypatch):
    for hu, name in enumerate(("a", "b", "c")):
        add_case(tmp_path, name, ct(chain, hu), labels, known(chain))
    seen, replace_file = [], os.replace

    def watched(source, target):
        if target.suffix == ".nrrd" and target.parent.name == "b":
            seen.append(ids(tmp_path))
        replace_file(source, target)

    monkeypatch.setattr(os, "replace", watched)
    add_case(tmp_path, "b", ct(chain, 1), labels, known(chain), replace=True)
    assert seen == [["a", "c"], ["a", "c"]]
    assert ids(tmp_path) == ["a", "b", "c"]


def test_what_another_entered_meanwhile_stays(tmp_path):
    first, second = Manifest(tmp_path), Manifest(tmp_path)
    assert [manifest.put(case(name)) for manifest, name in ((first, "a"), (second, "b"), (first, "c"))] == [1, 2, 3]
    assert ids(tmp_path) == ["a", "b", "c"]
    assert adding.existing_case(tmp_path, "B") == KnownCase("b", "P1")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"id": "a"}\n{"id": "A", "patient": "other"}\n', "the id of another line"),
        (b"\xff\xfe{}", "UTF-8"),
    ],
)
def test_a_manifest_that_would_lose_something_is_refused(content, words, tmp_path):
    (tmp_path / "cases.jsonl").write_bytes(content)
    with pytest.raises(InputRefused, match=words):
        Manifest(tmp_path)
    assert (tmp_path / "cases.jsonl").read_bytes() == content


def test_a_byte_order_mark_is_no_line(tmp_path):
    (tmp_path / "cases.jsonl").write_text('\ufeff{"id": "a"}\n', encoding="utf-8")
    assert Manifest(tmp_path).put(case("b")) == 2
    assert ids(tmp_path) == ["a", "b"]


@pytest.mark.parametrize("line", ["not json", "[]", "5", '{"name": "a"}', '{"id": 5}'])
def test_a_manifest_that_cannot_be_read_is_refused_and_left_alone(line, tmp_path):
    (tmp_path / "cases.jsonl").write_text(f'{{"id": "a"}}\n{line}\n')
    with pytest.raises(InputRefused, match="Line 2 of"):
        Manifest(tmp_path)
    assert (tmp_path / "cases.jsonl").read_text() == f'{{"id": "a"}}\n{line}\n'


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"patient": None}, "The field patient must be a text"),
        ({"patient": "Smith, John"}, "may say who the patient is"),
        ({"status": "fine"}, "The field status must be normal or"),
        ({"bmd": {"L1": {"mg_cm3": 0.98}}}, "looks like g/cm²"),
        ({"levels": {"L1": {"center_lps_mm": [1, 2, 3]}}}, "L2"),
        ({"format": "osteojoint.cases/2"}, "osteojoint.cases/2"),
    ],
)
def test_a_case_is_read_whole_or_refused_by_its_name(tmp_path, changes, words):
    (tmp_path / "cases.jsonl").write_text(case("a").line() + "\n" + json.dumps(json.loads(case("b").line()) | changes))
    with pytest.raises(InputRefused, match=words) as refusal:
        Manifest(tmp_path).read()
    assert refusal.value.message.startswith("b in ")


@pytest.mark.parametrize("name", ["case-0001", "P_7.b", "Müller2", "7"])
def test_names_that_will_do(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", UNSAFE)
def test_names_that_will_not_do(name):
    words = {"": "has no name", "NUL": "Windows keeps", "com1.nrrd": "Windows keeps"}
    with pytest.raises(UsageError, match=words.get(name, "letters, digits")):
        check_name(name)
