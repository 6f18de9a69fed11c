"""Weights that a user imports: checked with plain Python, copied whole, listed, loaded by path, removed."""

import json
import sys
from pathlib import Path

import pytest

from OsteoJointLib.errors import ModelRefused, Reason
from OsteoJointLib.resources import resource_path
from OsteoJointLib.slicer_bridge.setup.imported_weights import import_weights, remove_weights, weights_choices


@pytest.fixture
def shipped(tmp_path):
    """The shipped weights in a folder of their own, as a user might have received them."""
    folder = tmp_path / "received ü"
    folder.mkdir()
    for name in ("compact.safetensors", "manifest.json"):
        (folder / name).write_bytes(resource_path("Weights", name).read_bytes())
    return folder


def test_without_imports_the_shipped_weights_can_be_chosen(tmp_path):
    assert [(choice.value, choice.imported) for choice in weights_choices(tmp_path / "none")] == [("compact", False)]


def test_imported_weights_are_copied_whole_and_listed(shipped, tmp_path, monkeypatch):
    for name in ("torch", "safetensors"):
        monkeypatch.setitem(sys.modules, name, None)  # importing them fails, as in a fresh Slicer
    mine = tmp_path / "mine"
    choice = import_weights(shipped / "compact.safetensors", mine)
    for file in shipped.iterdir():
        file.unlink()
    assert choice.imported
    assert "Apache-2.0" in choice.about
    assert "Research only" in choice.about
    assert weights_choices(mine)[1:] == [choice]
    again = import_weights(Path(choice.value), mine)  # over itself: nothing is lost
    assert again == choice
    assert sorted(path.name for path in mine.iterdir()) == ["compact"]
    remove_weights(choice)
    assert weights_choices(mine)[1:] == []
    assert list(mine.iterdir()) == []


def test_imported_weights_are_loaded_by_their_path(shipped, tmp_path):
    from OsteoJointLib.weights import load_weights

    choice = import_weights(shipped / "compact.safetensors", tmp_path / "mine")
    assert load_weights(choice.value).info.sha256 == load_weights().info.sha256


def test_changed_weights_are_refused_and_nothing_is_left(shipped, tmp_path):
    file = shipped / "compact.safetensors"
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    with pytest.raises(ModelRefused, match="changed or damaged") as caught:
        import_weights(file, tmp_path / "mine")
    assert caught.value.reason == Reason.WEIGHTS_HASH
    assert not (tmp_path / "mine").exists()


def test_weights_of_another_format_are_refused(shipped, tmp_path):
    manifest = json.loads((shipped / "manifest.json").read_text("utf-8"))
    (shipped / "manifest.json").write_text(json.dumps({**manifest, "format": "osteojoint.weights/9"}), "utf-8")
    with pytest.raises(ModelRefused, match="osteojoint.weights/9"):
        import_weights(shipped / "compact.safetensors", tmp_path / "mine")
    (shipped / "manifest.json").unlink()
    with pytest.raises(ModelRefused, match="manifest"):
        import_weights(shipped / "compact.safetensors", tmp_path / "mine")
    with pytest.raises(ModelRefused, match="Pickled"):
        import_weights(shipped / "model.pt", tmp_path / "mine")


def test_weights_that_cannot_be_copied_are_told_of(shipped, tmp_path):
    (tmp_path / "mine").write_text("a file where the folder should be")
    with pytest.raises(ModelRefused, match="Make room there"):
        import_weights(shipped / "compact.safetensors", tmp_path / "mine")


def test_a_damaged_import_hides_nothing_else(shipped, tmp_path):
    mine = tmp_path / "mine"
    choice = import_weights(shipped / "compact.safetensors", mine)
    (mine / "broken").mkdir()
    (mine / "broken" / "manifest.json").write_text("{")
    assert weights_choices(mine)[1:] == [choice]
