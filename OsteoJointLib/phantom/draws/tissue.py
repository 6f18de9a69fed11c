"""HU of the soft tissues by contrast phase: usual radiological values, chosen, and jittered for every patient."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace

import numpy as np

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


_PLAIN = TissueHu(
    skin=20,
    fat=-105,
    visceral_fat=-95,
    muscle=52,
    liver=58,
    spleen=48,
    kidney=34,
    renal_pelvis=5,
    aorta=42,
    cava=42,
    bowel_wall=40,
    bowel_fluid=15,
    disc=75,
    canal=25,
)
_BY_PHASE = {
    "none": _PLAIN,
    "arterial": replace(_PLAIN, liver=70, spleen=115, kidney=150, aorta=300, cava=90, bowel_wall=80, muscle=56),
    "portal": replace(_PLAIN, liver=110, spleen=125, kidney=185, aorta=155, cava=140, bowel_wall=90, muscle=62),
    "excretory": replace(
        _PLAIN, liver=92, spleen=95, kidney=165, renal_pelvis=600, aorta=110, cava=110, bowel_wall=75, muscle=60
    ),
}
_SD_HU, _SD_SHARE = 6.0, 0.12  # spread between patients: in HU, and as a share of what is enhanced
_ENHANCED_HU = 120.0  # from here on the share counts
_FAT_LIMITS_HU, _VISCERAL_FAT_LIMITS_HU = (-160.0, -50.0), (-160.0, -40.0)


def draw_tissue_hu(phase: str, spread: float, rng: np.random.Generator) -> TissueHu:
    """Draw the HU of one patient in a contrast phase; ``spread`` is 1 for plausible or more for training."""
    drawn = {}
    for name, hu in asdict(_BY_PHASE[phase]).items():
        sd = _SD_HU if abs(hu) < _ENHANCED_HU else _SD_SHARE * abs(hu)
        drawn[name] = float(hu + rng.normal(0, sd * spread))
    drawn["fat"] = float(np.clip(drawn["fat"], *_FAT_LIMITS_HU))
    drawn["visceral_fat"] = float(np.clip(drawn["visceral_fat"], *_VISCERAL_FAT_LIMITS_HU))
    return TissueHu(**drawn)


def soft(hu: float, texture: tuple[float, float], shell_hu: float = 0.0, shell_mm: float = 0.0) -> Material:
    """Name a soft tissue's material by HU, texture and wall."""
    return Material(hu, shell_hu, shell_mm, *texture)
