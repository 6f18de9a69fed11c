"""Trabecular bone as what it is made of: mineralized matrix, and marrow that is red and yellow.

What is called BMD here, and decides a phantom's class, is **what QCT would report for this bone**: its HU at 120 kVp,
without contrast, in a trunk of 30 cm, over the HU of 1 mg/cm3 of K2HPO4 in water in the same beam. As in patients, fat
in the marrow makes it smaller than the mineral says; the mineral is what must be there beside the marrow for this BMD.
At any other voltage, size and with iodine, HU follow from the parts. That mapping from BMD to HU is the model's: QCT
beside the same phantom spreads by some 5 % between scanners (see ``docs/explain/phantom.md``).
"""

from __future__ import annotations

from OsteoJointLib.phantom.physics.beam import REFERENCE, Beam

_RED_FAT, _YELLOW_FAT = 0.4, 0.8  # lipid by mass in ICRU's red and yellow marrow (Woodard and White 1986)
_LEAST_BONE = 0.02  # of the volume; chosen: no patient has less


def marrow_hu(fat: float, beam: Beam) -> float:
    """HU of marrow without contrast.

    Args:
        fat: share of lipid in its mass; below 0.4 it is redder than ICRU's red marrow.
        beam: in which it is seen.
    """
    yellow = (fat - _RED_FAT) / (_YELLOW_FAT - _RED_FAT)
    return (1.0 - yellow) * beam.of("red marrow") + yellow * beam.of("yellow marrow")


def bone_share(bmd_mg_cm3: float, fat: float) -> float:
    """Share of the volume that is mineralized matrix, from what QCT reports and the marrow's fat."""
    marrow = marrow_hu(fat, REFERENCE)
    return (bmd_mg_cm3 * REFERENCE.k2hpo4_hu - marrow) / (REFERENCE.of("bone") - marrow)


def least_fat(bmd_mg_cm3: float) -> float:
    """Share of fat that marrow must have, lest the bone of such a BMD be without mineral."""
    red, yellow = marrow_hu(_RED_FAT, REFERENCE), marrow_hu(_YELLOW_FAT, REFERENCE)
    brightest = (bmd_mg_cm3 * REFERENCE.k2hpo4_hu - _LEAST_BONE * REFERENCE.of("bone")) / (1.0 - _LEAST_BONE)
    return _RED_FAT + (red - brightest) / (red - yellow) * (_YELLOW_FAT - _RED_FAT)


def trabecular_hu(bmd_mg_cm3: float, fat: float, iodine_mg_ml: float, beam: Beam) -> float:
    """Mean HU of trabecular bone.

    Args:
        bmd_mg_cm3: as QCT reports it.
        fat: share of lipid in the marrow's mass.
        iodine_mg_ml: in the bone's volume.
        beam: in which it is seen.
    """
    share = bone_share(bmd_mg_cm3, fat)
    plain = share * beam.of("bone") + (1.0 - share) * marrow_hu(fat, beam)
    return plain + iodine_mg_ml * beam.iodine_hu
