"""A dataset of labeled CTs on disk: a folder a case and one manifest, ``cases.jsonl`` (design §5).

A line of the manifest is one case: ``id``, ``patient``, ``image`` and ``mask`` with relative paths and hashes, centers
of the levels (LPS mm), BMD by level with its method, and class. What is not known is null or left out, never guessed.
``slices`` of the mask says whether bodies are drawn on all their slices or on the mid-slices alone.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.io.atomic import write_text_whole
from OsteoJointLib.io.nrrd import acquisition_keys, image_on_grid, write_image
from OsteoJointLib.records import CtVolume, Level, Status

FORMAT = "osteojoint.cases/1"
MANIFEST_FILE = "cases.jsonl"
IMAGE_FILE, MASK_FILE = "ct.nrrd", "labels.nrrd"
BMD_RANGE_MG_CM3 = (0.0, 1000.0)

_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True)
class CaseLabel:
    """What is known of a case beside its image.

    Args:
        patient: a code, the same for all CTs of one person.
        centers_lps_mm: of both levels.
        slices: "all" or "mid", see the module.
        status: its class; None when neither it nor a BMD is known.
        bmd_mg_cm3: by level.
        bmd_method: how it was measured.
    """

    patient: str
    centers_lps_mm: Mapping[Level, tuple[float, float, float]]
    slices: str
    status: Status | None = None
    bmd_mg_cm3: Mapping[Level, float] = field(default_factory=dict)
    bmd_method: str | None = None


@dataclass(frozen=True)
class AddedCase:
    """A case that was added: its files with the manifest last, its entry there, and how many entries there are."""

    files: tuple[Path, ...]
    entry: dict[str, Any]
    count: int


class Manifest:
    """The lines of ``cases.jsonl`` by case; those that aren't changed stay as they are, to the letter.

    Args:
        folder: of the dataset.

    Raises:
        InputRefused: UNREADABLE, when a line is no case.
    """

    def __init__(self, folder: Path):
        self.path = Path(folder) / MANIFEST_FILE
        self._lines: dict[str, str] = {}
        lines = self.path.read_text(encoding="utf-8").split("\n") if self.path.is_file() else []
        for number, line in enumerate(lines, start=1):
            if line.strip():
                self._lines[_id_of(line, number)] = line

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, name: str) -> bool:
        return _key(name) in self._lines

    def put(self, entry: Mapping[str, Any]) -> None:
        """Write the manifest with an entry in the place of the one of that case, or at the end."""
        self._lines[_key(entry["id"])] = json.dumps(entry, ensure_ascii=False, allow_nan=False)
        self._write()

    def take_out(self, name: str) -> None:
        """Write the manifest without a case; a later :meth:`put` restores it to its place."""
        kept = self._lines.get(_key(name))
        if kept is not None:
            self._lines[_key(name)] = ""
            self._write()

    def _write(self) -> None:
        write_text_whole(self.path, "".join(f"{line}\n" for line in self._lines.values() if line))


def add_case(
    folder: Path, name: str, volume: CtVolume, labels: np.ndarray, label: CaseLabel, replace: bool = False
) -> AddedCase:
    """Write a CT with its masks into a dataset.

    The manifest names a case only while all its files are in place: it is left out of it while they are replaced.

    Args:
        folder: of the dataset; made when missing.
        name: of the case and its folder.
        volume: the CT.
        labels: (z, y, x) uint8, VerSe's numbers.
        label: what is known.
        replace: whether a case of that name may be replaced.

    Raises:
        UsageError: the name is unsafe, or taken.
        InputRefused: the manifest can't be read.
    """
    folder, name = Path(folder), check_name(name)
    manifest = Manifest(folder)
    if not replace and (name in manifest or _key(name) in _children(folder)):
        raise UsageError(
            Reason.OUTPUT_EXISTS,
            f"A new name was expected; the dataset has a case {name} already. Choose another name, or replace it.",
        )
    manifest.take_out(name)
    image, mask = folder / name / IMAGE_FILE, folder / name / MASK_FILE
    write_image(image_on_grid(volume.hu, volume.grid), image, acquisition_keys(volume.source))
    write_image(image_on_grid(labels, volume.grid), mask)
    entry = manifest_entry(folder, name, image, mask, label)
    manifest.put(entry)
    return AddedCase((image, mask, manifest.path), entry, len(manifest))


def manifest_entry(folder: Path, name: str, image: Path, mask: Path, label: CaseLabel) -> dict[str, Any]:
    """Describe one case whose files are in place."""
    bmd = {
        level.value: {"mg_cm3": label.bmd_mg_cm3[level], "method": label.bmd_method}
        for level in Level
        if level in label.bmd_mg_cm3
    }
    return {
        "format": FORMAT,
        "id": name,
        "patient": label.patient,
        "image": _file(image, folder),
        "mask": {**_file(mask, folder), "kind": "body", "slices": label.slices},
        "levels": {level.value: {"center_lps_mm": list(label.centers_lps_mm[level])} for level in Level},
        "bmd": bmd or None,
        "status": None if label.status is None else label.status.value,
    }


def check_name(name: str) -> str:
    """Check that a name will do as a file's name on every system.

    Raises:
        UsageError: it will not.

    >>> check_name("case-0001")
    'case-0001'
    """
    safe = re.fullmatch(r"\w[\w.-]{0,99}", name) and not name.endswith(".") and not _RESERVED.fullmatch(name)
    if not safe:
        raise UsageError(
            Reason.USAGE, f"A name of letters, digits, dots, dashes and underscores was expected; came {name!r}."
        )
    return name


def _file(path: Path, folder: Path) -> dict[str, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": path.relative_to(folder).as_posix(), "sha256": digest}


def _key(name: str) -> str:
    """Names that differ in upper and lower case alone are one folder on many systems."""
    return name.casefold()


def _children(folder: Path) -> set[str]:
    return {_key(child.name) for child in folder.iterdir()} if folder.is_dir() else set()


def _id_of(line: str, number: int) -> str:
    try:
        return _key(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputRefused(
            Reason.UNREADABLE,
            f"Every line of {MANIFEST_FILE} was expected to be a case; line {number} isn't one. Mend or remove it.",
        ) from error
