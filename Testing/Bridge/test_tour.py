"""The tour of the first time: three steps, each taken by doing it, and shown once."""

import pytest
import qt
import slicer

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.slicer_bridge.panel.tour import SEEN_SETTING, Tour
from OsteoJointLib.slicer_bridge.reading.state import ReadingState

from .fake_reading import read_state


@pytest.fixture
def panel(scene):
    panel = qt.QWidget()
    button = qt.QPushButton("Read", panel)
    button.setObjectName("applyButton")
    yield panel
    panel.deleteLater()


@pytest.fixture
def tour(panel):
    loaded = []
    tour = Tour(panel, lambda: loaded.append("sample"))
    tour.loaded = loaded
    tour.frame.show()
    yield tour
    tour.frame.deleteLater()


def buttons(tour) -> list[str]:
    return [one.text for one in (tour.sample_button, tour.skip_button, tour.done_button) if one.visible]


def test_three_steps_follow_the_reading(tour):
    assert tour.label.text.startswith("<b>Step 1 of 3</b>")
    assert buttons(tour) == ["Load the sample CT", "Skip"]
    tour.sample_button.click()
    assert tour.loaded == ["sample"]
    tour.show(ReadingState(volume_name="CT"))
    assert "Step 2 of 3" in tour.label.text and "<i>Read</i>" in tour.label.text and buttons(tour) == ["Skip"]
    tour.show(read_state())
    assert "Step 3 of 3" in tour.label.text and "manual/tutorial.md" in tour.label.text and buttons(tour) == ["Done"]
    tour.show(ReadingState())
    assert "Step 1 of 3" in tour.label.text


@pytest.mark.parametrize("way", ["skip", "done"])
def test_it_is_shown_until_it_was_ended_once(panel, tour, way):
    if way == "done":
        tour.show(read_state())
    (tour.skip_button if way == "skip" else tour.done_button).click()
    assert not tour.frame.visible
    tour.show(ReadingState(volume_name="CT"))
    assert tour.step == 0
    assert slicer.util.settingsValue(SEEN_SETTING, False, converter=slicer.util.toBool)
    assert Tour(panel).step == 0


def test_a_sample_that_cannot_be_made_says_why(panel, monkeypatch):
    told = []
    monkeypatch.setattr(slicer.util, "errorDisplay", told.append)

    def fails():
        raise RunFailed(Reason.DEPENDENCY_MISSING, "numpy is missing.")

    tour = Tour(panel, fails)
    tour.sample_button.click()
    assert told == ["numpy is missing."] and tour.step == 1


def test_the_module_shows_it_on_top_and_again_when_asked(host, scene):
    module = host.load_module()
    widget = module.createNewWidgetRepresentation()
    panel = widget.self()
    assert panel.layout.itemAt(0).widget() is panel.tour.frame
    assert panel.tour.step == 1
    panel.tour.skip_button.click()
    panel.shortcuts.show_list()
    (again,) = [one for one in panel.shortcuts.dialog.findChildren(qt.QPushButton) if "tour" in one.text]
    again.click()
    assert panel.tour.step == 1
