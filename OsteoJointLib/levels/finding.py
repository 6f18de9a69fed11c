"""L1 and L2 in a whole CT without a click: see, judge, name, and say what could not be seen.

The stage refuses where it would have to guess: no column, L1 or L2 outside the view, or nothing to count from. Short of
that, every doubt is a flag that the result carries.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.levels.assignment import RIB_LEAST_MM, RIB_STUB_MM, Assignment, assign_names, level_name
from OsteoJointLib.levels.bodies import SCORE_MIN, Body, body_above, find_bodies
from OsteoJointLib.levels.inference import LevelPrediction, predict
from OsteoJointLib.levels.resampling import resample_coarse
from OsteoJointLib.levels.ribs import Rib, find_ribs
from OsteoJointLib.levels.sacrum import is_sacral, sacrum_below
from OsteoJointLib.records import BodyEvidence, CtVolume, Flag, Level, LevelPoint, LevelsFound, PointSource

if TYPE_CHECKING:
    import torch

    from OsteoJointLib.level_config import LevelNetConfig
    from OsteoJointLib.network.level_net import LevelNet

CONFIDENCE_LEAST = 0.6
"""Below this posterior the stage refuses to name the levels."""

CONFIDENCE_SURE = 0.9
"""Below this posterior the result is flagged uncertain."""


def find_levels(
    network: LevelNet, level_config: LevelNetConfig, volume: CtVolume, device: torch.device | str
) -> LevelsFound:
    """Find L1 and L2.

    Args:
        network: the level network in eval mode, on ``device``.
        level_config: its config; the grid's spacing.
        volume: the CT.
        device: where the network runs.

    Returns:
        Both levels with their posterior, the named column, and flags.

    Raises:
        InputRefused: NO_SPINE, LEVEL_NOT_IN_VIEW or LEVELS_UNDECIDED.
    """
    prediction = predict(network, resample_coarse(volume, level_config.spacing_mm), device)
    return choose_levels(read_column(prediction))


@dataclass(frozen=True)
class VisibleColumn:
    """The evidence at every body in view.

    Args:
        bodies: from top to bottom; empty where there is no column.
        above: the body just above the view, when a rib of it is seen; else None.
    """

    bodies: tuple[BodyEvidence, ...]
    above: BodyEvidence | None = None


def read_column(prediction: LevelPrediction) -> VisibleColumn:
    """Collect the evidence at every body in view."""
    bodies, sacral = find_bodies(prediction), False
    while len(bodies) > 1 and is_sacral(prediction, bodies, sacral):
        bodies, sacral = bodies[:-1], True
    if not bodies:
        return VisibleColumn(())
    above = body_above(bodies)
    (over, *ribs) = find_ribs(prediction, (above, *bodies))
    evidence = tuple(
        _evidence(prediction, body, pair, body is bodies[-1] and (sacral or sacrum_below(prediction, body)))
        for body, pair in zip(bodies, ribs, strict=True)
    )
    hidden = _evidence(prediction, above, over, False)
    outside = above.center_mm[0] > (len(prediction.heatmap) - 1) * prediction.spacing_mm
    return VisibleColumn(evidence, hidden if outside and has_rib(hidden) else None)


def _evidence(prediction: LevelPrediction, body: Body, ribs: tuple[Rib, Rib], sacrum: bool) -> BodyEvidence:
    right, left = ribs
    return BodyEvidence(
        center_lps_mm=body.center_lps_mm(prediction.grid),
        score=body.score,
        rib_mm=(right.length_mm, left.length_mm),
        rib_seen=(right.seen, left.seen),
        sacrum_below=sacrum,
        cut=body.cut,
        rib_cut=(right.cut, left.cut),
    )


def has_rib(body: BodyEvidence) -> bool:
    """Whether a rib was seen at a body, on either side."""
    return max(body.rib_mm) >= RIB_LEAST_MM


def choose_levels(seen: VisibleColumn) -> LevelsFound:
    """Name the column and pick L1 and L2, or refuse.

    Args:
        seen: the evidence.

    Returns:
        The levels with flags.

    Raises:
        InputRefused: NO_SPINE, LEVEL_NOT_IN_VIEW or LEVELS_UNDECIDED.
    """
    column = seen.bodies
    if not column:
        raise InputRefused(
            Reason.NO_SPINE,
            "Expected vertebral bodies in view, but found none; give L1 and L2 by hand if they are there.",
        )
    if not seen.above and not any(map(has_rib, column)) and not column[-1].sacrum_below:
        raise InputRefused(
            Reason.LEVELS_UNDECIDED,
            f"Expected a rib or the sacrum to count from, but the {len(column)} bodies in view show neither; "
            "give L1 and L2 by hand.",
        )
    assignment = assign_names(column, seen.above)
    _refuse_unless_named(column, assignment)
    first = assignment.l1_index
    l1, l2 = (
        LevelPoint(level, column[index].center_lps_mm, assignment.confidence, PointSource.AUTO)
        for level, index in ((Level.L1, first), (Level.L2, first + 1))
    )
    return LevelsFound(l1, l2, column, assignment.names, tuple(_flags(seen, assignment)))


def _refuse_unless_named(column: tuple[BodyEvidence, ...], assignment: Assignment) -> None:
    seen = f"{len(column)} bodies in view, most likely {assignment.names[0]} to {assignment.names[-1]}"
    if assignment.in_view < 0.5:
        raise InputRefused(
            Reason.LEVEL_NOT_IN_VIEW,
            f"Expected L1 and L2 in view, but there are {seen}; use a CT that shows both, or give them by hand.",
        )
    if assignment.confidence < CONFIDENCE_LEAST or not 0 <= assignment.l1_index <= len(column) - 2:
        raise InputRefused(
            Reason.LEVELS_UNDECIDED,
            f"Expected ribs and sacrum to name the levels, but {seen}, is only {assignment.confidence:.0%} likely; "
            "give L1 and L2 by hand.",
        )


def _flags(seen: VisibleColumn, assignment: Assignment) -> list[Flag]:
    """Every doubt about the names; ribs seen below L1 are processes or pelvis and count for none."""
    column = seen.bodies
    upper = (seen.above, *column[: assignment.l1_index + 1])
    ribbed = [body for body in upper if body and has_rib(body)]
    sacrum = column[-1].sacrum_below
    flags = []
    if not sacrum:
        message = "The sacrum is not in view, so that the levels are counted from the ribs alone."
        flags.append(Flag(Reason.NO_SACRUM_IN_VIEW, message))
    if not ribbed:
        message = "No rib is in view, so that the levels are counted from the sacrum alone."
        flags.append(Flag(Reason.NO_RIBS_IN_VIEW, message))
    stub = bool(ribbed) and max(ribbed[-1].rib_mm) < RIB_STUB_MM
    if stub:
        message = f"The last ribs are only {max(ribbed[-1].rib_mm):.0f} mm long: stubs, or processes taken for ribs."
        flags.append(Flag(Reason.STUB_RIB, message))
    variants = _variant_flags(column, assignment)
    return flags + variants + _doubt_flags(column, assignment, bool(variants) or (stub and not sacrum))


def _variant_flags(column: tuple[BodyEvidence, ...], assignment: Assignment) -> list[Flag]:
    """Anatomy that does not count 12 pairs of ribs and 5 lumbar bodies."""
    findings = []
    if assignment.lumbar_count not in (None, 5):
        findings.append(f"{assignment.lumbar_count} lumbar bodies were counted above the sacrum")
    if has_rib(column[assignment.l1_index]):
        findings.append("a rib joins L1")
    above = assignment.l1_index - 1
    if above >= 0 and all(column[above].rib_seen) and not has_rib(column[above]):
        findings.append("no rib joins T12")
    if not findings:
        return []
    message = f"Transitional anatomy: {' and '.join(findings)}; check the levels against the whole spine."
    return [Flag(Reason.TRANSITIONAL_ANATOMY, message)]


def _doubt_flags(column: tuple[BodyEvidence, ...], assignment: Assignment, doubtful: bool) -> list[Flag]:
    """What makes the names uncertain, and levels that the image's edge cuts; ``doubtful`` whatever the posterior."""
    flags = []
    gaps = [name for body, name in zip(column, assignment.names, strict=True) if body.score < SCORE_MIN]
    if assignment.confidence < CONFIDENCE_SURE or doubtful or gaps:
        share = assignment.posterior[assignment.runner_up]
        shift = assignment.runner_up - assignment.l1_index
        message = (
            f"The names of the levels are uncertain: L1 is the body called so here with {assignment.confidence:.0%}, "
            f"and the one called {level_name(shift)} with {share:.0%}."
        )
        if gaps:
            message += f" {', '.join(gaps)} was not seen and put in by spacing."
        flags.append(Flag(Reason.LEVELS_UNCERTAIN, message))
    for level, index in ((Level.L1, assignment.l1_index), (Level.L2, assignment.l1_index + 1)):
        if column[index].cut:
            message = f"The edge of the image cuts {level.value}; only its mid-slice is surely whole."
            flags.append(Flag(Reason.TRUNCATED_VIEW, message, level))
    return flags
