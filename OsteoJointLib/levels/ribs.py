"""The ribs joined to each body, and whether the image could have shown them; and the sacrum.

Rib voxels near the column are heads; each head goes to the body whose costovertebral joint is nearest. From the heads,
distances run along the rib voxels (shortest paths, all heads at once), so that each voxel belongs to the head it hangs
on even where two ribs touch, and a rib's length is its farthest voxel.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from OsteoJointLib.levels.bodies import Body
from OsteoJointLib.levels.inference import LevelPrediction
from OsteoJointLib.network.level_config import Tissue

SIDES = (-1.0, 1.0)
"""Right and left as signs of x: x grows to the patient's left."""

RIB_PROBABILITY = 0.4
"""A voxel is rib from this probability on: thin last ribs fill a coarse voxel by half."""

HEAD_REACH_MM = 48.0
"""Rib voxels nearer to the column's axis than this may be a head; the head itself must come within 42 mm."""

HEAD_START_MM = 42.0

JOINT_MM = (22.0, 16.0)
"""The costovertebral joint from the body's center: to the side, and to the back."""

JOINT_RAISE = 0.2
"""How far the joint lies above the center, in body heights: ribs 1 to 10 join at the disc above, 11 and 12 lower."""

HEAD_FAR = 0.75
"""A head farther than this many body heights above or below a joint does not belong to it."""

SHOWN_MM = 40.0
"""A side is in view when the image holds this much beside the joint."""


@dataclass(frozen=True)
class Rib:
    """One side of one body.

    Args:
        length_mm: along the rib from its head as far as it is seen; 0.0 where there is none.
        seen: whether the image shows the place where it would be.
        cut: whether the edge of the image ends it, so that it may be longer.
    """

    length_mm: float
    seen: bool
    cut: bool


def find_ribs(prediction: LevelPrediction, bodies: tuple[Body, ...]) -> list[tuple[Rib, Rib]]:
    """Judge both sides of every body.

    Args:
        prediction: of the level network.
        bodies: the column, top to bottom.

    Returns:
        (right, left) per body.
    """
    if not bodies:
        return []
    voxels = np.argwhere(prediction.rib_probability >= RIB_PROBABILITY)
    spots_mm = voxels * prediction.spacing_mm
    lateral, behind = _from_axis(spots_mm, bodies)
    sides = []
    for sign in SIDES:
        mine = sign * lateral > 0.0
        rib_mm, edge = _measure_side(
            voxels[mine], np.abs(lateral[mine]), behind[mine], bodies, prediction.heatmap.shape, prediction.spacing_mm
        )
        seen = [
            bool(length > 0.0 or _shown(prediction, body, sign)) for length, body in zip(rib_mm, bodies, strict=True)
        ]
        sides.append([Rib(float(m), s, bool(e)) for m, s, e in zip(rib_mm, seen, edge, strict=True)])
    return list(zip(*sides, strict=True))


def _from_axis(spots_mm: np.ndarray, bodies: tuple[Body, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Offsets of (N, 3) points from the column's axis at their height: (N,) to the left, (N,) to the back."""
    centers = np.array([body.center_mm for body in bodies])[::-1]
    axis_y, axis_x = (np.interp(spots_mm[:, 0], centers[:, 0], centers[:, axis]) for axis in (1, 2))
    return spots_mm[:, 2] - axis_x, spots_mm[:, 1] - axis_y


def _shown(prediction: LevelPrediction, body: Body, sign: float) -> bool:
    """Whether the volume holds the joint of that side, the body's full height and what lies beside it."""
    if body.cut:
        return False
    joint = body.center_mm + np.array([0.0, JOINT_MM[1], sign * JOINT_MM[0]])
    beside = joint + np.array([0.0, 0.0, sign * SHOWN_MM])
    last_mm = (np.asarray(prediction.heatmap.shape) - 1) * prediction.spacing_mm
    return bool(np.all(joint >= 0) and np.all(beside >= 0) and np.all(joint <= last_mm) and np.all(beside <= last_mm))


def _graph(voxels: np.ndarray, spacing_mm: float):
    """Sparse symmetric distances between 26-neighbors among (N, 3) voxels."""
    from scipy import sparse
    from scipy.spatial import cKDTree

    pairs = cKDTree(voxels).query_pairs(3**0.5 + 1e-3, output_type="ndarray")
    lengths = np.linalg.norm(voxels[pairs[:, 0]] - voxels[pairs[:, 1]], axis=1) * spacing_mm
    return sparse.csr_matrix((lengths, (pairs[:, 0], pairs[:, 1])), shape=(len(voxels), len(voxels)))


def _find_heads(graph, spots_mm: np.ndarray, lateral: np.ndarray, behind: np.ndarray) -> list[int]:
    """The most medial voxel of every piece of rib near the column."""
    from scipy.sparse.csgraph import connected_components

    near = np.flatnonzero((lateral <= HEAD_REACH_MM) & (behind > -16.0) & (behind < 48.0))
    if not len(near):
        return []
    _, piece = connected_components(graph[near][:, near], directed=False)
    starts = [near[piece == number][np.argmin(lateral[near[piece == number]])] for number in range(piece.max() + 1)]
    return [int(start) for start in starts if lateral[start] <= HEAD_START_MM]


def match_heads(heads_z_mm: np.ndarray, bodies: tuple[Body, ...]) -> tuple[dict[int, int], list[int]]:
    """Give each head to at most one body and each body at most one head, the nearest in height overall.

    Args:
        heads_z_mm: (N,) heights of the heads of one side.
        bodies: the column.

    Returns:
        {head: body} and the heads too far from every joint, which hang on bodies outside the column. A second head
        near a joint is in neither: it is a piece of the same rib.
    """
    from scipy.optimize import linear_sum_assignment

    joints = np.array([body.center_mm[0] + JOINT_RAISE * body.height_mm for body in bodies])
    heights = np.array([body.height_mm for body in bodies])
    distance = np.abs(np.asarray(heads_z_mm)[:, None] - joints) / heights
    cost = np.where(distance <= HEAD_FAR, distance**2, 100.0)
    rows, columns = linear_sum_assignment(cost)
    matched = {int(head): int(body) for head, body in zip(rows, columns, strict=True) if cost[head, body] < 100.0}
    return matched, np.flatnonzero(distance.min(axis=1) > HEAD_FAR).tolist()


def _measure_side(
    voxels: np.ndarray,
    lateral: np.ndarray,
    behind: np.ndarray,
    bodies: tuple[Body, ...],
    shape: tuple[int, ...],
    spacing_mm: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Rib length in mm and whether the image's edge ends it, per body, for the voxels of one side."""
    from scipy.sparse.csgraph import dijkstra

    lengths, edges = np.zeros(len(bodies)), np.zeros(len(bodies), bool)
    if len(voxels) < 2:
        return lengths, edges
    graph = _graph(voxels, spacing_mm)
    heads = _find_heads(graph, voxels * spacing_mm, lateral, behind)
    if not heads:
        return lengths, edges
    matched, foreign = match_heads(voxels[heads, 0] * spacing_mm, bodies)
    starts = [heads[head] for head in (*matched, *foreign)]
    way, _, source = dijkstra(graph, directed=False, indices=starts, min_only=True, return_predecessors=True)
    at_edge = np.any((voxels == 0) | (voxels == np.asarray(shape) - 1), axis=1)
    for head, body in matched.items():
        mine = np.flatnonzero((source == heads[head]) & np.isfinite(way))
        lengths[body] = way[mine].max() + spacing_mm
        edges[body] = bool(np.any(at_edge[mine] & (way[mine] > 0.6 * way[mine].max())))
    return lengths, edges


SACRUM_LEAST_ML = 5.0
"""Less sacrum than this is not seen."""


def sacrum_below(prediction: LevelPrediction, body: Body) -> bool:
    """Say whether the sacrum is the next bone below a body.

    Args:
        prediction: of the level network.
        body: the lowest of the column.

    Returns:
        True where at least 5 ml of sacrum lie in view and the nearest of it is within one body height below the center.
    """
    from scipy import ndimage

    labels, _ = ndimage.label(prediction.classes == Tissue.SACRUM, np.ones((3, 3, 3)))
    counts = np.bincount(labels.ravel())
    counts[0] = 0
    if not counts.any() or counts.max() * prediction.spacing_mm**3 / 1000.0 < SACRUM_LEAST_ML:
        return False
    spots_mm = np.argwhere(labels == np.argmax(counts)) * prediction.spacing_mm
    distance = np.linalg.norm(spots_mm - body.center_mm, axis=1)
    nearest = np.argmin(distance)
    return bool(distance[nearest] <= body.height_mm and spots_mm[nearest, 0] < body.center_mm[0])
