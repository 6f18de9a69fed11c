"""Which cases a batch has: found in files and folders, and known again by their place and content.

A case is a volume file, or what of a study of a patient is to be read, in whichever folders its DICOM files lie. What
can't be looked into (a pipe, a device, a link that leads nowhere or in a circle, what may not be read) is a case, too,
with its refusal: it has its row, and never ends or holds up the batch.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event

from OsteoJointLib.batch.dicom_identity import Identity, identity_of
from OsteoJointLib.errors import InputRefused, OsteoJointError, Reason, RunFailed, UsageError
from OsteoJointLib.io.ct_input import nothing_at
from OsteoJointLib.io.dicom_headers import looks_like_dicom, may_be_dicom, read_headers
from OsteoJointLib.io.dicom_series import has_volume
from OsteoJointLib.io.digests import digest_of_all, file_digest
from OsteoJointLib.io.files.opening import files_of, volume_kind
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.names import portable_name

BEST, ALL = "best", "all"
"""Words for which series of each study are read: the one that suits best, or each that is a volume."""

_SHORTEST_PREFIX = 6
"""Digits of a series' SHA-256 that name it at least (chosen: one in 16 million is alike)."""


@dataclass(frozen=True)
class FoundCase:
    """A case of a batch.

    Args:
        path: of the file, or of the folder that holds all its files.
        place: a digest, by which it is known again.
        files: of a DICOM case, all that are to be read; empty for a volume file, or a folder without any CT.
        identity: of a DICOM case; None where it has none.
        refusal: why it is not even looked into.
    """

    path: Path
    place: str
    files: tuple[Path, ...] = ()
    identity: Identity | None = None
    refusal: OsteoJointError | None = None

    @property
    def source(self) -> Path | tuple[Path, ...]:
        """What is to be read."""
        return self.files or self.path


def find_cases(
    inputs: Sequence[Path], leave_out: Path, series: str = BEST, limits: ReadingLimits | None = None
) -> tuple[FoundCase, ...]:
    """Find the cases in files and folders.

    Each volume file is a case, and so is each study of a patient: all its DICOM files below any of the inputs
    together. An input without any case counts as one, to be refused with its reason.

    Args:
        inputs: files and folders, as the user gave them.
        leave_out: a folder that is never looked into: the batch's own output.
        series: :data:`BEST`, :data:`ALL`, or beginnings of series' SHA-256 with commas between, each a case.
        limits: by which a series counts as a volume; the defaults when None.

    Returns:
        The cases in the order of the inputs, those of a folder by name, each once.

    Raises:
        UsageError: no series begins as ``series`` says.
    """
    found = _Found()
    hidden, seen = leave_out.resolve(), set[tuple[int, int]]()
    for given in inputs:
        before = len(found)
        for path, refusal in _files_below(given.absolute(), hidden, seen, ()):
            found.add(path, refusal)
        if len(found) == before and not found.has(given.absolute()):
            found.put(given.resolve())
    return tuple(_chosen(found.cases(), series, limits or ReadingLimits()))


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


def fingerprint(source: Path | tuple[Path, ...], stopped: Event | None = None) -> str:
    """SHA-256 over a case's content: a file's bytes, or those of several files, whatever their names.

    Several are the files of a DICOM case, those below a folder, or a header and the data file that it names.

    Args:
        source: the case's.
        stopped: nobody waits for it any more, once it is set.

    Raises:
        OSError: it can't be read.
        RunFailed: CANCELLED.
    """
    if isinstance(source, tuple):
        files = list(source)
    elif source.is_dir():
        files = [file for file in source.rglob("*") if file.is_file()]
    else:
        files = list(files_of(source)) if volume_kind(source) else [source]

    def go_on() -> None:
        if stopped is not None and stopped.is_set():
            raise RunFailed(Reason.CANCELLED, "The batch was stopped.")

    return digest_of_all(file_digest(file, go_on) for file in files)


class _Found:
    """What was found so far: volume files and refusals as they are, DICOM files by study and series."""

    def __init__(self) -> None:
        self._cases: dict[Path | tuple[str, ...], FoundCase | None] = {}
        self._of_study: dict[tuple[str, ...], list[tuple[Path, Identity]]] = {}
        self._damaged: dict[Path, list[Path]] = {}

    def __len__(self) -> int:
        return len(self._cases) + len(self._damaged)

    def has(self, given: Path) -> bool:
        """Say whether an input's files were all found below another input."""
        files = [*(key for key in self._cases if isinstance(key, Path)), *self._damaged]
        files += [file for study in self._of_study.values() for file, _ in study]
        return any(file.is_relative_to(one) for file in files for one in (given, given.resolve()))

    def put(self, path: Path, refusal: OsteoJointError | None = None) -> None:
        """Take a path as a case."""
        if refusal is None and not path.exists():
            refusal = nothing_at(path)
        self._cases.setdefault(path, FoundCase(path, place_of(path), refusal=refusal))

    def add(self, path: Path, refusal: OsteoJointError | None) -> None:
        """Take in a file, whatever it is."""
        if refusal is not None:
            self.put(path, refusal)
        elif volume_kind(path) is not None:
            self.put(path.resolve())
        else:
            try:
                self._add_dicom(path)
            except OSError as error:
                self.put(path, _unreadable(error))

    def _add_dicom(self, path: Path) -> None:
        if not looks_like_dicom(path):
            if may_be_dicom(path):
                self._damaged.setdefault(path.parent, []).append(path)
            return
        identity = identity_of(path)
        if identity is None:
            self._damaged.setdefault(path.parent, []).append(path)
            return
        if identity.is_index:
            return
        key = identity.study_key or (str(path.parent),)
        self._cases.setdefault(key, None)
        self._of_study.setdefault(key, []).append((path, identity))

    def cases(self) -> list[FoundCase]:
        """List the cases; a damaged file goes with the studies of its folder, so that it isn't lost uncounted."""
        cases, folders = [], {file.parent for files in self._of_study.values() for file, _ in files}
        for key, case in self._cases.items():
            if case is not None:
                cases.append(case)
                continue
            assert isinstance(key, tuple)
            listed = self._of_study[key]
            files = [file for file, _ in listed]
            damaged = [
                one for parent in dict.fromkeys(f.parent for f in files) for one in self._damaged.get(parent, ())
            ]
            common = Path(os.path.commonpath([file.parent for file in files])).resolve()
            place = hashlib.sha256("|".join(key).encode("utf-8", "backslashreplace")).hexdigest()
            cases.append(FoundCase(common, place, (*files, *damaged), listed[0][1]))
        for folder, damaged in self._damaged.items():
            dicom = [file for file in damaged if looks_like_dicom(file)]
            if folder not in folders and dicom:
                cases.append(FoundCase(folder.resolve(), place_of(folder.resolve()), tuple(dicom)))
        return cases


def _chosen(cases: list[FoundCase], series: str, limits: ReadingLimits) -> Iterator[FoundCase]:
    """Split studies into the series that are wanted."""
    if series == BEST:
        yield from cases
        return
    wanted = [] if series == ALL else [word.strip().lower() for word in series.split(",")]
    if any(len(word) < _SHORTEST_PREFIX or re.search(r"[^0-9a-f]", word) for word in wanted):
        raise UsageError(
            Reason.USAGE,
            f"--series takes {BEST}, {ALL}, or beginnings of a series' SHA-256 with at least {_SHORTEST_PREFIX} digits "
            "and commas between.",
        )
    met = set[str]()
    for case in cases:
        if case.identity is None:
            if series == ALL or case.refusal is not None:
                yield case
            continue
        split = list(_series_of(case))
        if series == ALL:
            usable = [one for one in split if has_volume(read_headers(list(one.files)), limits)]
            yield from usable or [case]
            continue
        for one in split:
            assert one.identity is not None
            names = [word for word in wanted if one.identity.series_sha256.startswith(word)]
            met |= set(names)
            if names:
                yield one
    if missing := [word for word in wanted if word not in met]:
        raise UsageError(
            Reason.USAGE,
            f"No series here has a SHA-256 that begins with {', '.join(missing)}. result.json says which series there "
            "are, under input.choice.",
        )


def _series_of(case: FoundCase) -> Iterator[FoundCase]:
    """Split a study into its series, each with the files that say nothing of a series."""
    by_series: dict[str, list[Path]] = {}
    identities: dict[str, Identity] = {}
    loose = []
    for file in case.files:
        identity = identity_of(file) if looks_like_dicom(file) else None
        if identity is None:
            loose.append(file)
            continue
        by_series.setdefault(identity.series_uid, []).append(file)
        identities.setdefault(identity.series_uid, identity)
    for uid, files in by_series.items():
        place = hashlib.sha256(f"{case.place}|{uid}".encode("utf-8", "backslashreplace")).hexdigest()
        yield replace(case, files=(*files, *loose), identity=identities[uid], place=place)


def _files_below(
    path: Path, hidden: Path, seen: set[tuple[int, int]], above: tuple[tuple[int, int], ...]
) -> Iterator[tuple[Path, OsteoJointError | None]]:
    """List the files of a path, by name, each with its refusal where it can't be looked into; links are followed."""
    try:
        status = path.stat()
    except OSError as error:
        yield path, (nothing_at(path) if error.errno == errno.ENOENT and not path.is_symlink() else _unreadable(error))
        return
    here = (status.st_dev, status.st_ino)
    if stat.S_ISREG(status.st_mode):
        yield path, None
    elif not stat.S_ISDIR(status.st_mode):
        yield path, _refused("This is a pipe, a device or a socket, and no file.")
    elif here in above:
        yield path, _refused("This link leads back to a folder above it, so there is nothing new to read.")
    elif here not in seen and path.resolve() != hidden:
        seen.add(here)
        try:
            names = sorted(name for name in os.listdir(path) if not name.startswith("."))
        except OSError as error:
            yield path, _unreadable(error)
            return
        for name in names:
            yield from _files_below(path / name, hidden, seen, (*above, here))


def _unreadable(error: OSError) -> OsteoJointError:
    if error.errno == errno.ENOENT:
        return _refused("This link leads nowhere.")
    if error.errno == errno.ELOOP:
        return _refused("This link leads in a circle.")
    return _refused(f"This can't be opened ({error.strerror}).")


def _refused(what: str) -> OsteoJointError:
    return InputRefused(Reason.UNREADABLE, f"{what} Give the files or folders of the CTs themselves.")
