"""The scripts of Testing/Slicer, which ctest runs in a real Slicer, run here in the small one as well."""

import ast
import importlib.util
import unittest
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[1] / "Slicer"


def test_methods() -> list:
    """Every test of every script, read from its text: nothing is imported before it runs."""
    found = []
    for path in sorted(FOLDER.glob("*.py")):
        for owner in ast.parse(path.read_text("utf-8")).body:
            if isinstance(owner, ast.ClassDef):
                names = [one.name for one in owner.body if isinstance(one, ast.FunctionDef)]
                found += [pytest.param(path, owner.name, n, id=n) for n in names if n.startswith("test")]
    return found


test_methods.__test__ = False


@pytest.mark.timeout_s(600)
@pytest.mark.parametrize(("path", "owner", "name"), test_methods())
def test_script(host, scene, monkeypatch, path, owner, name):
    monkeypatch.syspath_prepend(FOLDER)  # as slicer.testing.runUnitTest does
    host.load_module()
    spec = importlib.util.spec_from_file_location(path.stem, path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    result = unittest.TestResult()
    unittest.TestSuite([getattr(script, owner)(name)]).run(result)
    assert not result.errors + result.failures, "\n".join(text for _, text in result.errors + result.failures)
    if result.skipped:
        pytest.skip(result.skipped[0][1])
