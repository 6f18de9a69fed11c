"""Which cases a batch has: found in files and folders, and known again by their place and content."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from OsteoJointLib.io.dicom_headers import looks_like_dicom
from OsteoJointLib.io.files.opening import volume_kind
from OsteoJointLib.names import portable_name

_LOOKED_AT = 20
"""Files of a folder that are looked at for DICOM; chosen: notes and previews beside a series are few."""


def find_cases(inputs: Sequence[Path], leave_out: Path) -> tuple[Path, ...]:
    """Find the cases in files and folders.

    A file is a case. A folder with DICOM files in it is one. In any other folder each volume file is a case, and each
    subfolder with DICOM anywhere below is one (its best series is chosen when it is read), unless there are volume
    files below it, which are then looked for. An input without any case counts as one, to be refused with its reason.

    Args:
        inputs: files and folders, as the user gave them.
        leave_out: a folder that is never looked into: the batch's own output.

    Returns:
        The cases' paths in the order of the inputs, those of a folder by name, each once.
    """
    hidden = leave_out.resolve()
    paths: dict[Path, None] = {}
    for path in inputs:
        for found in list(_cases_in(path, hidden)) or [path]:
            paths.setdefault(found.resolve(), None)
    return tuple(paths)


def own_name(path: Path) -> str:
    """Name a case after its file without the ending, in letters that are safe on every system.

    >>> own_name(Path("a/ct scan.nii.gz")), own_name(Path("b/ct.nii.gz"))
    ('ct_scan', 'b_ct')
    """
    ending = next((e for e in (".nii.gz", ".seg.nrrd") if path.name.lower().endswith(e)), path.suffix)
    stem = path.name.removesuffix(ending) if volume_kind(path) else path.name
    if stem.lower() in ("ct", "image", "imaging", "volume", "dicom"):  # says nothing by itself
        stem = f"{path.parent.name}_{stem}"
    return portable_name(stem)


def place_of(path: Path) -> str:
    """Take a digest of a path, by which it is known again: the path itself may name a patient."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()


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
