"""The panel's top: one button, one bar, one place for what there is to tell; and the device, under Setup."""

import pytest
import qt

from OsteoJointLib.errors import Reason
from OsteoJointLib.hardware import Card, Hardware
from OsteoJointLib.pipeline.stages import Stage
from OsteoJointLib.slicer_bridge.panel.input_section import stage_words
from OsteoJointLib.slicer_bridge.reading.state import LevelState

from .fake_reading import FOUND_LEVELS, READ_LEVELS, add_ct, open_panel, read_state


@pytest.fixture
def opened(scene):
    qt.QSettings().remove("OsteoJoint")
    with open_panel() as opened:
        yield opened


def test_without_a_ct_there_is_nothing_to_apply_to(opened):
    assert not opened.ui.applyButton.enabled
    assert (
        opened.ui.applyButton.toolTip
        == "Load a CT and choose it above. File → Download Sample Data has a phantom to try."
    )


def test_the_button_applies_then_cancels_then_updates(opened):
    add_ct()
    button = opened.ui.applyButton
    assert (button.text, button.enabled) == ("Read", True)
    button.click()
    opened.reading.become(running=True, stage="levels", fraction=0.4)
    assert button.text == "Cancel"
    assert (opened.ui.progressBar.visible, opened.ui.progressBar.value) == (True, 40)
    assert opened.ui.progressBar.format.startswith("Finding L1 and L2")
    assert not opened.ui.volumeSelector.enabled
    button.click()
    opened.reading.become_read(stale=("the mask of L1 was edited",))
    assert button.text == "Update"
    assert not opened.ui.progressBar.visible
    button.click()
    assert opened.asked == [("update",), ("cancel",), ("update",)]


def test_a_ct_that_cannot_be_read_says_why(opened):
    add_ct()
    opened.reading.become(problem="The CT has one slice; a reading needs a stack.")
    assert opened.ui.problemLabel.text == "The CT has one slice; a reading needs a stack."
    assert opened.ui.problemFrame.visible
    assert not opened.ui.applyButton.enabled
    assert opened.ui.applyButton.toolTip == opened.ui.problemLabel.text


def test_nothing_to_tell_takes_no_room(opened):
    assert not opened.ui.messageFrame.visible
    opened.reading.become(message="Cancelled.")
    assert opened.ui.messageFrame.visible
    assert opened.ui.messageLabel.text == "Cancelled."
    assert not opened.ui.reasonLabel.visible


@pytest.mark.parametrize("reason", ["cancelled", "usage"])
def test_what_is_no_fault_has_no_code(opened, reason):
    opened.reading.become(message="Cancelled.", reason=reason)
    assert opened.ui.messageFrame.visible
    assert not opened.ui.reasonLabel.visible


def test_with_one_point_the_other_is_asked_for(opened):
    add_ct()
    opened.reading.become(levels={**FOUND_LEVELS, "L2": LevelState()})
    assert not opened.ui.applyButton.enabled
    assert opened.ui.applyButton.toolTip == "L2 has no point yet. Place it, or find both."
    assert not opened.ui.problemFrame.visible
    assert opened.ui.findButton.enabled
    opened.reading.become_read(levels={**READ_LEVELS, "L1": LevelState()}, stale=("the point of L2 was moved",))
    assert not opened.ui.applyButton.enabled
    assert opened.ui.applyButton.toolTip.startswith("L1 has no point yet")
    opened.reading.become(running=True)
    assert opened.ui.applyButton.enabled  # it cancels now


def test_out_of_memory_offers_the_cpu(opened):
    add_ct()
    opened.reading.become(message="The card's memory is full.", reason=Reason.OUT_OF_MEMORY)
    assert "out_of_memory" in opened.ui.reasonLabel.text
    assert opened.ui.useCpuButton.visible
    assert not opened.ui.openSetupButton.visible
    opened.ui.useCpuButton.click()
    assert opened.reading.settings.device == "cpu"
    opened.reading.changed.emit()
    assert opened.ui.deviceSelector.currentText == "CPU"
    assert opened.asked == [("update",)]
    opened.reading.changed.emit()
    assert not opened.ui.useCpuButton.visible


def test_the_cpu_is_not_offered_where_it_computes_already(opened):
    add_ct()
    opened.reading.hardware = Hardware("2.9", None, None, (), 2, 2)
    opened.reading.become(message="Memory ran out.", reason=Reason.OUT_OF_MEMORY)
    assert opened.reading.settings.device == "auto"
    assert not opened.ui.useCpuButton.visible
    opened.reading.hardware = Hardware("2.9", "13.0", "580.1", (Card("RTX 4000", 20.0),), 2, 2)
    opened.reading.changed.emit()
    assert opened.ui.useCpuButton.visible


@pytest.mark.parametrize("reason", ["dependency_missing", "weights_not_found", "weights_hash", "weights_format"])
def test_what_is_missing_leads_to_setup(opened, reason):
    opened.reading.become(message="Slicer's Python lacks torch.", reason=reason)
    assert opened.ui.setupSection.collapsed
    opened.ui.openSetupButton.click()
    assert not opened.ui.setupSection.collapsed


def test_the_device_is_kept_for_the_computer_and_not_for_the_scene(scene):
    qt.QSettings().remove("OsteoJoint")
    with open_panel() as opened:
        assert opened.reading.settings.device == "auto"
        opened.ui.deviceSelector.setCurrentIndex(1)
        assert opened.reading.settings.device == "cuda"
    with open_panel() as opened:
        assert opened.reading.settings.device == "cuda"
        assert opened.ui.deviceSelector.currentIndex == 1
    qt.QSettings().remove("OsteoJoint")


def test_a_setting_that_is_no_device_counts_as_automatic(scene):
    qt.QSettings().setValue("OsteoJoint/Device", "tpu")
    with open_panel() as opened:
        assert opened.reading.settings.device == "auto"
        assert opened.ui.deviceSelector.currentIndex == 0
    qt.QSettings().remove("OsteoJoint")


def test_what_was_found_is_said_in_words(opened):
    label, words = opened.ui.deviceLabel, "CPU with 2 of 2 cores: PyTorch 2.9 was built without CUDA."
    assert label.text == "Not known before the first run."
    opened.reading.hardware = Hardware("2.9", None, None, (), 2, 2)
    opened.reading.changed.emit()
    assert label.text == f"Computes on the CPU. {words}"
    opened.ui.deviceSelector.setCurrentIndex(1)
    assert label.text == words  # why there is no GPU
    opened.reading.hardware = Hardware("2.9", "13.0", "580.1", (Card("RTX 4000", 20.0),), 2, 2)
    opened.reading.changed.emit()
    assert label.text.startswith("Computes on RTX 4000. ")
    opened.ui.deviceSelector.setCurrentIndex(2)
    assert label.text.startswith("Computes on the CPU. ")


def test_edits_are_followed_unless_unticked(opened):
    add_ct()
    assert opened.reading.follow
    opened.ui.followCheckBox.setChecked(False)
    assert not opened.reading.follow
    opened.reading.state = read_state(stale=("the point of L1 was moved",))
    assert opened.asked == []
    opened.ui.followCheckBox.setChecked(True)
    assert opened.asked == [("update",)]


def test_every_stage_has_words_of_its_own():
    words = [stage_words(stage) for stage in ("start", "handover", *Stage)]
    assert len(set(words)) == len(words)
    assert stage_words("") == stage_words("start") == "Starting"
