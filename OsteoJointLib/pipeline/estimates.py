"""What the image itself shows of how it was made: the contrast phase by the blood, the kernel by the noise's texture.

The segmenter knows blood (aorta and vena cava), muscle and fat beside the body, and these are measured on the two
mid-slices. Blood tells whether a contrast agent was given and when; a bright renal pelvis tells the excretory phase
from the portal one, whose blood is nearly alike. A soft kernel makes noise coarse, so that neighboring pixels are
alike; a sharp one makes them differ. Both estimates are Bayes' rule over a few classes; how often they are right is
measured by ``Testing/measure_facts.py`` on phantoms. Tube voltage can't be told from the image with any sureness.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from OsteoJointLib.config import ReferenceTissue
from OsteoJointLib.frames import slice_to_crop
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import ContrastPhase, Kernel

_Name = TypeVar("_Name")

_SURE_LOGIT = 2.0
"""Pixels count for a tissue where its logit is larger (probability 0.88; chosen)."""
_BLOOD_IN_MM, _SMOOTH_PX = 1.5, 1.5
"""Blood is looked at so far inside its edge, in an image smoothed by so much (SD): noise must not make the phase."""
_LEAST_BLOOD_MM2 = 40.0
"""Less blood on both slices together tells nothing; an aorta alone has 200 to 400 mm² (chosen)."""
_PLAIN_BLOOD_HU = 42.0
"""Blood without contrast, 120 kVp (patients' hematocrit)."""
_IODINE_KVP, _IODINE = (80.0, 100.0, 120.0, 140.0), (1.53, 1.20, 1.0, 0.87)
"""HU of iodine against 120 kVp (:meth:`OsteoJointLib.phantom.physics.beam.Beam.iodine_hu` behind a usual trunk)."""


@dataclass(frozen=True)
class _Blood:
    """The brighter quarter of the blood in one phase: how usual the phase is, and HU over plain blood at 120 kVp."""

    share: float
    hu: float
    spread: float


_PHASES = {  # shares and iodine as the phantom draws them; the spread is of the logarithm, without contrast of the HU
    ContrastPhase.NONE: _Blood(0.62, 6.0, 10.0),
    ContrastPhase.ARTERIAL: _Blood(0.08, 270.0, 0.27),
    ContrastPhase.PORTAL: _Blood(0.24, 115.0, 0.22),
    ContrastPhase.EXCRETORY: _Blood(0.06, 80.0, 0.22),
}
_LEAST_ENHANCED_HU = 1.0
_MOST_Z = 2.5
"""Blood that is more SD off its likeliest phase is like that of none, and tells nothing (chosen)."""
_PELVIS_HU, _LEAST_PELVIS_MM2 = 260.0, 25.0
"""Brighter than this, and so large, beside a body, lies the pelvis of a kidney that excretes contrast (chosen)."""
_PELVIS_X_MM, _PELVIS_Y_MM = (28.0, 75.0), (-30.0, 12.0)
"""Where it lies from the body's middle: to both sides of it, and backward; ribs and processes lie farther back."""
_PELVIS_SEEN = {ContrastPhase.EXCRETORY: 0.5, ContrastPhase.ARTERIAL: 0.1}
"""How often one is seen on either slice; cortex in the arterial phase looks like one (chosen)."""
_PELVIS_SEEN_ELSE = 0.03

_NOISE_IN_PX, _HIGH_PASS_PX = 3, 2.0
"""Noise is looked at so far inside a tissue, where what is coarser than this (SD) is taken out."""
_LEAST_NOISE_PX, _LEAST_NOISE_HU = 300, 4.0
"""Fewer pixels on both slices together, or less noise, tell nothing (chosen)."""
_PIXEL_MM = (0.5, 1.0)
"""Pixels of other sizes are no usual reconstruction: the texture is not the kernel's alone (chosen)."""


@dataclass(frozen=True)
class _Texture:
    """Noise of one kind of kernel: how usual it is; mean and SD of the correlation of neighboring pixels."""

    share: float
    mean: float
    sd: float


_KERNELS = {  # shares as the phantom draws them; textures measured on 24 phantoms of other seeds than the table's
    Kernel.SOFT: _Texture(0.35, 0.70, 0.03),
    Kernel.STANDARD: _Texture(0.5, 0.50, 0.06),
    Kernel.SHARP: _Texture(0.12, 0.12, 0.08),
    Kernel.LUNG: _Texture(0.03, -0.12, 0.08),
}


def estimate_phase(vertebrae: Sequence[VertebraReading], kvp: float | None) -> dict[ContrastPhase, float] | None:
    """Return the probability of each contrast phase; None where no blood was found, or none like it.

    Args:
        vertebrae: the levels of one CT, with what the segmenter says of their crops.
        kvp: tube voltage in kV; None when unknown, when 120 is taken.
    """
    from scipy import ndimage

    found, pelvis, area_mm2 = [], False, 0.0
    for vertebra in vertebrae:
        pixel_mm = vertebra.axial.pixel_mm
        smooth = ndimage.gaussian_filter(slice_to_crop(vertebra.axial.hu, vertebra.crop), _SMOOTH_PX)
        blood = _tissue(vertebra, ReferenceTissue.BLOOD)
        blood = ndimage.binary_erosion(blood, iterations=max(1, round(_BLOOD_IN_MM / pixel_mm)))
        area_mm2 += np.count_nonzero(blood) * pixel_mm**2
        found.append(smooth[blood])
        pelvis = pelvis or _has_bright_pelvis(smooth, vertebra)
    if area_mm2 < _LEAST_BLOOD_MM2:
        return None
    over_hu = float(np.percentile(np.concatenate(found), 75)) - _PLAIN_BLOOD_HU
    over_hu /= 1.0 if kvp is None else float(np.interp(kvp, _IODINE_KVP, _IODINE))
    logs = {}
    for phase, usual in _PHASES.items():
        seen = _PELVIS_SEEN.get(phase, _PELVIS_SEEN_ELSE)
        logs[phase] = math.log(usual.share) + _blood_log(phase, usual, over_hu) + math.log(seen if pelvis else 1 - seen)
    likeliest = max(logs, key=lambda phase: logs[phase])
    return _posterior(logs) if _is_like(likeliest, over_hu) else None


def estimate_kernel(vertebrae: Sequence[VertebraReading]) -> dict[Kernel, float] | None:
    """Return the probability of each kind of kernel; None where there is no noise of the CT's own to judge by.

    Args:
        vertebrae: the levels of one CT, with what the segmenter says of their crops.
    """
    native = all(np.allclose(vertebra.axial.step_yx, 1.0) for vertebra in vertebrae)
    if not native or not all(_PIXEL_MM[0] <= vertebra.axial.pixel_mm <= _PIXEL_MM[1] for vertebra in vertebrae):
        return None
    # muscle is marbled, which looks coarse, and vessels are small: the less coarse of the two is the noise's own
    textures = [_texture(vertebrae, tissue) for tissue in (ReferenceTissue.MUSCLE, ReferenceTissue.BLOOD)]
    seen = [one for one in textures if one is not None]
    if not seen:
        return None
    return _posterior(
        {kernel: math.log(usual.share) + _normal_log(min(seen), usual) for kernel, usual in _KERNELS.items()}
    )


def _tissue(vertebra: VertebraReading, tissue: ReferenceTissue) -> np.ndarray:
    """(224, 224) bool: where the segmenter is sure of a tissue; nowhere where it knows none."""
    logits = None if vertebra.encoded is None else vertebra.encoded.segmentation.tissue_logits
    if logits is None:
        return np.zeros(vertebra.crop.image.shape, dtype=bool)
    return logits[0, tissue - 1].float().cpu().numpy() > _SURE_LOGIT


def _has_bright_pelvis(smooth_hu: np.ndarray, vertebra: VertebraReading) -> bool:
    """Say whether something as bright as excreted contrast lies beside the body."""
    from scipy import ndimage

    body = slice_to_crop(vertebra.segmentation.mask, vertebra.crop)
    if not body.any():
        return False
    pixel_mm = vertebra.axial.pixel_mm
    center_y, center_x = np.argwhere(body).mean(axis=0)
    y_mm, x_mm = np.ogrid[: body.shape[0], : body.shape[1]]
    y_mm, x_mm = (y_mm - center_y) * pixel_mm, np.abs(x_mm - center_x) * pixel_mm
    place = (_PELVIS_X_MM[0] < x_mm) & (x_mm < _PELVIS_X_MM[1]) & (_PELVIS_Y_MM[0] < y_mm) & (y_mm < _PELVIS_Y_MM[1])
    parts, count = ndimage.label(place & (smooth_hu > _PELVIS_HU))
    return count > 0 and float(np.bincount(parts.ravel())[1:].max()) * pixel_mm**2 >= _LEAST_PELVIS_MM2


def _z(phase: ContrastPhase, over_hu: float) -> float:
    """Say how many SD blood that is so many HU brighter than plain blood is off a phase's usual one."""
    usual = _PHASES[phase]
    if phase is ContrastPhase.NONE:
        return (over_hu - usual.hu) / usual.spread
    return math.log(max(over_hu, _LEAST_ENHANCED_HU) / usual.hu) / usual.spread


def _is_like(phase: ContrastPhase, over_hu: float) -> bool:
    """Say whether blood is like that of a phase at all; in the arterial one it may be as bright as it will."""
    z = _z(phase, over_hu)
    return abs(z) <= _MOST_Z or (phase is ContrastPhase.ARTERIAL and z > 0)


def _blood_log(phase: ContrastPhase, usual: _Blood, over_hu: float) -> float:
    """Log likelihood of blood that is so many HU brighter than plain blood: normal without contrast, else lognormal."""
    scale = usual.spread if phase is ContrastPhase.NONE else usual.spread * max(over_hu, _LEAST_ENHANCED_HU)
    return -0.5 * _z(phase, over_hu) ** 2 - math.log(scale)


def _texture(vertebrae: Sequence[VertebraReading], tissue: ReferenceTissue) -> float | None:
    """Correlation of the noise of neighboring pixels in a tissue; None where there is too little of it."""
    from scipy import ndimage

    product, square, pairs, pixels = 0.0, 0.0, 0, 0
    for vertebra in vertebrae:
        hu = slice_to_crop(vertebra.axial.hu, vertebra.crop)
        noise = hu - ndimage.gaussian_filter(hu, _HIGH_PASS_PX)
        mask = ndimage.binary_erosion(_tissue(vertebra, tissue), iterations=_NOISE_IN_PX)
        for here, there, both in (
            (noise[:, :-1], noise[:, 1:], mask[:, :-1] & mask[:, 1:]),
            (noise[:-1], noise[1:], mask[:-1] & mask[1:]),
        ):
            product += float((here * there)[both].sum())
            pairs += int(both.sum())
        square += float((noise[mask] ** 2).sum())
        pixels += int(mask.sum())
    if pixels < _LEAST_NOISE_PX or square < pixels * _LEAST_NOISE_HU**2:
        return None
    return (product / pairs) / (square / pixels)


def _normal_log(value: float, usual: _Texture) -> float:
    return -0.5 * ((value - usual.mean) / usual.sd) ** 2 - math.log(usual.sd)


def _posterior(logs: Mapping[_Name, float]) -> dict[_Name, float]:
    """Turn log likelihoods with priors into probabilities that sum to 1."""
    most = max(logs.values())
    weights = {name: math.exp(value - most) for name, value in logs.items()}
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}
