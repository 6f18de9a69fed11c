"""What the header says of a scan, as numbers for the fusion; every one of them may be unknown.

Ours, not the paper's (``NetworkConfig.header_facts``). Tube voltage scales the HU of bone and contrast adds to them, so
a reader who knows both knows more than the picture says by itself.
"""

from __future__ import annotations

from collections.abc import Sequence

from OsteoJointLib.records import SourceInfo

FACTS = 4
"""Numbers a case."""
_KVP_CENTER, _KVP_UNIT = 120.0, 20.0
"""The usual voltage, and the step between scanners' settings, in kV."""


def header_facts(kvp: float | None, contrast: bool | None) -> tuple[float, float, float, float]:
    """Turn a header into numbers.

    Args:
        kvp: tube voltage in kV, None when unknown.
        contrast: whether a contrast agent was given, None when unknown.

    Returns:
        Whether the voltage is known, (kV - 120) / 20, whether contrast is known, whether it was given; 0 for unknown.

    >>> header_facts(100.0, True), header_facts(None, None)
    ((1.0, -1.0, 1.0, 1.0), (0.0, 0.0, 0.0, 0.0))
    """
    voltage = (0.0, 0.0) if kvp is None else (1.0, (kvp - _KVP_CENTER) / _KVP_UNIT)
    return *voltage, float(contrast is not None), float(bool(contrast))


def case_facts(sources: Sequence[SourceInfo]) -> tuple[float, float, float, float]:
    """Turn the headers of a case's images into its numbers; what two of them say differently is unknown."""
    kvp, contrast = {source.kvp for source in sources}, {source.contrast for source in sources}
    return header_facts(kvp.pop() if len(kvp) == 1 else None, contrast.pop() if len(contrast) == 1 else None)
