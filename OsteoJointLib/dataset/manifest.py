"""A dataset of labeled CTs on disk: a folder a case and one manifest, ``cases.jsonl`` (design §5).

A line of the manifest is one case: ``id``, ``patient``, ``image`` and ``mask`` with relative paths and hashes, centers
of the levels (LPS mm), BMD by level with its method, and class. What is not known is null or left out, never guessed.
``slices`` of the mask says whether bodies are drawn on all their slices or on the mid-slices alone. A CT stands in a
dataset once, known by its voxels: as two cases it could stand in training and test alike.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.atomic import hidden_folder, write_text_whole
from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.io.nrrd import acquisition_keys, image_on_grid, write_image
from OsteoJointLib.names import check_name, name_key
from OsteoJointLib.records import CtVolume, Level, Status

FORMAT = "osteojoint.cases/1"
MANIFEST_FILE = "cases.jsonl"
IMAGE_FILE, MASK_FILE = "ct.nrrd", "labels.nrrd"
BMD_RANGE_MG_CM3 = (0.0, 1000.0)
_LIKE_G_CM2 = (0.0, 5.0)
"""Between these a number can't be told from a BMD by DXA in g/cm²."""

_AREAL = re.compile(r"de?xa|absorptiometry|areal", re.IGNORECASE)
_DATE = re.compile(r"\d+[-_]\d+[-_]\d+")


@dataclass(frozen=True)
class CaseLabel:
    """What is known of a case beside its image.

    Args:
        patient: a code as :func:`check_patient` takes it, the same for all CTs of one person.
        centers_lps_mm: of both levels.
        slices: "all" or "mid", see the module.
        status: its class; None when neither it nor a BMD is known.
        bmd_mg_cm3: by level, volumetric.
        bmd_method: how it was measured.

    Raises:
        UsageError: the patient isn't a code, or a BMD isn't volumetric.
    """

    patient: str
    centers_lps_mm: Mapping[Level, tuple[float, float, float]]
    slices: str
    status: Status | None = None
    bmd_mg_cm3: Mapping[Level, float] = field(default_factory=dict)
    bmd_method: str | None = None

    def __post_init__(self):
        check_patient(self.patient)
        check_bmd(self.bmd_mg_cm3, self.bmd_method)


@dataclass(frozen=True)
class AddedCase:
    """A case that was added: its files with the manifest last, its entry there, and how many entries there are."""

    files: tuple[Path, ...]
    entry: dict[str, Any]
    count: int


class Manifest:
    """The lines of ``cases.jsonl`` by case; those that aren't changed stay as they are, to the letter.

    The file is read again for every change, so that what others entered meanwhile stays.

    Args:
        folder: of the dataset.

    Raises:
        InputRefused: UNREADABLE, when a line is no case or a case stands there twice.
    """

    def __init__(self, folder: Path):
        self.path = Path(folder) / MANIFEST_FILE
        self._read()

    def entry(self, name: str) -> dict[str, Any] | None:
        """The case of a name, upper and lower case being one; None where there is none."""
        line = self._read().get(name_key(name))
        return None if line is None else json.loads(line)

    def entry_of_voxels(self, sha256: str) -> dict[str, Any] | None:
        """The case with these voxels; None where there is none."""
        entries = (json.loads(line) for line in self._read().values())
        return next((entry for entry in entries if _voxels_of(entry) == sha256), None)

    def put(self, entry: Mapping[str, Any], place: Callable[[], None] | None = None) -> int:
        """Enter a case, in the place of the one of that name or at the end.

        Args:
            entry: of :func:`manifest_entry`.
            place: puts the case's files in place; meanwhile the manifest doesn't name the case.

        Returns:
            How many cases the manifest has.
        """
        lines, key = self._read(), name_key(entry["id"])
        if place is not None:
            if key in lines:
                self._write(line for other, line in lines.items() if other != key)
            place()
        lines[key] = json.dumps(entry, ensure_ascii=False, allow_nan=False)
        self._write(lines.values())
        return len(lines)

    def _read(self) -> dict[str, str]:
        lines: dict[str, str] = {}
        for number, line in enumerate(_text(self.path).split("\n"), start=1):
            if line.strip():
                key = _id_of(line, number)
                if key in lines:
                    raise InputRefused(
                        Reason.UNREADABLE,
                        f"Every case of {MANIFEST_FILE} was expected to have an id of its own; line {number} has that "
                        "of another line. Rename or remove one.",
                    )
                lines[key] = line
        return lines

    def _write(self, lines: Iterable[str]) -> None:
        write_text_whole(self.path, "".join(f"{line}\n" for line in lines))


def add_case(
    folder: Path, name: str, volume: CtVolume, labels: np.ndarray, label: CaseLabel, replace: bool = False
) -> AddedCase:
    """Write a CT with its masks into a dataset.

    A case that is replaced keeps its name as it was written, so that no folder is left behind. The files are written
    beside the dataset's others first and then put in place, and the manifest names a case only while all its files are:
    a run killed at any moment leaves the old case, the new one or none of that name.

    Args:
        folder: of the dataset; made when missing.
        name: of the case and its folder.
        volume: the CT.
        labels: (z, y, x) uint8, VerSe's numbers.
        label: what is known.
        replace: whether a case of that name may be replaced.

    Raises:
        UsageError: the name is unsafe; OUTPUT_EXISTS when it is taken, or the CT is there under another name.
        InputRefused: the manifest can't be read.
    """
    folder, name = Path(folder), check_name(name)
    manifest, known = Manifest(folder), existing_case(folder, name)
    if known is not None and not replace:
        raise UsageError(
            Reason.OUTPUT_EXISTS,
            f"A new name was expected; the dataset has {case_words(known)} already. Choose another name, or replace "
            "it.",
        )
    name = known["id"] if known is not None else name
    voxels = hashlib.sha256(np.ascontiguousarray(volume.hu).data).hexdigest()
    same = manifest.entry_of_voxels(voxels)
    if same is not None and name_key(same["id"]) != name_key(name):
        raise UsageError(
            Reason.OUTPUT_EXISTS,
            f"A CT that is new to the dataset was expected; this one is there already as {case_words(same)}. To "
            f"replace that, save it under the name {same['id']}.",
        )
    case = folder / name
    with hidden_folder(case) as staging:
        image, mask = staging / IMAGE_FILE, staging / MASK_FILE
        write_image(image_on_grid(volume.hu, volume.grid), image, acquisition_keys(volume.source))
        write_image(image_on_grid(labels, volume.grid), mask)
        entry = manifest_entry(name, image, mask, label)
        entry["image"]["voxels_sha256"] = voxels

        def place() -> None:
            case.mkdir(exist_ok=True)
            for file in (image, mask):
                os.replace(file, case / file.name)

        count = manifest.put(entry, place)
    return AddedCase((case / IMAGE_FILE, case / MASK_FILE, manifest.path), entry, count)


def manifest_entry(name: str, image: Path, mask: Path, label: CaseLabel) -> dict[str, Any]:
    """Describe one case by its files, which are or will be in the folder of its name."""
    bmd = {
        level.value: {"mg_cm3": label.bmd_mg_cm3[level], "method": label.bmd_method}
        for level in Level
        if level in label.bmd_mg_cm3
    }
    return {
        "format": FORMAT,
        "id": name,
        "patient": label.patient,
        "image": _file(image, name),
        "mask": {**_file(mask, name), "kind": "body", "slices": label.slices},
        "levels": {level.value: {"center_lps_mm": list(label.centers_lps_mm[level])} for level in Level},
        "bmd": bmd or None,
        "status": None if label.status is None else label.status.value,
    }


def existing_case(folder: Path, name: str) -> dict[str, Any] | None:
    """The case of a name that a dataset has: its entry, or the ``id`` alone of a folder that the manifest doesn't know.

    Raises:
        InputRefused: the manifest can't be read.
    """
    entry = Manifest(folder).entry(name)
    children = [child.name for child in folder.iterdir()] if folder.is_dir() else []
    folders = [child for child in children if name_key(child) == name_key(name)]
    return entry or ({"id": folders[0]} if folders else None)


def case_words(entry: Mapping[str, Any]) -> str:
    """A case of a dataset in words.

    >>> case_words({"id": "case-0001", "patient": "P017"})
    'case-0001 (patient P017)'
    """
    return f"{entry['id']} (patient {entry.get('patient') or 'not known'})"


def check_patient(code: str) -> str:
    """Check that a patient is named by a code that says nothing of the person.

    Raises:
        UsageError: it may be a name or a date.

    >>> check_patient("P017")
    'P017'
    """
    if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", code) or _DATE.search(code):
        raise UsageError(
            Reason.USAGE,
            "A code such as P017 was expected, no name or date of birth; use letters, digits, dashes and underscores "
            f"only, at most 32. Came {code!r}.",
        )
    return code


def check_bmd(bmd_mg_cm3: Mapping[Level, float], method: str | None) -> None:
    """Check that a BMD by level can be a volumetric one in mg/cm³.

    Raises:
        UsageError: it can't.
    """
    if bmd_mg_cm3 and method is not None and _AREAL.search(method):
        raise UsageError(
            Reason.USAGE,
            f"A volumetric BMD in mg/cm³ was expected; {method} gives an areal one in g/cm². Leave BMD empty and state "
            "the class.",
        )
    for level, value in bmd_mg_cm3.items():
        if _LIKE_G_CM2[0] < value < _LIKE_G_CM2[1]:
            raise UsageError(
                Reason.USAGE,
                f"The BMD of {level} was expected in mg/cm³; {value:g} looks like g/cm² from DXA. Leave BMD empty and "
                "state the class.",
            )
        if not BMD_RANGE_MG_CM3[0] <= value <= BMD_RANGE_MG_CM3[1]:
            raise UsageError(
                Reason.USAGE,
                f"The BMD of {level} must lie between {BMD_RANGE_MG_CM3[0]:g} and {BMD_RANGE_MG_CM3[1]:g} mg/cm³, and "
                f"is {value:g}. Correct it, or leave it empty.",
            )


def _file(path: Path, case: str) -> dict[str, str]:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"path": f"{case}/{path.name}", "sha256": digest}


def _voxels_of(entry: Mapping[str, Any]) -> str | None:
    image = entry.get("image")
    return image.get("voxels_sha256") if isinstance(image, dict) else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig") if path.is_file() else ""
    except UnicodeDecodeError as error:
        raise InputRefused(
            Reason.UNREADABLE, f"{MANIFEST_FILE} was expected to be UTF-8 text; it isn't. Save it again as UTF-8."
        ) from error


def _id_of(line: str, number: int) -> str:
    try:
        return name_key(json.loads(line)["id"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputRefused(
            Reason.UNREADABLE,
            f"Every line of {MANIFEST_FILE} was expected to be a case; line {number} isn't one. Mend or remove it.",
        ) from error
