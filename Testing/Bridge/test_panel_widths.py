"""The panel in Slicer's scroll area: how wide it becomes, and that nothing in it lies over anything else."""

import pytest
import qt

from OsteoJointLib.slicer_bridge.panel.batch_section import BatchSection
from OsteoJointLib.slicer_bridge.reading.said import Said

from .fake_reading import KERNEL_UNKNOWN, NOT_CALIBRATED, NOT_RELIABLE, add_ct, document
from .panel_looks import faults, seen_panel, speak_german

WIDTHS_PX = (500, 420, 400)
WIDEST_PX = 420
SCREEN_PX = 768
VISIBLE_PX = 415
"""Of the panel in Slicer's window on a screen of 1366 x 768."""
STALE = ("the point of L1 was moved", "the mask of L2 was edited")
HELD_BACK = {"code": "class_held_back", "level": None, "message": "The levels are in doubt, so no class is given. " * 2}
METAL = {"code": "metal", "level": "L1", "message": "Metal lies beside L1, so its HU are higher than the bone's."}
LEFT_OUT = {"code": "vertebra_left_out", "level": "L1", "message": "L1 is left out."}


@pytest.fixture
def ct(scene):
    return add_ct()


def doubtful() -> dict:
    """A result with all that may be said against one, in which L1 is left out by proposal."""
    said = {"left_out": "L1", "left_out_by": "proposal", "left_out_reason": "focal_lesion", "indeterminate": True}
    flags = [NOT_RELIABLE, LEFT_OUT, METAL, KERNEL_UNKNOWN, NOT_CALIBRATED]
    return document(classification={**document()["classification"], **said}, flags=flags)


def held_back() -> dict:
    """A result without a class."""
    nothing = dict.fromkeys(("status", "left_out", "left_out_by", "left_out_reason", "indeterminate"))
    shares = dict.fromkeys(("normal", "osteopenia", "osteoporosis"))
    weights = {"L1": None, "L2": None}
    said = {**nothing, "probabilities": shares, "fusion_weights": weights}
    return document(classification=said, flags=[HELD_BACK], baseline=None, bmd=[])


STATES = {
    "read": {},
    "stale": {"stale": STALE, "message": "L1 was read again.", "said": Said("L2", "metal")},
    "doubtful": {"document": doubtful()},
    "held back": {"document": held_back(), "levels_doubt": "One vertebra more or less was counted. " * 3},
}


def fill_batch(opened) -> None:
    """Put a case into the table of the batch."""
    row = {"case": "case-0001", "outcome": "done", "status": "osteopenia", "message": "", "reliable": "no"}
    batch = next(section for section in opened.panel._sections if isinstance(section, BatchSection))
    batch._table.put({**row, "flags": "class_not_reliable metal hu_offset levels_contradict"})
    batch._table.put({**row, "case": "case-0002", "outcome": "refused", "status": "", "message": "An MR.", "flags": ""})


def test_the_panel_stays_as_wide_as_it_was_made(ct):
    with seen_panel() as opened:
        opened.reading.become_read()
        opened.open_sections()
        widths = [opened.slicer.lay_out(WIDEST_PX, SCREEN_PX, rounds=1) for _ in range(6)]
        assert widths == [WIDEST_PX] * 6


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("points", "dark"), [(8, False), (9, True), (11, False), (14, True)])
@pytest.mark.parametrize("german", [False, True])
def test_nothing_is_cut_or_covered(ct, state, points, dark, german):
    with seen_panel(points, dark) as opened:
        opened.reading.become_read(**STATES[state])
        fill_batch(opened)
        opened.open_sections()
        opened.ui.allDoubtsButton.setChecked(True)
        if german:
            speak_german(opened.place)
        for width in WIDTHS_PX:
            assert opened.slicer.lay_out(width, SCREEN_PX) <= max(width, WIDEST_PX)
            assert faults(opened) == []


def test_the_parts_of_a_field_are_left_as_they_are(ct):
    with seen_panel() as opened:
        ui = opened.ui
        assert ui.maxShiftSlider.sizePolicy.horizontalPolicy() == qt.QSizePolicy.Ignored
        assert ui.heatmapOpacitySlider.sizePolicy.horizontalPolicy() == qt.QSizePolicy.Ignored
        assert ui.Slider.sizePolicy.horizontalPolicy() == qt.QSizePolicy.Expanding


def test_a_fault_is_seen(ct):
    with seen_panel() as opened:
        opened.reading.become_read()
        opened.slicer.lay_out(WIDEST_PX, SCREEN_PX)
        label = opened.ui.numbersL1Label
        label.setWordWrap(False)
        label.setText("one hundred and one milligrams in each cubic centimeter of this vertebra")
        opened.slicer.lay_out(WIDEST_PX, SCREEN_PX)
        assert any("numbersL1Label is cut" in fault for fault in faults(opened))
        opened.ui.classLabel.setGeometry(qt.QRect(0, 0, 300, 300))
        assert any("classLabel lies over" in fault or "lies over classLabel" in fault for fault in faults(opened))


@pytest.mark.parametrize("state", ["read", "doubtful", "held back"])
@pytest.mark.parametrize("points", [9, 11])
def test_the_class_is_seen_without_scrolling(ct, state, points):
    with seen_panel(points) as opened:
        opened.fold_as_opened()
        opened.reading.become_read(**STATES[state])
        opened.slicer.lay_out(WIDEST_PX, VISIBLE_PX)
        for widget in (opened.ui.classLabel, opened.ui.osteoporosisBar):
            assert not widget.visible or opened.slicer.top_of(widget) + widget.height <= VISIBLE_PX
        assert opened.ui.osteoporosisBar.visible == (state != "held back")
        if state == "read" and points == 9:
            switch = opened.ui.leaveOutL2Check
            assert opened.slicer.top_of(switch) + switch.height <= VISIBLE_PX


def test_what_is_not_wanted_is_folded(ct):
    with seen_panel() as opened:
        assert {"levelsSection", "masksSection", "whySection", "exportSection", "factsButton"} <= set(opened.folded)
        assert {"batchSection", "setupSection"} <= set(opened.folded)


def test_a_folded_section_is_as_high_as_its_header(ct):
    with seen_panel() as opened:
        opened.fold_as_opened()
        opened.reading.become_read()
        opened.slicer.lay_out(WIDEST_PX, SCREEN_PX)
        for name in ("factsButton", "levelsSection", "masksSection", "batchSection"):
            section = getattr(opened.ui, name)
            assert section.collapsed and section.height == section._header().height(), name


def test_names_of_cts_have_room_beside_their_pictures(ct):
    with seen_panel() as opened:
        opened.open_sections("labelSection")
        table = opened.ui.labelTable
        table.setRowCount(1)
        table.setVisible(True)
        opened.slicer.lay_out(WIDEST_PX, SCREEN_PX)
        assert table.columnWidth(0) >= 140  # px: a picture of 48 and some fourteen letters
