"""Training pairs on disk: the two mid-slices of one randomized phantom a file, with two more at any height.

A file is ``<seed>-<status>.npz``, or ``<seed>-<status>-departing.npz`` where the soft tissues have HU that no patient's
have, so that it may teach outlines but not the class. It appears whole: a reader may list the folder at any moment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from OsteoJointLib.atomic import write_whole
from OsteoJointLib.errors import InputRefused, Reason, RunFailed
from OsteoJointLib.phantom.cases import TrainingPair, make_training_pair
from OsteoJointLib.records import STATUSES, Status
from training.data.filling import fill
from training.seeds import refuse_other_seeds

_NAME = re.compile(r"^(\d{7})-([a-z]+)(-departing)?\.npz$")
_SLICES = 4
"""Of a pair: mid-slices of L1 and L2, two anywhere."""


@dataclass(frozen=True, eq=False)
class StoredPair:
    """What training needs of one phantom, see :class:`OsteoJointLib.phantom.cases.TrainingPair`; HU are int16."""

    hu: np.ndarray
    masks: np.ndarray
    tissues: np.ndarray
    centers_px: np.ndarray
    pixel_mm: float
    level_bmd_mg_cm3: np.ndarray
    bmd_mg_cm3: float
    status: Status
    kvp: float
    phase: str
    departing: bool
    seed: int

    @property
    def name(self) -> str:
        """Of its file, without the ending."""
        return pair_path(Path(), self).stem


@dataclass(frozen=True, eq=False)
class PairFolder:
    """The pairs that were in a folder when it was listed, in seed order.

    Args:
        paths: of their files.
        statuses: (N,) class indices.
        lawful: (N,) bool, those that do not depart from physics.
    """

    paths: tuple[Path, ...]
    statuses: np.ndarray
    lawful: np.ndarray

    @classmethod
    def listed(cls, folder: Path, seeds: range, at_least: int = 1) -> PairFolder:
        """List a folder.

        Args:
            folder: of pairs.
            seeds: those that may be in it.
            at_least: how many are needed.

        Raises:
            InputRefused: when it holds fewer pairs than asked for, or one of another seed.
        """
        found = _found(folder)
        refuse_other_seeds(folder, (seed for (seed, _, _), _ in found), seeds)
        if len(found) < at_least:
            raise InputRefused(
                Reason.NOT_FOUND,
                f"There are {len(found)} pairs in {folder}, and at least {at_least} are needed. Make them with: "
                f"python -m training pairs --out {folder} --seed {seeds.start} --count {at_least}",
            )
        statuses = np.array([STATUSES.index(Status(status)) for (_, status, _), _ in found], dtype=np.intp)
        lawful = np.array([not departing for (_, _, departing), _ in found], dtype=bool)
        return cls(tuple(path for _, path in found), statuses, lawful)

    def __len__(self) -> int:
        return len(self.paths)


def _found(folder: Path) -> list[tuple[tuple[int, str, bool], Path]]:
    """Find what the names in a folder say, with their paths, in seed order; none where there is no folder."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted((parts, path) for path in paths if (parts := _parts(path)))


def _parts(path: Path) -> tuple[int, str, bool] | None:
    match = _NAME.match(path.name)
    return (int(match[1]), match[2], bool(match[3])) if match else None


def pair_path(folder: Path, pair: TrainingPair | StoredPair) -> Path:
    """Return where a pair lies."""
    return folder / f"{pair.seed:07d}-{pair.status.value}{'-departing' if pair.departing else ''}.npz"


def save_pair(pair: TrainingPair, folder: Path) -> Path:
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
        "kvp": np.float64(pair.kvp),
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
    parts = _parts(path)
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
    if parts is None or hu.ndim != 3 or len(hu) != _SLICES:
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
        Status(parts[1]),
        kvp,
        phase,
        departing=parts[2],
        seed=parts[0],
    )


def make_pairs(folder: Path, seeds: range) -> int:
    """Make the pairs of the seeds that are not there yet; returns how many were made."""

    def write(seed: int) -> None:
        pair = make_training_pair(seed)
        if not pair.masks[:2].any(axis=(1, 2)).all():
            raise RunFailed(
                Reason.FAILED, f"The phantom of seed {seed} shows no vertebral body in a slice: a fault of the phantom."
            )
        save_pair(pair, folder)

    return fill(folder, seeds, {seed for (seed, _, _), _ in _found(folder)}, write, "pairs")
