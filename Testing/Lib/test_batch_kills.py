"""A batch that is killed at any moment goes on from there; `make attack` does this at 200 moments."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from OsteoJointLib.output.result_json import result_document

KILLS = Path(__file__).parents[1] / "attack" / "kills.py"


@pytest.mark.skipif(sys.platform != "linux", reason="it looks for living workers in /proc")
def test_a_killed_batch_loses_nothing_and_leaves_nothing(chain, tmp_path):
    spec = importlib.util.spec_from_file_location("osteojoint_kills", KILLS)
    kills = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = kills
    spec.loader.exec_module(kills)
    report = kills.kill_batches(tmp_path, result_document(chain.result), count=3, seed=5)
    assert report.kills.total() >= 3
    assert not report.faults
