"""Where the files of a reading go: safe names, and folders that are nobody else's; plain Python."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from OsteoJointLib.batch.inputs import case_name
from OsteoJointLib.dataset.manifest import is_reserved
from OsteoJointLib.output.result_json import RESULT_FILE

_LONGEST = 60


def safe_name(words: str) -> str:
    """A folder's name from a node's name; :func:`OsteoJointLib.dataset.manifest.check_name` lets it through.

    >>> safe_name("3: Abdomen / L-spine 1.0"), safe_name("  "), safe_name("aux")
    ('3_Abdomen_L-spine_1.0', 'case', 'case_aux')
    """
    name = case_name(Path(re.sub(r"[/\\:\s]+", "_", words)))[:_LONGEST].strip("._-") or "case"
    return f"case_{name}" if is_reserved(name) else name


def unique_name(name: str, taken: Collection[str]) -> str:
    """A name that none of ``taken`` has, upper and lower case being one.

    >>> unique_name("CT", ["ct", "ct-2"])
    'CT-3'
    """
    lowered = {other.lower() for other in taken}
    names = [name, *(f"{name}-{number}" for number in range(2, len(lowered) + 2))]
    return next(candidate for candidate in names if candidate.lower() not in lowered)


def case_folder(chosen: Path, name: str) -> Path:
    """The folder for a reading: the chosen one when it is new, empty or a reading's already, else a new one inside.

    Args:
        chosen: what the user chose.
        name: of the new one.
    """
    if not chosen.exists() or not any(chosen.iterdir()) or holds_result(chosen):
        return chosen
    return chosen / unique_name(name, [child.name for child in chosen.iterdir()])


def holds_result(folder: Path) -> bool:
    """Whether an earlier reading lies in a folder."""
    return (folder / RESULT_FILE).is_file()
