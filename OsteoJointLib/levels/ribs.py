"""The ribs joined to each body, and whether the image could have shown them.

Rib voxels beside a body are heads; each head goes to the body whose costovertebral joint is nearest. Ribs whose head
lies above the view come down from the image's edge and have none. A piece without a head is joined to the rib whose end
it continues, or through posterior elements to the rib whose neck was mistaken for a process. From the heads, distances
run along the voxels (shortest paths, all heads at once), so that each voxel belongs to the head it hangs on even where
two ribs touch, and a rib's length is its farthest voxel.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.level_config import Landmark, Tissue
from OsteoJointLib.levels.bodies import Body
from OsteoJointLib.levels.inference import LevelPrediction, voxels_of

if TYPE_CHECKING:
    from scipy import sparse

SIDES = (-1.0, 1.0)
"""Right and left as signs of x: x grows to the patient's left."""

RIB_PROBABILITY = 0.4
"""A voxel is rib from this probability on: thin last ribs fill a coarse voxel by half."""

HEAD_START_MM = 30.0
"""A head comes this near to the column's axis: half a wide body and the joint."""

HEAD_REACH_MM = 40.0
"""Rib voxels within this of the axis are one piece when they touch: head and neck."""

HEAD_BEHIND_MM = (-12.0, 40.0)
"""Rib heads lie from this far before the column's axis to this far behind it (chosen)."""

NECK_MM = (14.0, 64.0)
"""Posterior elements this far to the side may be a rib's neck: the network mistakes it for a transverse process."""

NECK_BEHIND_MM = 60.0
"""Posterior elements farther behind the axis are spinous processes."""

BRIDGE_MM = 12.0
"""A piece without a head continues a rib that ends this near to it: less than half the space between two ribs."""

OFF_RIB = 1.5
"""A way through posterior elements counts as so much longer: it is taken only where there is no rib (chosen)."""

CHAIN_LENGTH = 0.93
"""A slanting line is this much shorter than its chain of neighboring voxels, on the mean over directions."""

JOINT_MM = (22.0, 13.0)
"""The costovertebral joint from the body's center: to the side, and to the back."""

JOINT_RAISE = 0.15
"""How far the joint lies above the center, in body heights: ribs 1 to 10 join at the disc above, 11 and 12 lower."""

COVERED = 0.25
"""A piece of rib that comes within this many body heights of two joints is two heads that touch (chosen)."""

HEAD_FAR = 0.5
"""A head farther than this many body heights above or below a joint does not belong to it."""

OUTER_PART = 0.6
"""A rib is cut where the image's edge touches it beyond this part of its length (chosen: nearer it grazes the head)."""

SHOWN_MM = 14.0
"""A side is in view when the image holds this much beside the joint: enough to see the joint by (chosen)."""


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
    is_rib = prediction.rib_probability >= RIB_PROBABILITY
    voxels = voxels_of(is_rib | (prediction.classes == Tissue.POSTERIOR))
    spots_mm = voxels * prediction.spacing_mm
    lateral, behind = _from_axis(spots_mm, bodies)
    is_rib = is_rib[tuple(voxels.T)]
    kept = is_rib | ((np.abs(lateral) >= NECK_MM[0]) & (np.abs(lateral) <= NECK_MM[1]) & (behind < NECK_BEHIND_MM))
    at_edge = np.any((voxels == 0) | (voxels == np.asarray(prediction.heatmap.shape) - 1), axis=1)
    sides = []
    for sign in SIDES:
        mine = kept & (sign * lateral > 0.0)
        parts = (spots_mm[mine], np.abs(lateral[mine]), behind[mine], is_rib[mine], at_edge[mine])
        rib_mm, edge = _measure_side(_Side(*parts, prediction.spacing_mm), bodies, joint_heights(bodies, sign))
        seen = [
            bool(length > 0.0 or _shown(prediction, body, sign)) for length, body in zip(rib_mm, bodies, strict=True)
        ]
        sides.append([Rib(float(m), bool(s), bool(e)) for m, s, e in zip(rib_mm, seen, edge, strict=True)])
    return list(zip(*sides, strict=True))


def joint_heights(bodies: tuple[Body, ...], sign: float) -> np.ndarray:
    """Compute the heights of the costovertebral joints of one side, each in its own body's frame.

    A body leans with the column: in a bend to the side, the joints of one side lie lower than those of the other.

    Args:
        bodies: the column, top to bottom.
        sign: -1 for the right, 1 for the left.

    Returns:
        (N,) z in mm.
    """
    centers = np.array([body.center_mm for body in bodies])
    if len(bodies) == 1:
        return centers[:, 0] + JOINT_RAISE * bodies[0].height_mm
    up = -np.gradient(centers, axis=0)
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    heights = np.array([body.height_mm for body in bodies])
    side_mm, back_mm = JOINT_MM
    return centers[:, 0] + JOINT_RAISE * heights * up[:, 0] - sign * side_mm * up[:, 2] - back_mm * up[:, 1]


def _from_axis(spots_mm: np.ndarray, bodies: tuple[Body, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Measure how far (N, 3) points lie from the column's axis at their height: (N,) to the left, (N,) to the back."""
    centers = np.array([body.center_mm for body in bodies])[::-1]
    axis_y, axis_x = (np.interp(spots_mm[:, 0], centers[:, 0], centers[:, axis]) for axis in (1, 2))
    return spots_mm[:, 2] - axis_x, spots_mm[:, 1] - axis_y


def _shown(prediction: LevelPrediction, body: Body, sign: float) -> bool:
    """Say whether the volume holds the joint of that side, the body's full height and what lies beside it."""
    if body.cut:
        return False
    joint = body.center_mm + np.array([0.0, JOINT_MM[1], sign * JOINT_MM[0]])
    beside = joint + np.array([0.0, 0.0, sign * SHOWN_MM])
    last_mm = (np.asarray(prediction.heatmap.shape) - 1) * prediction.spacing_mm
    return bool(np.all(joint >= 0) and np.all(beside >= 0) and np.all(joint <= last_mm) and np.all(beside <= last_mm))


_NEIGHBORS = np.array([step for step in itertools.product((-1, 0, 1), repeat=3) if step > (0, 0, 0)])
"""Steps from a voxel to half of its 26 neighbors, one of each pair of opposite ones."""


def _graph(spots_mm: np.ndarray, spacing_mm: float, is_rib: np.ndarray | None = None) -> sparse.csr_matrix:
    """Measure the distances between 26-neighbors among (N, 3) voxels, longer off the ribs."""
    from scipy import sparse

    voxels = np.rint(spots_mm / spacing_mm).astype(np.intp)
    voxels += 1 - voxels.min(axis=0)  # an empty layer on every side
    shape = voxels.max(axis=0) + 2
    numbers = np.full(shape, -1, np.intp)
    numbers[tuple(voxels.T)] = np.arange(len(voxels))
    place, numbers = np.ravel_multi_index(tuple(voxels.T), shape), numbers.ravel()
    steps = _NEIGHBORS @ np.array([shape[1] * shape[2], shape[2], 1])
    beside = numbers[place + steps[:, None]]  # (13, N)
    which, first = np.nonzero(beside >= 0)
    second = beside[which, first]
    lengths = spacing_mm * np.linalg.norm(_NEIGHBORS, axis=1)[which]
    if is_rib is not None:
        lengths = lengths * np.where(is_rib[first] & is_rib[second], 1.0, OFF_RIB)
    return sparse.csr_matrix((lengths, (first, second)), shape=(len(spots_mm), len(spots_mm)))


@dataclass(frozen=True, eq=False)
class _Side:
    """The voxels of one side that ribs may run along.

    Args:
        spots_mm: (N, 3) z, y, x.
        lateral_mm: (N,) distance from the column's axis to the side, > 0.
        behind_mm: (N,) distance from the axis to the back.
        is_rib: (N,) True for rib, False for posterior elements, which may hide a rib's neck.
        at_edge: (N,) whether the voxel lies at the image's edge.
        spacing_mm: edge of the voxels.
    """

    spots_mm: np.ndarray
    lateral_mm: np.ndarray
    behind_mm: np.ndarray
    is_rib: np.ndarray
    at_edge: np.ndarray
    spacing_mm: float


def find_heads(side: _Side, joints_mm: np.ndarray, heights_mm: np.ndarray) -> list[np.ndarray]:
    """Find the voxels of every rib head: a piece of rib beside a body, split where it covers several joints.

    Args:
        side: voxels.
        joints_mm: (M,) heights of the joints.
        heights_mm: (M,) of the bodies.

    Returns:
        Indices of each head's voxels.
    """
    from scipy.sparse.csgraph import connected_components

    near = np.flatnonzero(
        side.is_rib
        & (side.lateral_mm <= HEAD_REACH_MM)
        & (side.behind_mm > HEAD_BEHIND_MM[0])
        & (side.behind_mm < HEAD_BEHIND_MM[1])
    )
    if not len(near):
        return []
    count, piece = connected_components(_graph(side.spots_mm[near], side.spacing_mm), directed=False)
    heads = []
    for number in range(count):
        mine = near[piece == number]
        inner = mine[side.lateral_mm[mine] <= HEAD_START_MM]
        if not len(inner):
            continue
        offset = np.abs(side.spots_mm[inner, 0][:, None] - joints_mm) / heights_mm
        covered = np.flatnonzero((offset <= COVERED).sum(axis=0) >= 2)  # one voxel may be noise
        if len(covered) < 2:
            heads.append(inner)
        else:
            nearest = covered[np.argmin(offset[:, covered], axis=1)]
            heads += [inner[nearest == joint] for joint in covered]
    return heads


def _bridge(graph: sparse.csr_matrix, side: _Side, heads: list[int]) -> sparse.csr_matrix:
    """Join every piece of rib without a head to the nearest rib that hangs on one, nearest pieces first.

    Args:
        graph: sparse distances among the voxels of the side.
        side: the voxels.
        heads: one voxel of each head.

    Returns:
        The graph with one edge more per joined piece.
    """
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import cKDTree

    _, piece = connected_components(graph, directed=False)
    hanging = np.isin(piece, piece[heads])
    loose = set(piece[side.is_rib].tolist()) - set(piece[heads].tolist())
    edges: list[tuple[float, int, int]] = []
    while loose:
        held = np.flatnonzero(hanging & side.is_rib)
        tree = cKDTree(side.spots_mm[held])
        reached = []
        for number in loose:
            mine = np.flatnonzero((piece == number) & side.is_rib)
            gaps, nearest = tree.query(side.spots_mm[mine])
            reached.append((float(gaps.min()), int(mine[gaps.argmin()]), int(held[nearest[gaps.argmin()]])))
        edge = min(reached)
        if edge[0] > BRIDGE_MM:
            break
        edges.append(edge)
        loose.remove(int(piece[edge[1]]))
        hanging |= piece == piece[edge[1]]
    if not edges:
        return graph
    gaps_mm, ends, starts = (list(column) for column in zip(*edges, strict=True))
    return graph + sparse.csr_matrix((gaps_mm, (ends, starts)), shape=graph.shape)


def match_heads(
    levels_mm: list[float], joints_mm: np.ndarray, heights_mm: np.ndarray
) -> tuple[dict[int, int], list[int]]:
    """Give each head to at most one body and each body at most one head, the nearest in height overall.

    Args:
        levels_mm: heights (z) of the N heads of one side.
        joints_mm: (M,) heights of the joints.
        heights_mm: (M,) of the bodies.

    Returns:
        {head: body} and the heads too far from every joint, which hang on bodies outside the column. A second head
        near a joint is in neither: it is a piece of the same rib.
    """
    from scipy.optimize import linear_sum_assignment

    distance = np.abs(np.asarray(levels_mm)[:, None] - joints_mm) / heights_mm
    never = 100.0  # above any sum of allowed costs, so that it is chosen only where nothing else is left
    cost = np.where(distance <= HEAD_FAR, distance**2, never)
    rows, columns = linear_sum_assignment(cost)
    matched = {int(head): int(body) for head, body in zip(rows, columns, strict=True) if cost[head, body] < never}
    return matched, np.flatnonzero(distance.min(axis=1) > HEAD_FAR).tolist()


def _measure_side(side: _Side, bodies: tuple[Body, ...], joints: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Measure per body its rib's length in mm and whether the image's edge ends it; ``joints`` holds their heights."""
    from scipy.sparse.csgraph import dijkstra

    lengths, edges = np.zeros(len(bodies)), np.zeros(len(bodies), bool)
    heights = np.array([body.height_mm for body in bodies])
    heads = find_heads(side, joints, heights)
    if not heads:
        return lengths, edges
    starts = [int(head[np.argmin(side.lateral_mm[head])]) for head in heads]
    levels_mm = [float(np.mean(side.spots_mm[head, 0])) for head in heads]
    matched, foreign = match_heads(levels_mm, joints, heights)
    graph = _bridge(_graph(side.spots_mm, side.spacing_mm, side.is_rib), side, starts)
    sources = [starts[head] for head in (*matched, *foreign)]
    way, _, source = dijkstra(graph, directed=False, indices=sources, min_only=True, return_predecessors=True)
    for head, body in matched.items():
        mine = np.flatnonzero((source == starts[head]) & np.isfinite(way) & side.is_rib)
        lengths[body] = CHAIN_LENGTH * way[mine].max() + side.spacing_mm
        edges[body] = bool(np.any(side.at_edge[mine] & (way[mine] > OUTER_PART * way[mine].max())))
    return lengths, edges


HEAD_BOX_MM = (12.0, 14.0, 14.0)
"""How far along z, y and x from where it would be a joint is looked for: less than half a body's height (chosen)."""


def head_scores(prediction: LevelPrediction, bodies: tuple[Body, ...]) -> list[tuple[float, float]]:
    """Measure how surely a rib joins each body: the highest value of the rib heads' heat map about its joints.

    Args:
        prediction: of the level network.
        bodies: the column, top to bottom, at least one.

    Returns:
        (right, left) per body, 0 to 1.
    """
    heatmap = prediction.landmarks[Landmark.RIB_HEAD]
    side_mm, back_mm = JOINT_MM
    scores = []
    for sign in SIDES:
        spots = [
            np.array([height, body.center_mm[1] + back_mm, body.center_mm[2] + sign * side_mm])
            for height, body in zip(joint_heights(bodies, sign), bodies, strict=True)
        ]
        scores.append([_highest(heatmap, spot, prediction.spacing_mm) for spot in spots])
    right, left = scores
    return list(zip(right, left, strict=True))


def _highest(heatmap: np.ndarray, spot_mm: np.ndarray, spacing_mm: float) -> float:
    """Find the highest value in the box about a spot; 0 where the box lies outside."""
    low = np.maximum(np.rint((spot_mm - HEAD_BOX_MM) / spacing_mm), 0).astype(int)
    high = np.rint((spot_mm + HEAD_BOX_MM) / spacing_mm).astype(int) + 1
    block = heatmap[tuple(slice(a, max(b, 0)) for a, b in zip(low, high, strict=True))]
    return float(block.max()) if block.size else 0.0
