"""All doubts of a case in one list, and what they mean for the class.

The stages hand over flags with the volume, the levels and the case. This module joins them, adds one for every field of
the result that could not be had (design §5: a null always has a flag that says why), and says in words when the class
can't be relied on (design §8: contrast or an unknown kernel makes the class "not reliable").
"""

from __future__ import annotations

from OsteoJointLib.errors import Reason
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import CtVolume, Flag, SourceInfo

UNRELIABLE = frozenset(
    {
        Reason.CONTRAST,
        Reason.CONTRAST_UNKNOWN,
        Reason.KERNEL_UNKNOWN,
        Reason.METAL,
        Reason.HU_OFFSET,
        Reason.LEVELS_UNCERTAIN,
        Reason.TRANSITIONAL_ANATOMY,
        Reason.MASK_IMPLAUSIBLE,
        Reason.MASK_EMPTY,
        Reason.CLASS_NOT_RELIABLE,
    }
)
"""Doubts that make the class unreliable: they change bone's HU, or leave open which bone was read."""

NOTES = frozenset({Reason.NOT_CALIBRATED, Reason.NOT_COMPUTED})
"""Codes that only say what was left out; every other code is a doubt."""

_WORDS = {
    Reason.CONTRAST: "a contrast agent raises the HU of bone",
    Reason.CONTRAST_UNKNOWN: "whether a contrast agent was given is not known",
    Reason.KERNEL_UNKNOWN: "the reconstruction kernel is not known",
    Reason.METAL: "metal disturbs the HU",
    Reason.HU_OFFSET: "the HU scale looks shifted",
    Reason.LEVELS_UNCERTAIN: "the names of the levels are uncertain",
    Reason.TRANSITIONAL_ANATOMY: "the number of vertebrae may be unusual, so the levels may be one off",
    Reason.MASK_IMPLAUSIBLE: "a mask does not look like a vertebral body",
    Reason.MASK_EMPTY: "a vertebral body has no mask",
}


def volumes_of(result: CaseResult) -> tuple[CtVolume, ...]:
    """The images a case was read from: one volume, or the two slices of a pair."""
    if isinstance(result.volume, CtVolume):
        return (result.volume,)
    return (result.volume.l1, result.volume.l2)


def all_flags(result: CaseResult) -> tuple[Flag, ...]:
    """Join every flag of a case, without repeats, doubts before notes.

    Args:
        result: the case.

    Returns:
        The flags of the case, its images and its levels; one for each missing field that no stage explained; and
        ``class_not_reliable`` when a doubt of :data:`UNRELIABLE` is among them.
    """
    flags = list(result.flags)
    for volume in volumes_of(result):
        flags += volume.flags
    flags += result.levels.flags
    flags += _for_missing(result, flags)
    if not any(flag.code == Reason.CLASS_NOT_RELIABLE for flag in flags):
        flags += _not_reliable(flags)
    unique = list(dict.fromkeys(flags))
    return tuple(sorted(unique, key=lambda flag: (flag.code in NOTES, flag.code != Reason.CLASS_NOT_RELIABLE)))


def class_is_reliable(flags: tuple[Flag, ...]) -> bool:
    """Say whether no doubt speaks against the class."""
    return not any(flag.code in UNRELIABLE for flag in flags)


def reliability_reasons(flags: tuple[Flag, ...]) -> tuple[str, ...]:
    """Say in half-sentences why the class is not reliable; empty when it is."""
    codes = dict.fromkeys(flag.code for flag in flags if flag.code in _WORDS)
    return tuple(_WORDS[code] for code in codes)


def _not_reliable(flags: list[Flag]) -> list[Flag]:
    reasons = reliability_reasons(tuple(flags))
    if not reasons:
        return []
    return [Flag(Reason.CLASS_NOT_RELIABLE, f"The class is not reliable: {'; '.join(reasons)}.")]


def _for_missing(result: CaseResult, flags: list[Flag]) -> list[Flag]:
    """Flags for the fields that will be null, unless a stage has already said why."""
    missing: list[Flag] = []
    for volume in volumes_of(result):
        missing += _missing_of_source(volume.source)
    for reading in result.readings:
        missing += _missing_of_reading(reading)
    missing.append(
        Flag(Reason.NOT_COMPUTED, "The bodies' volume was not computed: only the mid-slices were segmented.")
    )
    explained = {(flag.code, flag.level) for flag in flags if flag.code != Reason.NOT_COMPUTED}
    return [flag for flag in missing if not explained & {(flag.code, flag.level), (flag.code, None)}]


def _missing_of_source(source: SourceInfo) -> list[Flag]:
    missing = []
    if source.kvp is None:
        missing.append(
            Flag(Reason.KVP_UNKNOWN, "The input does not say the tube voltage (kVp), on which the HU of bone depends.")
        )
    if source.kernel is None:
        missing.append(Flag(Reason.KERNEL_UNKNOWN, "The input does not say the reconstruction kernel."))
    if source.contrast is None:
        missing.append(Flag(Reason.CONTRAST_UNKNOWN, "The input does not say whether a contrast agent was given."))
    if source.sha256 is None:
        missing.append(Flag(Reason.NOT_COMPUTED, "No hash of the input was taken: the image did not come from a file."))
    return missing


def _missing_of_reading(reading: VertebraReading) -> list[Flag]:
    measurement, level = reading.measurement, reading.point.level
    missing = []
    if measurement.hu_mean is None:
        missing.append(
            Flag(
                Reason.ROI_TOO_SMALL,
                f"HU of {level} was not measured: only {measurement.voxels} pixels were left after an erosion of "
                f"{measurement.erosion_mm:g} mm.",
                level,
            )
        )
    if measurement.bmd_mg_cm3 is None:
        missing.append(Flag(Reason.NOT_CALIBRATED, "No calibration was given, so HU were not turned into BMD."))
    return missing
