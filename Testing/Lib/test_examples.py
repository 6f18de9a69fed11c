"""The examples and the notebook run, on a phantom."""

from __future__ import annotations

import json
import runpy
import sys

import numpy as np
import pytest

from OsteoJointLib.cli.demo import DEMO_SEED
from OsteoJointLib.phantom.cases import make_phantom
from OsteoJointLib.phantom.writing import write_nrrd


@pytest.fixture(scope="module")
def phantom():
    return make_phantom(DEMO_SEED)


@pytest.fixture(scope="module")
def ct(phantom, tmp_path_factory):
    """A folder with the phantom as a file and as an array."""
    folder = tmp_path_factory.mktemp("ct")
    np.save(folder / "ct.npy", phantom.volume.hu)
    return write_nrrd(phantom, folder, compress=False)


def run(repository, monkeypatch, script, *arguments):
    monkeypatch.setattr(sys, "argv", [script, *map(str, arguments)])
    runpy.run_path(str(repository / "examples" / script), run_name="__main__")


def test_from_a_path(repository, monkeypatch, capsys, ct, tmp_path):
    run(repository, monkeypatch, "from_path.py", ct, tmp_path / "out")
    assert "<CaseResult" in capsys.readouterr().out
    assert (tmp_path / "out" / "result.json").is_file()


def test_from_an_array(repository, monkeypatch, capsys, ct, phantom):
    spacing = reversed(phantom.volume.grid.spacing_xyz_mm)
    run(repository, monkeypatch, "from_array.py", ct.with_name("ct.npy"), *spacing)
    assert "L1 has" in capsys.readouterr().out


def test_from_a_simpleitk_image(repository, monkeypatch, ct, tmp_path):
    import SimpleITK

    run(repository, monkeypatch, "from_simpleitk.py", ct, tmp_path / "masks.nrrd")
    masks = SimpleITK.ReadImage(tmp_path / "masks.nrrd")
    assert masks.GetSize() == SimpleITK.ReadImage(ct).GetSize()
    assert set(np.unique(SimpleITK.GetArrayViewFromImage(masks))) == {0, 19, 20, 21, 22}


def test_from_a_folder_a_line_each(repository, monkeypatch, capsys, ct):
    run(repository, monkeypatch, "from_folder.py", ct.parent)
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("ct.npy: ") and first.endswith("[unreadable]")
    assert second.startswith("ct.nrrd: <CaseResult")


def test_the_notebook(repository, monkeypatch, capsys):
    """Its cells, one after the other, without Jupyter; it stands in the repository without outputs."""
    notebook = json.loads((repository / "examples" / "read_a_ct.ipynb").read_text("utf-8"))
    monkeypatch.setitem(sys.modules, "matplotlib", None)  # not among what the tests need
    names: dict[str, object] = {}
    for cell in notebook["cells"]:
        assert not cell.get("outputs")
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"cell {cell['id']}", "exec"), names)
    said = capsys.readouterr().out
    assert float(said.rsplit("Dice ", 1)[1].split()[0]) > 0.95
