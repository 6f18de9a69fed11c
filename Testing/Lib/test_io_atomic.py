"""Files appear whole, replace in one step, and leave nothing behind when writing fails."""

from __future__ import annotations

import pytest

from OsteoJointLib.atomic import write_folder_whole, write_text_whole, write_whole


def test_file_appears_only_after_the_block(tmp_path):
    target = tmp_path / "new" / "case.seg.nrrd"
    with write_whole(target) as temporary:
        temporary.write_bytes(b"abc")
        assert temporary.parent == target.parent
        assert not target.exists()
    assert target.read_bytes() == b"abc"
    assert [path.name for path in target.parent.iterdir()] == ["case.seg.nrrd"]


@pytest.mark.parametrize("name", ["a.seg.nrrd", "b.nii.gz", "c.png", "noSuffix"])
def test_temporary_name_keeps_the_suffixes_writers_look_at(tmp_path, name):
    with write_whole(tmp_path / name) as temporary:
        temporary.write_bytes(b"x")
        assert temporary.suffixes[-2:] == (tmp_path / name).suffixes[-2:]


def test_failure_keeps_the_old_file_and_leaves_no_other(tmp_path):
    target = tmp_path / "result.json"
    target.write_text("old")
    with pytest.raises(RuntimeError, match="killed"), write_whole(target) as temporary:
        temporary.write_text("half")
        raise RuntimeError("killed")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_replaces_an_existing_file(tmp_path):
    target = tmp_path / "result.json"
    target.write_text("old and longer")
    write_text_whole(target, "new ä\n")
    assert target.read_bytes() == "new ä\n".encode()


def test_block_that_writes_nothing_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError), write_whole(tmp_path / "a.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_folder_appears_only_when_it_is_complete(tmp_path):
    with write_folder_whole(tmp_path / "dicom") as temporary:
        (temporary / "a").write_text("a")
        assert not (tmp_path / "dicom").exists()
    assert [path.name for path in tmp_path.rglob("*")] == ["dicom", "a"]


def test_failed_folder_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError, match="killed"), write_folder_whole(tmp_path / "dicom") as temporary:
        (temporary / "a").write_text("a")
        raise RuntimeError("killed")
    assert list(tmp_path.iterdir()) == []


def test_folder_with_files_is_never_replaced(tmp_path):
    (tmp_path / "dicom").mkdir()
    (tmp_path / "dicom" / "mine").write_text("mine")
    with pytest.raises(OSError, match="mpty"), write_folder_whole(tmp_path / "dicom") as temporary:
        (temporary / "a").write_text("a")
    assert [path.name for path in tmp_path.rglob("*")] == ["dicom", "mine"]
