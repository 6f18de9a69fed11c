"""Training pairs on disk: mid-slices of L1 and L2 of one phantom or labeled CT a file, with two more at any height.

A phantom's file is ``<seed>-<status>.npz``, or ``<seed>-<status>-departing.npz`` where the soft tissues have HU that no
patient's have, so that it may teach outlines but not the class. A labeled CT's is ``<patient>.<case>-<status>.npz``,
with the status ``unknown`` where it has no class. Both appear whole: a reader may list the folder at any moment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from OsteoJointLib.atomic import write_whole
from OsteoJointLib.errors import InputRefused, Reason, RunFailed, UsageError
from OsteoJointLib.phantom.cases import TrainingPair, make_training_pair
from OsteoJointLib.records import STATUSES, Status
from training.data.filling import fill
from training.seeds import refuse_other_seeds

UNKNOWN_TISSUE = 255
"""Of a pair's tissues where nobody has labeled them."""
UNKNOWN_PHASE = "unknown"
_NAME = re.compile(
    rf"^(?:(?P<seed>\d{{7}})|(?P<patient>[A-Za-z0-9_-]{{1,32}})\.(?P<case>[\w.-]+?))"
    rf"-(?P<status>{'|'.join(STATUSES)}|unknown)(?P<departing>-departing)?\.npz$"
)
_SLICES = 4
"""Of a pair: mid-slices of L1 and L2, two anywhere."""


@dataclass(frozen=True, eq=False)
class StoredPair:
    """What training needs of one case, see :class:`OsteoJointLib.phantom.cases.TrainingPair`; HU are int16.

    Of a labeled CT, ``seed`` is None, ``patient`` and ``case`` are given, tissues are :data:`UNKNOWN_TISSUE`, and what
    isn't known is None or, of a BMD, no number.
    """

    hu: np.ndarray
    masks: np.ndarray
    tissues: np.ndarray
    centers_px: np.ndarray
    pixel_mm: float
    level_bmd_mg_cm3: np.ndarray
    bmd_mg_cm3: float
    status: Status | None
    kvp: float | None
    phase: str
    departing: bool
    seed: int | None
    patient: str | None = None
    case: str | None = None

    @property
    def name(self) -> str:
        """Of its file, without the ending."""
        return pair_path(Path(), self).stem

    @property
    def header(self) -> tuple[float | None, bool | None]:
        """What the CT's header says: tube voltage, and whether there is contrast; None for what it doesn't."""
        return self.kvp, None if self.phase == UNKNOWN_PHASE else self.phase != "none"


@dataclass(frozen=True, eq=False)
class PairFolder:
    """The pairs that were in a folder when it was listed, phantoms first, in the order of seeds and names.

    Args:
        paths: of their files.
        statuses: (N,) class indices; -1 where the class isn't known.
        departing: (N,) bool, those that depart from physics.
        patients: whose they are; each phantom is a patient of its own.
        weights: (N,) how often each is drawn, a sum of 1; None draws all alike.
    """

    paths: tuple[Path, ...]
    statuses: np.ndarray
    departing: np.ndarray
    patients: tuple[str, ...]
    weights: np.ndarray | None = None

    @classmethod
    def listed(cls, folder: Path, seeds: range, at_least: int = 1) -> PairFolder:
        """List a folder.

        Args:
            folder: of pairs.
            seeds: of the phantoms that may be in it.
            at_least: how many are needed.

        Raises:
            InputRefused: when it holds fewer pairs than asked for, or a phantom of another seed.
        """
        found = _found(folder)
        refuse_other_seeds(folder, (name.seed for name, _ in found if name.seed is not None), seeds)
        if len(found) < at_least:
            raise InputRefused(
                Reason.NOT_FOUND,
                f"There are {len(found)} pairs in {folder}, and at least {at_least} are needed. Make them with: "
                f"python -m training pairs --out {folder} --seed {seeds.start} --count {at_least}",
            )
        return cls(
            tuple(path for _, path in found),
            np.array([name.class_index for name, _ in found], dtype=np.intp),
            np.array([name.departing for name, _ in found], dtype=bool),
            tuple(name.patient for name, _ in found),
        )

    @property
    def lawful(self) -> np.ndarray:
        """(N,) bool, those that may teach the class: it is known, and they don't depart from physics."""
        return (self.statuses >= 0) & ~self.departing

    def __len__(self) -> int:
        return len(self.paths)

    def beside(self, others: PairFolder, share: float) -> PairFolder:
        """Join other pairs, which are drawn with a share of 0 to 1."""
        own_and_others = ((self, 1.0 - share), (others, share))
        return PairFolder(
            self.paths + others.paths,
            np.concatenate([self.statuses, others.statuses]),
            np.concatenate([self.departing, others.departing]),
            self.patients + others.patients,
            np.concatenate([np.full(len(part), own / len(part)) for part, own in own_and_others]),
        )


@dataclass(frozen=True)
class _Name:
    """What a file's name says."""

    seed: int | None
    patient: str
    case: str | None
    status: Status | None
    departing: bool

    @property
    def class_index(self) -> int:
        return -1 if self.status is None else STATUSES.index(self.status)


def _found(folder: Path) -> list[tuple[_Name, Path]]:
    """Find what the names in a folder say, with their paths, in order; none where there is no folder."""
    paths = folder.iterdir() if folder.is_dir() else ()
    found = [(name, path) for path in paths if (name := _name_of(path))]
    return sorted(found, key=lambda one: (one[0].seed is None, one[0].seed or 0, one[1].name))


def _name_of(path: Path) -> _Name | None:
    match = _NAME.match(path.name)
    if not match:
        return None
    status = None if match["status"] == "unknown" else Status(match["status"])
    patient = match["patient"] or f"phantom-{match['seed']}"
    seed = int(match["seed"]) if match["seed"] else None
    return _Name(seed, patient, match["case"], status, bool(match["departing"]))


def pair_path(folder: Path, pair: TrainingPair | StoredPair) -> Path:
    """Return where a pair lies."""
    if isinstance(pair, StoredPair) and pair.seed is None:
        return case_pair_path(folder, pair.patient or "", pair.case or "", pair.status)
    assert pair.status is not None
    return folder / f"{pair.seed:07d}-{pair.status.value}{'-departing' if pair.departing else ''}.npz"


def case_pair_path(folder: Path, patient: str, case: str, status: Status | None) -> Path:
    """Return where a pair of a labeled CT lies."""
    return folder / f"{patient}.{case}-{'unknown' if status is None else status.value}.npz"


def save_pair(pair: TrainingPair | StoredPair, folder: Path) -> Path:
    """Write one pair, whole or not at all; HU are rounded to int16.

    Returns:
        The file's path.
    """
    path = pair_path(folder, pair)
    arrays = {
        "hu": np.clip(np.rint(pair.hu), -32768, 32767).astype(np.int16),
        "mask_bits": np.packbits(pair.masks),
        "half_tissues": pair.tissues[:, ::2, ::2],  # as they are rendered
        "centers_px": pair.centers_px,
        "pixel_mm": np.float64(pair.pixel_mm),
        "level_bmd_mg_cm3": pair.level_bmd_mg_cm3,
        "bmd_mg_cm3": np.float64(pair.bmd_mg_cm3),
        "kvp": np.float64(np.nan if pair.kvp is None else pair.kvp),
        "phase": np.str_(pair.phase),
    }
    with write_whole(path) as temporary, open(temporary, "wb") as stream:
        np.savez(stream, **arrays)
    return path


def load_pair(path: Path) -> StoredPair:
    """Read what :func:`save_pair` wrote.

    Raises:
        InputRefused: when the file is not such a one.
    """
    name = _name_of(path)
    try:
        with np.load(path, allow_pickle=False) as arrays:
            stored = {name: arrays[name] for name in arrays}
        hu, bits, tissues = stored["hu"], stored["mask_bits"], stored["half_tissues"]
        centers_px, levels = stored["centers_px"], stored["level_bmd_mg_cm3"]
        pixel_mm, bmd, kvp = (float(stored[name]) for name in ("pixel_mm", "bmd_mg_cm3", "kvp"))
        phase = str(stored["phase"])
    except (OSError, ValueError, KeyError) as error:
        raise InputRefused(
            Reason.UNREADABLE, f"{path} is damaged or no training pair. Delete it and make it again."
        ) from error
    if name is None or hu.ndim != 3 or len(hu) != _SLICES:
        raise InputRefused(
            Reason.UNREADABLE, f"{path} is no training pair of {_SLICES} slices. Delete it and make it again."
        )
    masks = np.unpackbits(bits, count=hu.size).reshape(hu.shape).astype(bool)
    tissues = tissues.repeat(2, axis=1).repeat(2, axis=2)
    return StoredPair(
        hu,
        masks,
        tissues,
        centers_px,
        pixel_mm,
        levels,
        bmd,
        name.status,
        None if np.isnan(kvp) else kvp,
        phase,
        departing=name.departing,
        seed=name.seed,
        patient=name.patient,
        case=name.case,
    )


def patient_statuses(folder: Path) -> list[tuple[str, Status | None]]:
    """List whose pairs are in a folder, each with its class; none where it holds no pairs."""
    return [(name.patient, name.status) for name, _ in _found(folder)]


def refuse_shared_patients(folders: Iterable[Path]) -> None:
    """Check that no two folders hold pairs of one patient: the network would be watched on what it learns.

    Raises:
        UsageError: names a patient of both.
    """
    seen: dict[str, Path] = {}
    for folder in folders:
        patients = {patient for patient, _ in patient_statuses(folder)}
        for patient in sorted(patients):
            if patient in seen:
                raise UsageError(
                    Reason.USAGE,
                    f"Patient {patient} is in {seen[patient]} and in {folder}, so that the network would be watched on "
                    "what it learns. Make the pairs by a split (python -m training split), or give two persons two "
                    "codes.",
                )
        seen |= dict.fromkeys(patients, folder)


def make_pairs(folder: Path, seeds: range) -> int:
    """Make the pairs of the seeds that are not there yet; returns how many were made."""

    def write(seed: int) -> None:
        pair = make_training_pair(seed)
        if not pair.masks[:2].any(axis=(1, 2)).all():
            raise RunFailed(
                Reason.FAILED, f"The phantom of seed {seed} shows no vertebral body in a slice: a fault of the phantom."
            )
        save_pair(pair, folder)

    return fill(folder, seeds, {name.seed for name, _ in _found(folder) if name.seed is not None}, write, "pairs")
