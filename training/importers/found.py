"""What an importer finds of one case, before anything is read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from OsteoJointLib.dataset.labeled_case import MaskKind, MeanBmd, Origin
from OsteoJointLib.records import ContrastPhase, Level, Status

NIFTI = ".nii.gz"
NON_COMMERCIAL = re.compile(r"\bNC\b")
"""In a licence: it forbids commercial use."""


@dataclass(frozen=True)
class MaskPart:
    """A mask in a file: the voxels of one number."""

    path: Path
    value: int


@dataclass(frozen=True)
class Centroids:
    """A file of centroids as VerSe writes them.

    Args:
        path: JSON.
        in_mm: whether they count millimeters from a corner of the image, and not its voxels.
    """

    path: Path
    in_mm: bool


@dataclass(frozen=True)
class Facts:
    """What a table says of a case; None for what it doesn't."""

    kvp: float | None = None
    contrast: ContrastPhase | None = None
    mean_bmd: MeanBmd | None = None
    status: Status | None = None


@dataclass(frozen=True)
class FoundCase:
    """A case of a public dataset.

    Args:
        name: of the case.
        patient: the same for all CTs of one person, as far as the dataset tells.
        image: the CT's file.
        masks: of L1 and L2.
        kind: what they show.
        origin: dataset, licence, part.
        centroids: where the bodies are, where the dataset says it.
        facts: what else is known.
    """

    name: str
    patient: str
    image: Path
    masks: Mapping[Level, MaskPart]
    kind: MaskKind
    origin: Origin
    centroids: Centroids | None = None
    facts: Facts = Facts()


@dataclass(frozen=True)
class LeftOut:
    """A case that isn't brought in, and why, in a sentence."""

    name: str
    why: str

    def __str__(self) -> str:
        return f"{self.name} is left out: {self.why}"


def stem_of(path: Path) -> str:
    """Return a file's name without .nii.gz."""
    return path.name.removesuffix(NIFTI)


def one_file(path: Path, numbers: Mapping[Level, int]) -> dict[Level, MaskPart]:
    """Say that all masks are in one file."""
    return {level: MaskPart(path, number) for level, number in numbers.items()}


def part_among(path: Path, parts: Mapping[str, str]) -> str | None:
    """Tell the part of a dataset by a folder's name.

    >>> part_among(Path("dataset-02validation/rawdata/x"), {"training": "train", "validation": "validation"})
    'validation'
    """
    folders = "/".join(path.parts[:-1])
    return next((part for word, part in parts.items() if word in folders), None)
