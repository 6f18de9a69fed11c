"""What all DICOM files of a reading say of who made them, and the codes that no public scheme has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from highdicom import UID, AlgorithmIdentificationSequence
from highdicom.coding_schemes import CodingSchemeIdentificationItem
from highdicom.sr import CodedConcept
from pydicom.sr.codedict import codes

from OsteoJointLib import __version__
from OsteoJointLib.output.terminology import Code
from OsteoJointLib.records import ModelInfo

NAME = "OsteoJoint"
PRIVATE_SCHEME = "99OSTEOJ"
"""OsteoJoint's own codes: SNOMED CT and LOINC have none for bone density from CT (checked 2026-11)."""

SERIES_NUMBERS = {"SEG": 9001, "SR": 9002, "DOC": 9003}
"""By modality; far above what scanners use (chosen)."""


def private(value: str, meaning: str) -> Code:
    """Make one of OsteoJoint's own codes: ``value`` of at most 16 characters, ``meaning`` of at most 64."""
    return Code(PRIVATE_SCHEME, value, meaning)


def concept(code: Code) -> CodedConcept:
    """Write a code as DICOM's."""
    return CodedConcept(code.value, code.scheme, code.meaning)


@dataclass(frozen=True)
class Maker:
    """Software and weights as the maker of DICOM files.

    Args:
        model: the weights.
    """

    model: ModelInfo

    def stated(self, modality: str, description: str) -> dict[str, Any]:
        """Arguments that every highdicom class takes: a series of its own, and the equipment.

        Args:
            modality: one of :data:`SERIES_NUMBERS`.
            description: of the series; that it is research only is added.
        """
        return {
            "series_instance_uid": UID(),
            "series_number": SERIES_NUMBERS[modality],
            "sop_instance_uid": UID(),
            "instance_number": 1,
            "manufacturer": NAME,
            "manufacturer_model_name": f"{NAME} {self.model.name}"[:64],
            "software_versions": __version__,
            "device_serial_number": self.model.sha256,
            "series_description": f"{description} (research only)",
            "coding_schemes": [
                CodingSchemeIdentificationItem(PRIVATE_SCHEME, name=f"{NAME} codes", responsible_organization=NAME)
            ],
        }

    @property
    def algorithm(self) -> AlgorithmIdentificationSequence:
        """The network, as a segmentation names it."""
        return AlgorithmIdentificationSequence(
            name=NAME,
            family=codes.DCM.ArtificialIntelligence,
            version=__version__,
            source=NAME,
            parameters={"weights": self.weights},
        )

    @property
    def weights(self) -> str:
        """Name and hash of the weights."""
        return f"{self.model.name}, SHA-256 {self.model.sha256}"
