"""The BMD of VerSe'19's CTs: spineFE-benchmark's ``verse19fem_AppendixA.csv`` (Walle 2025; CC BY-SA).

A row has a CT's number and one BMD without a phantom, the mean of the levels that it names. Where L1 and L2 are among
these, the class follows from the mean; else no class is known. No level's own BMD is.
"""

from __future__ import annotations

import re
from pathlib import Path

from OsteoJointLib.dataset.labeled_case import MeanBmd
from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.records import ContrastPhase, Level, Status
from training.importers.found import Facts, FoundCase
from training.importers.tables import read_table

METHOD = "phantomless calibration, spineFE-benchmark"
_PHASES = {"ce-no": ContrastPhase.NONE, "ce-pv": ContrastPhase.PORTAL, "ce-art": ContrastPhase.ARTERIAL}
_LEVELS = re.compile(r"[TL]\d+")


def read_bmd_table(path: Path) -> dict[str, Facts]:
    """Read what the table says of each CT, by VerSe's name of it (verse004).

    Raises:
        InputRefused: it can't be read, or lacks a column.
    """
    found = {}
    for row in read_table(path):
        columns = {name.split("(")[0].split("[")[0].strip().lower(): value for name, value in row.items()}
        try:
            number, bmd, assessed = (
                columns[name] for name in ("verse_id", "phantomless calibration vbmd", "bmd_assessment")
            )
            contrast = columns["contrast enhancement"]
        except KeyError as error:
            raise InputRefused(
                Reason.UNREADABLE,
                f"The table {path} has no column {error.args[0]}. Give verse19fem_AppendixA.csv of spineFE-benchmark.",
            ) from error
        found[verse_name(number)] = _facts(bmd, assessed, contrast)
    return found


def verse_name(text: str) -> str:
    """Write a CT's number as VerSe does.

    >>> verse_name("4"), verse_name("sub-verse004"), verse_name("verse400_split-verse090")
    ('verse004', 'verse004', 'verse090')
    """
    numbers = re.findall(r"\d+", text)
    return f"verse{int(numbers[-1]):03d}" if numbers else text


def facts_for(case: FoundCase, table: dict[str, Facts]) -> Facts:
    """Choose what the table says of a case: of that series where a person has several."""
    series = re.search(r"split-(verse\d+)", case.name)
    return table.get(series[1] if series else case.patient, case.facts)


def _facts(bmd: str, assessed: str, contrast: str) -> Facts:
    levels = tuple(_LEVELS.findall(assessed))
    phase = _PHASES.get(contrast)
    try:
        value = float(bmd)
    except ValueError:
        return Facts(contrast=phase)
    if not levels or not value > 0.0:
        return Facts(contrast=phase)
    status = Status.from_bmd(value) if set(Level) <= set(levels) else None
    return Facts(contrast=phase, mean_bmd=MeanBmd(value, levels, METHOD), status=status)
