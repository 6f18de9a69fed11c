"""What a calibration can't know and its standard error has to hold: the region's own error, contrast, marrow.

BMD is told beside K2HPO4, which the thresholds belong to. A reading beside hydroxyapatite (HA) is converted by the
slopes of Goodsitt 1992 (Bone Miner 19:145: BMD by K2HPO4 over BMD by HA .86 at 80 kVp and .81 at 140 kVp, intercepts
of about 0). Faulkner 1993 (Osteoporos Int 3:36, as quoted in araex/mitk-gem issue 52) has HA = 1.15 K2HPO4 - 7.32, by
which 100 mg/cm3 of HA are 13 % more K2HPO4 at 120 kVp: published conversions differ by that much, so that one carries
an error of 6 %.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.phantom.physics.beam import REFERENCE, Beam
from OsteoJointLib.phantom.physics.bone import bone_share, marrow_hu
from OsteoJointLib.records import BoneStandard, CalibratedBmd, CalibrationKind

BEAM_KVP = (80.0, 100.0, 120.0, 140.0)
"""Tube voltages that the table of attenuation has."""

ROI_SE_HU = 2.0
"""Standard error of a region's mean: what another slice phase, thickness, kernel or noise makes of it
(``Testing/measure_repeatability.py``: SD of 1 to 2 HU through the body)."""

CONTRAST_HU, CONTRAST_SD_HU = 9.0, 5.0
"""What a contrast agent adds to trabecular bone at 120 kVp, and its spread: 2 to 10 HU by phase in the phantom;
Pickhardt 2016 (doi 10.1007/s00198-015-3224-9) measured 11 HU. It isn't taken off: no phase is known well enough."""

MARROW_FAT = 0.5
"""Share of lipid in the mass of a patient's marrow in the middle of life (see docs/explain/phantom.md)."""

_HA_KVP, _K2HPO4_OVER_HA = (80.0, 140.0), (0.86, 0.81)
_CONVERSION_SHARE = 0.06


@dataclass(frozen=True)
class Scan:
    """What a calibration knows of the scan.

    Args:
        kvp: tube voltage in kV, None when unknown.
        contrast: whether a contrast agent was given, None when unknown.
    """

    kvp: float | None
    contrast: bool | None


def beam_names(kvp: float | None) -> tuple[str, ...]:
    """Name the beams of the table that a tube voltage lies at or between; all of them when it is unknown.

    >>> beam_names(120.0), beam_names(130.0), beam_names(70.0)
    (('120',), ('120', '140'), ('80',))
    """
    if kvp is None:
        return tuple(f"{known:.0f}" for known in BEAM_KVP)
    if kvp in BEAM_KVP:
        return (f"{kvp:.0f}",)
    near = [max((k for k in BEAM_KVP if k < kvp), default=None), min((k for k in BEAM_KVP if k > kvp), default=None)]
    return tuple(f"{known:.0f}" for known in near if known is not None)


def at_reference(hu: float, beam: Beam, fat: float = MARROW_FAT) -> float:
    """Return the BMD that QCT at 120 kVp would report for bone that has these HU in another beam, mg/cm3 of K2HPO4.

    The bone is mineral in marrow: two materials, of which the marrow's share of lipid is given (as in Michalski 2020,
    where they are K2HPO4 and triglyceride).
    """
    marrow = marrow_hu(fat, beam)
    share = (hu - marrow) / (beam.of("bone") - marrow)
    return (share * REFERENCE.of("bone") + (1.0 - share) * marrow_hu(fat, REFERENCE)) / REFERENCE.k2hpo4_hu


def beam_error_mg_cm3(bmd_mg_cm3: float, kvp: float | None) -> float:
    """Return how far a reading beside K2HPO4 at this voltage is off one at 120 kVp, as fat in the marrow makes it."""

    def off(name: str) -> float:
        beam, share = Beam(name), bone_share(bmd_mg_cm3, MARROW_FAT)
        hu = share * beam.of("bone") + (1.0 - share) * marrow_hu(MARROW_FAT, beam)
        return abs(hu / beam.k2hpo4_hu - bmd_mg_cm3)

    return max(off(name) for name in beam_names(kvp))


def k2hpo4_over_ha(kvp: float | None) -> float:
    """Return BMD beside K2HPO4 over BMD beside HA.

    >>> round(k2hpo4_over_ha(120.0), 3)
    0.827
    """
    return float(np.interp(120.0 if kvp is None else kvp, _HA_KVP, _K2HPO4_OVER_HA))


def told(
    name: str,
    kind: CalibrationKind,
    standard: BoneStandard,
    mg_cm3: float,
    se_mg_cm3: float,
    mg_cm3_per_hu: float,
    scan: Scan,
) -> CalibratedBmd:
    """Put a BMD together, beside K2HPO4, with all of its errors.

    Args:
        name, kind, standard: of the calibration.
        mg_cm3: BMD in that standard.
        se_mg_cm3: the calibration's own standard error of it.
        mg_cm3_per_hu: slope there.
        scan: what is known of the scan.
    """
    factor, conversion = 1.0, 0.0
    if standard is BoneStandard.HA:
        factor, conversion = k2hpo4_over_ha(scan.kvp), _CONVERSION_SHARE * abs(mg_cm3)
    hu_error = ROI_SE_HU
    if scan.contrast is not False:  # given, or perhaps
        hu_error = float(np.sqrt(ROI_SE_HU**2 + CONTRAST_HU**2 + CONTRAST_SD_HU**2))
    se = factor * float(np.sqrt(se_mg_cm3**2 + conversion**2 + (mg_cm3_per_hu * hu_error) ** 2))
    return CalibratedBmd(name, kind, standard, mg_cm3, factor * mg_cm3, se)
