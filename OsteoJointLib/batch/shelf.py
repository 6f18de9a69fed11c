"""Where the files of a batch's cases are kept: a folder a case, below the batch's own folder or at a URL.

A URL is whatever fsspec knows: ``s3://…`` and ``gs://…`` with the package that it names, ``file://…``. The files of a
case are written here first, and moved there then; ``result.json`` goes last and is taken away first, so that a case's
place that has one is whole.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from OsteoJointLib.atomic import TEMPORARY_PREFIX
from OsteoJointLib.errors import OsteoJointError, Reason, RunFailed, UsageError
from OsteoJointLib.output.case_folder import check_case_folder
from OsteoJointLib.output.result_json import RESULT_FILE


class Shelf:
    """The cases' folders, in one folder of this machine.

    Args:
        root: of them all.
    """

    def __init__(self, root: Path):
        self._root = root

    def folder(self, case: str) -> Path:
        """Say where the files of a case are written."""
        return self._root / case

    def check(self, case: str) -> None:
        """Check that a case's files may be written; UsageError where there are others'."""
        check_case_folder(self.folder(case).resolve())

    def has(self, case: str, files: Sequence[str]) -> bool:
        """Say whether all these files of a case are there."""
        return all((self.folder(case) / name).is_file() for name in files)

    def keep(self, case: str, files: Sequence[str]) -> None:
        """Keep files of a case that were written into its folder; none where it has none."""

    def publish(self, files: Sequence[Path]) -> None:
        """Put files for people beside the cases, where these lie elsewhere."""


class RemoteShelf(Shelf):
    """The cases' folders, at a URL.

    Args:
        root: where their files are written before they go there.
        url: the batch's; its cases lie below ``cases``.

    Raises:
        UsageError: there is no such kind of URL.
        RunFailed: its package is missing, or nothing can be written there.
    """

    def __init__(self, root: Path, url: str):
        super().__init__(root)
        self._url = url.rstrip("/")
        self._files, self._top = _file_system(url)
        self._top = self._top.rstrip("/")
        trial = f"{self._top}/{TEMPORARY_PREFIX}{secrets.token_hex(6)}"
        with self._said():
            self._files.makedirs(self._top, exist_ok=True)
            self._files.pipe_file(trial, b"")
            self._files.rm_file(trial)

    def check(self, case: str) -> None:
        super().check(case)
        names = self._names(case)
        if names and RESULT_FILE not in names:
            what = f"holds other files than a result, which are never overwritten. Name another URL than {self._url}."
            raise UsageError(Reason.OUTPUT_EXISTS, f"The place of {case} {what}")

    def has(self, case: str, files: Sequence[str]) -> bool:
        return set(files) <= set(self._names(case))

    def keep(self, case: str, files: Sequence[str]) -> None:
        if not files:
            return
        place, folder = self._place(case), self.folder(case)
        with self._said():
            self._files.makedirs(place, exist_ok=True)
            for name in sorted(self._names(case), key=lambda name: name != RESULT_FILE):  # of an earlier result
                self._files.rm_file(f"{place}/{name}")
            for name in sorted(files, key=lambda name: name == RESULT_FILE):
                self._files.put_file(str(folder / name), f"{place}/{name}")
        shutil.rmtree(folder, ignore_errors=True)

    def publish(self, files: Sequence[Path]) -> None:
        with self._said():
            for file in files:
                self._files.put_file(str(file), f"{self._top}/{file.name}")

    def _place(self, case: str) -> str:
        return f"{self._top}/{os.path.basename(self._root)}/{case}"

    def _names(self, case: str) -> list[str]:
        with self._said():
            self._files.invalidate_cache()  # other batches write there, too
            try:
                listed = self._files.ls(self._place(case), detail=False)
            except FileNotFoundError:
                return []
        return [str(name).rpartition("/")[2] for name in listed]

    @contextmanager
    def _said(self) -> Iterator[None]:
        """Say in a sentence what the file system refuses, whatever it raises."""
        try:
            yield
        except OsteoJointError:
            raise
        except Exception as error:
            words = " ".join(str(error).split()) or type(error).__name__
            what = "can't be read or written to"
            advice = "Check the address, your rights and the network; then run the same command again."
            raise RunFailed(
                Reason.FAILED, f"{self._url} {what}: {words}. {advice}", f"The results' URL {what}. {advice}"
            ) from error


def _file_system(url: str) -> tuple[Any, str]:
    """Find the file system of a URL, and the place in it."""
    from fsspec.core import url_to_fs

    if "://" not in url:
        raise UsageError(Reason.USAGE, f"{url} is no URL. Give one like s3://bucket/readings, or use --out alone.")
    kind = url.partition("://")[0]
    try:
        files, place = url_to_fs(url)
    except ImportError as error:
        raise RunFailed(
            Reason.DEPENDENCY_MISSING, f"A Python package for {kind}:// is missing: {error}. Then try again."
        ) from error
    except ValueError as error:
        raise UsageError(
            Reason.USAGE, f"OsteoJoint can't write to {kind}:// ({error}). Give another URL, such as s3://…."
        ) from error
    return files, str(place)
