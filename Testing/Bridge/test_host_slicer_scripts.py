"""The scripts of Testing/Slicer, which ctest runs in a real Slicer, run here in the small one as well."""

import ast
import importlib.util
import sys
import unittest
from pathlib import Path

import pytest
import qt

from OsteoJointLib import packages
from OsteoJointLib.packages import Lack

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


def run(path, owner, name) -> unittest.TestResult:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    return run_case(getattr(script, owner)(name))


def run_case(case: unittest.TestCase) -> unittest.TestResult:
    result = unittest.TestResult()
    unittest.TestSuite([case]).run(result)
    return result


@pytest.fixture(autouse=True)
def module(host, scene, monkeypatch):
    monkeypatch.syspath_prepend(FOLDER)  # as slicer.testing.runUnitTest does
    host.load_module()


@pytest.mark.timeout_s(600)
@pytest.mark.parametrize(("path", "owner", "name"), test_methods())
def test_script(path, owner, name):
    result = run(path, owner, name)
    assert not result.errors + result.failures, "\n".join(text for _, text in result.errors + result.failures)
    assert not result.skipped, "Nothing is skipped here: every package is there."


def test_a_scenario_is_skipped_only_where_no_python_is_named(monkeypatch):
    missing = Lack(next(one for one in packages.PACKAGES if one.name == "torch"))
    monkeypatch.setattr(packages, "lacking", lambda: [missing])
    scenario = (FOLDER / "OsteoJointScenarioTest.py", "OsteoJointScenarioTest", "test_whatIsNoCtIsRefusedInASentence")
    label = (FOLDER / "OsteoJointLabelTest.py", "OsteoJointLabelTest", "test_aFolderIsLabeled")
    dicom = (FOLDER / "OsteoJointDicomTest.py", "OsteoJointDicomTest", "test_throughTheDatabaseAndBack")
    for one in (scenario, label, dicom):
        assert "lacks torch" in run(*one).skipped[0][1]
    monkeypatch.setenv("OSTEOJOINT_PYTHON", sys.executable)
    result = run(*scenario)
    assert result.wasSuccessful() and not result.skipped


def test_what_fails_out_of_sight_fails_a_script(host):
    from OsteoJointTestSupport import SlicerTestCase

    class Unseen(SlicerTestCase):
        def runTest(self):
            qt.QTimer.singleShot(0, lambda: 1 / 0)

    result = run_case(Unseen())
    assert "ZeroDivisionError" in result.failures[0][1]
    assert len(host.errors()) == 1
