"""Which packages are there, and installing those that aren't."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from types import SimpleNamespace
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.packages import PACKAGES, Lack, Need, lacking
from OsteoJointLib.slicer_bridge.panel.parts.needs import Computed
from OsteoJointLib.slicer_bridge.panel.parts.widgets import allow, busy_words, show_text
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.setup.install import Installer
from OsteoJointLib.slicer_bridge.setup.install_dialog import InstallDialog
from OsteoJointLib.slicer_bridge.setup.pip_calls import MANUAL, pip_commands
from OsteoJointLib.slicer_bridge.signal import Signal


class SetupPackages:
    """Packages of the Python that the worker runs in; :attr:`looked` tells that they were looked at again.

    Args:
        widget: the section's form.
        ui: its children.
        reading: whose worker needs the packages.
        show_line: called with each line that pip prints.
    """

    def __init__(self, widget: qt.QWidget, ui: SimpleNamespace, reading: Computed, show_line: Callable[[str], None]):
        self._widget, self._ui, self._reading, self._show_line = widget, ui, reading, show_line
        self._installer = Installer()
        self._lacks: list[Lack] = []
        self.looked = Signal()
        self.dialog: InstallDialog | None = None
        self.folder_dialog: Any = None
        ui.installButton.connect("clicked(bool)", self._install)
        ui.folderButton.connect("clicked(bool)", self._choose_folder)
        ui.installProgress.setVisible(False)
        show_text(ui.installLabel, "")
        self.look()

    @property
    def ready(self) -> bool:
        """Whether everything is installed that a reading can't do without."""
        return not any(lack.package.need is Need.READING for lack in self._lacks)

    def look(self) -> None:
        """Look at the packages again; nothing is imported."""
        python = self._reading.settings.python
        self._lacks = [] if python else lacking()
        self._ui.packagesLabel.setText(_other_words(python) if python else _words(self._lacks))
        self.show(self._reading.state)
        self.looked.emit()

    def show(self, state: ReadingState) -> None:
        """Follow a change of the reading."""
        why_not = self._why_not(state)
        tip = _("Shows what would be installed, its size and license, and asks first.")
        allow(self._ui.installButton, why_not, tip)
        allow(self._ui.folderButton, why_not, _("Installs from a folder of wheels, without a network."))

    def ask(self, folder: str = "") -> None:
        """Show what would be installed, from a folder of wheels or the network (""), and install what is agreed to."""
        self.dialog = InstallDialog(self._lacks, folder, lambda chosen: self._start(chosen, folder), self._widget)
        self.dialog.open()

    def close(self) -> None:
        """Let an installation end without telling anyone: the widgets are gone."""
        self._installer.leave()

    def _why_not(self, state: ReadingState) -> str:
        if self._installer.running:
            return _("An installation is under way.")
        if state.running:
            return busy_words()
        if self._reading.settings.python:
            return _("OsteoJoint installs nothing into another Python than Slicer's.")
        return "" if self._lacks else _("Everything is installed.")

    def _install(self, checked: bool = False) -> None:
        self.ask()

    def _choose_folder(self, checked: bool = False) -> None:
        dialog = self.folder_dialog = qt.QFileDialog(self._widget, _("Folder of wheels"))
        dialog.setFileMode(qt.QFileDialog.Directory)
        dialog.connect("fileSelected(QString)", self._folder_chosen)
        dialog.open()

    def _folder_chosen(self, folder: str = "") -> None:
        self.ask(str(folder))

    def _start(self, chosen: list[Lack], folder: str) -> None:
        self._ui.installProgress.setVisible(True)
        names = ", ".join(lack.package.name for lack in chosen)
        show_text(self._ui.installLabel, _("Installing {packages} …").format(packages=names))
        self._installer.start(chosen, folder, self._show_line, lambda problem: self._ended(chosen, problem))
        self.show(self._reading.state)

    def _ended(self, chosen: list[Lack], problem: str) -> None:
        self._ui.installProgress.setVisible(False)
        words = _linked(problem) or _("Installed.")
        if not problem and any(lack.found for lack in chosen):
            words += " " + _("Restart Slicer: it has older versions loaded.")
        show_text(self._ui.installLabel, words)
        if not self._reading.state.running:
            self._reading.client.kill()  # so that the next run starts one that sees what was installed
        self.look()
        if problem:
            slicer.util.errorDisplay(problem)


def _words(lacks: list[Lack]) -> str:
    if not lacks:
        return _("All packages are installed.")
    names = ", ".join(lack.words for lack in lacks)
    needs = {lack.package.need for lack in lacks}
    if needs == {Need.LOCALIZER}:
        return _(
            "What is needed is installed. Without {packages}, a fixed window around each level takes the place of the "
            "body's box."
        ).format(packages=names)
    if Need.READING not in needs:
        return _("All that is needed is installed; {packages} is missing.").format(packages=names)
    return _("<b>Slicer's Python lacks packages:</b> {packages}.").format(packages=names)


def _other_words(python: str) -> str:
    commands = escape(pip_commands(python, [Lack(package) for package in PACKAGES]))
    words = _("OsteoJoint computes with {python}, and installs nothing into it. In a terminal:")
    agpl = _("The last line is for Ultralytics, which is licensed under AGPL-3.0; you may leave it out.")
    return f"{words.format(python=escape(python))}<br><code>{commands.replace(chr(10), '<br>')}</code><br>{agpl}"


def _linked(problem: str) -> str:
    return escape(problem).replace(MANUAL, f'<a href="{MANUAL}">{MANUAL}</a>')
