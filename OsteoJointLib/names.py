"""Names of cases, and of their files and folders: neutral ones, and ones that every system takes and keeps apart."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Collection, Iterable, Iterator
from enum import StrEnum

from OsteoJointLib.errors import Reason, UsageError

LONGEST = 100
"""Letters a name may have; chosen: with the folders around it a path stays below Windows' 260."""
_LONGEST_MADE = 64
"""Letters of a name made here: as many as a DICOM UID has, so that none is cut; a number may follow."""
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
"""Names that Windows keeps for devices."""


_NEUTRAL = re.compile(r"case-(\d+)", re.IGNORECASE)


class Names(StrEnum):
    """What cases are called."""

    NEUTRAL = "neutral"
    """case-0001 and so on, which say nothing of a patient."""
    KEYS = "keys"
    """The same, and a private table beside them says which is which."""
    OWN = "own"
    """As their files and folders are called."""


def neutral_names(taken: Iterable[str]) -> Iterator[str]:
    """Give neutral names without end, numbered on from the highest that there is.

    >>> names = neutral_names(["CT", "case-0007", "Case-2"])
    >>> next(names), next(names)
    ('case-0008', 'case-0009')
    """
    numbers = [int(match[1]) for match in map(_NEUTRAL.fullmatch, taken) if match]
    return (f"case-{number:04d}" for number in itertools.count(max(numbers, default=0) + 1))


def name_key(name: str) -> str:
    """Make names alike that are one folder where upper and lower case are one."""
    return name.casefold()


def portable_name(words: str) -> str:
    """Make a name of words; :func:`check_name` lets it through.

    >>> portable_name("3: Abdomen / L-spine 1.0"), portable_name("  "), portable_name("aux")
    ('3_Abdomen_L-spine_1.0', 'case', 'case_aux')
    """
    name = re.sub(r"[^\w.-]+", "_", words).strip("._-")[:_LONGEST_MADE].strip("._-") or "case"
    return f"case_{name}" if _RESERVED.fullmatch(name) else name


def readable_name(path: os.PathLike[str] | str) -> str:
    """Give a file's or folder's name so that it can be written: a replacement sign stands for what is no UTF-8.

    >>> readable_name("a/ct\\udcff.nii"), readable_name("ct.nii")
    ('ct\\ufffd.nii', 'ct.nii')
    """
    name = os.path.basename(os.fspath(path))
    return os.fsencode(name).decode("utf-8", "replace")


def unique_name(name: str, taken: Collection[str]) -> str:
    """Return the name itself, or with the first number that makes it one of its own.

    Args:
        name: wanted.
        taken: the :func:`name_key` of each name that there is.

    >>> unique_name("CT", {"ct", "ct-2"})
    'CT-3'
    """
    numbered = (f"{name}-{number}" for number in itertools.count(2))
    return next(candidate for candidate in itertools.chain([name], numbered) if name_key(candidate) not in taken)


def check_name(name: str) -> str:
    """Check that a name will do as a file's name on every system.

    Raises:
        UsageError: it will not.

    >>> check_name("case-0001")
    'case-0001'
    """
    if not name:
        raise UsageError(Reason.USAGE, "The case has no name. Give it one, such as case-0001.")
    if _RESERVED.fullmatch(name):
        raise UsageError(
            Reason.USAGE, f"The name {name!r} can't be used: Windows keeps it for itself. Choose another, as case-0001."
        )
    if not re.fullmatch(rf"\w[\w.-]{{0,{LONGEST - 1}}}", name) or name.endswith("."):
        raise UsageError(
            Reason.USAGE,
            f"The name {name!r} won't do on every system. Use letters, digits, dots, dashes and underscores, with a "
            f"letter or digit first and no dot last, at most {LONGEST} of them.",
        )
    return name
