"""The examples in the docstrings hold."""

import doctest
import importlib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def modules_with_examples() -> list[str]:
    paths = sorted(path for folder in ("OsteoJointLib", "training") for path in (REPOSITORY / folder).rglob("*.py"))
    with_examples = [path for path in paths if ">>> " in path.read_text("utf-8")]
    return [".".join(path.relative_to(REPOSITORY).with_suffix("").parts) for path in with_examples]


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted > 0
    assert result.failed == 0
