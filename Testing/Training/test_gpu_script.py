"""The script for a machine with a card: that it loads there, that its Darknet-53 is ours, and that it runs in small."""

import importlib.util
import json
import subprocess
import sys

import pytest
import torch

from OsteoJointLib.network.backbone import build_backbone

MISSING_THERE = (
    *("ultralytics", "captum", "SimpleITK", "pydicom", "highdicom", "gdcm", "pylibjpeg", "openjpeg", "safetensors"),
    *("tensorboard", "psutil", "sklearn", "PySide6", "vtk", "ray"),
)


@pytest.fixture(scope="module")
def twin(repository):
    spec = importlib.util.spec_from_file_location("darknet_twin", repository / "Testing" / "darknet_twin.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_twin_says_what_darknet_says(twin):
    ours, other = build_backbone("darknet53").eval(), twin.Darknet53().eval()
    other.load_state_dict(ours.state_dict())
    assert (other.strides, other.in_channels, other.out_channels) == (ours.strides, 1, ours.out_channels)
    image = torch.rand(1, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        for found, expected in zip(other(image), ours(image), strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_the_script_loads_without_what_that_machine_lacks(repository):
    """With its lightning under its own name only, and with what makes pairs there."""
    code = f"""
import sys
for name in {MISSING_THERE!r}:
    sys.modules[name] = None
sys.path.insert(0, {str(repository / "Testing")!r})
import gpu_training, training.__main__, training.data.pairs, training.evaluation.pair_scores
print(sorted(set(sys.modules) & {{"OsteoJointLib.phantom.cases", "training.loop"}}))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=repository, timeout=400)
    assert done.stdout.strip() == "['OsteoJointLib.phantom.cases', 'training.loop']", done.stderr


@pytest.mark.slow
def test_the_script_runs_in_small(repository, pair_folder, watched_pairs, tmp_path):
    out = tmp_path / "gpu.json"
    data = ["--data", str(pair_folder), "--validation", str(watched_pairs)]
    command = [sys.executable, "Testing/gpu_training.py", "--small", "--compile", "no", "--out", str(out), *data]
    subprocess.run(command, cwd=repository, check=True, timeout=1000)
    found = json.loads(out.read_text())
    assert set(found) >= {"machine", "data", "speed", "waits", "profile", "resnet101", "ablation"}
    (kinds,) = found["speed"].values()
    assert kinds["plain"]["times_plain"] == 1.0 and kinds["ours"]["crops_a_second"] > 0
    rows = found["ablation"]["rows"]
    assert len({(row["layered_fusion"], row["gated_convolution"], row["feature_fusion"]) for row in rows}) == 8
    assert all(row["n"] == 3 for row in rows)
