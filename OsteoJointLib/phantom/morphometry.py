"""Sizes of vertebrae T6 to L6 in mm, for a man of 176 cm, and how the column is stacked.

Round numbers after Panjabi et al. (Spine 1991, thoracic; Spine 1992, lumbar), enlarged by about a tenth because CT of
the living gives larger bodies than dry specimens. Disc heights and pitch (a lordosis of about 55 degrees) are usual
radiological values. The sources' tables were not at hand when these were set down: check them before a publication
leans on a single number.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VertebraSizes:
    """Mean sizes of one vertebra.

    Args:
        name: anatomical name.
        verse_label: VerSe's number (T1 = 8 … L1 = 20 … L6 = 25).
        width_mm, depth_mm, height_mm: of the body at its endplates.
        disc_below_mm: height of the disc under it.
        pitch_deg: tilt of its axis, positive to the front.
        transverse_mm: from the midline to the tip of the transverse process.
        transverse_back_mm: how far that tip lies behind the process's root.
        spinous_mm, spinous_drop_mm: length of the spinous process and how far its tip lies below its root.
    """

    name: str
    verse_label: int
    width_mm: float
    depth_mm: float
    height_mm: float
    disc_below_mm: float
    pitch_deg: float
    transverse_mm: float
    transverse_back_mm: float
    spinous_mm: float
    spinous_drop_mm: float


VERTEBRAE: tuple[VertebraSizes, ...] = (
    VertebraSizes("T6", 13, 30.0, 28.0, 20.0, 4.5, 8.0, 31.0, 16.0, 30.0, 22.0),
    VertebraSizes("T7", 14, 31.0, 30.0, 20.5, 4.5, 3.0, 31.0, 16.0, 30.0, 22.0),
    VertebraSizes("T8", 15, 32.0, 31.5, 21.0, 4.5, -2.0, 31.0, 16.0, 30.0, 20.0),
    VertebraSizes("T9", 16, 33.5, 33.0, 21.5, 5.0, -7.0, 30.0, 15.0, 29.0, 18.0),
    VertebraSizes("T10", 17, 35.5, 34.0, 22.5, 5.5, -11.0, 28.0, 13.0, 28.0, 16.0),
    VertebraSizes("T11", 18, 39.0, 34.5, 23.8, 6.0, -15.0, 23.0, 9.0, 27.0, 12.0),
    VertebraSizes("T12", 19, 43.5, 35.0, 25.5, 6.5, -17.0, 21.0, 6.0, 28.0, 9.0),
    VertebraSizes("L1", 20, 46.0, 36.0, 26.8, 7.5, -16.0, 36.0, 4.0, 31.0, 7.0),
    VertebraSizes("L2", 21, 47.5, 37.0, 27.3, 9.0, -12.0, 40.0, 4.0, 32.0, 7.0),
    VertebraSizes("L3", 22, 49.5, 37.5, 27.3, 10.5, -4.0, 47.0, 3.0, 33.0, 7.0),
    VertebraSizes("L4", 23, 52.0, 38.0, 27.0, 11.0, 8.0, 44.0, 4.0, 30.0, 7.0),
    VertebraSizes("L5", 24, 54.0, 37.5, 26.0, 10.5, 22.0, 46.0, 5.0, 24.0, 6.0),
)
"""Top to bottom. A sixth lumbar body is a copy of L5 (VerSe 25); four lumbar bodies leave L5 out."""

SACRAL_PITCH_DEG = 40.0
"""Tilt of the first sacral body's axis (sacral slope), same source as the column's pitch."""

SIDES = (-1.0, 1.0)
"""Signs of x (LPS) for the body's right and left."""

CANAL_HALF_WIDTH_MM = 11.5
CANAL_HALF_DEPTH_MM = 8.5
"""Half sizes of the lumbar spinal canal, after Panjabi et al. 1992."""

RIB_LENGTH_MM: dict[str, tuple[float, float]] = {
    "T3": (240.0, 20.0),
    "T4": (265.0, 20.0),
    "T5": (285.0, 20.0),
    "T6": (305.0, 18.0),
    "T7": (310.0, 18.0),
    "T8": (305.0, 18.0),
    "T9": (285.0, 18.0),
    "T10": (250.0, 20.0),
    "T11": (190.0, 26.0),
    "T12": (100.0, 26.0),
}
"""Mean and SD of the bony rib's length along its curve in a usual trunk; the twelfth varies most.

Chosen beside real CTs."""

RIB_DROP: dict[str, float] = {
    "T3": 0.5,
    "T4": 0.55,
    "T5": 0.6,
    "T6": 0.62,
    "T7": 0.65,
    "T8": 0.68,
    "T9": 0.72,
    "T10": 0.76,
    "T11": 0.82,
    "T12": 0.87,
}
"""How many mm a rib falls per mm of its way along the wall (lower ribs are steeper). Chosen beside real CTs."""

RIB_THICKNESS_MM: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10"), (4.6, 7.4)),
    "T11": (4.0, 6.2),
    "T12": (3.5, 5.0),
    "L1": (3.2, 5.0),
}
"""Least and largest full thickness of a rib's shaft, across the wall.

Chosen, so that by one rule (bone over 160 HU, twice the depth of its ridge) thin ones come out as the ribs of four real
CTs, whose medians were 3.4 to 6.2 mm; phantoms' go from 5.8 to 9 mm."""

RIB_TALL: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("T3", "T4", "T5", "T6", "T7", "T8", "T9", "T10"), (1.5, 1.9)),
    "T11": (1.4, 1.8),
    "T12": (1.2, 1.8),
    "L1": (1.1, 1.5),
}
"""Height of a rib's section, along the wall, over its thickness. Chosen beside real CTs."""
