"""Augmentation of slices: every transform draws its parameters first, then applies them.

Two kinds are kept apart, because the class depends on absolute HU while the boundary does not:

* what leaves the mean HU of the body alone (place, flip, rotation, scale, noise, blur, coarse voxels, bright objects
  outside the body) may meet every row;
* what moves it (:class:`Intensity`) meets only rows whose class term is masked.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from OsteoJointLib.frames import mask_extent_xyxy

AIR_HU = -1000.0
_AIR_BELOW_HU = -400.0
"""Between lung and fat: air is air at every tube voltage and contrast."""


@dataclass(frozen=True)
class AugmentConfig:
    """Ranges of the draws; a range is (low, high), a probability is per row.

    All are chosen: somewhat wider than scanners and patients differ, so that what lies between is inside.

    Args:
        center_jitter_px: localizer error of the crop's center, standard deviation; cut at ``center_limit_px``.
        center_limit_px: largest shift along an axis.
        straight_probability: no rotation and no scaling, so that the pixels keep their own noise.
        rotation_deg: about the crop's center, either way.
        scale: of the crop, log-uniform; the pixel size changes with it.
        image_scale: the same for the localizer's whole slices.
        image_shift_px: of the localizer's slices, along each axis, either way.
        noise_probability, noise_hu: white or smooth Gaussian noise.
        blur_probability, blur_px: Gaussian blur.
        sharpen_probability, sharpen_gain: unsharp mask, as of a bone kernel.
        coarse_probability, coarse_factor: voxels this much larger, interpolated back (3 mm voxels are about 4).
        object_probability, object_hu: one to four ellipses outside the body (contrast, metal, gas).
        intensity_probability: rows of which :class:`Intensity` is drawn, in exchange for their class term.
    """

    center_jitter_px: float = 8.0
    center_limit_px: float = 20.0
    straight_probability: float = 0.3
    rotation_deg: float = 15.0
    scale: tuple[float, float] = (0.75, 1.35)
    image_scale: tuple[float, float] = (0.75, 1.25)
    image_shift_px: float = 60.0
    noise_probability: float = 0.3
    noise_hu: tuple[float, float] = (5.0, 40.0)
    blur_probability: float = 0.15
    blur_px: tuple[float, float] = (0.5, 1.5)
    sharpen_probability: float = 0.15
    sharpen_gain: tuple[float, float] = (0.3, 1.5)
    coarse_probability: float = 0.3
    coarse_factor: tuple[float, float] = (1.5, 5.0)
    object_probability: float = 0.2
    object_hu: tuple[float, float] = (-1000.0, 2500.0)
    intensity_probability: float = 0.4


@dataclass(frozen=True)
class Placement:
    """A similarity: output pixel (0, 0) to (size, size) around ``center_xy`` of the source.

    Args:
        center_xy: source point (index coordinates) under the output's center.
        angle_rad: rotation.
        scale: output pixels per source pixel.
        flip: mirror left and right.
    """

    center_xy: tuple[float, float]
    angle_rad: float = 0.0
    scale: float = 1.0
    flip: bool = False

    def matrix(self, size: int) -> np.ndarray:
        """(2, 3) map of output to source index coordinates, as ``cv2.WARP_INVERSE_MAP`` takes it."""
        cosine, sine = np.cos(self.angle_rad) / self.scale, np.sin(self.angle_rad) / self.scale
        linear = np.array([[cosine, -sine], [sine, cosine]])
        if self.flip:
            linear = linear @ np.diag([-1.0, 1.0])
        # Pixel size // 2 of the output, not its half-pixel middle, meets the center: whole-pixel shifts stay exact.
        shift = np.asarray(self.center_xy) - linear @ np.full(2, float(size // 2))
        return np.column_stack([linear, shift])

    def image(self, hu: np.ndarray, size: int) -> np.ndarray:
        """Resample a (y, x) image to (size, size) float32; outside is air."""
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(
            np.asarray(hu, dtype=np.float32),
            self.matrix(size),
            (size, size),
            flags=flags,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=AIR_HU,
        )

    def mask(self, mask: np.ndarray, size: int) -> np.ndarray:
        """Resample a (y, x) bool mask to (size, size) bool: linear, cut at one half."""
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(mask.astype(np.float32), self.matrix(size), (size, size), flags=flags) >= 0.5

    def labels(self, labels: np.ndarray, size: int) -> np.ndarray:
        """Resample (y, x) uint8 labels to (size, size): the nearest pixel's; outside is 0."""
        return cv2.warpAffine(labels, self.matrix(size), (size, size), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)


def draw_crop_placement(
    center_xy: np.ndarray, scale: float, flip: bool, config: AugmentConfig, generator: np.random.Generator
) -> Placement:
    """Draw where a crop lies: around the middle of the body's box, with the localizer's error.

    Args:
        center_xy: (2,) that middle, index coordinates.
        scale, flip: drawn once for both vertebrae of a pair.
        config: the ranges.
        generator: NumPy generator.
    """
    limit = config.center_limit_px
    jitter = np.clip(generator.normal(0.0, config.center_jitter_px, 2), -limit, limit)
    center = np.rint(center_xy + np.rint(jitter) / scale)
    angle = 0.0 if scale == 1.0 else np.deg2rad(generator.uniform(-config.rotation_deg, config.rotation_deg))
    return Placement((float(center[0]), float(center[1])), float(angle), scale, flip)


def draw_image_placement(
    mask: np.ndarray, flip: bool, config: AugmentConfig, generator: np.random.Generator
) -> Placement:
    """Draw the similarity of a whole slice for the localizer; the body's center stays well inside the image."""
    size = mask.shape[0]
    scale = _log_uniform(config.image_scale, generator)
    angle = np.deg2rad(generator.uniform(-config.rotation_deg, config.rotation_deg)) / 2.0  # a box can't turn along
    shift = generator.uniform(-config.image_shift_px, config.image_shift_px, 2)
    body = box_center_xy(mask)
    middle = np.full(2, size / 2.0)
    reach = 0.35 * size / scale  # the body's center stays this far from the middle at most, so that its box is inside
    center = np.clip(middle + shift, body - reach, body + reach)
    return Placement((float(center[0]), float(center[1])), float(angle), scale, flip)


def draw_scale(config: AugmentConfig, generator: np.random.Generator) -> float:
    """Draw a crop's scale; exactly 1.0 for straight rows."""
    if generator.random() < config.straight_probability:
        return 1.0
    return _log_uniform(config.scale, generator)


def box_of(mask: np.ndarray) -> np.ndarray:
    """Return the smallest box of a (y, x) bool mask: (4,) float32 x1, y1, x2, y2 in edge coordinates.

    >>> box_of(np.array([[0, 0, 0], [0, 1, 1]], dtype=bool)).tolist()
    [1.0, 1.0, 3.0, 2.0]
    """
    extent = mask_extent_xyxy(mask)
    if extent is None:
        raise ValueError("the mask must have at least one pixel")
    return np.array(extent, dtype=np.float32)


def box_center_xy(mask: np.ndarray) -> np.ndarray:
    """Return the middle of the mask's box, (2,) x and y in index coordinates."""
    box = box_of(mask).astype(np.float64)
    return (box[:2] + box[2:]) / 2.0 - 0.5


def degrade(hu: np.ndarray, config: AugmentConfig, generator: np.random.Generator) -> np.ndarray:
    """Draw and apply what a scanner does to an image without moving its mean: coarse voxels, blur, sharpening, noise.

    Args:
        hu: (..., y, x) float32; every slice meets the same draw (but its own noise).
    """
    slices: list[np.ndarray] = [np.asarray(part, dtype=np.float32) for part in hu]
    height, width = slices[0].shape
    if generator.random() < config.coarse_probability:
        factor = generator.uniform(*config.coarse_factor)
        small = (max(round(width / factor), 8), max(round(height / factor), 8))  # OpenCV needs some pixels
        slices = [cv2.resize(part, small, interpolation=cv2.INTER_AREA) for part in slices]
        slices = [cv2.resize(part, (width, height), interpolation=cv2.INTER_LINEAR) for part in slices]
    if generator.random() < config.blur_probability:
        sigma = generator.uniform(*config.blur_px)
        slices = [cv2.GaussianBlur(part, (0, 0), sigma) for part in slices]
    elif generator.random() < config.sharpen_probability:
        gain = np.float32(generator.uniform(*config.sharpen_gain))
        blurred = [cv2.GaussianBlur(part, (0, 0), 1.0) for part in slices]  # 1 px: what a bone kernel lifts
        slices = [part + gain * (part - soft) for part, soft in zip(slices, blurred, strict=True)]
    if generator.random() < config.noise_probability:
        # white, and the grain in pixels of a standard and of a soft kernel
        sigma_hu, grain = generator.uniform(*config.noise_hu), generator.choice([0.0, 0.7, 1.2])
        slices = [part + _noise(part.shape, sigma_hu, grain, generator) for part in slices]
    return np.stack(slices)


def add_objects(hu: np.ndarray, mask: np.ndarray, config: AugmentConfig, generator: np.random.Generator) -> np.ndarray:
    """Draw one to four ellipses of any HU outside the (slightly widened) body of a (y, x) slice."""
    size = hu.shape[0]
    layer = hu.copy()
    for _ in range(generator.integers(1, 5)):
        center = tuple(int(v) for v in generator.integers(0, size, 2))
        axes = tuple(int(v) for v in generator.integers(2, max(size // 8, 3), 2))  # up to a body's half width
        value = float(generator.uniform(*config.object_hu))
        cv2.ellipse(layer, center, axes, float(generator.uniform(0, 180)), 0, 360, value, -1)
    # 3 px around the body stay too: its outer edge is what the boundary is learned from
    near = cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    return np.where(near, hu, layer)


@dataclass(frozen=True)
class Intensity:
    """A change of grey values that the boundary should not care about.

    Args:
        gain: about ``pivot_hu``.
        pivot_hu: HU that the gain leaves alone.
        offset_hu: added everywhere.
        body_offset_hu: added inside the body, softly.
        gamma: exponent on the windowed image.
    """

    gain: float
    pivot_hu: float
    offset_hu: float
    body_offset_hu: float
    gamma: float

    @classmethod
    def drawn(cls, generator: np.random.Generator) -> Intensity:
        """Draw one; the ranges are chosen, beyond what tube voltage, contrast and bone density do."""
        return cls(
            gain=_log_uniform((0.5, 1.7), generator),
            pivot_hu=float(generator.uniform(0.0, 100.0)),
            offset_hu=float(generator.uniform(-80.0, 80.0)),
            body_offset_hu=float(generator.uniform(-120.0, 150.0)) if generator.random() < 0.4 else 0.0,
            gamma=_log_uniform((0.7, 1.4), generator) if generator.random() < 0.3 else 1.0,
        )

    def on_hu(self, hu: np.ndarray, mask: np.ndarray) -> np.ndarray:
        """Change a (y, x) slice in HU; air stays air."""
        changed = (hu - self.pivot_hu) * self.gain + self.pivot_hu + self.offset_hu
        if self.body_offset_hu:
            soft_mask = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), 1.5)  # as blurred as a body's own edge
            changed = changed + self.body_offset_hu * soft_mask
        return np.where(hu < _AIR_BELOW_HU, hu, changed).astype(np.float32)


def _noise(shape: tuple[int, int], sigma_hu: float, grain_px: float, generator: np.random.Generator) -> np.ndarray:
    noise: np.ndarray = generator.standard_normal(shape, dtype=np.float32)
    if grain_px:
        noise = cv2.GaussianBlur(noise, (0, 0), grain_px)
        noise = noise / noise.std()
    return noise * np.float32(sigma_hu)


def _log_uniform(limits: tuple[float, float], generator: np.random.Generator) -> float:
    return float(np.exp(generator.uniform(np.log(limits[0]), np.log(limits[1]))))
