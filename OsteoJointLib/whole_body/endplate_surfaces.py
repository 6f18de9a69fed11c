"""Both endplates of a body as smooth surfaces, and the body drawn up to them.

An axial slice that meets an endplate at a slant shows half a body, and the segmenter takes it for none: corners are
missing, and what is there ends in steps. So the ends of the segmenter's body only begin: about them, line by line, HU
fall fastest where the body ends. A surface of the fourth degree goes through those places, with little weight for those
far off it. What lies within SKIN_MM of it is body where the body is SKIN_MM under it; what lies beyond is none.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from OsteoJointLib.records import CtVolume
from OsteoJointLib.whole_body.body_axes import BodyAxes, body_axes
from OsteoJointLib.whole_body.disc_planes import Plane
from OsteoJointLib.whole_body.looking import LOGIT_MOST, LOGIT_PER_MM, ColumnLogits

UP_MM, BACK_MM, LEFT_MM = np.arange(-32.0, 32.1, 1.0), np.arange(-24.0, 24.1, 2.0), np.arange(-30.0, 30.1, 2.0)
"""Where it is looked for: more than a lumbar body."""
NEAR_MM = (4.5, 3.0)
"""So far off the surface found last an endplate is looked for: first, then again."""
BLUR_MM = (1.0, 1.4)
"""SD of the Gaussian that HU are blurred with along a line and across."""
HU_RANGE = (-100.0, 500.0)
"""HU beyond are cut: air, metal and cement are no edge of bone."""
STEEPEST, LEAST_STEEP = 60.0, 6.0
"""HU per mm that count as much as anything steeper, and under which no endplate is seen."""
OFF_COST = 1.0
"""What a place as far off as it may be costs, as a share of the steepest edge's worth."""
OUTSIDE_MM, OUTSIDE_SHARE = 0.4, 0.2
"""The fastest fall lies outside of a thin dense shell, because that is blurred: by so much, and by this share of the
slice thickness. All numbers here were chosen on twelve phantoms, for Dice and heights; looked at on ../shared/ct."""
LEAST_LINES_SHARE = 0.4
"""Where fewer lines have an edge, the ends of the segmenter's body stand."""
INNER_SHARE = 0.5
"""Lines at least so long, as a share of the median, tell where the endplates are."""
DEGREE = 4
STIFF = np.array([1e-6, 1e-6, 1.0, 10.0, 10.0])
"""How much bending costs by degree, as so many lines that say there is none: what is unseen of an endplate is flat."""
_POWERS = [(n, m) for n in range(DEGREE + 1) for m in range(n + 1)]
_DEGREES = [n for n, _ in _POWERS]
OFF_MM = 1.5
"""A place so far off the surface counts half."""
SKIN_MM = 6.0
"""More than a corner that is missing, less than a body's height within its rims."""


@dataclass(frozen=True, eq=False)
class Endplates:
    """Both endplates, as heights in mm over the body's middle that depend on the way back and left.

    Args:
        axes: of the body.
        upper, lower: coefficients of the surface; None where the CT ends first. The lower one is upside down.
        reach_mm: (2, 2) least and greatest way back and left that the surfaces were found over; they are flat beyond.
    """

    axes: BodyAxes
    upper: np.ndarray | None
    lower: np.ndarray | None
    reach_mm: np.ndarray

    def under_mm(self, up: np.ndarray, back: np.ndarray, left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How far places lie under the upper endplate and over the lower one, (N,) each."""
        (back_low, left_low), (back_high, left_high) = self.reach_mm.T
        terms = _terms(np.clip(back, back_low, back_high), np.clip(left, left_low, left_high))
        far = np.full(up.shape, np.inf)
        return (
            far if self.upper is None else terms @ self.upper - up,
            far if self.lower is None else terms @ self.lower + up,
        )


def find_endplates(logits: ColumnLogits, volume: CtVolume, upper: Plane, lower: Plane) -> Endplates | None:
    """Find both endplates; None where the body is too small or too torn.

    Args:
        logits: of a block around the body, which is what is positive in it.
        volume: the CT.
        upper, lower: planes in the discs; no endplate lies beyond them.
    """
    axes = body_axes(logits.values > 0, logits.step_mm)
    if axes is None:
        return None
    axes = replace(axes, middle_mm=axes.middle_mm + logits.origin_mm)
    inside = axes.sampled(logits.values, (UP_MM, BACK_MM, LEFT_MM), logits.step_mm, logits.origin_mm, -1.0) > 0
    lengths = inside.sum(axis=0)
    back, left = np.nonzero(lengths > INNER_SHARE * np.median(lengths[lengths > 0]))
    inside, lines_mm = inside[:, back, left], axes.places_mm(UP_MM, BACK_MM, LEFT_MM)[:, back, left]
    spacing = np.asarray(volume.grid.spacing_xyz_mm)[::-1]
    slope = _slope(volume, axes)[:, back, left]
    terms = _terms(BACK_MM[back], LEFT_MM[left])
    edge_mm = np.array([0.0, (volume.hu.shape[0] - 1) * spacing[0]])
    surfaces: list[np.ndarray | None] = []
    for sign, plane in ((1, upper), (-1, lower)):
        ends_mm = np.where(inside, sign * UP_MM[:, None], UP_MM[0]).max(axis=0) + (UP_MM[1] - UP_MM[0]) / 2
        tip_mm = axes.middle_mm[0] + sign * np.median(ends_mm) * axes.steps[0, 0]
        if np.abs(edge_mm - tip_mm).min() < logits.step_mm[0] + (UP_MM[1] - UP_MM[0]):
            surfaces.append(None)
            continue
        within = sign * ((lines_mm - plane.point_mm) @ plane.normal) < 0
        steep = np.where(within, np.clip(-sign * slope, 0, STEEPEST) / STEEPEST, -np.inf)
        outside_mm = OUTSIDE_MM + OUTSIDE_SHARE * spacing[0]
        surfaces.append(_surface(sign * UP_MM, steep, ends_mm, terms, outside_mm))
    reach_mm = np.array([(along.min(), along.max()) for along in (BACK_MM[back], LEFT_MM[left])])
    return Endplates(axes, surfaces[0], surfaces[1], reach_mm)


def up_to_endplates(logits: ColumnLogits, endplates: Endplates) -> np.ndarray:
    """Draw the body in a block of logits up to its endplates, and no further; logits of the same shape."""
    up, back, left = endplates.axes.coordinates_mm(logits.axes_mm)
    at = up.shape
    up, back, left = up.ravel(), back.ravel(), left.ravel()
    under_mm, over_mm = endplates.under_mm(up, back, left)
    depth_mm = np.minimum(under_mm, over_mm)
    skin = np.flatnonzero(np.abs(depth_mm) < SKIN_MM)
    inward = np.where(under_mm < over_mm, -1.0, 1.0)[skin] * (SKIN_MM - depth_mm[skin])
    index = np.stack(np.unravel_index(skin, at), axis=1) + inward[:, None] * endplates.axes.steps[0] / logits.step_mm
    values = logits.values.ravel().copy()
    values[skin] = np.maximum(values[skin], _sampled(logits.values, index, -LOGIT_MOST))
    return np.minimum(values, depth_mm * LOGIT_PER_MM).reshape(at).astype(np.float32)


def _surface(
    heights_mm: np.ndarray, steep: np.ndarray, ends_mm: np.ndarray, terms: np.ndarray, outside_mm: float
) -> np.ndarray:
    """Lay the surface through the steepest places near the ends.

    Args:
        heights_mm: (U,) along a line, growing or falling.
        steep: (U, N) share of the steepest fall that counts; -inf where none may be.
        ends_mm: (N,) where the segmenter's body ends.
        terms: (N, T) of each line.
        outside_mm: how far beyond the endplate the steepest place lies.

    Returns:
        (T,) coefficients.
    """
    surface = ends = _fitted(terms, ends_mm, np.ones(len(ends_mm)))
    for near_mm in NEAR_MM:
        before_mm = terms @ surface
        off_mm = heights_mm[:, None] - before_mm
        score = np.where(np.abs(off_mm) <= near_mm, steep - OFF_COST * (off_mm / near_mm) ** 2, -np.inf)
        best = score.argmax(axis=0)[None]
        weights = np.take_along_axis(steep, best, 0)[0]
        seen = np.isfinite(np.take_along_axis(score, best, 0)[0]) & (weights > LEAST_STEEP / STEEPEST)
        if seen.mean() < LEAST_LINES_SHARE:
            return ends
        places_mm = before_mm + np.take_along_axis(off_mm, best, 0)[0]
        surface = _fitted(terms[seen], places_mm[seen], weights[seen])
    surface[0] -= outside_mm
    return surface


def _fitted(terms: np.ndarray, heights_mm: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Fit coefficients by least squares, again and again with less weight for what lies off."""
    bending = np.diag(STIFF[_DEGREES])
    own = weights
    for _ in range(6):
        weighted = terms * own[:, None]
        surface = np.linalg.solve(terms.T @ weighted + bending, weighted.T @ heights_mm)
        own = weights / (1 + ((heights_mm - terms @ surface) / OFF_MM) ** 2)
    return surface


def _terms(back_mm: np.ndarray, left_mm: np.ndarray) -> np.ndarray:
    """Give the products of powers of both ways, (N, T), by degree; the first is 1."""
    back, left = (_powers(along) for along in (back_mm / 15.0, left_mm / 20.0))
    return np.stack([back[n - m] * left[m] for n, m in _POWERS], axis=-1)


def _powers(along: np.ndarray) -> list[np.ndarray]:
    """Multiply up the powers from 0 to DEGREE, which takes a tenth of the time of raising to each."""
    powers = [np.ones_like(along)]
    for _ in range(DEGREE):
        powers.append(powers[-1] * along)
    return powers


def _slope(volume: CtVolume, axes: BodyAxes) -> np.ndarray:
    """How steeply HU rise up the lines, HU per step: (U, B, L)."""
    from scipy import ndimage

    spacing = np.asarray(volume.grid.spacing_xyz_mm)[::-1]
    corners = axes.places_mm(*(along[[0, -1]] for along in (UP_MM, BACK_MM, LEFT_MM))) / spacing
    low = np.maximum(np.floor(corners.min(axis=(0, 1, 2))).astype(int), 0)
    high = np.ceil(corners.max(axis=(0, 1, 2))).astype(int) + 2
    box = volume.hu[tuple(slice(*ends) for ends in zip(low, high, strict=True))].astype(np.float32)
    hu = axes.sampled(box, (UP_MM, BACK_MM, LEFT_MM), spacing, low * spacing, HU_RANGE[0])
    hu = np.clip(hu, *HU_RANGE)
    steps = UP_MM[1] - UP_MM[0], BACK_MM[1] - BACK_MM[0], LEFT_MM[1] - LEFT_MM[0]
    return np.asarray(np.gradient(ndimage.gaussian_filter(hu, np.array(BLUR_MM)[[0, 1, 1]] / steps), axis=0) / steps[0])


def _sampled(values: np.ndarray, index: np.ndarray, outside: float) -> np.ndarray:
    """Interpolate at (..., 3) indices."""
    from scipy import ndimage

    seen = ndimage.map_coordinates(values, index.reshape(-1, 3).T, order=1, mode="constant", cval=outside)
    return np.asarray(seen.reshape(index.shape[:-1]))
