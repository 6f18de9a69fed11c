"""One labeled CT: a line of ``cases.jsonl``, written and read here alone.

The records' fields are the line's (:mod:`OsteoJointLib.typed_json`); paths are relative to the dataset's folder. What
is not known is null, never guessed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from OsteoJointLib.dataset.label_checks import check_bmd, check_patient
from OsteoJointLib.errors import UsageError
from OsteoJointLib.records import Level, Status
from OsteoJointLib.typed_json import from_json, to_json

FORMAT = "osteojoint.cases/1"


class MaskKind(StrEnum):
    """What is drawn: the vertebral bodies alone, or whole vertebrae with arch and processes."""

    BODY = "body"
    WHOLE = "whole"


class MaskSlices(StrEnum):
    """On which slices the bodies are drawn: on all of theirs, or on the mid-slices alone."""

    ALL = "all"
    MID = "mid"


@dataclass(frozen=True)
class Origin:
    """Where a public case is from.

    Args:
        dataset: its name.
        licence: under which its files may be used.
        part: of the dataset's own split, or None.
    """

    dataset: str
    licence: str
    part: str | None = None


@dataclass(frozen=True)
class MeanBmd:
    """A volumetric BMD that is known as the mean of some levels, and of none of them alone."""

    mg_cm3: float
    levels: tuple[str, ...]
    method: str | None = None


@dataclass(frozen=True)
class CaseLabel:
    """What is known of a case beside its image.

    Args:
        patient: a code as :func:`check_patient` takes it, the same for all CTs of one person.
        centers_lps_mm: of both levels' bodies.
        slices: where masks are drawn.
        status: its class; None when neither it nor a BMD is known.
        bmd_mg_cm3: by level, volumetric.
        bmd_method: how it was measured.
        kind: what the masks show.
        mask_method: how bodies were made of whole vertebrae; None where they were drawn.
        origin: of a public case.

    Raises:
        UsageError: the patient isn't a code, or a BMD isn't volumetric.
    """

    patient: str
    centers_lps_mm: Mapping[Level, tuple[float, float, float]]
    slices: MaskSlices
    status: Status | None = None
    bmd_mg_cm3: Mapping[Level, float] = field(default_factory=dict)
    bmd_method: str | None = None
    kind: MaskKind = MaskKind.BODY
    mask_method: str | None = None
    origin: Origin | None = None

    def __post_init__(self) -> None:
        check_patient(self.patient)
        check_bmd(self.bmd_mg_cm3, self.bmd_method)


@dataclass(frozen=True)
class ImageFile:
    """A CT; the hashes are of the file and of its voxels as int16 (z, y, x), which no other format changes."""

    path: str
    sha256: str
    voxels_sha256: str | None = None


@dataclass(frozen=True)
class MaskFile:
    """A label map in VerSe's numbers; ``method`` says how bodies were made of whole vertebrae, null where drawn."""

    path: str
    sha256: str
    slices: MaskSlices
    kind: MaskKind = MaskKind.BODY
    method: str | None = None


@dataclass(frozen=True)
class LevelCenter:
    """Where a level's body is."""

    center_lps_mm: tuple[float, float, float]


@dataclass(frozen=True)
class MeasuredBmd:
    """A volumetric BMD and how it was measured."""

    mg_cm3: float
    method: str | None = None


@dataclass(frozen=True)
class LabeledCase:
    """A case of a dataset."""

    format: str = field(default=FORMAT, kw_only=True)
    id: str
    patient: str
    image: ImageFile
    mask: MaskFile
    levels: Mapping[Level, LevelCenter]
    bmd: Mapping[Level, MeasuredBmd] | None = None
    status: Status | None = None
    mean_bmd: MeanBmd | None = None
    origin: Origin | None = None

    @property
    def bmd_mg_cm3(self) -> float | None:
        """The mean BMD of L1 and L2, None where it isn't known of both."""
        if self.bmd is not None and all(level in self.bmd for level in Level):
            return sum(self.bmd[level].mg_cm3 for level in Level) / len(Level)
        mean = self.mean_bmd
        return mean.mg_cm3 if mean is not None and set(mean.levels) == set(Level) else None

    def line(self) -> str:
        """Write the case as a line of JSON."""
        return json.dumps(to_json(self), ensure_ascii=False, allow_nan=False)

    @classmethod
    def from_line(cls, line: str) -> LabeledCase:
        """Read a line.

        Raises:
            ValueError: it isn't a case of this format.
        """
        case = from_json(cls, json.loads(line))
        if case.format != FORMAT:
            raise ValueError(f"Its format is {case.format}, not {FORMAT}.")
        if missing := [level for level in Level if level not in case.levels]:
            raise ValueError(f"The center of {missing[0]} is missing.")
        try:
            check_patient(case.patient)
            for level, bmd in (case.bmd or {}).items():
                check_bmd({level: bmd.mg_cm3}, bmd.method)
            if case.mean_bmd is not None:
                check_bmd(dict.fromkeys(case.mean_bmd.levels, case.mean_bmd.mg_cm3), case.mean_bmd.method)
        except UsageError as error:
            raise ValueError(error.message) from error
        return case


def labeled_case(name: str, image: Path, mask: Path, label: CaseLabel, voxels_sha256: str | None = None) -> LabeledCase:
    """Describe a case by its files, which are or will be in the folder of its name."""
    bmd = {level: MeasuredBmd(value, label.bmd_method) for level, value in label.bmd_mg_cm3.items()}
    return LabeledCase(
        id=name,
        patient=label.patient,
        image=ImageFile(f"{name}/{image.name}", file_sha256(image), voxels_sha256),
        mask=MaskFile(f"{name}/{mask.name}", file_sha256(mask), label.slices, label.kind, label.mask_method),
        levels={level: LevelCenter(label.centers_lps_mm[level]) for level in Level},
        bmd=bmd or None,
        status=label.status,
        origin=label.origin,
    )


def file_sha256(path: Path) -> str:
    """Hash a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
