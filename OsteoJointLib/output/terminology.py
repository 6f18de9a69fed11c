"""SNOMED CT codes of the segments, and the strings and files in which Slicer wants them.

A segment is the vertebral body of L1 or L2, or of a neighbor, T12 or L3: category *Anatomical Structure*, type *L1
vertebra* (DICOM CID 7603, as SlicerTotalSegmentator uses it), type modifier *Vertebral body*, which says that the arch
and processes are left out.
Slicer's own lists hold no single vertebrae, so ``Resources/Terminology`` ships them as a context of its own;
:func:`terminology_document` is that file, and a test holds it against the one on disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from OsteoJointLib.records import SNOMED_CODES, VERSE_LABELS

CONTEXT_NAME = "Segmentation category and type - OsteoJoint"
"""Name of OsteoJoint's terminology context, in Slicer's naming scheme."""

ANATOMIC_CONTEXT_NAME = "Anatomic codes - DICOM master list"
"""Slicer's own region context; no region is set, as the type already names the place."""


@dataclass(frozen=True)
class Code:
    """A coded concept as DICOM writes it: scheme, value, meaning."""

    scheme: str
    value: str
    meaning: str

    def __str__(self) -> str:
        """Slicer's spelling, ``scheme^value^meaning``."""
        return f"{self.scheme}^{self.value}^{self.meaning}"


ANATOMICAL_STRUCTURE = Code("SCT", "123037004", "Anatomical Structure")
VERTEBRAL_BODY = Code("SCT", "3572006", "Vertebral body")


_COLORS_RGB = {"T12": (204, 121, 167), "L1": (0, 166, 214), "L2": (240, 138, 36), "L3": (0, 158, 115)}


def vertebra_code(name: str) -> Code:
    """Return the code of a vertebra, such as L1, in SNOMED CT."""
    return Code("SCT", SNOMED_CODES[name], f"{name} vertebra")


def segment_name(name: str) -> str:
    """Return what Slicer calls the terminology entry."""
    return f"{name} vertebral body"


def segment_color_rgb(name: str) -> tuple[int, int, int]:
    """Return a vertebra's color, 0 to 255, everywhere: L1 blue, L2 orange (apart for every kind of color vision)."""
    return _COLORS_RGB[name]


def terminology_entry(name: str) -> str:
    """Write a vertebra's terminology in Slicer's grammar.

    ``context~category~type~type modifier~region context~region~region modifier``

    >>> terminology_entry("L1").split("~")[2]
    'SCT^66794005^L1 vertebra'
    """
    empty = Code("", "", "")
    parts = (
        CONTEXT_NAME,
        ANATOMICAL_STRUCTURE,
        vertebra_code(name),
        VERTEBRAL_BODY,
        ANATOMIC_CONTEXT_NAME,
        empty,
        empty,
    )
    return "~".join(str(part) for part in parts)


def terminology_document() -> dict[str, Any]:
    """Make the ``.term.json`` that teaches Slicer these codes (dcmqi's segment context schema)."""
    return {
        "SegmentationCategoryTypeContextName": CONTEXT_NAME,
        "@schema": "https://raw.githubusercontent.com/qiicr/dcmqi/master/doc/segment-context-schema.json#",
        "SegmentationCodes": {
            "Category": [
                {**_fields(ANATOMICAL_STRUCTURE), "showAnatomy": False, "Type": [_type(name) for name in VERSE_LABELS]},
            ]
        },
    }


def _type(name: str) -> dict[str, Any]:
    color = list(segment_color_rgb(name))
    modifier = {
        **_fields(VERTEBRAL_BODY),
        "recommendedDisplayRGBValue": color,
        "3dSlicerLabel": segment_name(name),
        "3dSlicerIntegerLabel": VERSE_LABELS[name],
    }
    return {**_fields(vertebra_code(name)), "recommendedDisplayRGBValue": color, "Modifier": [modifier]}


def _fields(code: Code) -> dict[str, str]:
    return {"CodingSchemeDesignator": code.scheme, "CodeValue": code.value, "CodeMeaning": code.meaning}
