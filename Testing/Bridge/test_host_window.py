"""Slicer's window for pictures: the panel as the real window leaves it room, the views of the layout beside it."""

import numpy as np
import pytest
import qt
from osteojoint_host.widgets import slicer_style
from osteojoint_host.widgets.window import SlicerWindow

PANEL_PX = 420


@pytest.fixture
def window(scene, host):
    """A window of a small screen around an empty module."""
    module = qt.QWidget()
    qt.QVBoxLayout(module).addWidget(qt.QLabel("words"))
    made = SlicerWindow(module, host.views, (1366, 768), PANEL_PX)
    yield made
    made.give_back()


def test_the_panel_has_the_room_that_was_measured(window):
    assert (window._panel.width, window._panel.visible_px()) == (PANEL_PX, 415)


def test_the_views_share_the_room_beside_the_panel(window, host):
    sizes = {name: host.views.sliceWidget(name).sliceView().size for name in ("Red", "Yellow", "Green")}
    assert len({(size.width(), size.height()) for size in sizes.values()}) == 1
    assert sizes["Red"].width() == pytest.approx((1366 - PANEL_PX) / 2, abs=3)


def test_another_layout_is_followed(window, host):
    host.views.setLayout(6)  # the red slice alone
    window.settle()
    assert host.views.sliceWidget("Red").visible and not host.views.sliceWidget("Green").visible
    assert host.views.sliceWidget("Red").width == pytest.approx(1366 - PANEL_PX, abs=3)


def test_the_picture_has_both(window):
    image = window.picture().convertToFormat(qt.QImage.Format_RGB888)
    assert (image.width(), image.height()) == (1366, 768)
    pixels = np.frombuffer(image.constBits(), np.uint8).reshape(768, -1)[:, : 3 * 1366].reshape(768, 1366, 3)
    assert len(np.unique(pixels[160:200, :PANEL_PX].reshape(-1, 3), axis=0)) > 2
    assert (pixels[66, 600] == (243, 74, 51)).all()  # the red view's bar


@pytest.mark.parametrize("name", slicer_style.STYLES)
def test_words_stand_out_from_their_ground(scene, host, name):
    style, palette = host.app.style().name(), host.app.palette()
    slicer_style.wear(name)
    colors = qt.QLabel("words").palette
    ground, words = (colors.color(role).lightness() for role in (qt.QPalette.Window, qt.QPalette.WindowText))
    host.app.setStyle(style)
    host.app.setPalette(palette)
    assert abs(ground - words) > 150
