"""What a word of a header says of the contrast agent; a word that isn't known says nothing, and is never guessed."""

from __future__ import annotations

from OsteoJointLib.records import ContrastPhase

NO_CONTRAST = {"NONE", "NO", "N", "NOT APPLIED", "WITHOUT", "W/O", "NATIVE", "NON CONTRAST", "NON-CONTRAST"}
"""What a contrast agent's name is where none was given."""

_WORDS = {
    **dict.fromkeys({word.lower() for word in NO_CONTRAST} | {"false", "0", "unenhanced", "plain"}, ContrastPhase.NONE),
    **dict.fromkeys(("given", "yes", "y", "true", "1", "with", "contrast", "enhanced"), ContrastPhase.GIVEN),
    **dict.fromkeys(("arterial", "early arterial", "late arterial"), ContrastPhase.ARTERIAL),
    **dict.fromkeys(("portal", "venous", "portal venous", "portovenous", "nephrographic"), ContrastPhase.PORTAL),
    **dict.fromkeys(("excretory", "delayed", "late", "urographic"), ContrastPhase.EXCRETORY),
}


def phase_of(word: str) -> ContrastPhase | None:
    """Understand a word; None where it isn't known.

    >>> phase_of("Portal-venous"), phase_of("no"), phase_of("perhaps")
    (<ContrastPhase.PORTAL: 'portal'>, <ContrastPhase.NONE: 'none'>, None)
    """
    word = " ".join(word.lower().split())
    return _WORDS.get(word) or _WORDS.get(word.replace("-", " ").replace("_", " "))
