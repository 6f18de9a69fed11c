"""What Slicer must have installed: what is missing or too old, what pip is told, what stays as it is."""

import importlib.metadata
import subprocess
import sys

import pytest

from OsteoJointLib.resources import resource_path
from OsteoJointLib.slicer_bridge.setup import requirements
from OsteoJointLib.slicer_bridge.setup.requirements import (
    REQUIREMENTS,
    Lack,
    lacking,
    pins,
    pip_arguments,
    pip_commands,
)

BY_NAME = {one.package: one for one in REQUIREMENTS}


def having(**versions):
    """A Python with the newest of everything, but for ``versions`` (dashes as underscores; None: missing)."""
    return lambda one: versions.get(one.package.replace("-", "_"), "99.0")


def test_this_python_lacks_nothing():
    assert lacking() == []
    assert requirements.missing_packages() == []


def test_what_is_missing_is_found_without_importing_anything(monkeypatch):
    spec = requirements.importlib.util.find_spec
    monkeypatch.setattr(requirements.importlib.util, "find_spec", lambda name: None if name == "cv2" else spec(name))
    before = set(sys.modules)
    assert [lack.words for lack in lacking()] == ["opencv-python-headless"]
    assert not {name.split(".")[0] for name in set(sys.modules) - before} & {one.module for one in REQUIREMENTS}


def test_a_module_of_another_distribution_counts(monkeypatch):
    """Another extension may have brought opencv-python instead of opencv-python-headless."""

    def nowhere(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(requirements.importlib.metadata, "version", nowhere)
    assert requirements.installed_version(BY_NAME["opencv-python-headless"]) == ""
    assert lacking(having(opencv_python_headless="")) == []


@pytest.mark.parametrize(
    ("found", "met"),
    [("2.4", True), ("2.4.0+cpu", True), ("2.10.1+cu130", True), ("2.3.1", False), ("3", True), ("", True)],
)
def test_versions_are_compared_by_their_numbers(found, met):
    assert (lacking(having(torch=found)) == []) is met


def test_a_minimum_with_a_zero_is_met_without_it():
    assert lacking(having(pydicom="3")) == []


def test_what_is_too_old_is_named_with_both_versions():
    assert [lack.words for lack in lacking(having(pydicom="2.4.4"))] == [
        "pydicom (2.4.4 is there, 3.0 or newer is needed)"
    ]


def test_what_is_there_is_pinned_and_what_is_to_be_replaced_is_not():
    lines = pins(having(numpy="2.4.6", torch="2.7.0+cpu", pydicom="2.4.4", captum=None, scipy=""))
    assert {"numpy==2.4.6", "torch==2.7.0+cpu"} <= set(lines)
    assert not [line for line in lines if line.startswith(("pydicom", "captum", "scipy"))]


def test_ultralytics_is_installed_alone_and_without_its_dependencies():
    lacks = [Lack(BY_NAME[name]) for name in ("tqdm", "pydicom", "ultralytics")]
    assert pip_arguments(lacks) == [["tqdm", "pydicom>=3.0"], ["--no-deps", "ultralytics>=8.3"]]
    assert pip_arguments(lacks[:1]) == [["tqdm"]]
    assert pip_arguments([]) == []


def test_a_folder_of_wheels_is_the_only_source():
    for arguments in pip_arguments([Lack(one) for one in REQUIREMENTS], "/a folder"):
        assert arguments[:3] == ["--no-index", "--find-links", "/a folder"]


def test_another_python_gets_commands_that_a_terminal_takes():
    lacks = [Lack(BY_NAME[name]) for name in ("tqdm", "pydicom", "ultralytics")]
    assert pip_commands("/opt/my python", lacks).splitlines() == [
        '"/opt/my python" -m pip install tqdm "pydicom>=3.0"',
        '"/opt/my python" -m pip install --no-deps "ultralytics>=8.3"',
    ]


def test_licences_are_those_the_packages_state():
    stated = {one.package: importlib.metadata.metadata(one.package) for one in REQUIREMENTS}
    for one in REQUIREMENTS:
        words = " ".join(
            [stated[one.package].get("License-Expression") or "", stated[one.package].get("License") or ""]
            + (stated[one.package].get_all("Classifier") or [])
        )
        first = one.licence.split("-")[0].split()[0].replace("PSF", "Python Software Foundation")
        assert first in words, f"{one.package} states {words[:200]}, not {one.licence}"
    assert [one.package for one in REQUIREMENTS if "GPL" in one.licence] == [requirements.AGPL]


def test_the_list_is_readable_in_a_python_that_has_nothing():
    code = "from OsteoJointLib.slicer_bridge.setup.requirements import missing_packages; print(len(missing_packages()))"
    root = str(resource_path().parent)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {root!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == len(REQUIREMENTS)
