"""What a user says of one CT beyond points and masks: which vertebra doesn't count, and how it was scanned.

Its fields are those of :class:`OsteoJointLib.pipeline.settings.ReadOptions` that bear the same names; plain Python,
saved with the scene as JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import ContrastPhase, Kernel, LeftOutReason, Level
from OsteoJointLib.typed_json import WrongField, from_json, to_json


@dataclass(frozen=True)
class Said:
    """What a user says; each default says nothing.

    Args:
        leave_out, leave_out_reason: the level that the class is made without, and why.
        propose: whether OsteoJoint may leave out a level whose HU contradict all else; False where a user lets both
            count.
        kvp, kernel, contrast: how the CT was scanned, where the user knows better than the header.
    """

    leave_out: Level | None = None
    leave_out_reason: LeftOutReason | None = None
    propose: bool = ReadOptions.propose
    kvp: float | None = None
    kernel: Kernel | None = None
    contrast: ContrastPhase | None = None

    @property
    def options(self) -> dict[str, Any]:
        """The options of a reading by their names."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of_options(cls, options: ReadOptions) -> Said:
        """Take what a reading was asked for."""
        return cls(**{field.name: getattr(options, field.name) for field in fields(cls)})

    def having(self, **changes: Any) -> Said:
        """Take more or other things that a user says; None takes one back.

        >>> said = Said(kvp=100.0, kernel=Kernel.SHARP).having(kvp=None, leave_out="L1")
        >>> changes(Said(), said)
        ['L1 was left out', 'the kernel was stated']

        Args:
            changes: fields by their names; enums may be given by their values.

        Raises:
            UsageError: one of them can't be said.
        """
        names = [field.name for field in fields(self)]
        if unknown := changes.keys() - set(names):
            raise UsageError(
                Reason.USAGE, f"Of a CT one can say {', '.join(names)}, but not {', '.join(sorted(unknown))}."
            )
        if "leave_out" in changes and changes["leave_out"] is None:
            changes = {"leave_out_reason": None, **changes}
        try:
            said = from_json(type(self), self.document() | to_json(changes))
        except WrongField as error:
            raise UsageError(Reason.USAGE, str(error)) from error
        ReadOptions(**said.options)  # refuses what no reading could be asked for
        return said

    def document(self) -> dict[str, Any]:
        """Write it as JSON."""
        return to_json(self)

    @classmethod
    def of_document(cls, document: Mapping[str, Any] | None) -> Said:
        """Read it; nothing is said by nothing, nor by what can't be read."""
        try:
            return from_json(cls, document or {})
        except WrongField:  # a user may write into the node that holds it
            return cls()


_FACTS = {"kvp": "tube voltage", "kernel": "kernel", "contrast": "contrast"}


def changes(before: Said, after: Said) -> list[str]:
    """Say what a user says other than before, in the words of the panel.

    >>> changes(Said(), Said(leave_out=Level.L1, kvp=100.0))
    ['L1 was left out', 'the tube voltage was stated']
    >>> changes(Said(leave_out=Level.L1, kvp=100.0), Said())
    ['L1 and L2 count as proposed', 'the tube voltage is the header’s again']
    """
    said: list[str] = []
    if _leaving_out(before) != _leaving_out(after):
        if after.leave_out is not None:
            same = before.leave_out is after.leave_out
            words = "the reason to leave out {level} was changed" if same else "{level} was left out"
            said.append(words.format(level=after.leave_out))
        else:
            said.append("L1 and L2 count as proposed" if after.propose else "L1 and L2 both count")
    for name, words in _FACTS.items():
        if getattr(before, name) != getattr(after, name):
            stated = getattr(after, name) is not None
            said.append(f"the {words} was stated" if stated else f"the {words} is the header’s again")
    return said


def _leaving_out(said: Said) -> tuple[Any, ...]:
    return said.leave_out, said.leave_out_reason, said.propose
