"""Slicer's light and dark style, for pictures: its colors and its margins, over Qt's Fusion as there."""

from __future__ import annotations

from PySide6 import QtGui, QtWidgets

LIGHT = {
    "Window": ("#ffffff", "#ffffff"),
    "WindowText": ("#000000", "#bebebe"),
    "Base": ("#ffffff", "#ffffff"),
    "AlternateBase": ("#e4e4fe", "#e4e4fe"),
    "Text": ("#000000", "#bebebe"),
    "Button": ("#fcfcfc", "#fcfcfc"),
    "ButtonText": ("#000000", "#bebebe"),
    "PlaceholderText": ("#80000000", "#80000000"),
    "Light": ("#c8c8c8", "#c8c8c8"),
    "Midlight": ("#e6e6e6", "#e6e6e6"),
    "Dark": ("#aaaaaa", "#aaaaaa"),
    "Mid": ("#c8c8c8", "#c8c8c8"),
    "Shadow": ("#5a5a5a", "#5a5a5a"),
    "Highlight": ("#308cc6", "#919191"),
    "HighlightedText": ("#ffffff", "#ffffff"),
    "Link": ("#0000ff", "#0000ff"),
}
"""Colors by role, of what is enabled and of what is disabled (read from Slicer 5.12's qSlicerStyle)."""
DARK = {
    "Window": ("#323232", "#323232"),
    "WindowText": ("#ffffff", "#6d6d6d"),
    "Base": ("#1e1e1e", "#1e1e1e"),
    "AlternateBase": ("#323232", "#323232"),
    "Text": ("#ffffff", "#6d6d6d"),
    "Button": ("#323232", "#323232"),
    "ButtonText": ("#ffffff", "#b4b4b4"),
    "PlaceholderText": ("#80ffffff", "#80ffffff"),
    "Light": ("#828284", "#828284"),
    "Midlight": ("#5a5a5b", "#5a5a5b"),
    "Dark": ("#232323", "#232323"),
    "Mid": ("#2b2b2b", "#2b2b2b"),
    "Shadow": ("#141414", "#141414"),
    "Highlight": ("#3ca4ff", "#505050"),
    "HighlightedText": ("#ffffff", "#6d6d6d"),
    "Link": ("#3ca4ff", "#3ca4ff"),
}
STYLES = {"light": LIGHT, "dark": DARK}
MARGIN_PX, SECTION_MARGIN_PX, SPACING_PX = 6, 4, 3


class SlicerStyle(QtWidgets.QProxyStyle):
    """Fusion with Slicer's narrower margins."""

    STANDS_IN = True

    def __init__(self):
        super().__init__("fusion")

    def pixelMetric(self, metric, option=None, widget=None):
        """Qt calls this."""
        kinds = QtWidgets.QStyle
        if metric in (kinds.PM_LayoutLeftMargin, kinds.PM_LayoutTopMargin):
            return self._margin(widget)
        if metric in (kinds.PM_LayoutRightMargin, kinds.PM_LayoutBottomMargin):
            return self._margin(widget)
        if metric in (kinds.PM_LayoutHorizontalSpacing, kinds.PM_LayoutVerticalSpacing):
            return SPACING_PX
        return super().pixelMetric(metric, option, widget)

    def _margin(self, widget) -> int:
        section = widget is not None and widget.inherits("ctkCollapsibleButton")
        return SECTION_MARGIN_PX if section else MARGIN_PX


def wear(name: str) -> None:
    """Give the application one of the styles, before anything is shown."""
    palette = QtGui.QPalette()
    for role, (enabled, disabled) in STYLES[name].items():
        number = getattr(QtGui.QPalette, role)
        palette.setColor(number, QtGui.QColor(enabled))
        palette.setColor(QtGui.QPalette.Disabled, number, QtGui.QColor(disabled))
    application = QtWidgets.QApplication.instance()
    application.setStyle(SlicerStyle())
    application.setPalette(palette)
