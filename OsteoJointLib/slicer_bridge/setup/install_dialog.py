"""The one dialog that asks before anything is downloaded: what, how much, under which license."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import qt
import slicer
from slicer.i18n import tr as _

from OsteoJointLib.errors import RunFailed
from OsteoJointLib.packages import Lack, Need
from OsteoJointLib.slicer_bridge.setup.install import get_extension, has_extension
from OsteoJointLib.slicer_bridge.setup.pip_calls import AGPL, PYTORCH, stays


class InstallDialog:
    """Lists what is missing; not modal in code: :meth:`open` returns at once.

    Args:
        lacks: what is missing.
        folder: of wheels to install from; "" for the network.
        on_accepted: called with what the user agreed to, which is never empty.
        parent: the widget it belongs to.
    """

    def __init__(self, lacks: list[Lack], folder: str, on_accepted: Callable[[list[Lack]], None], parent: Any = None):
        self._kept = [lack for lack in lacks if stays(lack)]
        self._lacks, self._folder, self._on_accepted = [one for one in lacks if not stays(one)], folder, on_accepted
        names = {lack.package.name for lack in lacks}
        self.needs_extension = bool(names & set(PYTORCH)) and not folder and not has_extension()
        self.dialog = qt.QDialog(parent)
        self.dialog.setWindowTitle(_("Install what OsteoJoint needs"))
        self.dialog.setMinimumWidth(560)
        layout = qt.QVBoxLayout(self.dialog)
        for text in self._introduction():
            layout.addWidget(_label(text))
        self.table = qt.QTextBrowser()
        self.table.setHtml(self._rows())
        self.table.setMinimumHeight(220)
        self.table.setVisible(bool(self._lacks))
        layout.addWidget(self.table)
        self.agpl_box = qt.QCheckBox(_("Install Ultralytics too. Its license is AGPL-3.0."))
        layout.addWidget(self.agpl_box)
        self.agpl_note = _label(
            _(
                "Ultralytics (YOLOv3) boxes the vertebral bodies. It is not part of OsteoJoint. Without it, a fixed "
                "window around each level takes the box's place; everything else works."
            )
        )
        layout.addWidget(self.agpl_note)
        self.agpl_box.setVisible(AGPL in names)
        self.agpl_note.setVisible(AGPL in names)
        self.agpl_box.connect("toggled(bool)", self._chosen_changed)
        self.total = _label("")
        layout.addWidget(self.total)
        self._add_buttons(layout)
        self._chosen_changed()

    def open(self) -> None:
        """Show it, high enough for its wrapped texts."""
        self.dialog.adjustSize()
        self.dialog.open()

    def chosen(self) -> list[Lack]:
        """List what would be installed as the box is ticked now."""
        return [lack for lack in self._lacks if self.agpl_box.checked or lack.package.need is not Need.LOCALIZER]

    def _add_buttons(self, layout: qt.QLayout) -> None:
        row = qt.QHBoxLayout()
        layout.addLayout(row)
        row.addStretch(1)
        self.cancel_button = qt.QPushButton(_("Cancel"))
        self.cancel_button.connect("clicked(bool)", self._cancel)
        row.addWidget(self.cancel_button)
        self.extension_button = qt.QPushButton(_("Get the PyTorch extension…"))
        self.extension_button.connect("clicked(bool)", self._get_extension)
        self.extension_button.setVisible(self.needs_extension)
        row.addWidget(self.extension_button)
        self.install_button = qt.QPushButton(_("Install"))
        self.install_button.connect("clicked(bool)", self._install)
        row.addWidget(self.install_button)

    def _introduction(self) -> list[str]:
        return [*self._about_installing(), *([_kept_words(self._kept)] if self._kept else [])]

    def _about_installing(self) -> list[str]:
        if not self._lacks:
            return []
        if self._folder:
            return [_("These packages are installed into Slicer's Python from {folder}.").format(folder=self._folder)]
        texts = [_("These packages are downloaded (from pypi.org and pytorch.org) and installed into Slicer's Python.")]
        if self.needs_extension:
            texts.append(
                _(
                    "<b>First get Slicer's PyTorch extension.</b> It installs the build of PyTorch that fits your "
                    "graphics card. Slicer restarts for it; then press Install… again."
                )
            )
        elif any(lack.package.name in PYTORCH for lack in self._lacks):
            texts.append(
                _(
                    "Slicer's PyTorch extension picks the build of PyTorch that fits your graphics card: about "
                    "200 MB without one, up to 3 GB with one. Slicer is slow for some minutes meanwhile."
                )
            )
        return texts

    def _rows(self) -> str:
        head = (f"<b>{title}</b>" for title in (_("Package"), _("License"), _("Download, up to")))
        rows = [(_package(lack), lack.package.license, _size(lack.package.megabytes)) for lack in self._lacks]
        lines = ("".join(f"<td>{cell}</td>" for cell in row) for row in (head, *rows))
        return f'<table cellpadding="3" width="100%">{"".join(f"<tr>{line}</tr>" for line in lines)}</table>'

    def _chosen_changed(self, checked: bool = False) -> None:
        chosen = self.chosen()
        megabytes = sum(lack.package.megabytes for lack in chosen)
        self.total.setText(_("Up to {size} in all, and about twice that on the disk.").format(size=_size(megabytes)))
        self.total.setVisible(bool(chosen) and not self._folder)
        self.install_button.setEnabled(bool(chosen) and not self.needs_extension)
        why_not = _("Tick the box: nothing else is missing.") if self._lacks else _("There is nothing to install.")
        self.install_button.setToolTip("" if chosen else why_not)

    def _install(self, checked: bool = False) -> None:
        chosen = self.chosen()
        self.dialog.accept()
        self._on_accepted(chosen)

    def _cancel(self, checked: bool = False) -> None:
        self.dialog.reject()

    def _get_extension(self, checked: bool = False) -> None:
        self.dialog.reject()
        try:
            get_extension()
        except RunFailed as error:
            slicer.util.errorDisplay(error.message)


def _kept_words(kept: list[Lack]) -> str:
    """Say what stays though it is too old, and what to do about it."""
    return _(
        "<b>What Slicer has loaded stays: {packages}.</b> Another version beside it would break Slicer. Install "
        "Slicer 5.10 or newer, or choose another Python under Setup → Advanced."
    ).format(packages=", ".join(lack.words for lack in kept))


def _label(text: str) -> qt.QLabel:
    label = qt.QLabel(text)
    label.setWordWrap(True)
    return label


def _package(lack: Lack) -> str:
    only_with_it = lack.package.need is Need.LOCALIZER and lack.package.name != AGPL
    return lack.words + (_(" (with Ultralytics)") if only_with_it else "")


def _size(megabytes: float) -> str:
    if megabytes >= 1000:
        return _("{size} GB").format(size=f"{megabytes / 1000:.1f}")
    return _("{size} MB").format(size=f"{megabytes:.0f}" if megabytes >= 1 else f"{megabytes:.1f}")
