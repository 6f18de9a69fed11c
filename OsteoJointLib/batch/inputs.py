"""Which cases a batch has: found in files and folders, and known again by their place and content."""

from __future__ import annotations

import glob
import hashlib
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from threading import Event

from OsteoJointLib.errors import Reason, RunFailed
from OsteoJointLib.io.dicom_headers import looks_like_dicom
from OsteoJointLib.io.volume_files import volume_kind
from OsteoJointLib.names import portable_name

_DATA_FILE = re.compile(r"^(?:data ?file:|ElementDataFile *=)(.*)$", re.M | re.I)
_NUMBER = re.compile(r"%\d*[dui]")
_HEADER_BYTES = 2**20
"""Of a detached header that are looked at for its data files (chosen: a list of 10,000 files fits)."""
_PIECE_BYTES = 2**20
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


def fingerprint(path: Path, stopped: Event | None = None) -> str:
    """SHA-256 over a case's content: a file's bytes, or those of several files, whatever their names.

    Several are the files below a folder, or a header and the data files that it names.

    Args:
        path: the case's.
        stopped: nobody waits for it any more, once it is set.

    Raises:
        OSError: it can't be read.
        RunFailed: CANCELLED.
    """
    files = [file for file in path.rglob("*") if file.is_file()] if path.is_dir() else [path, *data_files(path)]
    digests = sorted(_sha256(file, stopped) for file in files)
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def data_files(header: Path) -> list[Path]:
    """List the files in which a detached header (``.nhdr``, ``.mhd``) says its voxels are; those that are there.

    They are named one by one, as a list of lines, or by a pattern with a number.
    """
    if header.suffix.lower() not in (".nhdr", ".mhd"):
        return []
    with header.open("rb") as file:
        text = os.fsdecode(file.read(_HEADER_BYTES))
    named = _DATA_FILE.search(text)
    if named is None:
        return []
    words = named[1].strip()
    if words.upper().startswith("LIST"):
        names = text[named.end() :].split("\n")
    else:
        names = [words, *glob.glob(_NUMBER.sub("*", glob.escape(words.split()[0])), root_dir=header.parent)]
    files = (header.parent / name.strip() for name in dict.fromkeys(names) if name.strip() and "\0" not in name)
    return [file for file in files if file.is_file()]


def _sha256(file: Path, stopped: Event | None) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as bytes_:
        while piece := bytes_.read(_PIECE_BYTES):
            if stopped is not None and stopped.is_set():
                raise RunFailed(Reason.CANCELLED, "The batch was stopped.")
            digest.update(piece)
    return digest.hexdigest()


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
