"""Folders in the panel: remembered in Slicer's settings, shown as links, and chosen for a reading."""

from __future__ import annotations

from html import escape
from pathlib import Path

import qt
import slicer

from OsteoJointLib.names import neutral_names
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


def reading_folder(chosen: Path) -> tuple[Path, str]:
    """Give a reading's folder, and its case a neutral name: a volume's own may say who was scanned.

    Args:
        chosen: what the user chose.

    Returns:
        The chosen folder when it is new, empty or a reading's already, else a new one inside, called as the case.
    """
    inside = [child.name for child in chosen.iterdir()] if chosen.exists() else []
    name = next(neutral_names(inside))
    return (chosen if not inside or holds_result(chosen) else chosen / name), name


def holds_result(folder: Path) -> bool:
    """Whether an earlier reading lies in a folder."""
    return (folder / RESULT_FILE).is_file()
