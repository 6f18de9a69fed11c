"""A case's folder: refused before the work when it holds others' files, filled after it whole or not at all.

All files are written into a hidden folder beside the target. Where the target doesn't exist yet it then appears by one
rename. Where an earlier result of ours stands, its files are replaced one by one, ``result.json`` last; meanwhile the
old ``result.json`` has a hidden name, which says that the folder is ours. So a run killed at any moment leaves the old
result, the new one or none; files that are not ours are never touched.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from OsteoJointLib.atomic import TEMPORARY_PREFIX, hidden_folder
from OsteoJointLib.errors import OsteoJointError, Reason, UsageError
from OsteoJointLib.pipeline.case import CaseResult

if TYPE_CHECKING:
    from OsteoJointLib.output.case_files import Additions

_REPLACED_FILE = f"{TEMPORARY_PREFIX}replaced.json"


def check_case_folder(folder: Path) -> None:
    """Check that results may go into ``folder``; nothing is written.

    Raises:
        UsageError: OUTPUT_EXISTS when it is a file, or holds files but no result of ours.
    """
    from OsteoJointLib.output.result_json import read_result

    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(Reason.OUTPUT_EXISTS, f"A folder was expected at {folder}; a file is there. Name another.")
    names = os.listdir(folder)
    if _REPLACED_FILE in names or all(name.startswith(TEMPORARY_PREFIX) for name in names):
        return
    try:
        read_result(folder)
    except OsteoJointError:
        raise UsageError(
            Reason.OUTPUT_EXISTS,
            f"A new or empty folder, or one with an earlier result, was expected at {folder}; it holds other files, "
            "which are never overwritten. Name another folder.",
        ) from None


def deliver_case(result: CaseResult, folder: Path, additions: Additions | None = None) -> tuple[Path, ...]:
    """Write all files of a case into ``folder``, whole.

    Args:
        result: the case.
        folder: as :func:`check_case_folder` accepts it.
        additions: what goes into the files beside what the chain found.

    Returns:
        The files, ``result.json`` last.
    """
    from OsteoJointLib.output.case_files import write_case
    from OsteoJointLib.output.csv_rows import ROW_FILE
    from OsteoJointLib.output.result_json import RESULT_FILE

    folder = Path(folder)
    check_case_folder(folder)
    with hidden_folder(folder) as staging:
        write_case(result, staging, additions)
        names = sorted((path.name for path in staging.iterdir()), key=lambda name: (name == RESULT_FILE, name))
        if not folder.exists() or not os.listdir(folder):
            if folder.exists():
                folder.rmdir()  # Windows doesn't rename onto an empty folder
            os.rename(staging, folder)
        else:
            if (folder / RESULT_FILE).exists():
                os.replace(folder / RESULT_FILE, folder / _REPLACED_FILE)
            if ROW_FILE not in names:
                (folder / ROW_FILE).unlink(missing_ok=True)  # of the earlier result
            for name in names:
                os.replace(staging / name, folder / name)
            (folder / _REPLACED_FILE).unlink(missing_ok=True)
    return tuple(folder / name for name in names)
