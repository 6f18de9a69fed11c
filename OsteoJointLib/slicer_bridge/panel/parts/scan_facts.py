"""How a CT was scanned: what is known of it and from where, and what the user knows better."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

from slicer.i18n import tr as _

from OsteoJointLib.records import ContrastPhase, Kernel, Origin
from OsteoJointLib.slicer_bridge.panel.parts.needs import Edited
from OsteoJointLib.slicer_bridge.panel.parts.widgets import set_row
from OsteoJointLib.slicer_bridge.reading.state import ReadingState

KVPS = (40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 110.0, 120.0, 130.0, 135.0, 140.0, 150.0)
"""Tube voltages that are offered, kV: those of today's scanners, and energies of monoenergetic images."""
CHOICES: dict[str, Sequence[Any]] = {"kvp": KVPS, "kernel": tuple(Kernel), "contrast": tuple(ContrastPhase)}
"""What a user may say, by the fact's name; the first row of each selector says nothing."""


class ScanFacts:
    """Three selectors, and below each what the last reading was made with.

    Args:
        ui: the card's children.
        reading: whose CT it is.
    """

    def __init__(self, ui: SimpleNamespace, reading: Edited):
        self._ui, self._reading = ui, reading
        self._choices = {name: list(values) for name, values in CHOICES.items()}
        for name, values in self._choices.items():
            combo = self._combo(name)
            combo.addItem(_("as found"))
            for value in values:
                combo.addItem(value_words(value))
            combo.connect("currentIndexChanged(int)", lambda index=0, name=name: self._chosen(name, index))

    def show(self, state: ReadingState) -> None:
        """Show what is known, and what the user said."""
        self._ui.factsButton.setVisible(state.volume_name is not None)
        for name, values in self._choices.items():
            said = getattr(state.said, name)
            if said is not None and said not in values:  # said by a script
                values.append(said)
                self._combo(name).addItem(value_words(said))
            set_row(self._combo(name), 0 if said is None else 1 + values.index(said))
            getattr(self._ui, f"{name}Label").setText(f"<small>{known_words(state.document, name)}</small>")

    def _combo(self, name: str) -> Any:
        return getattr(self._ui, f"{name}Combo")

    def _chosen(self, name: str, index: int) -> None:
        self._reading.edits.say(**{name: self._choices[name][index - 1] if index else None})


def value_words(value: Any) -> str:
    """Say what a fact may be."""
    if isinstance(value, Kernel | ContrastPhase):
        words = {
            Kernel.SOFT: _("soft"),
            Kernel.STANDARD: _("standard"),
            Kernel.SHARP: _("sharp"),
            Kernel.LUNG: _("lung"),
            ContrastPhase.NONE: _("none given"),
            ContrastPhase.GIVEN: _("given"),
            ContrastPhase.ARTERIAL: _("arterial"),
            ContrastPhase.PORTAL: _("portal"),
            ContrastPhase.EXCRETORY: _("excretory"),
        }
        return words[value]
    return f"{value:g} kV"


def known_words(document: dict[str, Any] | None, name: str) -> str:
    """Say what the last reading took for a fact, and from where.

    Args:
        document: the result; None before the first.
        name: kvp, kernel or contrast.
    """
    image = (document or {}).get("input", {})
    if not image:
        return _("Not known before the first reading.")
    origin = Origin(image.get(f"{name}_origin") or Origin.UNKNOWN)
    value = _found_words(image, name)
    if origin is Origin.UNKNOWN or not value:
        return _("Read as unknown: the header doesn't say, and the image doesn't show it.")
    sure = image.get(f"{name}_confidence")
    words = {
        Origin.HEADER: _("Read as {value}: so says the header."),
        Origin.USER: _("Read as {value}: so said you."),
        Origin.ESTIMATED: _("Read as {value}: estimated from the image, {sure:.0f} % sure."),
    }
    return words[origin].format(value=value, sure=100 * (sure or 0))


def _found_words(image: dict[str, Any], name: str) -> str:
    """Say a fact's value; empty where it isn't known."""
    if name == "kvp":
        return "" if image["kvp"] is None else value_words(image["kvp"])
    if name == "contrast":
        phase = image.get("contrast_phase")
        given = {True: ContrastPhase.GIVEN, False: ContrastPhase.NONE}.get(image["contrast"])
        phase = ContrastPhase(phase) if phase else given
        return "" if phase is None else value_words(phase)
    kernel = image["kernel"]
    return value_words(Kernel(kernel)) if kernel in set(Kernel) else str(kernel or "")
