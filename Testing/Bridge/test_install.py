"""Installing into Slicer's Python: what is asked first, by which way it goes, and what is said when it fails."""

import itertools
import os
import sys
import time
from pathlib import Path
from subprocess import CalledProcessError
from types import ModuleType

import pytest
import qt
import slicer

from OsteoJointLib.errors import RunFailed
from OsteoJointLib.packages import PACKAGES, Lack, Package
from OsteoJointLib.slicer_bridge.setup import install, install_dialog
from OsteoJointLib.slicer_bridge.setup.install import Installer
from OsteoJointLib.slicer_bridge.setup.install_dialog import InstallDialog
from OsteoJointLib.slicer_bridge.setup.pip_calls import MANUAL

BY_NAME = {one.name: one for one in PACKAGES}


def lacks(*names: str) -> list[Lack]:
    """Packages that are missing; ``name found`` is one that is too old."""
    return [Lack(BY_NAME[name.partition(" ")[0]], name.partition(" ")[2]) for name in names]


class Run:
    """An installation: what it printed and how it ended."""

    def __init__(self, wanted: list[Lack], folder: str = ""):
        self.installer, self.lines, self.ends = Installer(), [], []
        self.installer.start(wanted, folder, self.lines.append, self.ends.append)

    def finish(self) -> str:
        deadline = time.monotonic() + 10
        while not self.ends and time.monotonic() < deadline:
            slicer.app.processEvents()
        assert len(self.ends) == 1
        assert not self.installer.running
        return self.ends[0]


@pytest.fixture(autouse=True)
def nothing_left(monkeypatch, host):
    """Whatever is asked for is there afterward, and temporary files are gone."""
    monkeypatch.setattr(install, "lacking", list)
    before = set(Path(slicer.app.temporaryPath).iterdir())
    yield
    assert set(Path(slicer.app.temporaryPath).iterdir()) == before


@pytest.fixture
def pip(monkeypatch):
    """Slicer before 5.12: `slicer.util.pip_install`, which waits; ``pip.calls`` has what it was given."""
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)

    class Pip:
        calls: list = []  # noqa: RUF012 - one a test
        prints = "Successfully installed"
        fails = None

        def __call__(self, arguments):
            self.calls.append(arguments[:-2])
            self.constraints = Path(arguments[-1]).read_text().splitlines()
            assert arguments[-2] == "--constraint"
            print(self.prints)
            if self.fails:
                raise self.fails

    pip = Pip()
    pip.calls = []
    monkeypatch.setattr(slicer.util, "pip_install", pip, raising=False)
    return pip


@pytest.fixture
def packaging(monkeypatch):
    """Slicer 5.12: `slicer.packaging`, which calls back; in testing mode it waits instead."""
    module = ModuleType("slicer.packaging")
    module.calls, module.exit_code, module.prints = [], 0, ["Successfully installed"]

    def pip_install(requirements, **options):
        module.calls.append((requirements[:-2], options))
        if options.get("blocking", True):
            print("\n".join(module.prints))
        else:
            for line in module.prints:
                options["logCallback"](line)
            options["completedCallback"](module.exit_code)

    module.pip_install, module.isPipInstallInProgress = pip_install, lambda: False
    monkeypatch.setitem(sys.modules, "slicer.packaging", module)
    return module


@pytest.fixture
def no_testing_mode(monkeypatch):
    monkeypatch.setattr(type(slicer.app), "testingEnabled", lambda self: False)


@pytest.fixture
def extension(monkeypatch, tmp_path):
    """The PyTorch extension; the list has what it was asked for."""
    source = "calls = []\nfail = None\n\n\nclass PyTorchUtilsLogic:\n    def installTorch(self, **options):\n"
    source += "        calls.append(options)\n        print('ltt install torch torchvision')\n"
    source += "        if fail:\n            raise fail\n"
    (tmp_path / "PyTorchUtils.py").write_text(source)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "PyTorchUtils", raising=False)
    import PyTorchUtils

    yield PyTorchUtils
    del sys.modules["PyTorchUtils"]


def test_before_5_12_slicer_util_installs(pip):
    run = Run(lacks("tqdm", "pydicom", "ultralytics"))
    assert run.finish() == ""
    assert pip.calls == [["tqdm", "pydicom>=3.0"], ["--no-deps", "ultralytics>=8.3"]]
    assert "Successfully installed" in run.lines


def test_what_slicer_has_loaded_is_pinned(pip):
    Run(lacks("tqdm")).finish()
    assert [line for line in pip.constraints if line.startswith("numpy==")]


def test_since_5_12_slicer_packaging_installs_without_blocking(packaging, no_testing_mode):
    run = Run(lacks("tqdm", "ultralytics"))
    assert run.finish() == ""
    assert [call for call, _ in packaging.calls] == [["tqdm"], ["--no-deps", "ultralytics>=8.3"]]
    assert all(options["blocking"] is False and "parent" not in options for _, options in packaging.calls)
    assert "Successfully installed" in run.lines


def test_in_testing_mode_slicer_packaging_never_calls_back_so_it_is_waited_for(packaging):
    assert Run(lacks("tqdm")).finish() == ""
    assert packaging.calls == [(["tqdm"], {})]


def test_torch_comes_by_its_extension_and_first(pip, extension):
    run = Run(lacks("torch", "jinja2", "torchvision"))
    assert run.finish() == ""
    assert extension.calls == [{"askConfirmation": False, "torchVersionRequirement": ">=2.4"}]
    assert pip.calls == [["jinja2"]]
    assert run.lines[0] == "ltt install torch torchvision"


def test_without_the_extension_torch_is_not_installed_from_elsewhere(pip):
    assert "PyTorch extension" in Run(lacks("torch", "jinja2")).finish()
    assert pip.calls == []


def test_a_failing_extension_is_told_of_and_ends_it(pip, extension):
    extension.fail = TypeError("'NoneType' object is not subscriptable")
    problem = Run(lacks("torch", "jinja2")).finish()
    assert "TypeError: 'NoneType' object is not subscriptable" in problem
    assert MANUAL in problem
    assert pip.calls == []


def test_from_a_folder_everything_comes_from_there(pip, extension):
    assert Run(lacks("torch", "jinja2", "ultralytics"), "/media/wheels").finish() == ""
    source = ["--no-index", "--find-links", "/media/wheels"]
    assert pip.calls == [[*source, "torch>=2.4", "jinja2"], [*source, "--no-deps", "ultralytics>=8.3"]]
    assert extension.calls == []


@pytest.mark.parametrize("way", ["util", "packaging"])
def test_a_failure_quotes_pip_and_names_the_manual(way, request):
    words = "ERROR: No matching distribution found for jinja2"
    if way == "util":
        pip = request.getfixturevalue("pip")
        pip.fails, pip.prints = CalledProcessError(1, ["pip"]), words
    else:
        packaging = request.getfixturevalue("packaging")
        request.getfixturevalue("no_testing_mode")
        packaging.exit_code, packaging.prints = 1, [words]
    problem = Run(lacks("jinja2", "ultralytics")).finish()
    assert problem.startswith("pip failed with exit code 1. It said:")
    assert words in problem
    assert problem.endswith(MANUAL)


@pytest.fixture
def real_pip(monkeypatch, tmp_path):
    """Slicer's own way to pip, on this Python, which has everything: nothing is changed and no network is asked."""
    launcher = tmp_path / "PythonSlicer"
    launcher.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    launcher.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setitem(sys.modules, "slicer.packaging", None)
    run_pip = lambda arguments: slicer.util.executePythonModule("pip", ["install", "--dry-run", *arguments])  # noqa: E731
    monkeypatch.setattr(slicer.util, "pip_install", run_pip, raising=False)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # slicer.util leaves pip's output open
def test_pip_takes_what_it_is_given(real_pip, tmp_path):
    run = Run(lacks("tqdm", "pydicom", "ultralytics"), str(tmp_path))
    assert run.finish() == ""
    assert any("Requirement already satisfied: pydicom>=3.0" in line for line in run.lines)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # slicer.util leaves pip's output open
def test_pip_s_own_words_reach_the_user(real_pip, tmp_path):
    nowhere = Lack(Package("nowhere", "osteojoint-nowhere", "nothing", "MIT", 1))
    problem = Run([nowhere], str(tmp_path)).finish()
    assert "No matching distribution found for osteojoint-nowhere" in problem


def test_a_busy_slicer_packaging_is_told_of(packaging, no_testing_mode):
    def refuse(*arguments, **options):
        raise RuntimeError("A non-blocking pip_install is already in progress.")

    packaging.pip_install = refuse
    assert "already in progress" in Run(lacks("tqdm")).finish()


def test_an_installation_that_changes_nothing_is_no_success(pip, monkeypatch):
    monkeypatch.setattr(install, "lacking", lambda: lacks("tqdm"))
    assert "tqdm is still missing" in Run(lacks("tqdm", "jinja2")).finish()


def test_nobody_is_told_after_leaving(pip):
    run = Run(lacks("tqdm"))
    run.installer.leave()
    for _ in range(20):
        slicer.app.processEvents()
    assert (run.ends, run.installer.running) == ([], False)


class Opened:
    """The dialog, and what was agreed to."""

    def __init__(self, *names: str, folder: str = ""):
        self.agreed: list[list[str]] = []
        self.dialog = InstallDialog(lacks(*names), folder, self._accepted)
        self.dialog.open()
        slicer.app.processEvents()

    def _accepted(self, chosen):
        self.agreed.append([lack.package.name for lack in chosen])


@pytest.fixture
def open_dialog(extension):
    opened = []

    def open_it(*names, **options):
        opened.append(Opened(*names, **options))
        return opened[-1]

    yield open_it
    for one in opened:
        one.dialog.dialog.reject()
        one.dialog.dialog.deleteLater()


def test_the_dialog_names_every_package_its_license_and_its_size(open_dialog):
    opened = open_dialog("torch", "jinja2", "torchvision", "ultralytics")
    text = opened.dialog.table.plainText
    for words in ("torch", "BSD-3-Clause", "3.0 GB", "jinja2", "2 MB", "AGPL-3.0", "torchvision (with Ultralytics)"):
        assert words in text
    assert "3.0 GB" in opened.dialog.total.text


def test_nothing_happens_before_consent_and_nothing_after_a_refusal(open_dialog, pip, extension):
    opened = open_dialog("torch", "jinja2")
    opened.dialog.cancel_button.click()
    slicer.app.processEvents()
    assert (opened.agreed, pip.calls, extension.calls) == ([], [], [])
    assert not opened.dialog.dialog.visible


def test_the_agpl_has_a_box_of_its_own_that_is_not_ticked(open_dialog):
    opened = open_dialog("jinja2", "torchvision", "PyYAML", "ultralytics")
    assert opened.dialog.agpl_box.visible
    assert "fixed window" in opened.dialog.agpl_note.text
    opened.dialog.install_button.click()
    assert opened.agreed == [["jinja2"]]


def test_with_the_box_ticked_all_is_agreed_to(open_dialog):
    opened = open_dialog("jinja2", "ultralytics")
    opened.dialog.agpl_box.click()
    opened.dialog.install_button.click()
    assert opened.agreed == [["jinja2", "ultralytics"]]


def test_where_only_the_agpl_package_is_missing_the_box_must_be_ticked(open_dialog):
    opened = open_dialog("ultralytics")
    assert not opened.dialog.install_button.enabled
    assert "Tick the box" in opened.dialog.install_button.toolTip
    opened.dialog.agpl_box.click()
    assert opened.dialog.install_button.enabled


def test_without_ultralytics_missing_there_is_no_box(open_dialog):
    assert not open_dialog("jinja2").dialog.agpl_box.visible


@pytest.fixture
def manager(monkeypatch):
    """Slicer's extensions manager; ``answer`` is whether it installs."""

    class Manager:
        answer = True
        asked: list[str] = []  # noqa: RUF012 - one a test

        def installExtensionFromServer(self, name):
            self.asked.append(name)
            return self.answer

    manager = Manager()
    manager.asked = []
    monkeypatch.setattr(type(slicer.app), "extensionsManagerModel", lambda self: manager, raising=False)
    return manager


def test_without_the_extension_the_dialog_offers_it_and_nothing_else(manager, pip):
    opened = Opened("torch", "jinja2")
    assert opened.dialog.needs_extension
    assert not opened.dialog.install_button.enabled
    opened.dialog.extension_button.click()
    assert manager.asked == ["PyTorch"]
    assert (opened.agreed, pip.calls) == ([], [])


def test_an_extension_that_is_not_installed_is_said_so(manager, monkeypatch):
    said = []
    monkeypatch.setattr(install_dialog.slicer.util, "errorDisplay", said.append)
    manager.answer = False
    Opened("torch").dialog.extension_button.click()
    assert "View → Extensions Manager" in said[0]


def test_a_slicer_without_an_extensions_manager_says_so(monkeypatch):
    monkeypatch.delattr(type(slicer.app), "extensionsManagerModel", raising=False)
    with pytest.raises(RunFailed, match="Extensions Manager"):
        install.get_extension()


def test_from_a_folder_no_extension_is_needed(manager):
    opened = Opened("torch", folder="/media/wheels")
    assert not opened.dialog.needs_extension
    assert not opened.dialog.total.visible
    opened.dialog.install_button.click()
    assert opened.agreed == [["torch"]]


def test_what_slicer_has_loaded_is_never_exchanged(open_dialog):
    opened = open_dialog("numpy 1.24.2", "pydicom 2.4.4", "tqdm")
    assert "numpy" not in opened.dialog.table.toPlainText() and "pydicom" in opened.dialog.table.toPlainText()
    told = [label.text for label in opened.dialog.dialog.findChildren(qt.QLabel)]
    (words,) = [text for text in told if "numpy (1.24.2 is there, 1.26 or newer is needed)" in text]
    assert "stays" in words and "another Python" in words
    opened.dialog.install_button.click()
    assert opened.agreed == [["pydicom", "tqdm"]]


def test_where_only_slicers_own_is_too_old_nothing_is_offered(open_dialog):
    opened = open_dialog("numpy 1.24.2")
    assert not opened.dialog.install_button.enabled and not opened.dialog.table.visible
    assert opened.dialog.install_button.toolTip == "There is nothing to install."


def test_nothing_in_the_dialog_lies_over_another(open_dialog):
    opened = open_dialog("torch", "numpy 1.24.2", "pydicom 2.4.4", "ultralytics")
    slicer.app.processEvents()
    parts = [
        one for one in opened.dialog.dialog.children() if hasattr(one, "geometry") and getattr(one, "visible", False)
    ]
    boxes = sorted((one.geometry for one in parts), key=lambda box: box.y())
    assert len(boxes) >= 8
    for upper, lower in itertools.pairwise(boxes):
        assert upper.bottom() < lower.top() or upper.y() == lower.y()
