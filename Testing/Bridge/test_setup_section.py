"""The section "Setup": packages, weights, the worker's Python, device and log."""

import sys
from types import SimpleNamespace

import pytest
import qt
import slicer

from OsteoJointLib.hardware import Hardware
from OsteoJointLib.packages import PACKAGES, Lack
from OsteoJointLib.resources import resource_path
from OsteoJointLib.slicer_bridge.panel import setup_packages
from OsteoJointLib.slicer_bridge.panel.setup_section import SetupSection
from OsteoJointLib.slicer_bridge.panel.setup_weights import weights_folder
from OsteoJointLib.slicer_bridge.process.worker_command import PYTHON_VARIABLE
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.reading.worker_settings import WorkerSettings
from OsteoJointLib.slicer_bridge.setup.pip_calls import MANUAL
from OsteoJointLib.slicer_bridge.setup.python_setting import chosen_python

TQDM, ULTRALYTICS = (Lack(one) for one in PACKAGES if one.name in ("tqdm", "ultralytics"))


class FakeInstaller:
    """Installs nothing; ``end`` says how it went."""

    running = False

    def start(self, wanted, folder, on_line, on_done):
        self.running, self.wanted, self.folder = True, wanted, folder
        on_line("Collecting tqdm")
        self._on_done = on_done

    def end(self, problem=""):
        self.running = False
        self._on_done(problem)

    def leave(self):
        self._on_done = lambda problem: None


class Setup:
    """The section on a reading that only notes what it is asked."""

    def __init__(self):
        self.asked: list[str] = []
        client = SimpleNamespace(log=[], kill=lambda: self.asked.append("kill"))
        self.reading = SimpleNamespace(
            settings=WorkerSettings(),
            hardware=None,
            client=client,
            state=ReadingState(),
            start_worker=lambda: self.asked.append("start_worker"),
            cancel=lambda: self.asked.append("cancel"),
        )
        self.place = qt.QWidget()
        self.section = SetupSection(qt.QVBoxLayout(self.place), self.reading)
        self.place.show()
        slicer.app.processEvents()

    @property
    def ui(self):
        return slicer.util.childWidgetVariables(self.place)

    def become(self, **changes) -> None:
        self.reading.state = ReadingState(**changes)
        self.section.show(self.reading.state)

    def close(self) -> None:
        self.section.close()
        self.place.deleteLater()
        slicer.app.processEvents()


@pytest.fixture
def missing(monkeypatch):
    """What Slicer's Python lacks; a list to be changed."""
    missing: list[Lack] = []
    monkeypatch.setattr(setup_packages, "lacking", lambda: list(missing))
    return missing


@pytest.fixture
def open_setup(scene, missing, monkeypatch):
    monkeypatch.delenv(PYTHON_VARIABLE, raising=False)
    monkeypatch.setattr(setup_packages, "Installer", FakeInstaller)
    qt.QSettings().remove("OsteoJoint")
    opened = []

    def open_it() -> Setup:
        opened.append(Setup())
        return opened[-1]

    yield open_it
    for one in opened:
        one.close()
    for choice in weights_folder().glob("*/*"):
        choice.unlink()
        if not list(choice.parent.iterdir()):
            choice.parent.rmdir()
    qt.QSettings().remove("OsteoJoint")


@pytest.fixture
def said(monkeypatch):
    """What message boxes said."""
    said: list[str] = []
    monkeypatch.setattr(slicer.util, "errorDisplay", said.append)
    return said


def test_where_everything_is_installed_nothing_is_offered(open_setup):
    setup = open_setup()
    assert setup.ui.packagesLabel.text == "All packages are installed."
    assert not setup.ui.installButton.enabled
    assert setup.ui.installButton.toolTip == "Everything is installed."
    assert not setup.ui.folderButton.enabled


def test_what_is_missing_is_named(open_setup, missing):
    missing += [TQDM, ULTRALYTICS]
    setup = open_setup()
    assert "lacks packages:</b> tqdm, ultralytics" in setup.ui.packagesLabel.text
    assert not setup.section.ready
    assert setup.ui.installButton.enabled


def test_without_ultralytics_alone_a_reading_is_possible(open_setup, missing):
    missing.append(ULTRALYTICS)
    setup = open_setup()
    assert "fixed window" in setup.ui.packagesLabel.text
    assert setup.section.ready


def test_install_asks_shows_what_goes_on_and_looks_again(open_setup, missing, said):
    missing.append(TQDM)
    setup = open_setup()
    setup.ui.installButton.click()
    assert not setup.ui.installProgress.visible  # nothing before consent
    setup.section.packages.dialog.install_button.click()
    installer = setup.section.packages._installer
    assert (installer.wanted, installer.folder) == ([TQDM], "")
    assert setup.ui.installProgress.visible
    assert "tqdm" in setup.ui.installLabel.text
    assert "Collecting tqdm" in setup.ui.logBox.plainText
    assert setup.ui.installButton.toolTip == "An installation is under way."
    missing.clear()
    installer.end()
    assert setup.ui.installLabel.text == "Installed."
    assert not setup.ui.installProgress.visible
    assert setup.ui.packagesLabel.text == "All packages are installed."
    assert setup.asked == ["kill"]  # the next worker sees what was installed
    assert said == []


def test_a_failure_is_shown_with_a_link_and_in_a_box(open_setup, missing, said):
    missing.append(TQDM)
    setup = open_setup()
    setup.ui.installButton.click()
    setup.section.packages.dialog.install_button.click()
    setup.section.packages._installer.end(f"pip failed with exit code 1. It said: <x> What to do: {MANUAL}")
    assert "&lt;x&gt;" in setup.ui.installLabel.text
    assert f'<a href="{MANUAL}">' in setup.ui.installLabel.text
    assert said == [f"pip failed with exit code 1. It said: <x> What to do: {MANUAL}"]
    assert setup.ui.installButton.enabled


def test_after_an_update_slicer_must_be_restarted(open_setup, missing, said):
    missing.append(Lack(TQDM.package, "1.0"))
    setup = open_setup()
    setup.ui.installButton.click()
    setup.section.packages.dialog.install_button.click()
    setup.section.packages._installer.end()
    assert "Restart Slicer" in setup.ui.installLabel.text


def test_a_folder_of_wheels_is_asked_for_and_shown_in_the_dialog(open_setup, missing, tmp_path):
    missing.append(TQDM)
    setup = open_setup()
    setup.ui.folderButton.click()
    dialog = setup.section.packages.folder_dialog
    assert dialog.visible
    dialog.fileSelected(str(tmp_path))
    dialog.reject()
    setup.section.packages.dialog.install_button.click()
    assert setup.section.packages._installer.folder == str(tmp_path)


def test_nothing_is_installed_during_a_reading(open_setup, missing):
    missing.append(TQDM)
    setup = open_setup()
    setup.become(volume_name="CT", running=True)
    for control in (setup.ui.installButton, setup.ui.folderButton, setup.ui.weightsCombo, setup.ui.importButton):
        assert not control.enabled
    assert not setup.ui.pythonPath.enabled
    setup.become(volume_name="CT")
    assert setup.ui.installButton.enabled
    assert setup.ui.pythonPath.enabled


def test_an_installation_outlives_the_panel(open_setup, missing):
    missing.append(TQDM)
    setup = open_setup()
    setup.ui.installButton.click()
    setup.section.packages.dialog.install_button.click()
    setup.section.close()
    setup.section.packages._installer.end("late")


def test_another_python_is_kept_and_gets_commands_but_no_installation(open_setup, missing):
    missing.append(TQDM)
    setup = open_setup()
    setup.ui.pythonPath.setCurrentPath(sys.executable)
    assert setup.reading.settings.python == sys.executable
    assert setup.asked == ["cancel", "kill"]
    assert f"{sys.executable}&quot; -m pip install" in setup.ui.packagesLabel.text
    assert "AGPL-3.0" in setup.ui.packagesLabel.text
    assert "installs nothing into" in setup.ui.installButton.toolTip
    assert not setup.ui.installButton.enabled
    again = open_setup()
    assert again.reading.settings.python == chosen_python() == sys.executable
    again.ui.pythonPath.setCurrentPath("")
    assert chosen_python() == ""
    assert "lacks packages" in again.ui.packagesLabel.text


def test_a_python_that_is_not_there_is_not_taken(open_setup):
    setup = open_setup()
    setup.ui.pythonPath.setCurrentPath("/no/such/python")
    assert setup.reading.settings.python == ""
    assert "/no/such/python doesn't exist" in setup.ui.pythonLabel.text


def test_the_environment_variable_goes_first(open_setup, monkeypatch):
    monkeypatch.setenv(PYTHON_VARIABLE, sys.executable)
    setup = open_setup()
    assert setup.reading.settings.python == sys.executable
    assert not setup.ui.pythonPath.enabled
    assert PYTHON_VARIABLE in setup.ui.pythonLabel.text
    monkeypatch.delenv(PYTHON_VARIABLE)
    assert chosen_python() == ""  # it wasn't kept


def test_the_device_is_said_in_words_once_it_is_known(open_setup):
    setup = open_setup()
    assert setup.ui.deviceLabel.text == "Not known before the first run."
    setup.ui.checkButton.click()
    assert setup.asked == ["start_worker"]
    setup.reading.hardware = Hardware("2.9", None, None, (), 2, 2)
    setup.become()
    assert setup.ui.deviceLabel.text == (
        "Computes on the CPU. CPU with 2 of 2 cores: PyTorch 2.9 was built without CUDA."
    )


def test_the_worker_s_last_words_are_shown_and_copied(open_setup):
    setup = open_setup()
    setup.reading.client.log = ["first", "Traceback"]
    setup.become()
    assert setup.ui.logBox.plainText == "first\nTraceback"
    setup.ui.copyLogButton.click()
    assert qt.QApplication.clipboard().text() == "first\nTraceback"


@pytest.fixture
def received(tmp_path):
    """Weights as a user might have received them."""
    for name in ("compact.safetensors", "manifest.json"):
        (tmp_path / name).write_bytes(resource_path("Weights", name).read_bytes())
    return tmp_path / "compact.safetensors"


def test_imported_weights_are_chosen_kept_and_removed(open_setup, received, monkeypatch):
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, title: True)
    setup = open_setup()
    assert (setup.reading.settings.weights, setup.ui.weightsCombo.count) == ("compact", 1)
    assert not setup.ui.removeButton.enabled
    setup.ui.importButton.click()
    setup.section.weights.file_dialog.fileSelected(str(received))
    setup.section.weights.file_dialog.reject()
    imported = str(weights_folder() / "compact" / "compact.safetensors")
    assert setup.reading.settings.weights == imported
    assert setup.ui.weightsCombo.currentText == "compact (imported)"
    assert "Apache-2.0" in setup.ui.weightsLabel.text
    again = open_setup()
    assert again.reading.settings.weights == imported
    again.ui.weightsCombo.setCurrentIndex(0)
    assert again.reading.settings.weights == "compact"
    again.ui.weightsCombo.setCurrentIndex(1)
    assert again.reading.settings.weights == imported
    again.ui.removeButton.click()
    assert again.reading.settings.weights == "compact"
    assert again.ui.weightsCombo.count == 1
    assert not weights_folder().joinpath("compact").exists()


def test_weights_are_deleted_only_after_a_yes(open_setup, received, monkeypatch):
    setup = open_setup()
    setup.section.weights.import_file(received)
    monkeypatch.setattr(slicer.util, "confirmOkCancelDisplay", lambda text, title: False)
    setup.ui.removeButton.click()
    assert setup.ui.weightsCombo.count == 2


def test_damaged_weights_are_refused_in_words(open_setup, received, said):
    received.write_bytes(received.read_bytes()[:-1] + b"x")
    setup = open_setup()
    setup.section.weights.import_file(received)
    assert "changed or damaged" in said[0]
    assert said[0] == setup.ui.weightsLabel.text
    assert setup.reading.settings.weights == "compact"


def test_weights_that_are_gone_are_told_of(open_setup):
    qt.QSettings().setValue("OsteoJoint/Weights", "/gone/other.safetensors")
    setup = open_setup()
    assert "/gone/other.safetensors" in setup.ui.weightsLabel.text
    assert setup.reading.settings.weights == "compact"
