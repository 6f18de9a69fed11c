"""How a case was scanned: what its header says, completed by a user and by what the image shows.

A user's word goes before the header's, an estimate only fills what neither says, and only where it is sure. The header
as it was read stays beside them, so that a fact can be taken back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from OsteoJointLib.pipeline.case import Case
from OsteoJointLib.pipeline.estimates import estimate_kernel, estimate_phase
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import ContrastPhase, CtSlicePair, CtVolume, Knowing, Origin, SourceInfo

SURE = 0.9
"""Probability from which on an estimate is used; below it the fact stays unknown (chosen)."""

_BY_USER = Knowing(Origin.USER)


def with_facts(case: Case, vertebrae: Sequence[VertebraReading], options: ReadOptions) -> Case:
    """Complete what is known of how a case was scanned.

    Args:
        case: the CT, or the pair of slices.
        vertebrae: L1 and L2, with what the segmenter says of their crops.
        options: what a user says.

    Returns:
        The case with the completed sources.
    """
    if isinstance(case, CtVolume):
        return _with_source(case, completed(case.source, vertebrae, options))
    l1, l2 = vertebrae
    return CtSlicePair(
        _with_source(case.l1, completed(case.l1.source, [l1], options)),
        _with_source(case.l2, completed(case.l2.source, [l2], options)),
    )


def _with_source(image: CtVolume, source: SourceInfo) -> CtVolume:
    """Put a source in the place of an image's own; the image itself where they are the same."""
    return image if source == image.source else replace(image, source=source)


def completed(source: SourceInfo, vertebrae: Sequence[VertebraReading], options: ReadOptions) -> SourceInfo:
    """Complete the facts of one image; arguments as for :func:`with_facts`."""
    header = source.header or source
    facts: dict[str, Any] = {}
    known = dict(header.known_by)
    if options.kvp is not None:
        facts["kvp"], known["kvp"] = options.kvp, _BY_USER
    if options.kernel is not None:
        facts["kernel"], known["kernel"] = options.kernel.value, _BY_USER
    if options.contrast is not None:
        facts |= _contrast(options.contrast)
        known["contrast"] = _BY_USER
    stated = replace(header, **facts)
    if stated.kernel is None and (kernels := estimate_kernel(vertebrae)):
        kernel, probability = max(kernels.items(), key=lambda item: item[1])
        if probability >= SURE:
            facts["kernel"], known["kernel"] = kernel.value, Knowing(Origin.ESTIMATED, probability)
    if stated.contrast is not False and stated.phase is None and (phases := estimate_phase(vertebrae, stated.kvp)):
        found, knowing = _likeliest(phases, given=stated.contrast is True)
        facts |= found
        if knowing is not None:
            known["contrast"] = knowing
    return replace(header, **facts, known_by=known, header=header) if facts else header


def _contrast(phase: ContrastPhase) -> dict[str, Any]:
    """Say a phase as fields of the source."""
    return {"contrast": phase is not ContrastPhase.NONE, "phase": None if phase is ContrastPhase.GIVEN else phase}


def _likeliest(phases: dict[ContrastPhase, float], given: bool) -> tuple[dict[str, Any], Knowing | None]:
    """Choose what is sure: the phase, and whether contrast was given where that isn't known.

    Args:
        phases: their probabilities.
        given: whether contrast is known to have been given; its phase alone is estimated then.

    Returns:
        The fields of the source, and how whether it was given is known; nothing where nothing is sure.
    """
    none = phases[ContrastPhase.NONE]
    enhanced = {phase: probability for phase, probability in phases.items() if phase is not ContrastPhase.NONE}
    phase = max(enhanced, key=lambda one: enhanced[one])
    sure = phase if enhanced[phase] >= SURE * sum(enhanced.values()) else None
    if given:
        return {"phase": sure}, None
    if none >= SURE:
        return _contrast(ContrastPhase.NONE), Knowing(Origin.ESTIMATED, none)
    if 1.0 - none >= SURE:
        return {"contrast": True, "phase": sure}, Knowing(Origin.ESTIMATED, 1.0 - none)
    return {}, None
