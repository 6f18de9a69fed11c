"""Folders in the panel: remembered in Slicer's settings, shown as links, and chosen for a reading."""

from __future__ import annotations

from html import escape
from pathlib import Path

import qt
import slicer

from OsteoJointLib.names import name_key, unique_name
from OsteoJointLib.output.result_json import RESULT_FILE


def remembered(key: str) -> str:
    """Recall the folder that was last used for something; empty the first time."""
    return str(slicer.util.settingsValue(key, ""))


def remember(key: str, folder: Path | str) -> None:
    """Keep a folder for the next time."""
    qt.QSettings().setValue(key, str(folder))


def link(path: Path, words: str) -> str:
    """Make a link that opens a file or folder of this computer, for a label that opens external links."""
    return f'<a href="{escape(path.absolute().as_uri())}">{escape(words)}</a>'


def open_file(path: Path) -> None:
    """Open a file with the program that the computer has for it."""
    qt.QDesktopServices.openUrl(qt.QUrl.fromLocalFile(str(path)))


def reading_folder(chosen: Path, name: str) -> Path:
    """Give a reading's folder: the chosen one when it is new, empty or a reading's already, else a new one inside.

    Args:
        chosen: what the user chose.
        name: of the new one.
    """
    if not chosen.exists() or not any(chosen.iterdir()) or holds_result(chosen):
        return chosen
    return chosen / unique_name(name, {name_key(child.name) for child in chosen.iterdir()})


def holds_result(folder: Path) -> bool:
    """Whether an earlier reading lies in a folder."""
    return (folder / RESULT_FILE).is_file()
