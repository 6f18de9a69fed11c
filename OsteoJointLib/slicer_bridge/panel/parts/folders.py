"""Folders in the panel: remembered in Slicer's settings, and shown as links."""

from __future__ import annotations

from html import escape
from pathlib import Path

import qt
import slicer


def remembered(key: str) -> str:
    """The folder that was last used for something; empty the first time."""
    return str(slicer.util.settingsValue(key, ""))


def remember(key: str, folder: Path | str) -> None:
    """Keep a folder for the next time."""
    qt.QSettings().setValue(key, str(folder))


def link(path: Path, words: str) -> str:
    """A link that opens a file or folder of this computer, for a label that opens external links."""
    return f'<a href="{escape(path.absolute().as_uri())}">{escape(words)}</a>'


def open_file(path: Path) -> None:
    """Open a file with the program that the computer has for it."""
    qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(path)))
