"""The scanner: its beam, gain and offset, kernel, blur, noise, cupping, streaks and contrast phase.

Gain, offset and cupping act on the finished image, the beam's hardness on every tissue: what a scanner does to bone it
does to fat, muscle and blood too. Numbers are chosen.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.phantom.draws.chance import Range, around, between, choose
from OsteoJointLib.phantom.physics.beam import PHOTON_COUNTING, Beam
from OsteoJointLib.phantom.scanner.metal import streaks

_BEAM_SHARE = {"80": 0.06, "100": 0.16, "120": 0.62, "140": 0.08, PHOTON_COUNTING: 0.08}
_PHOTON_COUNTING_KVP = 120.0  # what such a scanner's header says
_HARDNESS_CM: Range = (0.0, 3.0)  # mean and SD of a scanner's filter over the usual one, as water
_GAIN: Range = (1.0, 0.005)  # mean and SD of its factor on HU
_OFFSET_HU: Range = (0.0, 2.5)  # mean and SD
_PHASE_SHARE = {"none": 0.62, "arterial": 0.08, "portal": 0.24, "excretory": 0.06}
_ORAL_CONTRAST = 0.3  # share
_THICKNESS_SHARE = {  # by mm: plausible, randomized
    False: {0.6: 0.05, 1.0: 0.15, 1.25: 0.15, 2.0: 0.23, 2.5: 0.15, 3.0: 0.15, 5.0: 0.1, 8.0: 0.02},
    True: {0.6: 0.05, 1.0: 0.1, 1.5: 0.15, 2.0: 0.15, 3.0: 0.2, 4.0: 0.05, 5.0: 0.17, 6.0: 0.03, 7.0: 0.03, 8.0: 0.07},
}
_PIXEL_MM: Range = (0.66, 0.94)  # a field of view of 34 to 48 cm
_TABLE_MM: Range = (2.0, 30.0)


@dataclass(frozen=True)
class _Kernel:
    """What a reconstruction kernel does.

    Args:
        share: of the protocols.
        blur_mm: SD of the in-plane blur.
        noise: factor on the noise.
        grain_px: SD of the blur that makes white noise its grain.
        edge: how much of what a blur of 1 mm takes away is added: sharp kernels overshoot at edges.
    """

    share: float
    blur_mm: float
    noise: float
    grain_px: float
    edge: float = 0.0


_KERNELS = {
    "soft": _Kernel(0.35, 0.75, 0.8, 1.1),
    "standard": _Kernel(0.5, 0.55, 1.0, 0.8),
    "sharp": _Kernel(0.12, 0.35, 1.5, 0.5, 0.5),
    "lung": _Kernel(0.03, 0.3, 2.2, 0.4, 1.0),
}
_BLUR_JITTER: Range = (0.8, 1.2)  # factor
_LEAST_BLUR_PX = 0.2  # SD below which a blur changes nothing
_NOISE_HU: Range = (6.0, 22.0)  # SD with the standard kernel
_COARSE_GRAIN, _COARSE_SHARE = 2.2, 0.7  # what a kernel takes out of the noise: this share of what is as coarse
_WILD_SHARE = 0.4  # of the randomized protocols whose blur (noise) has nothing to do with the kernel
_WILD_BLUR_MM: Range = (0.2, 1.8)
_WILD_NOISE_HU: Range = (1.0, 120.0)
_EDGE_MM = 1.0  # SD of the blur that a sharp kernel's overshoot is the opposite of
_BINNED_NOISE = (
    0.8  # power of the number of pixels binned along an edge by which noise falls: less than 1, it has grain
)
PADDING_HU = -1024.0  # what scanners store outside the circle they reconstruct
_CUPPING_HU: Range = (0.0, 4.0)  # mean and SD
_CUP_ZERO, _CUP_GAIN, _CUP_EDGE = 0.15, 1.5, 0.5  # squared radius over the half field: no change, slope, outermost

_METAL_SHARE = {False: 0.03, True: 0.08}  # plausible, randomized
_METAL_AT_MM: tuple[Range, Range, Range] = ((-90.0, 90.0), (-110.0, 0.0), (-60.0, 60.0))  # x, y, z about L1/L2
_METAL_REACH_MM, _METAL_RADIUS_MM, _METAL_HU = 6.0, 3.0, 3000.0  # half height, radius

_MATRIX = 512  # pixels along the edge of a usual slice
_STORED_HU = (-1024, 3071)  # range of a 12-bit CT


@dataclass(frozen=True)
class Acquisition:
    """How the person is scanned.

    Args:
        beam: its name in the table of attenuation.
        hardness_cm: water that hardens the beam as this scanner's filter does beyond the usual one.
        gain, offset_hu: HU in the image = gain * HU + offset.
        phase: contrast phase.
        oral_contrast: whether the bowel holds contrast.
        kernel: "soft", "standard", "sharp" or "lung".
        noise_hu: SD of the noise in the slices.
        blur_mm: SD of the in-plane blur.
        pixel_mm, thickness_mm: voxel size.
        cupping_hu: how much darker the middle is than the rim (negative: brighter).
        table_mm: distance from skin to table.
        metal_at_mm: x, y, z of a metal clip or screw (None: no metal).
        rods: whether calibration rods lie under the back.
    """

    beam: str
    hardness_cm: float
    gain: float
    offset_hu: float
    phase: str
    oral_contrast: bool
    kernel: str
    noise_hu: float
    blur_mm: float
    pixel_mm: float
    thickness_mm: float
    cupping_hu: float
    table_mm: float
    metal_at_mm: tuple[float, float, float] | None
    rods: bool

    @property
    def kvp(self) -> float:
        """Tube voltage in kV, as the header says it."""
        return _PHOTON_COUNTING_KVP if self.beam == PHOTON_COUNTING else float(self.beam)

    def behind(self, thickness_cm: float) -> Beam:
        """Return the beam behind a trunk that hardens it as so much water."""
        return Beam(self.beam, thickness_cm + self.hardness_cm)

    def shown(self, hu: float) -> float:
        """HU in the image of what has these HU in the beam."""
        return self.gain * hu + self.offset_hu


def draw_acquisition(rng: np.random.Generator, randomized: bool, rods: bool = False) -> Acquisition:
    """Draw a protocol; ``randomized`` widens noise and blur far beyond the plausible (training)."""
    beam, phase = choose(rng, _BEAM_SHARE), choose(rng, _PHASE_SHARE)
    name = choose(rng, {name: kernel.share for name, kernel in _KERNELS.items()})
    kernel = _KERNELS[name]
    blur = kernel.blur_mm * between(rng, _BLUR_JITTER)
    noise = between(rng, _NOISE_HU) * kernel.noise
    if randomized:
        blur = choose(rng, {blur: 1 - _WILD_SHARE, between(rng, _WILD_BLUR_MM): _WILD_SHARE})
        noise = choose(rng, {noise: 1 - _WILD_SHARE, between(rng, _WILD_NOISE_HU): _WILD_SHARE})
    offset, hardness = around(rng, _OFFSET_HU), around(rng, _HARDNESS_CM)
    x, y, z = (between(rng, limits) for limits in _METAL_AT_MM)
    return Acquisition(
        beam=beam,
        hardness_cm=hardness,
        offset_hu=offset,
        phase=phase,
        oral_contrast=bool(rng.random() < _ORAL_CONTRAST),
        kernel=name,
        noise_hu=noise,
        blur_mm=blur,
        pixel_mm=between(rng, _PIXEL_MM),
        thickness_mm=choose(rng, _THICKNESS_SHARE[randomized]),
        cupping_hu=around(rng, _CUPPING_HU),
        gain=around(rng, _GAIN),
        table_mm=between(rng, _TABLE_MM),
        metal_at_mm=(x, y, z) if rng.random() < _METAL_SHARE[randomized] else None,
        rods=rods,
    )


def binned(acquisition: Acquisition, field_mm: float, pixel_mm: float) -> Acquisition:
    """Return the protocol as pixels of a 512 x 512 field look when they are binned to larger ones: less noisy."""
    pixels = max(pixel_mm * _MATRIX / field_mm, 1.0)
    return replace(acquisition, noise_hu=acquisition.noise_hu / pixels**_BINNED_NOISE)


def _noise_plane(shape: tuple[int, int], acquisition: Acquisition, rng: np.random.Generator) -> np.ndarray:
    """One slice (y, x) of correlated noise with the kernel's texture, SD ``noise_hu``."""
    import cv2

    width = _KERNELS[acquisition.kernel].grain_px
    white = rng.standard_normal(shape, dtype=np.float32)
    fine = cv2.GaussianBlur(white, (0, 0), width)
    noise = fine - _COARSE_SHARE * cv2.GaussianBlur(white, (0, 0), _COARSE_GRAIN * width)
    return noise * np.float32(acquisition.noise_hu / max(float(noise.std()), 1e-6))  # a plane of one pixel has none


def _with_clip(plane: np.ndarray, grid: Grid, at: tuple[float, float, float], slice_z: float) -> np.ndarray:
    """Put the metal clip into a slice (y, x) that meets it."""
    if abs(slice_z - at[2]) > _METAL_REACH_MM:
        return plane
    x = grid.origin_lps_mm[0] + np.arange(grid.shape_zyx[2]) * grid.spacing_xyz_mm[0] - at[0]
    y = grid.origin_lps_mm[1] + np.arange(grid.shape_zyx[1]) * grid.spacing_xyz_mm[1] - at[1]
    return np.where(np.hypot(y[:, None], x[None, :]) < _METAL_RADIUS_MM, np.float32(_METAL_HU), plane)


def acquire(hu: np.ndarray, grid: Grid, acquisition: Acquisition, rng: np.random.Generator) -> np.ndarray:
    """Blur, cup, streak, scale and noise a rendered volume.

    Args:
        hu: (z, y, x) float32, changed in place.
        grid: its axis-aligned grid.
        acquisition: the protocol.
        rng: source of the noise.

    Returns:
        (z, y, x) int16 HU, air at -1024 at the lowest.
    """
    import cv2

    out = np.empty(hu.shape, np.int16)
    ny, nx = hu.shape[1:]
    sigma, edge_px = (width_mm / grid.spacing_xyz_mm[0] for width_mm in (acquisition.blur_mm, _EDGE_MM))
    edge = _KERNELS[acquisition.kernel].edge
    v = (np.linspace(-1, 1, ny)[:, None] ** 2 + np.linspace(-1, 1, nx)[None] ** 2).astype(np.float32)
    cup = np.float32(acquisition.cupping_hu) * (v - _CUP_ZERO) * np.float32(_CUP_GAIN)
    inside = v < _CUP_EDGE
    own = rng.spawn(1)[0]  # metal changes nothing of the noise
    for k in range(hu.shape[0]):
        plane = hu[k]
        if acquisition.metal_at_mm is not None:
            z = grid.origin_lps_mm[2] + k * grid.spacing_xyz_mm[2]
            plane = _with_clip(plane, grid, acquisition.metal_at_mm, z)
        rays = streaks(plane, grid.spacing_xyz_mm[0], own)
        plane = cv2.GaussianBlur(plane, (0, 0), sigma) if sigma > _LEAST_BLUR_PX else plane
        if edge and edge_px > _LEAST_BLUR_PX:
            plane = plane + np.float32(edge) * (plane - cv2.GaussianBlur(plane, (0, 0), edge_px))
        plane = np.float32(acquisition.gain) * plane + np.float32(acquisition.offset_hu)
        plane = plane + np.where(inside, cup, 0) + (0 if rays is None else rays)
        plane = plane + _noise_plane((ny, nx), acquisition, rng)
        out[k] = np.clip(np.rint(plane), *_STORED_HU)
    return out
