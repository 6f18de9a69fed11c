"""Labeling a folder of CTs: one is fetched and read, a user corrects and saves it, and the next one comes.

What became of each CT is noted in the dataset's folder at once, so that whoever stops goes on there another day. Only
one CT is in the scene at a time: each goes, with all nodes of its reading, before the next one comes, and memory stays
flat. A CT that can't be read is noted with its reason, and the next one is fetched.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from slicer.i18n import tr as _

from OsteoJointLib.batch.inputs import find_cases, own_name
from OsteoJointLib.dataset.manifest import Manifest
from OsteoJointLib.dataset.patient_codes import PatientCodes
from OsteoJointLib.dataset.worklist import Ending, Worked, Worklist
from OsteoJointLib.errors import ExitCode, OsteoJointError, Reason, UsageError
from OsteoJointLib.failures import as_ending
from OsteoJointLib.names import name_key
from OsteoJointLib.records import Level
from OsteoJointLib.slicer_bridge.labels.fetching import Asked, Fetch
from OsteoJointLib.slicer_bridge.reading.state import ReadingState
from OsteoJointLib.slicer_bridge.scene.owned_nodes import OwnedNodes
from OsteoJointLib.slicer_bridge.scene.slice_views import show_volume
from OsteoJointLib.slicer_bridge.signal import Signal

_NO_SAY = (None, Reason.CANCELLED, Reason.FAILED)
"""Endings of a run that say nothing of the CT."""


class Passed(Protocol):
    """The reading that the CTs go through."""

    changed: Signal

    @property
    def client(self) -> Asked: ...
    @property
    def state(self) -> ReadingState: ...
    @property
    def nodes(self) -> OwnedNodes | None: ...
    def select(self, volume_node: Any) -> None: ...
    def update(self) -> None: ...
    def take_mask_file(self, path: Path, centers_lps_mm: Mapping[Level, Sequence[float]] | None = None) -> None: ...
    def discard(self) -> None: ...


class Standing(StrEnum):
    """How a CT of the folder stands."""

    WAITING = "waiting"
    FETCHED = "fetched"
    OPEN = "open"
    LABELED = "labeled"
    SKIPPED = "skipped"
    NOT_READ = "not_read"


@dataclass(frozen=True)
class LabelCase:
    """A CT of the folder.

    Args:
        path: of its file or DICOM folder.
        name: the path from the folder on.
        place: the digest of the path.
        source: what is to be read of it.
        worked: what became of it before; None for nothing yet.
    """

    path: Path
    name: str
    place: str
    source: Path | tuple[Path, ...]
    worked: Worked | None = None

    @property
    def case(self) -> str:
        """Its name in the dataset; empty while it isn't labeled."""
        return (self.worked and self.worked.case) or ""


class LabelFlow:
    """One pass through a folder.

    Args:
        reading: that reads each CT.
        folder: with the CTs, see :func:`OsteoJointLib.batch.inputs.find_cases`.
        dataset: where labels go.

    Raises:
        OsteoJointError: there is no CT, or what was noted before can't be read.
    """

    def __init__(self, reading: Passed, folder: Path, dataset: Path):
        self.changed = Signal()
        """No arguments: look again."""
        self.came = Signal()
        """(:class:`LabelCase`): it is in the scene now, and being read."""
        self.ended = Signal()
        """(words): it is over, and :meth:`stop` was called."""
        self._reading, self._dataset = reading, Path(dataset)
        self._worklist = Worklist(self._dataset)
        self.cases = self._find(Path(folder))
        self._codes = PatientCodes(self._dataset)
        self._index: int | None = None
        self._fetch: Fetch | None = None
        self._volume_id = ""
        self.message = ""
        """The last thing to say: which CT couldn't be read, and why."""

    @property
    def current(self) -> LabelCase | None:
        """The CT that is fetched or open."""
        return None if self._index is None else self.cases[self._index]

    @property
    def is_open(self) -> bool:
        """Whether the current CT is in the scene, and not being fetched."""
        return self._fetch is None and self._holds_ct

    def standing(self, index: int) -> Standing:
        """Say how a CT stands."""
        if index == self._index:
            return Standing.FETCHED if self._fetch is not None else Standing.OPEN
        worked = self.cases[index].worked
        return Standing.WAITING if worked is None else Standing(worked.ending.value)

    def count(self) -> Counter[Standing]:
        """Count the CTs by what became of them; those that are open or fetched as before."""
        return Counter(Standing(case.worked.ending.value if case.worked else Standing.WAITING) for case in self.cases)

    def patient_code(self) -> str:
        """Propose a patient's code for the current CT: that of the same person where it is known, else a new one."""
        case = self.current
        assert case is not None
        return self._codes.propose(case.path, case.case, {one.path: one.case for one in self.cases if one.case})

    def begin(self, first: Path | None = None) -> None:
        """Go on where one stopped: open the first CT that nothing became of yet, or the one at a path."""
        self._reading.changed.connect(self._reading_changed)
        index = next((index for index, case in enumerate(self.cases) if case.path == first), None)
        if index is None:
            self._next(-1)
        else:
            self.open(index)

    def open(self, index: int) -> None:
        """Fetch a CT, whatever became of it before; the one that is open goes."""
        self._call_off()
        self._index, case = index, self.cases[index]
        self._fetch = Fetch(
            self._reading.client, case.source, own_name(case.path), self._let_go, self._fetched, self._not_fetched
        )
        self.changed.emit()

    def saved(self, name: str) -> None:
        """Note that the open CT's label was saved under a name, and open the next."""
        self.message = ""
        self._enter(Worked(self._here.place, Ending.LABELED, name))
        self._next(self._index)

    def skip(self) -> None:
        """Leave the current CT without a label, noting why where it couldn't be read, and open the next."""
        state, here = self._reading.state, self._here
        self.message = ""
        if here.case:  # its label stays
            pass
        elif self.is_open and state.document is None and state.reason not in _NO_SAY:
            self._enter(Worked(here.place, Ending.NOT_READ, reason=state.reason, message=state.message))
        else:
            self._enter(Worked(here.place, Ending.SKIPPED))
        self._next(self._index)

    def stop(self) -> None:
        """End; the CT that is open goes, and nothing more is said."""
        self._reading.changed.disconnect(self._reading_changed)
        self._call_off()
        self._index = None
        self._let_go()

    def words(self) -> str:
        """Say how many CTs are how far."""
        count = self.count()
        parts = [
            (count[Standing.LABELED], _("{count} labeled")),
            (count[Standing.SKIPPED], _("{count} skipped")),
            (count[Standing.NOT_READ], _("{count} not readable")),
            (count[Standing.WAITING], _("{count} to do")),
        ]
        return ", ".join(words.format(count=number) for number, words in parts if number)

    @property
    def _holds_ct(self) -> bool:
        """Whether the CT that came last is the one that is read."""
        nodes = self._reading.nodes
        return bool(self._volume_id) and nodes is not None and nodes.volume_id == self._volume_id

    @property
    def _here(self) -> LabelCase:
        assert self.current is not None
        return self.current

    def _find(self, folder: Path) -> list[LabelCase]:
        if not folder.is_dir():
            raise UsageError(Reason.NOT_FOUND, f"There is no folder {folder}. Choose the folder with the CTs.")
        if folder.resolve() == self._dataset.resolve():
            raise UsageError(Reason.USAGE, "The labels can't go into the folder of the CTs itself. Choose another one.")
        worked = self._worklist.read()
        found = find_cases([folder], self._dataset)
        if [one.path for one in found] == [folder.resolve()] and not any(folder.iterdir()):
            raise UsageError(Reason.NOT_FOUND, f"There is nothing in {folder}. Choose the folder with the CTs.")
        cases = [LabelCase(one.path, _name(one.path, folder.resolve()), one.place, one.source) for one in found]
        return [replace(case, worked=worked.get(case.place)) for case in cases]

    def _next(self, after: int | None) -> None:
        """Open the next CT that nothing became of, from the top again after the last."""
        start = -1 if after is None else after
        order = [*range(start + 1, len(self.cases)), *range(start + 1)]
        index = next((one for one in order if self.cases[one].worked is None), None)
        if index is not None:
            self.open(index)
            return
        self._end(_("Nothing is left to do: {counts}.").format(counts=self.words()))

    def _fetched(self, node: Any) -> None:
        self._fetch, self._volume_id = None, node.GetID()
        self._reading.select(node)
        show_volume(node)
        self.came.emit(self._here)
        self._read(self._here.case)
        self.changed.emit()

    def _read(self, case: str) -> None:
        """Read the CT that came: by the masks of its label where it has one."""
        if case:
            try:
                known = next(one for one in Manifest(self._dataset).read() if name_key(one.id) == name_key(case))
                centers = {level: one.center_lps_mm for level, one in known.levels.items()}
                self._reading.take_mask_file(self._dataset / known.mask.path, centers)
                return
            except OsteoJointError as error:
                self.message = error.message
        self._reading.update()

    def _not_fetched(self, error: OsteoJointError) -> None:
        """Note a CT that is refused and go on; anything else is no fault of the CT, and would befall the next too."""
        self._fetch, name = None, self._here.name
        if error.exit_code == ExitCode.INPUT_REFUSED and not self._here.case:
            self.message = _("{name} can't be read: {why}").format(name=name, why=error.message)
            self._enter(Worked(self._here.place, Ending.NOT_READ, reason=error.reason, message=error.public))
            self._next(self._index)
        else:
            self._end(error.message)

    def _enter(self, worked: Worked) -> None:
        index = next(n for n, case in enumerate(self.cases) if case.place == worked.place)
        self.cases[index] = replace(self.cases[index], worked=worked)
        try:
            self._worklist.enter(worked)
        except Exception as error:  # the label itself is saved
            self.message = as_ending(error).message

    def _reading_changed(self) -> None:
        """End where a user chose another CT, removed this one or closed the scene."""
        if self._volume_id and not self._holds_ct:
            self._volume_id = ""
            self._end(_("The CT that was open was left, so labeling has stopped. Go on when you like."))

    def _let_go(self) -> None:
        """Remove the CT that was open; that it goes is our own doing."""
        holds, self._volume_id = self._holds_ct, ""
        if holds:
            self._reading.discard()

    def _call_off(self) -> None:
        if self._fetch is not None:
            self._fetch.cancel()
            self._fetch = None

    def _end(self, words: str) -> None:
        self.stop()
        self.ended.emit(words)


def _name(path: Path, folder: Path) -> str:
    inside = path.is_relative_to(folder) and path != folder
    return path.relative_to(folder).as_posix() if inside else path.name
