"""Who is scanned: sex, age, build, bone density and variants of the column.

Numbers that name no source are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.phantom.draws.chance import Range, around, between, choose
from OsteoJointLib.phantom.draws.findings import Findings, draw_findings
from OsteoJointLib.phantom.physics.bone import least_fat
from OsteoJointLib.records import Level, Status

_AGE_YEARS = (20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0)
_BMD_BY_AGE = {
    "F": (180.0, 176.0, 165.0, 138.0, 101.0, 76.0, 60.0, 50.0),
    "M": (172.0, 160.0, 146.0, 131.0, 115.0, 100.0, 88.0, 78.0),
}
"""Mean lumbar trabecular BMD in mg/cm3 by age, near the QCT of 69 095 Chinese adults (Cheng et al. 2021, doi
10.1002/jbmr.4187: peaks of 185 in women and 177 in men at 30 to 34, 62 and 92 at 80 years). The values between are
ours, a tenth lower in young men."""
_BMD_SD = 27.0  # mg/cm3, at one age and sex
_BMD_LIMITS = (15.0, 260.0)  # mg/cm3, of what is drawn by age and sex
_SPREAD_BMD: Range = (20.0, 210.0)  # mg/cm3, drawn evenly for training: every class is as well seen at its edges
_LEVEL_DIFFERENCE: Range = (3.0, 5.0)  # mg/cm3, mean and SD of L1 - L2; over 4,000 persons L1 and L2 have r = 0.99
_LEAST_BMD = 5.0  # mg/cm3, of one level

_WOMEN = 0.5  # share
_SCANNED_AGE: Range = (22.0, 90.0)  # years
_OLD_FROM, _OLD_SPAN = 40.0, 50.0  # years: "old" goes from 0 at 40 to 1 at 90
_SCALE = {"F": 0.92, "M": 1.0}  # mean size of the skeleton over the tables' man of 176 cm: a woman of 162 cm
_SCALE_SD, _SCALE_LIMITS = 0.05, (0.78, 1.15)
_FRAGILE_BMD = 80.0  # mg/cm3, the ACR's threshold of osteoporosis
_FRACTURE_CHANCE = {True: 0.10, False: 0.02}  # of one body, fragile or not
_MAY_BREAK = range(17, 24)  # VerSe numbers, T10 to L4
_CORTEX_MM: Range = (0.35, 0.9)
_CORTEX_LOSS = 0.3  # share of the shell that is lost from 40 to 90 years
_CORTEX_PER_BMD, _CORTEX_FACTOR = 0.002, (0.75, 1.25)  # thicker by this share per mg/cm3 over one's age
_MARROW_FAT_BY_AGE = {
    "F": (0.27, 0.27, 0.31, 0.38, 0.48, 0.52, 0.55, 0.57),
    "M": (0.32, 0.35, 0.38, 0.41, 0.44, 0.46, 0.48, 0.50),
}
"""Mean share of fat in the lumbar marrow: 27 and 32 % in the twenties, 27 and 35 % in the thirties, with an SD of 6 to
8 % (Baum et al. 2018, doi 10.3389/fendo.2018.00141); women overtake men at 55 to 65 years (Griffith et al. 2012, doi
10.1002/jmri.23619). The values from 40 years on are ours."""
_MARROW_FAT_SD, _MARROW_FAT_PER_BMD = 0.07, -0.0012  # share; per mg/cm3 over one's age: fat takes the place of bone
_MOST_MARROW_FAT, _LEAST_MARROW_FAT = 0.8, 0.12
_LUMBAR_BODIES = {4: 0.03, 5: 0.92, 6: 0.05}  # shares
_VARIED_LUMBAR_BODIES = {4: 0.1, 5: 0.78, 6: 0.12}  # shares in training: what is rare must be seen often enough
_TWELFTH_RIB = {"usual": 0.8, "thin": 0.07, "stub": 0.08, "missing": 0.03, "extra": 0.02}  # shares
_VARIED_TWELFTH_RIB = {"usual": 0.55, "thin": 0.13, "stub": 0.13, "missing": 0.08, "extra": 0.11}
_TRANSITION = {  # shares by the number of lumbar bodies
    4: {"none": 0.5, "lumbarized": 0.4, "sacralized": 0.1},
    5: {"none": 0.9, "lumbarized": 0.03, "sacralized": 0.07},
    6: {"none": 0.5, "lumbarized": 0.05, "sacralized": 0.45},
}
_VARIED_TRANSITION = {"none": 0.6, "lumbarized": 0.18, "sacralized": 0.22}
_FAT_SHAPE, _FAT_SCALE_MM, _FAT_LIMITS_MM = 3.0, 7.0, (4.0, 60.0)  # gamma distribution: a mean of 21 mm
_FAT_FACTOR = {"usual": 1.0, "obese": 2.2, "wasted": 0.25}  # on the fat under the skin
_FAT_LIMITS_OF = {"usual": _FAT_LIMITS_MM, "obese": (40.0, 95.0), "wasted": (1.5, 6.0)}  # mm
_MUSCLE_FAT_BETA, _MUSCLE_FAT_OLD, _MOST_MUSCLE_FAT = (1.5, 5.0), 0.25, 0.8  # fraction of the muscle
_LORDOSIS: Range = (0.35, 1.6)
_SCOLIOSIS_DEG: Range = (0.0, 5.0)  # mean and SD
_ROTATION_DEG: Range = (0.0, 4.0)  # mean and SD
_DEGENERATION_BETA, _DEGENERATION_YOUNG = (1.2, 2.5), 0.3  # factor on the draw: 0.3 at 40 years, 1.3 at 90


@dataclass(frozen=True, kw_only=True)
class Person(Findings):
    """One phantom patient, with what age, illness and surgery left (:class:`Findings`).

    Args:
        sex: "F" or "M".
        age_years: 22 to 90.
        scale: size of the skeleton over the tables' man of 176 cm.
        bmd_l1_mg_cm3, bmd_l2_mg_cm3: trabecular BMD of the two levels.
        cortex_mm: thickness of the bodies' shell.
        marrow_fat: share of lipid in the mass of the lumbar marrow.
        lumbar_bodies: 4, 5 or 6.
        twelfth_rib: "usual", "thin", "stub", "missing" (on one or both sides), or "extra" (a short rib on L1).
        transition: "none", "sacralized" (the last lumbar body reaches the sacrum with broad transverse processes), or
            "lumbarized" (the first sacral body is squared and has a disc under it). Bodies above the sacrum are counted
            as lumbar either way.
        fat_mm: subcutaneous fat in the flank.
        muscle_fat: fraction of fat in the back muscles.
        lordosis: 1 is the tables' curve.
        scoliosis_deg, rotation_deg: largest tilt and rotation of the curve.
    """

    sex: str
    age_years: float
    scale: float
    bmd_l1_mg_cm3: float
    bmd_l2_mg_cm3: float
    cortex_mm: float
    marrow_fat: float
    lumbar_bodies: int
    twelfth_rib: str
    transition: str
    fat_mm: float
    muscle_fat: float
    lordosis: float
    scoliosis_deg: float
    rotation_deg: float

    @property
    def mean_bmd_mg_cm3(self) -> float:
        """Mean of L1 and L2, which decides the class."""
        return 0.5 * (self.bmd_l1_mg_cm3 + self.bmd_l2_mg_cm3)

    @property
    def status(self) -> Status:
        """The case's class."""
        return Status.from_bmd(self.mean_bmd_mg_cm3)

    def bmd(self, level: Level) -> float:
        """BMD of one level in mg/cm3."""
        return self.bmd_l1_mg_cm3 if level is Level.L1 else self.bmd_l2_mg_cm3


def draw_person(rng: np.random.Generator, spread_bmd: bool = False, varied: bool = False) -> Person:
    """Draw a patient.

    Args:
        rng: source of all randomness.
        spread_bmd: draw BMD evenly from 20 to 210 mg/cm3 instead of by age and sex (training).
        varied: draw rare ribs, counts, transitions and findings often (training).
    """
    sex = "F" if rng.random() < _WOMEN else "M"
    age = between(rng, _SCANNED_AGE)
    usual = float(np.interp(age, _AGE_YEARS, _BMD_BY_AGE[sex]))
    mean = between(rng, _SPREAD_BMD) if spread_bmd else float(np.clip(rng.normal(usual, _BMD_SD), *_BMD_LIMITS))
    half_difference = 0.5 * around(rng, _LEVEL_DIFFERENCE)
    old = np.clip((age - _OLD_FROM) / _OLD_SPAN, 0.0, 1.0)
    fracture_chance = _FRACTURE_CHANCE[mean < _FRAGILE_BMD]
    fractured = tuple(label for label in _MAY_BREAK if rng.random() < fracture_chance)
    lumbar_bodies = choose(rng, _VARIED_LUMBAR_BODIES if varied else _LUMBAR_BODIES)
    denser = float(np.clip(1.0 + _CORTEX_PER_BMD * (mean - usual), *_CORTEX_FACTOR))
    # streams of their own: another finding more changes nothing else of the patient
    for_findings, for_marrow = rng.spawn(2)
    fat = np.interp(age, _AGE_YEARS, _MARROW_FAT_BY_AGE[sex]) + _MARROW_FAT_PER_BMD * (mean - usual)
    fat = np.clip(for_marrow.normal(fat, _MARROW_FAT_SD), _LEAST_MARROW_FAT, _MOST_MARROW_FAT)
    build = Person(
        sex=sex,
        age_years=age,
        scale=float(np.clip(rng.normal(_SCALE[sex], _SCALE_SD), *_SCALE_LIMITS)),
        bmd_l1_mg_cm3=max(mean + half_difference, _LEAST_BMD),
        bmd_l2_mg_cm3=max(mean - half_difference, _LEAST_BMD),
        cortex_mm=float(between(rng, _CORTEX_MM) * (1.0 - _CORTEX_LOSS * old) * denser),
        marrow_fat=max(float(fat), least_fat(max(mean - abs(half_difference), _LEAST_BMD))),
        lumbar_bodies=lumbar_bodies,
        twelfth_rib=choose(rng, _VARIED_TWELFTH_RIB if varied else _TWELFTH_RIB),
        transition=choose(rng, _VARIED_TRANSITION if varied else _TRANSITION[lumbar_bodies]),
        fat_mm=float(np.clip(rng.gamma(_FAT_SHAPE, _FAT_SCALE_MM), *_FAT_LIMITS_MM)),
        muscle_fat=float(np.clip(rng.beta(*_MUSCLE_FAT_BETA) + _MUSCLE_FAT_OLD * old, 0.0, _MOST_MUSCLE_FAT)),
        lordosis=between(rng, _LORDOSIS),
        scoliosis_deg=around(rng, _SCOLIOSIS_DEG),
        rotation_deg=around(rng, _ROTATION_DEG),
        degeneration=float(np.clip(rng.beta(*_DEGENERATION_BETA) * (_DEGENERATION_YOUNG + old), 0.0, 1.0)),
    )
    findings = draw_findings(for_findings, build.degeneration, fractured, lumbar_bodies, varied)
    fat_mm = float(np.clip(build.fat_mm * _FAT_FACTOR[findings.habitus], *_FAT_LIMITS_OF[findings.habitus]))
    return replace(build, **vars(findings), fat_mm=fat_mm)
