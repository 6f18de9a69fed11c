"""The examples in the docstrings of the bridge's files that need Slicer."""

import doctest
import importlib
from pathlib import Path

import pytest

import OsteoJointLib.slicer_bridge

FOLDER = Path(OsteoJointLib.slicer_bridge.__file__).parent
NAMES = [
    ".".join(path.relative_to(FOLDER.parents[1]).with_suffix("").parts)
    for path in sorted(FOLDER.rglob("*.py"))
    if ">>> " in path.read_text("utf-8")
]


@pytest.mark.parametrize("name", NAMES)
def test_examples_hold(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted and not result.failed
