"""All doubts of a case in one list, made once when its reading ends, and what they mean for the class.

The sentences are the stages' own. Here they are joined, with those for what no stage could have (a null always has a
flag that says why) and with the class's own: it is worth no more than the HU it was seen from and the names of the
levels. Only what is known to be wrong makes it not reliable; what isn't known, or is other than usual (contrast, tube
voltage, kernel), the network was trained with, so that is a note. Where the names of the levels are in doubt there is
no class: it is held back until a person has confirmed the points.
"""

from __future__ import annotations

from collections.abc import Iterable

from OsteoJointLib.errors import Reason
from OsteoJointLib.io.header_checks import FACT_CODES, fact_flags
from OsteoJointLib.io.limits import ReadingLimits
from OsteoJointLib.pipeline.case import Case, images_of
from OsteoJointLib.records import Flag, Level, LevelsFound

NOTES = frozenset(
    {
        *(Reason.NOT_CALIBRATED, Reason.NOT_COMPUTED, Reason.LEVELS_ASSUMED, Reason.SLICE_MOVED),
        *(FACT_CODES - {Reason.HU_OFFSET}),
        *(Reason.RESCALE_DIFFERS, Reason.SEVERAL_SERIES, Reason.THICK_SLICES, Reason.OBLIQUE, Reason.TRUNCATED_VIEW),
        *(Reason.NO_SACRUM_IN_VIEW, Reason.NO_RIBS_IN_VIEW, Reason.NO_PATIENT),
    }
)
"""Codes that say how the scan was made and what is in view, what was left out, taken for granted or put right; every
other code is a doubt. Whether the levels can be named without sacrum or ribs has a code of its own."""

ABOUT_CLASS = frozenset({Reason.CLASS_HELD_BACK, Reason.CLASS_NOT_RELIABLE})
"""Codes that say what the doubts mean for the class; a case has one of them at most."""

_UNRELIABLE_BECAUSE = {
    Reason.METAL: "metal disturbs the HU",
    Reason.HU_OFFSET: "the HU scale is off",
    Reason.HU_JUMP: "the HU scale differs between slices",
    Reason.LEVELS_CONTRADICT: "L1 and L2 contradict each other",
    Reason.BODY_NOT_UNIFORM: "a measured region holds more than trabecular bone",
    Reason.SLICE_UNLIKE_NEIGHBORS: "a slice is unlike its neighbors",
    Reason.POINTS_DOUBTFUL: "L1 and L2 may be no neighbors",
    Reason.TRANSITIONAL_ANATOMY: "the number of vertebrae may be unusual, so the levels may be one off",
    Reason.SLICE_NOT_MID_BODY: "a slice does not run through the middle of its body",
    Reason.MASK_IMPLAUSIBLE: "a mask does not look like a vertebral body",
    Reason.MASK_EMPTY: "a vertebral body has no mask",
}
"""Faults that make the class unreliable: they change bone's HU, or leave open which bone was read. Those of a vertebra
that is left out don't count."""

_NO_HASH = Flag(Reason.NOT_COMPUTED, "No hash of the input was taken: the image did not come from a file.")
_HELD_BACK = Flag(
    Reason.CLASS_HELD_BACK,
    "The levels are in doubt, so no class is given. Check L1 and L2, move them if need be, and confirm them.",
)


def all_flags(
    case: Case,
    levels: LevelsFound,
    found: Iterable[Flag],
    left_out: Level | None = None,
    limits: ReadingLimits | None = None,
) -> tuple[Flag, ...]:
    """Join every flag of a case, without repeats: the class's own, then doubts, then notes.

    Args:
        case: the CT or the pair of slices, with the flags of its input.
        levels: L1 and L2, with the flags of their names.
        found: the flags of the stages after them.
        left_out: the level that the class is made without, whose own doubts don't count against it.
        limits: what is usual; the defaults when None.

    Returns:
        These, one for each field that is null, and ``class_held_back`` or ``class_not_reliable`` where a doubt makes it
        so.
    """
    images = images_of(case)
    flags = [*found, *levels.flags]
    for image in images:
        # those of the facts as they were read may be out of date: a user or an estimate has completed them
        flags += [flag for flag in image.flags if flag.code not in FACT_CODES]
        flags += fact_flags(image.source, image.scale, limits or ReadingLimits())
        if image.source.sha256 is None:
            flags.append(_NO_HASH)
    if levels.doubt is not None:
        flags.append(_HELD_BACK)
    elif sentence := reliability_sentence(counting_codes(flags, left_out)):
        flags.append(Flag(Reason.CLASS_NOT_RELIABLE, sentence))
    return tuple(sorted(dict.fromkeys(flags), key=_rank))


def _rank(flag: Flag) -> tuple[bool, ...]:
    """Put what is said of the class first, then why it is held back; notes last."""
    return flag.code in NOTES, flag.code not in ABOUT_CLASS, flag.code is not Reason.LEVELS_UNCERTAIN


def counting_codes(flags: Iterable[Flag], left_out: Level | None) -> list[Reason]:
    """List the codes of flags that concern the class: those of a level that was left out don't."""
    return [flag.code for flag in flags if left_out is None or flag.level is not left_out]


def class_is_reliable(flags: Iterable[Flag]) -> bool:
    """Say whether nothing among all flags of a case speaks against its class."""
    return all(flag.code not in ABOUT_CLASS for flag in flags)


def reliability_sentence(codes: Iterable[str]) -> str:
    """Say that and why these doubts make the class unreliable; empty where none does."""
    reasons = reliability_reasons(codes)
    return f"The class is not reliable: {'; '.join(reasons)}." if reasons else ""


def reliability_reasons(codes: Iterable[str]) -> tuple[str, ...]:
    """Say in half-sentences which of these doubts make the class unreliable."""
    return tuple(_UNRELIABLE_BECAUSE[code] for code in dict.fromkeys(map(Reason, codes)) if code in _UNRELIABLE_BECAUSE)
