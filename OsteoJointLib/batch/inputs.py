"""Which cases a batch has: found in files and folders, named, and known again by their content."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from OsteoJointLib.io.dicom_headers import looks_like_dicom
from OsteoJointLib.io.volume_files import volume_kind

_LOOKED_AT = 20


@dataclass(frozen=True)
class BatchCase:
    """One case of a batch: its name in the table and its folder's name, and what is read."""

    name: str
    path: Path


def find_cases(inputs: Sequence[Path], leave_out: Path) -> tuple[BatchCase, ...]:
    """Find the cases in files and folders.

    A file is a case. A folder with DICOM files in it is one. In any other folder each volume file is a case, and each
    subfolder with DICOM anywhere below is one (its best series is chosen when it is read), unless there are volume
    files below it, which are then looked for. An input without any case counts as one, to be refused with its reason.

    Args:
        inputs: files and folders, as the user gave them.
        leave_out: a folder that is never looked into: the batch's own output.

    Returns:
        The cases in the order of the inputs, each path once, with names that differ.
    """
    hidden = leave_out.resolve()
    paths: dict[Path, None] = {}
    for path in inputs:
        for found in list(_cases_in(path, hidden)) or [path]:
            paths.setdefault(found.resolve(), None)
    names: dict[str, int] = {}
    return tuple(BatchCase(_unique(case_name(path), names), path) for path in paths)


def case_name(path: Path) -> str:
    """A folder's name for a case: the file's name without its ending, letters that are safe on every system.

    >>> case_name(Path("a/ct scan.nii.gz")), case_name(Path("b/ct.nii.gz"))
    ('ct_scan', 'b_ct')
    """
    ending = next((e for e in (".nii.gz", ".seg.nrrd") if path.name.lower().endswith(e)), path.suffix)
    stem = path.name.removesuffix(ending) if volume_kind(path) else path.name
    if stem.lower() in ("ct", "image", "imaging", "volume", "dicom"):  # says nothing by itself
        stem = f"{path.parent.name}_{stem}"
    return re.sub(r"[^\w.-]+", "_", stem).strip("._") or "case"


def fingerprint(path: Path) -> str:
    """SHA-256 over a case's content: a file's bytes, or those of every file below a folder, whatever their names.

    Raises:
        OSError: it can't be read.
    """
    if path.is_file():
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    digests = sorted(fingerprint(file) for file in path.rglob("*") if file.is_file())
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def _cases_in(path: Path, hidden: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    children = _children(path, hidden)
    files = [child for child in children if child.is_file()]
    if any(looks_like_dicom(file) for file in [f for f in files if volume_kind(f) is None][:_LOOKED_AT]):
        yield path
        return
    for child in children:
        if child.is_file():
            if volume_kind(child) is not None:
                yield child
        elif any(volume_kind(file) is not None for file in _below(child, hidden)):
            yield from _cases_in(child, hidden)
        elif any(looks_like_dicom(file) for file in _below(child, hidden)):
            yield child


def _children(folder: Path, hidden: Path) -> list[Path]:
    return sorted(child for child in folder.iterdir() if not child.name.startswith(".") and child.resolve() != hidden)


def _below(folder: Path, hidden: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(f for f in folders if not f.startswith(".") and (Path(parent) / f).resolve() != hidden)
        yield from (Path(parent) / file for file in sorted(files) if not file.startswith("."))


def _unique(name: str, taken: dict[str, int]) -> str:
    key = name.lower()  # names differ on file systems that don't tell case apart, too
    taken[key] = taken.get(key, 0) + 1
    if taken[key] == 1:
        return name
    return _unique(f"{name}-{taken[key]}", taken)
