"""Every doubt about the names of the levels, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence

from OsteoJointLib.errors import Reason
from OsteoJointLib.levels.assignment import Assignment, VisibleColumn
from OsteoJointLib.levels.body_evidence import has_rib
from OsteoJointLib.levels.likelihoods import RIB_STUB_MM, seen_joint, seen_rib
from OsteoJointLib.levels.views import SAME_MM, Agreement
from OsteoJointLib.records import BodyEvidence, Flag, Level

CONFIDENCE_SURE = 0.9
"""Below this posterior the result is flagged uncertain (chosen)."""

WORTH_SAYING = 0.01
"""Rarer other names are not spoken of (chosen)."""

HARDLY_MM = 20.0
"""Less of a rib than this is hardly one (chosen: half a stub)."""

_USUAL_LUMBAR_COUNT = 5


def percent(share: float) -> str:
    """Write a share as people say it."""
    return f"{100.0 * share:.0f} %"


def name_flags(views: Sequence[VisibleColumn], agreement: Agreement) -> list[Flag]:
    """Flag every doubt about the names; ribs seen below L1 are processes or pelvis and count for none.

    Args:
        views: the evidence, the whole volume's first.
        agreement: what all views say; L1 and L2 are in view.
    """
    whole, named = views[0], agreement.named
    ribbed = [body for body in (whole.above, *named.column[: named.l1_index + 1]) if body and has_rib(body)]
    flags = []
    if not whole.sacrum and not whole.sacrum_apart:
        message = "The sacrum is not in view, so the levels are counted from the ribs alone."
        flags.append(Flag(Reason.NO_SACRUM_IN_VIEW, message))
    if not ribbed:
        message = "No rib is in view, so the levels are counted from the sacrum alone."
        flags.append(Flag(Reason.NO_RIBS_IN_VIEW, message))
    if ribbed and _is_short(ribbed[-1]):
        longest = max(seen_rib(ribbed[-1], side)[0] for side in (0, 1))
        message = f"The last ribs are only {longest:.0f} mm long: stubs, or processes taken for ribs."
        flags.append(Flag(Reason.STUB_RIB, message))
    doubts = []
    if not ribbed:
        doubts.append("no rib is in view, and one person in twelve has four or six lumbar bodies")
    if _t12_is_faint(views, named) and not whole.sacrum and not whole.sacrum_apart:
        doubts.append("T12 has short ribs, or on a side hardly one, and the sacrum is not in view")
    if whole.sacrum_apart:
        doubts.append("the sacrum is seen, but the bodies between it and the column are not")
    variants = _variant_flags(named)
    doubts += ["the anatomy may be transitional"] if variants else []
    return [*flags, *variants, *_uncertain(agreement, doubts), *_cut_flags(named)]


def _t12(named: Assignment) -> BodyEvidence | None:
    return named.column[named.l1_index - 1] if named.l1_index else None


def _t12_is_faint(views: Sequence[VisibleColumn], named: Assignment) -> bool:
    """Say whether at least half of the views that show T12 show only faint ribs of it."""
    if (t12 := _t12(named)) is None:
        return False
    bodies = (body for view in views for body in view.bodies)
    same = [body for body in bodies if math.dist(body.center_lps_mm, t12.center_lps_mm) <= SAME_MM]
    return 2 * sum(map(_is_faint, same)) >= max(len(same), 1)


def _is_faint(body: BodyEvidence) -> bool:
    """Say whether what is in view of a body's ribs is short, or a side shows hardly one."""
    shown = [seen_rib(body, side) for side in (0, 1) if body.rib_seen[side]]
    return bool(shown) and (_is_short(body) or any(length < HARDLY_MM and not cut for length, cut in shown))


def _is_short(body: BodyEvidence) -> bool:
    """Say whether both ribs of a body are stubs or none, and not because the image ends them."""
    ribs = [seen_rib(body, side) for side in (0, 1)]
    return all(length < RIB_STUB_MM and not may_be_longer for length, may_be_longer in ribs)


def _variant_flags(named: Assignment) -> list[Flag]:
    """Flag anatomy that does not count 12 pairs of ribs and 5 lumbar bodies."""
    findings = []
    if named.lumbar_count not in (None, _USUAL_LUMBAR_COUNT):
        findings.append(f"{named.lumbar_count} lumbar bodies were counted above the sacrum")
    if has_rib(named.column[named.l1_index]):
        findings.append("a rib joins L1")
    t12 = _t12(named)
    if t12 and all(t12.rib_seen) and not has_rib(t12) and not any(seen_joint(t12, side) for side in (0, 1)):
        findings.append("no rib joins T12")
    if not findings:
        return []
    message = f"The anatomy may be transitional: {' and '.join(findings)}. Compare the levels with the whole spine."
    return [Flag(Reason.TRANSITIONAL_ANATOMY, message)]


def _uncertain(agreement: Agreement, doubts: list[str]) -> list[Flag]:
    """Flag names that are uncertain, with every reason: ``doubts``, the posterior, bodies that were not seen."""
    named = agreement.named
    if agreement.confidence < CONFIDENCE_SURE:
        doubts = [f"they are right with {percent(agreement.confidence)}{_second(agreement)}", *doubts]
    unseen = [name or "a body" for body, name in zip(named.column, named.names, strict=True) if body.score == 0.0]
    if unseen:
        doubts = [*doubts, f"{', '.join(unseen)} was not seen and put in by spacing"]
    if not doubts:
        return []
    message = f"The names of the levels are uncertain: {'; '.join(doubts)}. Compare with the whole spine."
    return [Flag(Reason.LEVELS_UNCERTAIN, message)]


def _second(agreement: Agreement) -> str:
    """Say which other body may be L1, or else L2, and how likely that is; "" where it isn't worth saying."""
    if agreement.other_confidence >= WORTH_SAYING:
        for level, center_mm in zip(Level, agreement.other_mm or (), strict=False):
            name = _nearest_name(agreement.named, center_mm)
            if name not in ("", level):
                return f", and with {percent(agreement.other_confidence)} {level} is the body called {name} here"
    return ""


def _nearest_name(named: Assignment, center_mm: tuple[float, float, float]) -> str:
    """Name the body of the column that lies nearest to a point."""
    distances = [math.dist(body.center_lps_mm, center_mm) for body in named.column]
    return named.names[distances.index(min(distances))]


def _cut_flags(named: Assignment) -> list[Flag]:
    """Flag L1 and L2 where the image's edge cuts them."""
    pair: list[tuple[Level, BodyEvidence]] = list(zip(Level, named.column[named.l1_index :], strict=False))
    return [
        Flag(Reason.TRUNCATED_VIEW, f"The image's edge cuts {level.value}; only its mid-slice is surely whole.", level)
        for level, body in pair
        if body.cut
    ]
