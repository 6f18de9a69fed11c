"""The panel in Slicer's scroll area: how wide it becomes, and that nothing in it lies over anything else."""

import pytest

from .fake_reading import add_ct
from .panel_looks import faults, seen_panel, speak_german

WIDEST_PX, NARROWEST_PX = 420, 400
SCREEN_PX = 768
VISIBLE_PX = 415
"""Of the panel in Slicer's window on a screen of 1366 x 768."""
STALE = ("the point of L1 was moved", "the mask of L2 was edited")


@pytest.fixture
def ct(scene):
    return add_ct()


def test_the_panel_stays_as_wide_as_it_was_made(ct):
    with seen_panel() as opened:
        opened.reading.become_read()
        opened.open_sections()
        widths = [opened.slicer.lay_out(WIDEST_PX, SCREEN_PX, rounds=1) for _ in range(6)]
        assert widths == [WIDEST_PX] * 6


@pytest.mark.parametrize("width", [NARROWEST_PX, WIDEST_PX, 500])
@pytest.mark.parametrize("points", [8, 9, 11, 14])
@pytest.mark.parametrize("german", [False, True])
def test_nothing_is_cut_or_covered(ct, width, points, german):
    with seen_panel(points) as opened:
        opened.reading.become_read(stale=STALE, message="L1 was read again.")
        opened.open_sections()
        if german:
            speak_german(opened.place)
        assert opened.slicer.lay_out(width, SCREEN_PX) <= max(width, WIDEST_PX)
        assert faults(opened) == []
