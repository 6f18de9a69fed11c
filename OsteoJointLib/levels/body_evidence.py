"""What one view of the level network shows of every body of the column: its ribs, its look, the sacrum under it."""

from __future__ import annotations

import numpy as np

from OsteoJointLib.frames import Grid
from OsteoJointLib.level_config import Tissue
from OsteoJointLib.levels.assignment import VisibleColumn
from OsteoJointLib.levels.bodies import Body, body_above, find_bodies
from OsteoJointLib.levels.inference import LevelPrediction, voxels_of
from OsteoJointLib.levels.likelihoods import RIB_LEAST_MM, seen_rib
from OsteoJointLib.levels.ribs import Rib, find_ribs, head_scores
from OsteoJointLib.levels.sacrum import first_sacral_mm, is_sacral, sacrum_below
from OsteoJointLib.records import BodyEvidence

LOOK_MM = 12.0
"""Body voxels within this of the center tell how it looks: those of the next body lie farther (chosen)."""

LEAST_PIECES, LEAST_VOXELS = 4, 6
"""Fewer or smaller pieces of rib don't tell which way is up (chosen)."""

LEAST_SPOTS, LEAST_ASIDE_MM, MOST_RISING = 100, 24.0, 0.7
"""Voxels that tell where a tissue lies; how far a piece of rib must reach; share of them that may rise (chosen)."""


def read_column(prediction: LevelPrediction) -> VisibleColumn:
    """Collect the evidence at every body in view."""
    found = find_bodies(prediction)
    first_mm = first_sacral_mm(prediction, found) if found else None
    bodies = tuple(body for body in found if first_mm is None or not is_sacral(body, first_mm))
    if not bodies:
        return VisibleColumn(())
    above = body_above(bodies)
    over, *ribs = find_ribs(prediction, (above, *bodies))
    over_heads, *heads = head_scores(prediction, (above, *bodies))
    joined = sacrum_below(prediction, bodies[-1], first_mm)
    evidence = tuple(
        _evidence(prediction, body, pair, scores, joined and body is bodies[-1])
        for body, pair, scores in zip(bodies, ribs, heads, strict=True)
    )
    hidden = _evidence(prediction, above, over, over_heads, False)
    outside = above.center_mm[0] > (len(prediction.heatmap) - 1) * prediction.spacing_mm
    first_lps_mm = None if first_mm is None else _lps_mm(first_mm, prediction.grid)
    return VisibleColumn(evidence, hidden if outside and has_rib(hidden) else None, first_lps_mm)


def has_rib(body: BodyEvidence) -> bool:
    """Whether a rib was seen at a body, on either side."""
    return any(seen_rib(body, side)[0] >= RIB_LEAST_MM for side in (0, 1))


def _evidence(
    prediction: LevelPrediction, body: Body, ribs: tuple[Rib, Rib], heads: tuple[float, float], sacrum: bool
) -> BodyEvidence:
    right, left = ribs
    return BodyEvidence(
        center_lps_mm=_lps_mm(body.center_mm, prediction.grid),
        score=body.score,
        rib_mm=(right.length_mm, left.length_mm),
        rib_seen=(right.seen, left.seen),
        sacrum_below=sacrum,
        cut=body.cut,
        rib_cut=(right.cut, left.cut),
        rib_head=heads,
        lumbar=_lumbar(prediction, body),
        valley=body.valley,
    )


def _lps_mm(center_mm: np.ndarray, grid: Grid) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in grid.index_to_lps(center_mm / np.asarray(grid.spacing_xyz_mm[::-1])))
    return (x, y, z)


def _lumbar(prediction: LevelPrediction, body: Body) -> float:
    """Take the mean probability of a lumbar body over the body's voxels; a half where there are none."""
    low = np.maximum(np.floor((body.center_mm - LOOK_MM) / prediction.spacing_mm), 0).astype(int)
    high = np.ceil((body.center_mm + LOOK_MM) / prediction.spacing_mm).astype(int) + 1
    block = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    shares = prediction.lumbar_probability[block][prediction.classes[block] == Tissue.BODY]
    return float(shares.mean()) if shares.size else 0.5


def is_upside_down(prediction: LevelPrediction) -> bool:
    """Say whether the CT's content lies the wrong way up or front to back, which a wrong header does.

    Posterior elements lie behind bodies. Ribs fall away from the column; where there are few of them, the sacrum tells,
    which lies below: not against ribs, since shoulders may look like a sacrum.
    """
    from scipy import ndimage

    bodies = voxels_of(prediction.classes == Tissue.BODY)
    if len(bodies) < LEAST_SPOTS:
        return False
    middle = bodies.mean(axis=0)
    behind = voxels_of(prediction.classes == Tissue.POSTERIOR)
    if len(behind) >= LEAST_SPOTS and behind[:, 1].mean() < middle[1]:
        return True
    labels, _ = ndimage.label(prediction.classes == Tissue.RIB, np.ones((3, 3, 3)))
    rising = []
    for number, block in enumerate(ndimage.find_objects(labels), 1):
        z, _, x = np.nonzero(labels[block] == number)
        aside = np.abs(x + block[2].start - middle[2])
        if len(z) >= LEAST_VOXELS and np.ptp(aside) * prediction.spacing_mm >= LEAST_ASIDE_MM:
            rising.append(np.polyfit(aside, z, 1)[0] > 0.0)
    if len(rising) >= LEAST_PIECES:
        return float(np.mean(rising)) > MOST_RISING
    sacrum = voxels_of(prediction.classes == Tissue.SACRUM)
    return len(sacrum) >= LEAST_SPOTS and bool(sacrum[:, 0].mean() > middle[0])
