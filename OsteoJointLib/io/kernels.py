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

_CODE = re.compile(r"[A-Za-z]{0,3}\d{1,3}[A-Za-z]{0,2}")
"""How vendors name kernels that are no words: B30f, Br38f, FC08, 11."""
_STRENGTH = re.compile(r"\d{1,2}")
"""Of an iterative reconstruction, after the kernel's own name: the 3 of "Br38f 3"."""

_CANON_LAST_SOFT = 19
"""Canon's FC01 to FC19 are made for the body."""


def kernel_code(name: str | None) -> str | None:
    """Take a kernel's name where it is one that is known here, or a code: any other text may tell of the patient.

    >>> [kernel_code(name) for name in ("Br38f 3", "bone plus", "STANDARD", "FC08", "Smith", "B30f Smith", "", None)]
    ['Br38f 3', None, 'STANDARD', 'FC08', None, 'B30f', None, None]
    """
    words = (name or "").split()
    if not words:
        return None
    if " ".join(words).upper() in _GE_SOFT | _GE_SHARP | _PHILIPS_SOFT | _PHILIPS_SHARP:
        return " ".join(words)
    if not _CODE.fullmatch(words[0]):
        return None
    return " ".join([words[0], *(word for word in words[1:2] if _STRENGTH.fullmatch(word))])


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
