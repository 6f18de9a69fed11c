"""Whether a reconstruction kernel is soft or sharp, from its vendor's name.

A sharp kernel raises noise and overshoots at the cortex, so HU in a small ROI and the texture that the network sees
are not those of a soft one. Names as in the vendors' DICOM conformance statements; a name that is not known here stays
unknown and is flagged, never guessed. The phantom's kernels are called soft, standard and sharp.
"""

from __future__ import annotations

import re
from enum import StrEnum


class KernelClass(StrEnum):
    """What is known of a kernel."""

    SOFT = "soft"
    SHARP = "sharp"
    UNKNOWN = "unknown"


_GE_SOFT = {"SOFT", "STANDARD", "STND", "DETAIL", "CHST", "NATURAL"}
_GE_SHARP = {"LUNG", "BONE", "BONEPLUS", "BONE+", "EDGE", "ULTRA", "HD BONE", "SHARP"}
_PHILIPS_SOFT = {"A", "B", "C", "AA", "AB", "AC", "EA", "EB", "EC", "YA", "YB", "YC", "SA", "SB", "SC"}
_PHILIPS_SHARP = {"D", "E", "L", "YD", "YE", "YL", "EL", "ED"}
_SIEMENS = re.compile(r"^[A-Z][A-Z]?(\d\d)[A-Z]?$")
_CANON = re.compile(r"^FC(\d\d)[A-Z]?$")
_SIEMENS_FIRST_SHARP = 50
"""Siemens kernels from B50 or Br50 on are made for bone and lung."""

_CANON_LAST_SOFT = 19
"""Canon's FC01 to FC19 are made for the body."""


def classify_kernel(name: str | None) -> KernelClass:
    """Classify a kernel's name (Siemens, GE, Philips, Canon/Toshiba).

    >>> [classify_kernel(name).value for name in ("Br38f 3", "B70s", "STANDARD", "BONEPLUS", "FC08", "11", None)]
    ['soft', 'sharp', 'soft', 'sharp', 'soft', 'unknown', 'unknown']
    """
    if not name or not name.strip():
        return KernelClass.UNKNOWN
    upper = name.strip().upper()
    if upper in _GE_SOFT | _PHILIPS_SOFT:
        return KernelClass.SOFT
    if upper in _GE_SHARP | _PHILIPS_SHARP:
        return KernelClass.SHARP
    first = upper.split()[0]
    if match := _CANON.match(first):
        return KernelClass.SOFT if 1 <= int(match[1]) <= _CANON_LAST_SOFT else KernelClass.SHARP
    if match := _SIEMENS.match(first):
        return KernelClass.SHARP if int(match[1]) >= _SIEMENS_FIRST_SHARP else KernelClass.SOFT
    return KernelClass.UNKNOWN
