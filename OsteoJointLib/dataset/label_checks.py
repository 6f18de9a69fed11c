"""What may stand in a label: a patient by a code, a BMD that is volumetric."""

from __future__ import annotations

import re
from collections.abc import Mapping

from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.records import Level

BMD_RANGE_MG_CM3 = (0.0, 1000.0)
"""Chosen: spongy bone has less, and negative numbers are slips."""
_LIKE_G_CM2 = (0.0, 5.0)
"""Between these a number can't be told from a BMD by DXA, which is about 0.3 to 2 g/cm²; chosen."""
_AREAL = re.compile(r"de?xa|absorptiometry|areal", re.IGNORECASE)
_CODE = re.compile(r"[A-Za-z0-9_-]{1,32}")
"""Letters that no name with spaces, commas or accents gets through with, and a length for every system; chosen."""
_DATE = re.compile(r"\d+[-_]\d+[-_]\d+")


def check_patient(code: str) -> str:
    """Check that a patient is named by a code that says nothing of the person.

    Raises:
        UsageError: it may be a name or a date.

    >>> check_patient("P017")
    'P017'
    """
    if not _CODE.fullmatch(code) or _DATE.search(code):
        raise UsageError(
            Reason.USAGE,
            f"The patient code {code!r} can't be used: it may say who the patient is. Give one such as P017, no name "
            "or date of birth, of at most 32 letters, digits, dashes and underscores.",
        )
    return code


def check_bmd(bmd_mg_cm3: Mapping[Level, float] | Mapping[str, float], method: str | None) -> None:
    """Check that a BMD by level can be a volumetric one in mg/cm³.

    Raises:
        UsageError: it can't.
    """
    low, high = BMD_RANGE_MG_CM3
    if bmd_mg_cm3 and method is not None and _AREAL.search(method):
        raise UsageError(
            Reason.USAGE,
            f"{method} gives an areal BMD in g/cm², and a volumetric one in mg/cm³ is needed. Leave BMD empty and "
            "state the class.",
        )
    for level, value in bmd_mg_cm3.items():
        if _LIKE_G_CM2[0] < value < _LIKE_G_CM2[1]:
            raise UsageError(
                Reason.USAGE,
                f"The BMD of {level}, {value:g}, looks like g/cm² from DXA, and mg/cm³ are needed. Leave BMD empty and "
                "state the class.",
            )
        if not low <= value <= high:
            raise UsageError(
                Reason.USAGE,
                f"The BMD of {level} can't be {value:g} mg/cm³. Enter a number between {low:g} and {high:g}, or leave "
                "it empty.",
            )
