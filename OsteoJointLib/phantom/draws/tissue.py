"""HU of the soft tissues: composition in the patient's beam, and iodine.

Each tissue has ICRU's composition and a density that gives it its usual HU at 120 kVp (radiological values, chosen),
with a spread between persons; what other voltages, other sizes and iodine make of these follows from the physics. For
training, half of the persons have tissues that depart from that as no patient's do, so that no network leans on them
alone; the other half keep the link by which fat, muscle and blood tell about the scanner and the contrast.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from OsteoJointLib.phantom.draws.contrast import Iodine
from OsteoJointLib.phantom.physics.beam import Beam
from OsteoJointLib.phantom.solids.scene import Material

FLUID_HU, FLUID_TEXTURE = (0.0, 25.0), (5.0, 4.0)
"""Effusion and ascites: HU, and texture as SD in HU and grain in mm."""


@dataclass(frozen=True)
class TissueHu:
    """HU of every soft tissue."""

    skin: float
    fat: float
    visceral_fat: float
    muscle: float
    liver: float
    spleen: float
    kidney: float
    renal_pelvis: float
    aorta: float
    cava: float
    bowel_wall: float
    bowel_fluid: float
    disc: float
    canal: float

    def marbled(self, muscle_fat: float) -> float:
        """HU of muscle with that share of fat in it."""
        return self.muscle + muscle_fat * (self.visceral_fat - self.muscle)


@dataclass(frozen=True)
class _Usual:
    """A tissue of the table of attenuation, its HU at 120 kVp without contrast, and the SD of these between persons."""

    tissue: str
    hu: float
    sd_hu: float


_BLOOD = _Usual("blood", 42.0, 3.0)  # patients' hematocrit is lower than that of ICRU's blood (58 HU)
_USUAL = {
    "skin": _Usual("skin", 20.0, 6.0),  # so thin that half of it is what lies beside it
    "fat": _Usual("subcutaneous fat", -104.0, 3.0),
    "visceral_fat": _Usual("adipose", -95.0, 4.0),
    "muscle": _Usual("muscle", 53.0, 3.0),
    "liver": _Usual("liver", 58.0, 6.0),
    "spleen": _Usual("spleen", 48.0, 4.0),
    "kidney": _Usual("kidney", 34.0, 4.0),
    "renal_pelvis": _Usual("urine", 5.0, 4.0),
    "aorta": _BLOOD,
    "cava": _BLOOD,
    "bowel_wall": _Usual("bowel wall", 40.0, 6.0),
    "bowel_fluid": _Usual("cerebrospinal fluid", 15.0, 6.0),  # salt water
    "disc": _Usual("cartilage", 75.0, 8.0),
    "canal": _Usual("cerebrospinal fluid", 25.0, 5.0),  # with the cord and its nerves
}
_DEPARTURE_HU, _DEPARTURE_SHARE, _ENHANCED_HU = 15.0, 0.3, 120.0  # SD, also as a share of HU from 120 on
_FAT_LIMITS_HU: dict[str, tuple[float, float]] = {"fat": (-170.0, -50.0), "visceral_fat": (-170.0, -40.0)}


def draw_tissue_hu(beam: Beam, iodine: Iodine, departing: bool, rng: np.random.Generator) -> TissueHu:
    """Draw the HU of one patient.

    Args:
        beam: in which the patient is seen.
        iodine: in each tissue.
        departing: whether tissues depart from what physics says of them (training).
        rng: source of all that is drawn here.
    """
    taken, found = asdict(iodine), {}
    blood = rng.normal()
    for name, usual in _USUAL.items():
        z, apart = rng.normal(size=2)
        own = usual.sd_hu * (blood if usual is _BLOOD else z)  # artery and vein hold the same blood
        hu = beam.like(usual.tissue, usual.hu + own) + taken.get(name, 0.0) * beam.iodine_hu
        spread = _DEPARTURE_HU if abs(hu) < _ENHANCED_HU else _DEPARTURE_SHARE * abs(hu)
        found[name] = float(hu + departing * spread * apart)
    for name, limits in _FAT_LIMITS_HU.items():
        found[name] = float(np.clip(found[name], *limits))
    return TissueHu(**found)


def soft(hu: float, texture: tuple[float, float], shell_hu: float = 0.0, shell_mm: float = 0.0) -> Material:
    """Name a soft tissue's material by HU, texture and wall."""
    return Material(hu, shell_hu, shell_mm, *texture)
