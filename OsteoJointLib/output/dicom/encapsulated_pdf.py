"""The report's PDF as a DICOM file of the study."""

from __future__ import annotations

from highdicom import SOPClass
from highdicom.sr import CodedConcept
from pydicom import Dataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian

from OsteoJointLib.io.dicom_study import SourceStudy
from OsteoJointLib.output.dicom.maker import Maker

_DIAGNOSTIC_IMAGING_REPORT = ("18748-4", "LN", "Diagnostic Imaging Report")
"""LOINC's title of a document about images (DICOM CID 7000)."""


def encapsulate_pdf(pdf: bytes, study: SourceStudy, maker: Maker) -> Dataset:
    """Wrap a PDF.

    Args:
        pdf: the file's bytes.
        study: the study it belongs to.
        maker: who made it.
    """
    first, stated = study.first, maker.stated("DOC", "OsteoJoint report")
    del stated["coding_schemes"]  # it uses none of ours
    document = SOPClass(
        study_instance_uid=first.StudyInstanceUID,
        sop_class_uid=EncapsulatedPDFStorage,
        modality="DOC",
        transfer_syntax_uid=ExplicitVRLittleEndian,
        patient_id=first.PatientID,
        patient_name=first.PatientName,
        patient_birth_date=first.PatientBirthDate,
        patient_sex=first.PatientSex,
        accession_number=first.AccessionNumber,
        study_id=first.StudyID,
        study_date=first.StudyDate,
        study_time=first.StudyTime,
        referring_physician_name=first.ReferringPhysicianName,
        specific_character_set=first.get("SpecificCharacterSet"),
        **stated,
    )
    document.copy_patient_and_study_information(first)
    document.ConversionType = "WSD"  # made on a workstation
    document.AcquisitionDateTime = None
    document.BurnedInAnnotation = "YES"  # each page bears the case's name
    document.DocumentTitle = "OsteoJoint report (research only)"
    document.ConceptNameCodeSequence = [CodedConcept(*_DIAGNOSTIC_IMAGING_REPORT)]
    document.MIMETypeOfEncapsulatedDocument = "application/pdf"
    document.EncapsulatedDocumentLength = len(pdf)
    document.EncapsulatedDocument = pdf + b"\0" * (len(pdf) % 2)  # of even length, as every DICOM value
    document.SourceInstanceSequence = [_reference(image) for image in study.images]
    return document


def _reference(image: Dataset) -> Dataset:
    reference = Dataset()
    reference.ReferencedSOPClassUID = image.SOPClassUID
    reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return reference
