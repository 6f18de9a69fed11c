"""Training pairs on disk: the two mid-slices of one randomized phantom a file.

A file is ``<seed>-<status>.npz``; it appears whole, so that a reader may list the folder at any moment.
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

_NAME = re.compile(r"^(\d{7})-([a-z]+)\.npz$")


@dataclass(frozen=True, eq=False)
class StoredPair:
    """What training needs of one phantom, in the order L1, L2.

    Args:
        hu: (2, 512, 512) int16.
        masks: (2, 512, 512) bool, vertebral bodies.
        pixel_mm: edge length of the pixels.
        status: of the case.
        seed: of the phantom.
    """

    hu: np.ndarray
    masks: np.ndarray
    pixel_mm: float
    status: Status
    seed: int


@dataclass(frozen=True, eq=False)
class PairFolder:
    """The pairs that were in a folder when it was listed: their paths, in seed order, and (N,) class indices."""

    paths: tuple[Path, ...]
    statuses: np.ndarray

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
        refuse_other_seeds(folder, (seed for (seed, _), _ in found), seeds)
        if len(found) < at_least:
            raise InputRefused(
                Reason.NOT_FOUND,
                f"There are {len(found)} pairs in {folder}, and at least {at_least} are needed. Make them with: "
                f"python -m training pairs --out {folder} --seed {seeds.start} --count {at_least}",
            )
        statuses = np.array([STATUSES.index(Status(status)) for (_, status), _ in found], dtype=np.intp)
        return cls(tuple(path for _, path in found), statuses)

    def __len__(self) -> int:
        return len(self.paths)


def _found(folder: Path) -> list[tuple[tuple[int, str], Path]]:
    """Find seed and status of every pair in a folder, with its path, in seed order; none where there is no folder."""
    paths = folder.iterdir() if folder.is_dir() else ()
    return sorted((parts, path) for path in paths if (parts := _parts(path)))


def _parts(path: Path) -> tuple[int, str] | None:
    match = _NAME.match(path.name)
    return (int(match[1]), match[2]) if match else None


def pair_path(folder: Path, seed: int, status: Status) -> Path:
    """Return where the pair of a seed lies."""
    return folder / f"{seed:07d}-{status.value}.npz"


def save_pair(pair: TrainingPair, folder: Path) -> Path:
    """Write one pair, whole or not at all; HU are rounded to int16.

    Returns:
        The file's path.
    """
    path = pair_path(folder, pair.seed, pair.status)
    arrays = {
        "hu": np.clip(np.rint(pair.hu), -32768, 32767).astype(np.int16),
        "mask_bits": np.packbits(pair.masks),
        "pixel_mm": np.float64(pair.pixel_mm),
        "bmd_mg_cm3": np.float64(pair.bmd_mg_cm3),
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
            hu, bits, pixel_mm = arrays["hu"], arrays["mask_bits"], float(arrays["pixel_mm"])
    except (OSError, ValueError, KeyError) as error:
        raise InputRefused(
            Reason.UNREADABLE, f"{path} is damaged or no training pair. Delete it and make it again."
        ) from error
    if parts is None or hu.ndim != 3 or len(hu) != 2:
        raise InputRefused(Reason.UNREADABLE, f"{path} is no training pair of two slices. Take it out of the folder.")
    masks = np.unpackbits(bits, count=hu.size).reshape(hu.shape).astype(bool)
    return StoredPair(hu, masks, pixel_mm, Status(parts[1]), parts[0])


def make_pairs(folder: Path, seeds: range) -> int:
    """Make the pairs of the seeds that are not there yet; returns how many were made."""

    def write(seed: int) -> None:
        pair = make_training_pair(seed)
        if not pair.masks.any(axis=(1, 2)).all():
            raise RunFailed(
                Reason.FAILED, f"The phantom of seed {seed} shows no vertebral body in a slice: a fault of the phantom."
            )
        save_pair(pair, folder)

    return fill(folder, seeds, {seed for (seed, _), _ in _found(folder)}, write, "pairs")
