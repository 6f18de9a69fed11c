"""DICOM files of a reading whose CT came from a viewer: written of the images that the viewer loaded it from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.io.dicom import read_dicom
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.output.case_folder import Writer
from OsteoJointLib.output.dicom.files import DicomFiles
from OsteoJointLib.output.report_pdf import check_pdf
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.records import CtSlicePair, CtVolume, Flag

_SAME_PLACE_MM = 0.05
"""How far a corner of the viewer's CT may lie from that of the images by rounding; chosen, far below a voxel."""


@dataclass(frozen=True)
class PacsFiles:
    """What is written for a PACS.

    Args:
        writers: see :class:`OsteoJointLib.output.case_folder.Additions`.
        pdf: whether the report's PDF is made, too.
        flags: what is to be said of the files.
    """

    writers: tuple[Writer, ...] = ()
    pdf: bool = False
    flags: tuple[Flag, ...] = ()


def pacs_files(result: CaseResult, images: Sequence[Path], limits: ReadingLimits | None = None) -> PacsFiles:
    """Prepare segmentation, report and, where it can be made, the report's PDF.

    Args:
        result: of a CT that a viewer handed over.
        images: the DICOM files that the viewer loaded it from.
        limits: by which they are read.

    Raises:
        InputRefused: NO_DICOM_SOURCE, these are not the CT's images any more; or as
            :func:`OsteoJointLib.io.dicom.read_dicom` and :meth:`DicomFiles.check`.
        ModelRefused: DEPENDENCY_MISSING.
    """
    files = DicomFiles(seg=True, sr=True)
    flags: list[Flag] = []
    source = read_dicom(list(images), "", limits or ReadingLimits())
    flags += files.check(source)
    if isinstance(source, CtSlicePair) or not _same_place(source, result.volume):
        raise InputRefused(
            Reason.NO_DICOM_SOURCE,
            "The CT was moved, cut or resampled since it was loaded, so the masks don't lie on its DICOM images. Load "
            "it again, and read it as it is.",
        )
    pdf = True
    try:
        check_pdf()
    except UsageError as error:
        pdf = False
        flags.append(Flag(Reason.DEPENDENCY_MISSING, error.message))

    def write(result: CaseResult, folder: Path, document: dict[str, Any]) -> None:
        files.write(replace(result, volume=source), folder, document)

    return PacsFiles((write,), pdf, tuple(flags))


def _same_place(source: CtVolume, volume: CtVolume | CtSlicePair) -> bool:
    """Say whether two CTs have the same voxels, by their corners."""
    if isinstance(volume, CtSlicePair) or source.grid.shape_zyx != volume.grid.shape_zyx:
        return False
    ends = np.array([[0, 0, 0], *(np.diag(source.grid.shape_zyx) - np.eye(3))])
    off_mm = source.grid.index_to_lps(ends) - volume.grid.index_to_lps(ends)
    return bool(np.abs(off_mm).max() < _SAME_PLACE_MM)
