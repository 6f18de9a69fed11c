"""The panel in Slicer's scroll area: how wide it becomes, and that nothing in it lies over anything else."""

import pytest
from osteojoint_host.widgets.module_panel import ModulePanel

from .fake_reading import OpenPanel, add_ct

WIDEST_PX = 420


@pytest.fixture
def opened(scene):
    add_ct()
    opened = OpenPanel()
    opened.slicer = ModulePanel(opened.place)
    opened.slicer.show()
    yield opened
    opened.close()
    opened.slicer.deleteLater()


def test_the_panel_stays_as_wide_as_it_was_made(opened):
    opened.reading.become_read()
    widths = [opened.slicer.lay_out(WIDEST_PX, 768, rounds=1) for _ in range(6)]
    assert widths == [WIDEST_PX] * 6
