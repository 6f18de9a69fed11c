"""Every vertebral body in view, found and put in order, not yet named.

Peaks of the heat map are candidates. The column is the path through them, from top to bottom, with the best sum of
scores less penalties for uneven spacing and for bending; it may step over a body the network missed. Which of its
bodies are none, and where one was missed, is weighed with the names (:mod:`OsteoJointLib.levels.assignment`).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.level_config import Tissue
from OsteoJointLib.levels.inference import LevelPrediction

PEAK_MIN = 0.2
"""Lowest peak of the heat map, and lowest score, of a candidate (chosen low: the path sorts them out)."""

SCORE_MIN = 0.3
"""Lowest score of a body at either end of the column (chosen)."""

STEP_MM = (15.0, 52.0)
"""Shortest and longest distance between neighboring centers: a crushed T8 to a tall L4 with its disc."""

STEEPEST_DEG = 50.0
"""Largest angle between a step and the z axis: L5 over a steep sacrum stays below it."""

MISSING_PENALTY = 0.8
"""Cost of stepping over a body, in scores (a plain body scores 0.6 to 1)."""

MOST_STEPS = 3
"""Two neighboring bodies in a row may be missed by the network, no more (chosen)."""

RATIO_SOFT, ANGLE_SOFT_DEG = 0.25, 25.0
"""Change of length (natural logarithm) and of direction from step to step that cost a quarter of a score each
(chosen)."""

STEP_PENALTY_MOST = 1.5
"""Most that a step costs: a fracture or a steep sacrum must not break the column, only a better path (chosen)."""

BODY_REACH = 0.36
"""Half a body's own height as a share of the distance between centers: the disc takes a quarter or so."""

LONE_HEIGHT_MM = 32.0
"""Distance to its neighbors that is assumed of a body alone: T12 to L1."""

SMOOTHING_VOX, PEAK_APART_VOX = 0.5, 5
"""Standard deviation that takes away twin peaks on one body, and the window in which a peak is the highest: peaks lie
three voxels apart or more, at 4 mm less than the shortest step."""

VALLEY_STEPS, _NO_HEAT = 17, 1e-6
"""Points between two centers at which the heat map is read: every 2 mm."""

BALL_MM = 8.0
"""Radius within which a center must be surrounded by body voxels: a body is at least 16 mm high."""


@dataclass(frozen=True, eq=False)
class Body:
    """One body of the visible column.

    Args:
        center_mm: (3,) z, y, x in mm from the center of voxel 0 along the coarse grid's axes.
        score: 0 to 1; from the heat map's peak and the share of body voxels around it.
        height_mm: distance to its neighbors' centers, the lesser of both where there are two.
        cut: whether the volume's first or last slice lies within the body.
        valley: lowest value of the heat map on the way to the body above, over the lower one of the two peaks; 0 for
            the uppermost.
    """

    center_mm: np.ndarray
    score: float
    height_mm: float
    cut: bool
    valley: float = 0.0

    def center_lps_mm(self, grid: Grid) -> tuple[float, float, float]:
        """Place the center in the world."""
        spacing_zyx = np.asarray(grid.spacing_xyz_mm[::-1])
        x, y, z = grid.index_to_lps(self.center_mm / spacing_zyx)
        return (float(x), float(y), float(z))


def find_bodies(prediction: LevelPrediction) -> tuple[Body, ...]:
    """Find the visible column.

    Args:
        prediction: of the level network.

    Returns:
        Bodies from top to bottom; empty where there is no column.
    """
    centers_mm, scores = find_candidates(prediction)
    path = best_path(centers_mm, scores)
    ends = [index for index, candidate in enumerate(path) if scores[candidate] >= SCORE_MIN]
    if not ends:
        return ()
    kept = path[ends[0] : ends[-1] + 1]
    centers = centers_mm[kept]
    last_mm = (len(prediction.heatmap) - 0.5) * prediction.spacing_mm
    bodies = []
    for index, (candidate, height) in enumerate(zip(kept, body_heights(centers), strict=True)):
        z, reach = centers[index, 0], BODY_REACH * height
        cut = bool(z - reach < -0.5 * prediction.spacing_mm or z + reach > last_mm)
        valley = valley_between(prediction, centers[index - 1], centers[index]) if index else 0.0
        bodies.append(Body(centers[index], float(scores[candidate]), float(height), cut, valley))
    return tuple(bodies)


def valley_between(prediction: LevelPrediction, upper_mm: np.ndarray, lower_mm: np.ndarray) -> float:
    """Measure how little the heat map falls between two centers.

    Returns:
        Lowest value on the line over the lower of the two peaks, 0 to 1.
    """
    from scipy import ndimage

    way = upper_mm + np.linspace(0.0, 1.0, VALLEY_STEPS)[:, None] * (lower_mm - upper_mm)
    heat = ndimage.map_coordinates(prediction.heatmap, way.T / prediction.spacing_mm, order=1, mode="nearest")
    return float(min(heat.min() / max(min(heat[0], heat[-1]), _NO_HEAT), 1.0))


def body_above(bodies: tuple[Body, ...]) -> Body:
    """Guess where the body above the column would be: one step further up, score 0.

    Args:
        bodies: the column, at least one.
    """
    top = bodies[0]
    step = top.center_mm - bodies[1].center_mm if len(bodies) > 1 else np.array([top.height_mm, 0.0, 0.0])
    return Body(top.center_mm + step, 0.0, top.height_mm, True)


def body_heights(centers_mm: np.ndarray) -> np.ndarray:
    """Measure the distance of each center to its nearer neighbor; :data:`LONE_HEIGHT_MM` for a body alone.

    Args:
        centers_mm: (N, 3).

    Returns:
        (N,) mm.
    """
    if len(centers_mm) < 2:
        return np.full(len(centers_mm), LONE_HEIGHT_MM)
    steps = np.linalg.norm(np.diff(centers_mm, axis=0), axis=1)
    return np.minimum(np.concatenate([steps[:1], steps]), np.concatenate([steps, steps[-1:]]))


def find_candidates(prediction: LevelPrediction) -> tuple[np.ndarray, np.ndarray]:
    """Find the peaks of the heat map that lie on body voxels.

    Returns:
        (N, 3) centers in mm (z, y, x), refined below the voxel, top to bottom; (N,) scores in [0, 1].
    """
    from scipy import ndimage

    heatmap = prediction.heatmap
    hot = ndimage.find_objects(heatmap >= PEAK_MIN, max_label=1)[0]
    if hot is None:
        return np.zeros((0, 3)), np.zeros(0)
    low = [max(part.start - PEAK_APART_VOX, 0) for part in hot]
    near = heatmap[tuple(slice(start, part.stop + PEAK_APART_VOX) for start, part in zip(low, hot, strict=True))]
    smooth = ndimage.gaussian_filter(near, SMOOTHING_VOX)
    highest = (smooth == ndimage.maximum_filter(smooth, PEAK_APART_VOX)) & (near >= PEAK_MIN)
    peaks = np.argwhere(highest) + low
    support = body_share(prediction, peaks * prediction.spacing_mm)
    scores = np.sqrt(heatmap[tuple(peaks.T)] * support)
    keep = scores >= PEAK_MIN
    centers = np.array([refine_peak(heatmap, peak) for peak in peaks[keep]]).reshape(-1, 3) * prediction.spacing_mm
    order = np.argsort(-centers[:, 0], kind="stable")
    return centers[order], scores[keep][order]


def body_share(prediction: LevelPrediction, centers_mm: np.ndarray, radius_mm: float = BALL_MM) -> np.ndarray:
    """Measure the share of body voxels in a ball around each center.

    Args:
        prediction: holds the classes.
        centers_mm: (N, 3) z, y, x.
        radius_mm: of the ball.

    Returns:
        (N,) in [0, 1]; voxels outside the volume do not count.
    """
    reach = int(np.ceil(radius_mm / prediction.spacing_mm))
    offsets = np.argwhere(np.ones((2 * reach + 1,) * 3)) - reach
    offsets = offsets[np.linalg.norm(offsets, axis=1) * prediction.spacing_mm <= radius_mm]
    shares = np.zeros(len(centers_mm))
    shape = np.asarray(prediction.classes.shape)
    for index, center in enumerate(np.asarray(centers_mm).reshape(-1, 3)):
        voxels = np.rint(center / prediction.spacing_mm).astype(int) + offsets
        voxels = voxels[np.all((voxels >= 0) & (voxels < shape), axis=1)]
        if len(voxels):
            shares[index] = np.mean(prediction.classes[tuple(voxels.T)] == Tissue.BODY)
    return shares


def refine_peak(heatmap: np.ndarray, peak_zyx: np.ndarray) -> np.ndarray:
    """Take the top of the parabola through the log of the three voxels along each axis: exact for a Gaussian.

    Args:
        heatmap: (z, y, x), positive.
        peak_zyx: (3,) integer index of a local maximum.

    Returns:
        (3,) continuous index, within half a voxel; the voxel's own center along an axis where it lies at the edge.
    """
    refined = np.asarray(peak_zyx, np.float64).copy()
    for axis in range(3):
        low, high = np.array(peak_zyx), np.array(peak_zyx)
        low[axis] -= 1
        high[axis] += 1
        if low[axis] < 0 or high[axis] >= heatmap.shape[axis]:
            continue
        below, here, above = (float(np.log(max(heatmap[tuple(i)], 1e-6))) for i in (low, peak_zyx, high))
        curvature = below - 2.0 * here + above
        if curvature < -1e-9:  # a plateau has no top
            refined[axis] += np.clip(0.5 * (below - above) / curvature, -0.5, 0.5)
    return refined


def step_penalty(before: np.ndarray | None, step: np.ndarray) -> float:
    """Weigh a step between neighboring bodies after the step before it.

    Args:
        before: (3,) mm of the step before, None at the top.
        step: (3,) mm.

    Returns:
        (ln(length ratio) / 0.25)^2 / 4 + (angle / 25 deg)^2 / 4 in scores, at most 1.5; 0 at the top.
    """
    if before is None:
        return 0.0
    lengths = np.linalg.norm(before), np.linalg.norm(step)
    angle = np.degrees(np.arccos(np.clip(before @ step / (lengths[0] * lengths[1]), -1.0, 1.0)))
    unevenness = (np.log(lengths[1] / lengths[0]) / RATIO_SOFT) ** 2 + (angle / ANGLE_SOFT_DEG) ** 2
    return float(min(STEP_PENALTY_MOST, 0.25 * unevenness))


def _steps(centers_mm: np.ndarray) -> dict[tuple[int, int], list[tuple[int, np.ndarray]]]:
    """List for every pair (upper, lower) the numbers of steps that fit between them: {pair: [(n, step in mm)]}."""
    steps: dict[tuple[int, int], list[tuple[int, np.ndarray]]] = {}
    for upper in range(len(centers_mm)):
        for lower in range(upper + 1, len(centers_mm)):
            way = centers_mm[lower] - centers_mm[upper]
            length = float(np.linalg.norm(way))
            if length > MOST_STEPS * STEP_MM[1] or -way[0] < length * np.cos(np.radians(STEEPEST_DEG)):
                continue
            fitting = [(n, way / n) for n in range(1, MOST_STEPS + 1) if STEP_MM[0] <= length / n <= STEP_MM[1]]
            if fitting:
                steps[upper, lower] = fitting
    return steps


def best_path(centers_mm: np.ndarray, scores: np.ndarray) -> list[int]:
    """Find the path of the best sum of scores less penalties, by dynamic programming over steps.

    Args:
        centers_mm: (N, 3) candidates, z, y, x, top to bottom.
        scores: (N,).

    Returns:
        The candidates on it from top to bottom; empty without candidates.
    """
    if not len(centers_mm):
        return []
    best: dict[tuple[int, int, int], tuple[float, tuple[int, int, int] | None]] = {}
    ends: dict[int, list[tuple[int, int, int]]] = {}
    ways: dict[tuple[int, int, int], np.ndarray] = {}
    for (upper, lower), fitting in sorted(_steps(centers_mm).items(), key=lambda item: item[0]):
        for count, step in fitting:
            state = (upper, lower, count)
            options = [(float(scores[upper]), None)]
            options += [(best[s][0] - step_penalty(ways[s], step), s) for s in ends.get(upper, [])]  # type: ignore[misc]
            value, came = max(options, key=lambda option: option[0])
            best[state] = (value + float(scores[lower]) - MISSING_PENALTY * (count - 1), came)
            ways[state] = step
            ends.setdefault(lower, []).append(state)
    alone = int(np.argmax(scores))
    if not best or max(value for value, _ in best.values()) < scores[alone]:
        return [alone]
    at: tuple[int, int, int] | None = max(best, key=lambda s: best[s][0])
    path: list[int] = []
    while at is not None:
        path.append(at[1])
        first, at = at[0], best[at][1]
    return [first, *reversed(path)]
