"""What tells of something is readable in Slicer's light and dark style."""

import pytest
import qt

from OsteoJointLib.slicer_bridge.panel.parts.widgets import ERROR, INFO, WARNING, paint_frame


@pytest.mark.parametrize("colors", [ERROR, WARNING, INFO])
def test_a_frame_is_dark_where_slicer_is(scene, colors):
    frame = qt.QFrame()
    frame.setObjectName("frame")
    looks = []
    for window in ("#f0f0f0", "#323232"):
        palette = qt.QPalette()
        palette.setColor(qt.QPalette.Window, qt.QColor(window))
        frame.setPalette(palette)
        paint_frame(frame, colors)
        looks.append(frame.styleSheet)
    light, dark = colors
    assert f"background-color: {light}" in looks[0] and f"color: {dark};" in looks[0].split("QLabel")[1]
    assert f"background-color: {dark}" in looks[1] and f"color: {light};" in looks[1].split("QLabel")[1]
