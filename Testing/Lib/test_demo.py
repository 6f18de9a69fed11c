"""The demo's files and table, on the tiny CT in a phantom's place."""

import json
from types import SimpleNamespace

import numpy as np
import pytest

from OsteoJointLib.cli.demo import run_demo
from OsteoJointLib.pipeline.preprocess import mask_to_volume
from OsteoJointLib.records import Level, Status


@pytest.fixture
def tiny_phantom(chain, monkeypatch):
    volume = chain.make_ct()
    readings = {reading.point.level: reading for reading in chain.result.readings}
    masks = {level: reading.segmentation.mask for level, reading in readings.items()}
    labels = mask_to_volume(masks, {level: r.axial for level, r in readings.items()}, volume.hu.shape)
    truth = SimpleNamespace(
        seed=11,
        kvp=120.0,
        centers_lps_mm={level.verse_label: chain.centers_lps_mm[level] for level in Level},
        bmd_mg_cm3={Level.L1: 150.0, Level.L2: 140.0},
        mean_bmd_mg_cm3=145.0,
        status=Status.NORMAL,
        trabecular_hu={Level.L1: 175.0, Level.L2: 164.0},
    )
    phantom = SimpleNamespace(volume=volume, labels=labels, truth=truth)
    monkeypatch.setattr("OsteoJointLib.cli.demo.make_phantom", lambda seed: phantom)
    monkeypatch.setattr(
        "OsteoJointLib.io.ct_input.read_ct", lambda path, **settings: volume if path.is_file() else None
    )
    return phantom


def test_the_demo_leaves_everything_and_prints_truth_beside_prediction(chain, tiny_phantom, tmp_path):
    out = tmp_path / "out" / "demo"
    for _ in range(2):  # a second run replaces the first
        table = run_demo(out, 11, load=lambda: chain.reader)
        names = {path.relative_to(out).as_posix() for path in out.rglob("*") if path.is_file()}
        assert names == {
            *("result.json", "segmentation.seg.nrrd", "report.html", "overview.png", "comparison.json"),
            "phantom/ct.nrrd",
        }
        assert [path.name for path in (tmp_path / "out").iterdir()] == ["demo"]
    comparison = json.loads((out / "comparison.json").read_text())
    assert comparison["levels_error_mm"] == {"L1": 0.0, "L2": 0.0}
    assert comparison["dice"] == {"L1": 1.0, "L2": 1.0}
    assert comparison["status"]["truth"] == "normal"
    assert set(comparison["bmd_mg_cm3"]) == {"L1", "L2"}
    for words in ("Phantom 11", "truth", "prediction", "Research only"):
        assert words in table


def test_a_refused_phantom_leaves_nothing(chain, tiny_phantom, tmp_path, monkeypatch):
    from OsteoJointLib.errors import InputRefused, Reason

    def refuse(path, **settings):
        raise InputRefused(Reason.NO_SPINE, "A spine was expected.")

    monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", refuse)
    with pytest.raises(InputRefused):
        run_demo(tmp_path / "out" / "demo", 11, load=lambda: chain.reader)
    assert list(tmp_path.iterdir()) == []


def test_numbers_of_the_table_are_of_this_case(chain, tiny_phantom, tmp_path):
    tiny_phantom.truth.centers_lps_mm[20] = tuple(np.add(tiny_phantom.truth.centers_lps_mm[20], (0.0, 0.0, 3.0)))
    assert "3.0 mm off" in run_demo(tmp_path / "demo", 11, load=lambda: chain.reader)
