"""Sizes of vertebrae T6 to L6 in mm, for a man of 176 cm, and how the column is stacked.

From three sources. The *Visible Human* (one man's L1 to L5; RemusR9/artisynth_lumbosacralSpineModel, BSD-3): L1, and
half of L2 to L5. The *mean of 87 patients' CT* (L2 to L5, with the least and the largest of each measure;
aclouthier/morphable-lumbar-model, MIT), enlarged by 1 / 0.96 to the tables' man: the other half of L2 to L5, the discs,
and all spreads, an SD being a quarter of a range. *Panjabi et al.* (Spine 1991, thoracic; Spine 1992, lumbar): how T9
to T12 grow smaller upward from L1, in round numbers, and T1 to T5, enlarged as T6 is (6 % wider, 4 % deeper, 15 %
higher). C6 to T8's other sizes, the pitch (a lordosis of about 55 degrees, a kyphosis of about 40) and how far thoracic
transverse processes reach are usual values, chosen. ``Testing/measure_shapes.py`` tells how near the shapes
come to the first two.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VertebraSizes:
    """Mean sizes of one vertebra.

    Args:
        name: anatomical name.
        verse_label: VerSe's number (C7 = 7, T1 = 8 … L1 = 20 … L6 = 25).
        width_mm, depth_mm, height_mm: of the body at its endplates.
        disc_below_mm: height of the disc under it.
        pitch_deg: tilt of its axis, positive to the front.
        transverse_mm: from the midline to the tip of the transverse process.
        transverse_back_mm: how far that tip lies behind the process's root, 11 mm behind the body.
        slant: how much higher the body is in front than behind, as a fraction of its height.
        canal_width, canal_depth: factors of this person on the canal's mean width and depth.
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
    slant: float = -0.04
    canal_width: float = 1.0
    canal_depth: float = 1.0


VERTEBRAE: tuple[VertebraSizes, ...] = (
    VertebraSizes("C6", 6, 25.0, 17.0, 13.5, 5.5, 21.0, 27.0, -2.0),
    VertebraSizes("C7", 7, 27.5, 17.5, 14.5, 5.0, 25.0, 32.0, 3.0),
    VertebraSizes("T1", 8, 30.0, 20.0, 16.5, 4.5, 26.0, 37.0, 9.0),
    VertebraSizes("T2", 9, 29.5, 22.0, 18.0, 4.5, 24.0, 34.0, 12.0),
    VertebraSizes("T3", 10, 28.0, 24.0, 18.0, 4.5, 20.5, 31.5, 14.0),
    VertebraSizes("T4", 11, 28.0, 25.5, 18.5, 4.5, 16.5, 31.0, 15.0),
    VertebraSizes("T5", 12, 29.0, 27.0, 19.0, 4.5, 12.0, 31.0, 16.0),
    VertebraSizes("T6", 13, 30.0, 28.0, 20.0, 4.5, 8.0, 31.0, 16.0),
    VertebraSizes("T7", 14, 31.0, 30.0, 20.5, 4.5, 3.0, 31.0, 16.0),
    VertebraSizes("T8", 15, 32.0, 31.5, 21.0, 4.5, -2.0, 31.0, 16.0),
    VertebraSizes("T9", 16, 34.0, 33.0, 22.5, 4.5, -7.0, 30.0, 15.0),
    VertebraSizes("T10", 17, 36.5, 34.5, 23.5, 4.5, -11.0, 28.0, 13.0),
    VertebraSizes("T11", 18, 40.5, 36.0, 25.0, 5.0, -15.0, 23.0, 9.0),
    VertebraSizes("T12", 19, 44.5, 37.5, 27.0, 5.5, -17.0, 21.0, 6.0),
    VertebraSizes("L1", 20, 47.5, 39.5, 29.5, 6.5, -16.0, 36.5, 3.5),
    VertebraSizes("L2", 21, 49.5, 41.0, 29.0, 7.5, -12.0, 43.0, 3.0, 0.05),
    VertebraSizes("L3", 22, 52.0, 40.0, 29.5, 8.5, -4.0, 47.5, 1.5, 0.06),
    VertebraSizes("L4", 23, 55.0, 41.0, 29.0, 9.0, 8.0, 45.0, -3.0, 0.05),
    VertebraSizes("L5", 24, 54.5, 37.0, 28.5, 8.5, 22.0, 49.0, -2.5, 0.27),
)
"""Top to bottom. A sixth lumbar body is a copy of L5 (VerSe 25); four lumbar bodies leave L5 out."""

FROM_T6 = next(row for row, sizes in enumerate(VERTEBRAE) if sizes.name == "T6")
"""Row of T6: with it begins the column that is drawn as one; what lies above is put on top of it."""

SACRAL_PITCH_DEG = 40.0
"""Tilt of the first sacral body's axis (sacral slope), same source as the column's pitch."""

SIDES = (-1.0, 1.0)
"""Signs of x (LPS) for the body's right and left."""

CANAL_HALF_DEPTH_MM = 8.5
"""Half the depth of the lumbar spinal canal: the 87 patients' 16.7 mm (13.0 to 20.4)."""

WIDTH_SD, DEPTH_SD, HEIGHT_SD, SLANT_SD = 0.07, 0.05, 0.045, 0.03
CANAL_WIDTH_SD, CANAL_DEPTH_SD = 0.07, 0.09
"""Spread between persons of one size, as fractions of the mean: a quarter of the 87 patients' range (bodies' width
46.7 mm, 39.4 to 58.8; depth 35.0, 29.5 to 42.0; height 27.8, 23.5 to 32.3; canal's width 26.7, 21.5 to 31.8; its depth
stands above) less the spread of the persons' size. The slant's (3.7 degrees, -3.5 to 8.7) is mostly between levels."""

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
    "T1": 0.5,
    "T2": 0.5,
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
    **dict.fromkeys((f"T{number}" for number in range(1, 11)), (4.6, 7.4)),
    "T11": (4.0, 6.2),
    "T12": (3.5, 5.0),
    "L1": (3.2, 5.0),
}
"""Least and largest full thickness of a rib's shaft, across the wall.

Chosen, so that by one rule (bone over 160 HU, twice the depth of its ridge) thin ones come out as the ribs of four real
CTs, whose medians were 3.4 to 6.2 mm; phantoms' go from 5.8 to 9 mm."""

RIB_TALL: dict[str, tuple[float, float]] = {
    **dict.fromkeys((f"T{number}" for number in range(1, 11)), (1.5, 1.9)),
    "T11": (1.4, 1.8),
    "T12": (1.2, 1.8),
    "L1": (1.1, 1.5),
}
"""Height of a rib's section, along the wall, over its thickness. Chosen beside real CTs."""
