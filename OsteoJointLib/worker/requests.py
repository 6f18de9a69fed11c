"""What a worker is asked: one record an operation, written by who asks and read by the worker.

``docs/reference/worker.md`` says what each does. A field that holds its default is left out of the JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.level_set.parameters import LevelSetParameters
from OsteoJointLib.pipeline.settings import LoadOptions, ReadOptions
from OsteoJointLib.records import Level, Status
from OsteoJointLib.worker.answers import (
    Alive,
    CaseRead,
    Closed,
    Converted,
    Delivered,
    Ended,
    Labeled,
    LevelsTold,
    Loaded,
    Opened,
    PointRas,
)

A = TypeVar("A")
Masks = Path | Mapping[Level, Path]
"""Label maps: one for both levels, or one a level."""


class Request(Generic[A]):
    """One operation, answered by an ``A``."""

    op: ClassVar[str]
    answer: ClassVar[type[Any]]


@dataclass(frozen=True, kw_only=True)
class Ping(Request[Alive]):
    """Say who you are."""

    op, answer = "ping", Alive


@dataclass(frozen=True, kw_only=True)
class Load(LoadOptions, Request[Loaded]):
    """Load weights; a second one replaces them. ``config`` is what a settings file holds."""

    op, answer = "load", Loaded
    config: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Open(Request[Opened]):
    """Read a CT and keep it open."""

    op, answer = "open", Opened
    input: Path


@dataclass(frozen=True, kw_only=True)
class FindLevels(Request[LevelsTold]):
    """Find or place the levels of an open case or of a CT, which stays open."""

    op, answer = "levels", LevelsTold
    case: str | None = None
    input: Path | None = None
    points: Mapping[Level, PointRas] | None = None


@dataclass(frozen=True, kw_only=True)
class ReadRequest(ReadOptions, Request[CaseRead]):
    """What ends with a result: beside what the reading does, a folder for its files and a file for its views."""

    answer = CaseRead
    out: Path | None = None
    views: Path | None = None

    @property
    def options(self) -> ReadOptions:
        """What the reading does."""
        return ReadOptions(**{field.name: getattr(self, field.name) for field in fields(ReadOptions)})


@dataclass(frozen=True, kw_only=True)
class Segment(ReadRequest):
    """Run from the levels on, with points of the levels that moved."""

    op = "segment"
    case: str
    points: Mapping[Level, PointRas] | None = None


@dataclass(frozen=True, kw_only=True)
class Analyze(ReadRequest):
    """Read a CT, or some DICOM files of a folder, and run the whole chain."""

    op = "analyze"
    input: Path | tuple[Path, ...]
    points: Mapping[Level, PointRas] | None = None


@dataclass(frozen=True)
class Making:
    """How a mask came about that was made before: whether a user drew it, and whether the level set moved it."""

    edited: bool
    refined: bool


@dataclass(frozen=True, kw_only=True)
class Edit(ReadRequest):
    """Take edited masks in."""

    op = "edit"
    case: str
    segmentation: Masks
    made: Mapping[Level, Making] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Refine(ReadRequest):
    """Let the level set move masks, after edited ones were taken in.

    On the mid-slices; with ``at``, on the slice through this point, RAS mm; with ``whole``, on all slices of the body.
    """

    op = "refine"
    case: str
    levels: tuple[Level, ...] = tuple(Level)
    parameters: Mapping[str, int | float] = field(default_factory=dict)
    segmentation: Masks = field(default_factory=dict)
    made: Mapping[Level, Making] = field(default_factory=dict)
    whole: bool = False
    at: PointRas | None = None

    def __post_init__(self) -> None:
        if not self.levels:
            raise UsageError(Reason.USAGE, "No level is named to be refined. Name L1, L2 or both.")
        if self.whole and self.at is not None:
            raise UsageError(Reason.USAGE, "Both the whole body and one slice are asked for. Give one of them.")


@dataclass(frozen=True, kw_only=True)
class Classify(ReadRequest):
    """Run classification and measure again."""

    op = "classify"
    case: str


@dataclass(frozen=True)
class PictureFile:
    """A PNG or JPEG for the report."""

    file: Path
    caption: str


@dataclass(frozen=True, kw_only=True)
class Deliver(Request[Delivered]):
    """Write the files of a result as it is; those for a PACS, too, where the CT's DICOM images are named."""

    op, answer = "deliver", Delivered
    case: str
    out: Path
    segmentation: Masks = field(default_factory=dict)
    screenshots: tuple[PictureFile, ...] = ()
    row: str | None = None
    pdf: bool = False
    dicom: tuple[Path, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Label(Request[Labeled]):
    """Write a case into a dataset, with what a user knows of its bone."""

    op, answer = "label", Labeled
    case: str
    folder: Path
    name: str
    patient: str
    segmentation: Masks = field(default_factory=dict)
    points: Mapping[Level, PointRas] | None = None
    status: Status | None = None
    bmd: Mapping[Level, float] = field(default_factory=dict)
    bmd_method: str | None = None
    replace: bool = False


@dataclass(frozen=True, kw_only=True)
class Convert(Request[Converted]):
    """Read a CT, DICOM or file, and write it as NRRD; nothing stays open."""

    op, answer = "convert", Converted
    input: Path | tuple[Path, ...]
    out: Path


@dataclass(frozen=True, kw_only=True)
class Close(Request[Closed]):
    """Let a case go."""

    op, answer = "close", Closed
    case: str


@dataclass(frozen=True, kw_only=True)
class Shutdown(Request[Ended]):
    """End."""

    op, answer = "shutdown", Ended


OPERATIONS: Mapping[str, type[Request[Any]]] = {
    kind.op: kind
    for kind in (
        *(Ping, Load, Open, FindLevels, Segment, Analyze, Edit, Refine, Classify),
        *(Deliver, Label, Convert, Close, Shutdown),
    )
}


def mask_files(masks: Masks) -> Mapping[Level, Path]:
    """Say which label map holds each level."""
    return dict.fromkeys(Level, masks) if isinstance(masks, Path) else masks


def level_set_parameters(changes: Mapping[str, int | float], defaults: LevelSetParameters) -> LevelSetParameters:
    """Put a request's parameters of the level set in place of the defaults.

    Raises:
        UsageError: there is no such parameter, or it isn't of its kind or range.
    """
    known = asdict(defaults)
    for name in changes:
        if name not in known:
            raise UsageError(
                Reason.USAGE, f"The level set has no parameter {name!r}. Its parameters are {', '.join(known)}."
            )
    try:
        return replace(defaults, **changes)
    except ValueError as error:
        raise UsageError(Reason.USAGE, f"The level set can't run with these parameters: {error}.") from error
