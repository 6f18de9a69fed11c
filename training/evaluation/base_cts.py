"""The CTs that are put under stress: real ones whose L1 and L2 are known, and phantoms.

Real CT is no part of the project: it lies beside the checkout, or wherever ``--ct`` says.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from OsteoJointLib.batch.inputs import find_cases, own_name
from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.names import name_key, unique_name
from OsteoJointLib.phantom.cases import make_phantom
from OsteoJointLib.records import CtVolume, Level
from OsteoJointLib.typed_json import WrongField, from_json, to_json
from training.evaluation.ct_changes import Scan
from training.evaluation.level_outcomes import Expected, PointMm
from training.evaluation.metrics import NEAR_MM
from training.evaluation.phantom_levels import expected_of

NEAR_BY_EYE_MM = 12.0
"""On real CT a level is right within this distance: its reference was read by eye or by another network (chosen)."""

REAL_CT = Path(__file__).resolve().parents[3] / "shared" / "ct"
"""Where the evaluation's own real CTs lie, beside the checkout."""

REAL_LEVELS = Path(__file__).with_name("real_ct.json")
"""Their levels, as their README says or read by eye."""


@dataclass(frozen=True)
class KnownLevels:
    """One CT of a file of levels.

    Args:
        L1, L2: center of the body in LPS mm; None where it isn't in view.
        doubtful: the level can't be told for sure, and to say so is wished.
    """

    L1: PointMm | None = None
    L2: PointMm | None = None
    doubtful: bool = False


@dataclass(frozen=True)
class BaseCt:
    """One CT as it is, before any change.

    Args:
        name: for the tables.
        source: path of a real CT, or seed of a phantom.
        known: its levels; None for a phantom, which knows them itself.
    """

    name: str
    source: Path | int
    known: KnownLevels | None = None

    @property
    def near_mm(self) -> float:
        """Within which distance a level is right."""
        return NEAR_MM if self.known is None else NEAR_BY_EYE_MM

    @property
    def key(self) -> str:
        """Its name, and a hash of what is known of it: other levels make its rows anew."""
        return f"{self.name} {hashlib.sha256(json.dumps(to_json(self)).encode()).hexdigest()[:12]}"

    def expected(self) -> Expected:
        """Say where the levels of a real CT are."""
        assert self.known is not None
        return {Level.L1: self.known.L1, Level.L2: self.known.L2}

    def scan(self) -> Scan:
        """Read or make it.

        Raises:
            InputRefused: it can't be read as a volume.
        """
        if isinstance(self.source, int):
            phantom = make_phantom(self.source)
            return Scan(phantom.volume, expected_of(phantom))
        volume = read_ct(self.source)
        if not isinstance(volume, CtVolume):
            raise InputRefused(Reason.SINGLE_SLICE, f"{self.source} holds two single slices. Give a whole CT.")
        return Scan(volume, self.expected())


def own_cts(but: Sequence[BaseCt] = ()) -> list[BaseCt]:
    """List the evaluation's own real CTs; none, with a sentence, where they are absent.

    Args:
        but: CTs whose levels are told anew; they are left out.
    """
    if REAL_CT.is_dir():
        told = {base.source.resolve() for base in but if isinstance(base.source, Path)}
        return [base for base in listed_cts(REAL_CT, REAL_LEVELS) if (REAL_CT / base.name).resolve() not in told]
    print(f"Real CT is no part of the project, and there is none at {REAL_CT}: going on without it.", flush=True)
    return []


def real_cts(folder: Path, levels: Path | None) -> list[BaseCt]:
    """List the CTs of a folder: those whose levels are told, or every one there is.

    Args:
        folder: of the CTs.
        levels: as for :func:`listed_cts`; None: the evaluation's own CTs have theirs, others are read without.
    """
    if levels is None and folder.resolve() == REAL_CT.resolve():
        levels = REAL_LEVELS
    if levels is not None:
        return listed_cts(folder, levels)
    names: dict[str, Path] = {}
    for case in find_cases([folder], leave_out=folder / "out"):
        names[unique_name(own_name(case.path), {name_key(name) for name in names})] = case.path
    return [BaseCt(name, path) for name, path in names.items()]


def listed_cts(folder: Path, levels: Path) -> list[BaseCt]:
    """List the CTs of a folder whose levels a JSON file tells.

    Args:
        folder: of the CTs.
        levels: ``{name: {"L1": [x, y, z], "L2": …}}`` in LPS mm, null where not in view; a name is the path of a
            file or DICOM folder below ``folder``.

    Raises:
        UsageError: the file can't be read, or names a CT that isn't there.
    """
    try:
        told = json.loads(levels.read_text(encoding="utf-8"))
        known = from_json(dict[str, KnownLevels], told)
        for name, points in told.items():
            if not {level.value for level in Level} <= set(points):
                raise WrongField(f"L1 or L2 of {name} is missing.")
    except (OSError, WrongField, ValueError) as error:
        raise UsageError(
            Reason.USAGE,
            f"The levels in {levels} can't be read: {error} Give a JSON file "
            '{name: {"L1": [x, y, z], "L2": [x, y, z]}} in LPS mm, null where a level is not in view.',
        ) from error
    _require_there(folder, list(known))
    return [BaseCt(name, folder / name, points) for name, points in known.items()]


def _require_there(folder: Path, names: Sequence[str]) -> None:
    missing = [name for name in names if not (folder / name).exists()]
    if missing:
        raise UsageError(Reason.USAGE, f"There is no {missing[0]} in {folder}. Check the names in the file of levels.")


def phantoms(seeds: range) -> list[BaseCt]:
    """List phantoms by their seeds."""
    return [BaseCt(f"phantom-{seed}", seed) for seed in seeds]
