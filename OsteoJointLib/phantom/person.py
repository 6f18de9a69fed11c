"""Who is scanned: sex, age, build, bone density and variants of the column, drawn from published distributions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.records import Level, Status

_AGE_YEARS = (20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0)
_BMD_BY_AGE = {
    "F": (180.0, 176.0, 165.0, 138.0, 101.0, 76.0, 60.0, 50.0),
    "M": (172.0, 160.0, 146.0, 131.0, 115.0, 100.0, 88.0, 78.0),
}
"""Mean lumbar trabecular BMD in mg/cm3 by age, near the QCT of 69 095 Chinese adults (Cheng et al. 2021, doi
10.1002/jbmr.4187: peaks of 185 in women and 177 in men at 30 to 34, 62 and 92 at 80 years). The values between are
ours, a tenth lower in young men."""
_BMD_SD = 27.0
_LEVEL_DIFFERENCE_SD = 5.0
"""SD of L1 - L2 in mg/cm3 around a mean of +3 (L1 and L2 correlate with r = 0.95)."""


@dataclass(frozen=True)
class Person:
    """One phantom patient.

    Args:
        sex: "F" or "M".
        age_years: 20 to 90.
        scale: size of the skeleton over the tables' man of 176 cm.
        bmd_l1_mg_cm3, bmd_l2_mg_cm3: trabecular BMD of the two levels.
        cortex_mm: thickness of the bodies' shell.
        lumbar_bodies: 4, 5 or 6.
        twelfth_rib: "usual", "stub", "missing", or "extra" (a short rib on L1).
        fat_mm: subcutaneous fat in the flank.
        muscle_fat: fraction of fat in the back muscles.
        lordosis: 1 is the tables' curve.
        scoliosis_deg, rotation_deg: largest tilt and rotation of the curve.
        fractured: verse labels of wedge or biconcave bodies.
        degeneration: 0 none to 1 heavy (spurs, thin discs, calcified aorta).
    """

    sex: str
    age_years: float
    scale: float
    bmd_l1_mg_cm3: float
    bmd_l2_mg_cm3: float
    cortex_mm: float
    lumbar_bodies: int
    twelfth_rib: str
    fat_mm: float
    muscle_fat: float
    lordosis: float
    scoliosis_deg: float
    rotation_deg: float
    fractured: tuple[int, ...]
    degeneration: float

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


def draw_person(rng: np.random.Generator, spread_bmd: bool = False) -> Person:
    """Draw a patient.

    Args:
        rng: source of all randomness.
        spread_bmd: draw BMD evenly from 20 to 210 mg/cm3 instead of by age and sex (training).
    """
    sex = "F" if rng.random() < 0.5 else "M"
    age = float(rng.uniform(22, 90))
    mean = (
        float(rng.uniform(20, 210))
        if spread_bmd
        else float(np.clip(rng.normal(np.interp(age, _AGE_YEARS, _BMD_BY_AGE[sex]), _BMD_SD), 15, 260))
    )
    half_difference = 0.5 * float(rng.normal(3.0, _LEVEL_DIFFERENCE_SD))
    old = np.clip((age - 40.0) / 50.0, 0.0, 1.0)
    fragile = mean < 80.0
    fractured = tuple(int(v) for v in range(17, 24) if rng.random() < (0.10 if fragile else 0.02))
    return Person(
        sex=sex,
        age_years=age,
        scale=float(np.clip(rng.normal(0.92 if sex == "F" else 1.0, 0.05), 0.78, 1.15)),
        bmd_l1_mg_cm3=max(mean + half_difference, 5.0),
        bmd_l2_mg_cm3=max(mean - half_difference, 5.0),
        cortex_mm=float(rng.uniform(0.35, 0.9) * (1.0 - 0.3 * old)),
        lumbar_bodies=int(rng.choice((4, 5, 6), p=(0.03, 0.92, 0.05))),
        twelfth_rib=str(rng.choice(("usual", "stub", "missing", "extra"), p=(0.86, 0.08, 0.03, 0.03))),
        fat_mm=float(np.clip(rng.gamma(3.0, 7.0), 4.0, 60.0)),
        muscle_fat=float(np.clip(rng.beta(1.5, 5.0) + 0.25 * old, 0.0, 0.8)),
        lordosis=float(rng.uniform(0.35, 1.6)),
        scoliosis_deg=float(rng.normal(0.0, 5.0)),
        rotation_deg=float(rng.normal(0.0, 4.0)),
        fractured=fractured,
        degeneration=float(np.clip(rng.beta(1.2, 2.5) * (0.3 + old), 0.0, 1.0)),
    )
