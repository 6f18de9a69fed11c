"""Backbones from Ultralytics' files, and that importing Ultralytics leaves no trace."""

import ast
import json
import os
import subprocess
import sys

import pytest
import torch

from OsteoJointLib.network.backbone import build_backbone


@pytest.fixture(scope="module")
def darknet():
    with torch.device("meta"):
        return build_backbone("darknet53", 1.0, in_channels=3)


def test_darknet53_has_the_published_layers(darknet):
    convolutions = [m for layer in darknet.layers[:11] for m in layer.modules() if isinstance(m, torch.nn.Conv2d)]
    assert len(convolutions) == 52  # and one fully connected layer that detection leaves out
    parameters = sum(m.weight.numel() + 2 * m.out_channels for m in convolutions)
    assert parameters == 40_584_928  # Darknet-53 without its classifier, 1 million less than the published 41.6


def test_darknet53_pyramid(darknet):
    maps = darknet(torch.empty(1, 3, 512, 512, device="meta"))
    assert [tuple(m.shape) for m in maps] == [(1, 256, 64, 64), (1, 512, 32, 32), (1, 1024, 16, 16)]
    assert darknet.out_channels == (256, 512, 1024)


def test_tiny_has_three_scales():
    backbone = build_backbone("tiny", 0.25)
    maps = backbone.eval()(torch.rand(1, 1, 128, 96))
    expected = [(1, c, 128 // s, 96 // s) for c, s in zip(backbone.out_channels, backbone.strides, strict=True)]
    assert [tuple(m.shape) for m in maps] == expected
    assert backbone.strides == (8, 16, 32)


def test_fine_map_sees_the_backbones_own_stride_8():
    """The added P3 neck concatenates layer 6; a change that only layer 6 can carry must arrive at full strength."""
    backbone = build_backbone("tiny", 0.25).eval()
    concatenation = backbone.layers[22]
    assert type(concatenation).__name__ == "Concat"
    assert backbone.sources[22] == [-1, 6]
    assert backbone.sources[20] == -1, "P3 is reached from P4's last layer"


PROBE = """
import json, os, sys
import cv2, numpy, torch, warnings
from PIL import Image
sys.path.insert(0, {root!r})
cv2.setNumThreads(2)
before = dict(os.environ), torch.save, Image.open, cv2.getNumThreads(), repr(torch.rand(1).dtype), len(warnings.filters)
options = numpy.get_printoptions()
from OsteoJointLib.network.backbone import build_backbone
build_backbone("tiny", 0.125)
after = dict(os.environ), torch.save, Image.open, cv2.getNumThreads(), repr(torch.rand(1).dtype), len(warnings.filters)
print(json.dumps(dict(same=[a == b for a, b in zip(before, after)], numpy=options == numpy.get_printoptions(),
    modules=sorted(m for m in ("requests", "matplotlib.pyplot", "pandas") if m in sys.modules))))
"""


def test_import_leaves_no_file_no_word_and_no_changed_global(tmp_path, repository):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("YOLO") and k != "OMP_NUM_THREADS"}
    environment |= {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path / "config"), "APPDATA": str(tmp_path)}
    environment |= {"TMPDIR": str(tmp_path / "tmp"), "PYTHONDONTWRITEBYTECODE": "1"}
    (tmp_path / "tmp").mkdir()
    child = subprocess.run(
        [sys.executable, "-c", PROBE.format(root=str(repository))],
        capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=120, check=False,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    said = json.loads(child.stdout)
    assert said["same"] == [True] * 6
    assert said["numpy"]
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == []


MISSING = """
import sys
sys.path.insert(0, {root!r})
sys.modules["ultralytics"] = None
from OsteoJointLib.config import network_config
from OsteoJointLib.errors import ModelRefused
from OsteoJointLib.network.multitask import MultitaskNetwork
network = MultitaskNetwork(network_config("compact"), with_localizer=False)
assert network.localizer is None
try:
    MultitaskNetwork(network_config("compact"))
except ModelRefused as refused:
    print(refused.reason.value, refused.message)
"""


def test_without_ultralytics_only_the_localizer_is_missing(repository):
    child = subprocess.run(
        [sys.executable, "-c", MISSING.format(root=str(repository))], capture_output=True, text=True, check=False
    )
    assert child.returncode == 0, child.stderr
    assert child.stdout.startswith("dependency_missing")
    assert "pip install ultralytics" in child.stdout


def test_one_file_imports_ultralytics(repository):
    importing = []
    for path in [*repository.glob("OsteoJointLib/**/*.py"), *repository.glob("training/**/*.py")]:
        constants = [n.value for n in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(n, ast.Constant)]
        names = [v for v in constants if isinstance(v, str) and v.startswith("ultralytics.") and " " not in v]
        if names or "import ultralytics\n" in path.read_text("utf-8") or "from ultralytics" in path.read_text("utf-8"):
            importing.append(path.name)
    assert importing == ["backbone.py"]
