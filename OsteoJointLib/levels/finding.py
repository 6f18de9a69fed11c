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

IN_VIEW_LEAST = 0.5
"""Below this posterior of both lying in view the stage says that L1 or L2 is missing: it is likelier than not."""

CONFIDENCE_LEAST = 0.6
"""Below this posterior the stage refuses to name the levels (chosen)."""

CONFIDENCE_SURE = 0.9
"""Below this posterior the result is flagged uncertain (chosen)."""

_USUAL_LUMBAR_COUNT = 5


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
            "No vertebral bodies are seen in this CT. If L1 and L2 are there, place them by hand.",
        )
    if not seen.above and not any(map(has_rib, column)) and not column[-1].sacrum_below:
        raise InputRefused(
            Reason.LEVELS_UNDECIDED,
            f"Neither a rib nor the sacrum is seen from which the {_bodies(column)} in view could be counted. Place L1 "
            "and L2 by hand.",
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
    count, inside = _bodies(column), 0 <= assignment.l1_index <= len(column) - 2
    names = " to ".join(dict.fromkeys((assignment.names[0], assignment.names[-1]))) if all(assignment.names) else ""
    if assignment.in_view < IN_VIEW_LEAST:
        if inside:
            seen = "can't be told from those above and below"
        else:
            seen = f"looks most like {names}" if names else "can't be named"
        raise InputRefused(
            Reason.LEVEL_NOT_IN_VIEW,
            f"L1 and L2 don't seem to be both in view: what is seen, {count}, {seen}. Use a CT that shows both, or "
            "place them by hand.",
        )
    if assignment.confidence < CONFIDENCE_LEAST or not inside:
        raise InputRefused(
            Reason.LEVELS_UNDECIDED,
            f"Ribs and sacrum don't tell where L1 is among the {count} in view: the likeliest names"
            f"{names and f', {names},'} are only {_percent(assignment.confidence)} likely. Place L1 and L2 by hand.",
        )


def _bodies(column: tuple[BodyEvidence, ...]) -> str:
    return "1 body" if len(column) == 1 else f"{len(column)} bodies"


def _percent(share: float) -> str:
    return f"{100.0 * share:.0f} %"


def _flags(seen: VisibleColumn, assignment: Assignment) -> list[Flag]:
    """Flag every doubt about the names; ribs seen below L1 are processes or pelvis and count for none."""
    column = seen.bodies
    upper = (seen.above, *column[: assignment.l1_index + 1])
    ribbed = [body for body in upper if body and has_rib(body)]
    sacrum = column[-1].sacrum_below
    flags = []
    if not sacrum:
        message = "The sacrum is not in view, so the levels are counted from the ribs alone."
        flags.append(Flag(Reason.NO_SACRUM_IN_VIEW, message))
    if not ribbed:
        message = "No rib is in view, so the levels are counted from the sacrum alone."
        flags.append(Flag(Reason.NO_RIBS_IN_VIEW, message))
    stub = bool(ribbed) and max(ribbed[-1].rib_mm) < RIB_STUB_MM
    if stub:
        message = f"The last ribs are only {max(ribbed[-1].rib_mm):.0f} mm long: stubs, or processes taken for ribs."
        flags.append(Flag(Reason.STUB_RIB, message))
    variants = _variant_flags(column, assignment)
    doubts = ["the anatomy may be transitional"] if variants else []
    doubts += ["the last ribs are stubs and the sacrum is not in view"] if stub and not sacrum else []
    return [*flags, *variants, *_name_flags(column, assignment, doubts), *_cut_flags(column, assignment)]


def _variant_flags(column: tuple[BodyEvidence, ...], assignment: Assignment) -> list[Flag]:
    """Flag anatomy that does not count 12 pairs of ribs and 5 lumbar bodies."""
    findings = []
    if assignment.lumbar_count not in (None, _USUAL_LUMBAR_COUNT):
        findings.append(f"{assignment.lumbar_count} lumbar bodies were counted above the sacrum")
    if has_rib(column[assignment.l1_index]):
        findings.append("a rib joins L1")
    above = assignment.l1_index - 1
    if above >= 0 and all(column[above].rib_seen) and not has_rib(column[above]):
        findings.append("no rib joins T12")
    if not findings:
        return []
    message = f"The anatomy may be transitional: {' and '.join(findings)}. Compare the levels with the whole spine."
    return [Flag(Reason.TRANSITIONAL_ANATOMY, message)]


def _name_flags(column: tuple[BodyEvidence, ...], assignment: Assignment, doubts: list[str]) -> list[Flag]:
    """Flag names that are uncertain, with every reason: ``doubts``, the posterior, bodies that were not seen."""
    if assignment.confidence < CONFIDENCE_SURE:
        other = level_name(assignment.runner_up - assignment.l1_index)
        share = _percent(assignment.posterior[assignment.runner_up])
        second = f", and with {share} L1 is the body called {other} here" if other else ""
        doubts = [f"they are right with {_percent(assignment.confidence)}{second}", *doubts]
    unseen = [name or "a body" for body, name in zip(column, assignment.names, strict=True) if body.score < SCORE_MIN]
    if unseen:
        doubts = [*doubts, f"{', '.join(unseen)} was not seen and put in by spacing"]
    if not doubts:
        return []
    message = f"The names of the levels are uncertain: {'; '.join(doubts)}. Compare with the whole spine."
    return [Flag(Reason.LEVELS_UNCERTAIN, message)]


def _cut_flags(column: tuple[BodyEvidence, ...], assignment: Assignment) -> list[Flag]:
    """Flag L1 and L2 where the image's edge cuts them."""
    return [
        Flag(Reason.TRUNCATED_VIEW, f"The image's edge cuts {level.value}; only its mid-slice is surely whole.", level)
        for level, index in ((Level.L1, assignment.l1_index), (Level.L2, assignment.l1_index + 1))
        if column[index].cut
    ]
