"""The examples in the docstrings hold."""

import doctest
import importlib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def modules_with_examples() -> list[str]:
    paths = sorted(path for folder in ("OsteoJointLib", "training") for path in (REPOSITORY / folder).rglob("*.py"))
    # those of the bridge need Slicer: Testing/Bridge/test_bridge_doctests.py
    with_examples = [p for p in paths if ">>> " in p.read_text("utf-8") and "slicer_bridge" not in p.parts]
    return [".".join(path.relative_to(REPOSITORY).with_suffix("").parts) for path in with_examples]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
