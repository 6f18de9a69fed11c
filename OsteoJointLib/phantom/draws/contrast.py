"""Iodine in blood, organs, muscle and marrow by contrast phase, drawn for every patient.

Concentrations give the usual enhancement at 120 kVp (1 mg/ml adds 25 HU): chosen, for some 0.5 g of iodine a kg. Marrow
gains about 10 HU in the portal (nephrographic) and 2 HU in the excretory (urographic) phase. Others measured 11 HU with
an SD of 19 HU (Pickhardt et al. 2016, doi 10.1007/s00198-015-3224-9), or 14 HU in the arterial and 18 HU in the portal
phase (Pompe et al. 2015, doi 10.1007/s00330-014-3408-2). Numbers that name no source are chosen.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np


@dataclass(frozen=True)
class Iodine:
    """Iodine in mg per ml of each tissue; none without contrast."""

    aorta: float = 0.0
    cava: float = 0.0
    liver: float = 0.0
    spleen: float = 0.0
    kidney: float = 0.0
    renal_pelvis: float = 0.0
    bowel_wall: float = 0.0
    muscle: float = 0.0
    marrow: float = 0.0


NO_CONTRAST = Iodine()
_USUAL = {
    "none": NO_CONTRAST,
    "arterial": Iodine(10.0, 1.9, 0.5, 2.6, 4.6, 0.0, 1.6, 0.15, 0.3),
    "portal": Iodine(4.5, 3.9, 2.1, 3.1, 6.0, 0.0, 2.0, 0.4, 0.4),
    "excretory": Iodine(2.7, 2.7, 1.4, 1.9, 5.2, 24.0, 1.4, 0.3, 0.08),
}
_PER_SD_LATE = {  # log of the factor for a scan that is late by one SD
    "arterial": Iodine(-0.1, 0.4, 0.35, 0.1, 0.1, 0.0, 0.1, 0.3, 0.3),
    "portal": Iodine(-0.12, -0.08, -0.03, -0.08, -0.02, 0.3, -0.05, 0.05, -0.05),
    "excretory": Iodine(-0.15, -0.15, -0.12, -0.15, -0.08, 0.2, -0.12, -0.1, -0.15),
}
_DOSE_SD = 0.18  # log: iodine over the patient's blood volume
_OWN_SD, _MARROW_SD = 0.08, 0.25  # log: of one tissue; of the marrow, whose perfusion differs most
_USUAL_FAT = 0.45  # of the marrow that takes up what is said above: the blood lies in its red part


def draw_iodine(phase: str, marrow_fat: float, rng: np.random.Generator) -> Iodine:
    """Draw one patient's iodine: the dose for the blood volume, the timing, and each tissue's own uptake.

    Args:
        phase: "none", "arterial", "portal" or "excretory".
        marrow_fat: share of lipid in the marrow's mass.
        rng: source of all that is drawn here.
    """
    dose, late, own = rng.normal(0.0, _DOSE_SD), rng.normal(), rng.normal(size=len(Iodine.__dataclass_fields__))
    if phase == "none":
        return NO_CONTRAST
    per_sd = asdict(_PER_SD_LATE[phase])
    drawn = {}
    for (name, usual), z in zip(asdict(_USUAL[phase]).items(), own, strict=True):
        spread = _MARROW_SD if name == "marrow" else _OWN_SD
        drawn[name] = float(usual * np.exp(dose + per_sd[name] * late + spread * z))
    drawn["marrow"] *= (1.0 - marrow_fat) / (1.0 - _USUAL_FAT)
    return Iodine(**drawn)
