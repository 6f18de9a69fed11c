"""What must be installed: what is missing or too old, what pip is told, what stays as it is."""

import importlib.metadata
import subprocess
import sys

import pytest

from OsteoJointLib import packages
from OsteoJointLib.cli import doctor
from OsteoJointLib.packages import PACKAGES, Lack, lacking
from OsteoJointLib.resources import resource_path
from OsteoJointLib.slicer_bridge.setup.pip_calls import AGPL, pins, pip_arguments, pip_commands

BY_NAME = {one.name: one for one in PACKAGES}


def having(**versions):
    """A Python with the newest of everything, but for ``versions`` (dashes as underscores; None: missing)."""
    return lambda one: versions.get(one.name.replace("-", "_"), "99.0")


def test_this_python_lacks_nothing():
    assert lacking() == []


def test_what_is_missing_is_found_without_importing_anything(monkeypatch):
    spec = packages.importlib.util.find_spec
    monkeypatch.setattr(packages.importlib.util, "find_spec", lambda name: None if name == "cv2" else spec(name))
    before = set(sys.modules)
    assert [lack.words for lack in lacking()] == ["opencv-python-headless"]
    assert not {name.split(".")[0] for name in set(sys.modules) - before} & {one.module for one in PACKAGES}


def test_a_module_of_another_distribution_counts(monkeypatch):
    """Another extension may have brought opencv-python instead of opencv-python-headless."""

    def nowhere(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(packages.importlib.metadata, "version", nowhere)
    assert packages.installed_version(BY_NAME["opencv-python-headless"]) == ""
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
    for arguments in pip_arguments([Lack(one) for one in PACKAGES], "/a folder"):
        assert arguments[:3] == ["--no-index", "--find-links", "/a folder"]


def test_another_python_gets_commands_that_a_terminal_takes():
    lacks = [Lack(BY_NAME[name]) for name in ("tqdm", "pydicom", "ultralytics")]
    assert pip_commands("/opt/my python", lacks).splitlines() == [
        '"/opt/my python" -m pip install tqdm "pydicom>=3.0"',
        '"/opt/my python" -m pip install --no-deps "ultralytics>=8.3"',
    ]


def test_licenses_are_those_the_packages_state():
    stated = {one.name: importlib.metadata.metadata(one.name) for one in PACKAGES}
    for one in PACKAGES:
        words = " ".join(
            [stated[one.name].get("License-Expression") or "", stated[one.name].get("License") or ""]
            + (stated[one.name].get_all("Classifier") or [])
        )
        first = one.license.split("-")[0].split()[0].replace("PSF", "Python Software Foundation")
        assert first in words, f"{one.name} states {words[:200]}, not {one.license}"
    assert [one.name for one in PACKAGES if "GPL" in one.license] == [AGPL]


def test_the_list_is_readable_in_a_python_that_has_nothing():
    code = "from OsteoJointLib.packages import lacking; print(len(lacking()))"
    root = str(resource_path().parent)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {root!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == len(PACKAGES)


@pytest.mark.parametrize(
    ("absent", "fit"), [((), True), (("ultralytics", "psutil"), True), (("psutil", "scipy"), False)]
)
def test_a_machine_is_fit_while_only_that_is_missing_which_a_reading_does_without(absent, fit, monkeypatch):
    monkeypatch.setattr(doctor, "lacking", lambda: [Lack(BY_NAME[name]) for name in absent])
    findings = doctor.examine()
    assert findings.fit is fit
    text = doctor.findings_text(findings)
    assert [line.split()[0] for line in text.splitlines() if " missing (" in line] == sorted(
        absent, key=list(BY_NAME).index
    )
    assert ("fixed window" in text) is ("ultralytics" in absent)


def test_a_package_that_is_too_old_makes_a_machine_unfit(monkeypatch):
    monkeypatch.setattr(doctor, "lacking", lambda: lacking(having(torch="2.3.1")))
    findings = doctor.examine()
    assert not findings.fit
    assert "2.3.1 is too old" in doctor.findings_text(findings)


def test_what_slicer_has_loaded_is_pinned_even_where_it_is_too_old():
    assert "numpy==1.24.2" in pins(lambda package: "1.24.2" if package.name == "numpy" else None)
