"""Writes the DICOM files of a case into its folder.

The packages that this needs are loaded where a file is written: it is asked for seldom, and they take seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from OsteoJointLib.errors import ModelRefused, Reason
from OsteoJointLib.io.dicom_study import read_study
from OsteoJointLib.io.dicom_tags import quiet_dicom
from OsteoJointLib.output.case_folder import DICOM_PDF_FILE, DICOM_SEG_FILE, DICOM_SR_FILE, Writer
from OsteoJointLib.output.report_pdf import PDF_FILE
from OsteoJointLib.pipeline.case import Case, CaseResult
from OsteoJointLib.records import Flag

if TYPE_CHECKING:
    from pydicom import Dataset

_NO_PATIENT = Flag(
    Reason.NO_PATIENT,
    "The CT's DICOM files are de-identified or name no patient, and so are those written of them, so that a PACS can't "
    "file them with a patient. Give the original series for that.",
)


@dataclass(frozen=True)
class DicomFiles:
    """Which DICOM files are asked for.

    Args:
        seg: the segmentation.
        sr: the structured report, and the segmentation that it refers to.
    """

    seg: bool = False
    sr: bool = False

    @property
    def wanted(self) -> bool:
        """Whether any is."""
        return self.seg or self.sr

    def check(self, case: Case) -> tuple[Flag, ...]:
        """Refuse a case, before anything is computed of it, whose DICOM files could not be written.

        Returns:
            What is to be said of the files.

        Raises:
            ModelRefused: DEPENDENCY_MISSING.
            InputRefused: as :func:`OsteoJointLib.io.dicom_study.read_study`.
        """
        if not self.wanted:
            return ()
        _require_highdicom()
        return () if read_study(case).names_patient else (_NO_PATIENT,)

    @property
    def writers(self) -> tuple[Writer, ...]:
        """What writes them; see :class:`OsteoJointLib.output.case_folder.Additions`."""
        return (self.write,) if self.wanted else ()

    def write(self, result: CaseResult, folder: Path, document: dict[str, Any]) -> None:
        """Write them; the report's PDF goes along where it stands in the folder.

        Args:
            result: the case.
            folder: where its other files stand.
            document: of the result.

        Raises:
            InputRefused: the source's files are not there any more.
        """
        from OsteoJointLib.output.dicom.encapsulated_pdf import encapsulate_pdf
        from OsteoJointLib.output.dicom.maker import Maker
        from OsteoJointLib.output.dicom.seg import make_segmentation, segments_of
        from OsteoJointLib.output.dicom.sr import make_report

        study, maker, segments = read_study(result.volume), Maker(result.model), segments_of(result)
        with quiet_dicom():  # what the source's tags hold goes over as it is
            segmentation = make_segmentation(segments, study, maker) if segments else None
            if segmentation is not None:
                _save(segmentation, folder / DICOM_SEG_FILE)
            if self.sr:
                _save(make_report(document, segmentation, study, maker), folder / DICOM_SR_FILE)
            if (folder / PDF_FILE).exists():
                _save(encapsulate_pdf((folder / PDF_FILE).read_bytes(), study, maker), folder / DICOM_PDF_FILE)


def _require_highdicom() -> None:
    from importlib.util import find_spec

    if find_spec("highdicom") is None:
        raise ModelRefused(
            Reason.DEPENDENCY_MISSING,
            "DICOM segmentations and reports need highdicom, which is not installed. Run pip install highdicom.",
        )


def _save(dataset: Dataset, path: Path) -> None:
    dataset.save_as(path, enforce_file_format=True)
