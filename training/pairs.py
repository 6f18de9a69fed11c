"""A growing folder of training pairs: the two mid-slices of one randomized phantom a file.

``python -m training.pairs --out runs/pairs --first 0 --count 10000`` fills it on one core while training runs on the
other. A file is ``<seed>-<status>.npz``; it appears whole, so that a reader may list the folder at any moment, and
seeds already there are skipped, so that the command can be given again.
"""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from OsteoJointLib.atomic import write_whole
from OsteoJointLib.errors import InputRefused, Reason, RunFailed
from OsteoJointLib.records import STATUSES, Status
from training.seeds import TRAINING_SEEDS, VALIDATION_SEEDS, require_seeds

if TYPE_CHECKING:
    from OsteoJointLib.phantom.cases import TrainingPair

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
    def listed(cls, folder: Path, at_least: int = 1) -> PairFolder:
        """List a folder.

        Raises:
            InputRefused: when it holds fewer pairs than asked for.
        """
        found = []
        if folder.is_dir():
            found = sorted((match, path) for path in folder.iterdir() if (match := _parts(path)))
        if len(found) < at_least:
            raise InputRefused(
                Reason.NOT_FOUND,
                f"At least {at_least} training pairs were expected in {folder}, {len(found)} are there. "
                f"Make them with: python -m training.pairs --out {folder} --first 0 --count {at_least}",
            )
        statuses = np.array([STATUSES.index(Status(status)) for (_, status), _ in found], dtype=np.intp)
        return cls(tuple(path for _, path in found), statuses)

    def __len__(self) -> int:
        return len(self.paths)


def _parts(path: Path) -> tuple[int, str] | None:
    match = _NAME.match(path.name)
    return (int(match[1]), match[2]) if match else None


def pair_path(folder: Path, seed: int, status: Status) -> Path:
    """Where the pair of a seed lies."""
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
        raise InputRefused(Reason.UNREADABLE, f"A training pair was expected in {path}: {error}.") from error
    if parts is None or hu.ndim != 3 or len(hu) != 2:
        raise InputRefused(Reason.UNREADABLE, f"Two slices named <seed>-<status>.npz were expected in {path}.")
    masks = np.unpackbits(bits, count=hu.size).reshape(hu.shape).astype(bool)
    return StoredPair(hu, masks, pixel_mm, Status(parts[1]), parts[0])


def make_pairs(folder: Path, seeds: range) -> int:
    """Make the pairs of the seeds that are not there yet; returns how many were made."""
    from OsteoJointLib.phantom.cases import make_training_pair

    folder.mkdir(parents=True, exist_ok=True)
    there = {parts[0] for path in folder.iterdir() if (parts := _parts(path))}
    started, made = time.monotonic(), 0
    for seed in seeds:
        if seed in there:
            continue
        pair = make_training_pair(seed)
        if not pair.masks.any(axis=(1, 2)).all():
            raise RunFailed(
                Reason.FAILED, f"The pair of seed {seed} shows no body in a slice: the phantom is at fault."
            )
        save_pair(pair, folder)
        made += 1
        if made % 200 == 0:
            print(f"{made} pairs, {(time.monotonic() - started) / made:.3f} s each, seed {seed}", flush=True)
    return made


def main(arguments: list[str] | None = None) -> int:
    """Run the command line of this module."""
    parser = argparse.ArgumentParser(prog="python -m training.pairs", description=__doc__.split("\n\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder to fill")
    parser.add_argument("--first", type=int, required=True, help="first seed (800000 and above: validation)")
    parser.add_argument("--count", type=int, required=True, help="how many seeds")
    options = parser.parse_args(arguments)
    seeds = require_seeds(options.first, options.count, TRAINING_SEEDS, VALIDATION_SEEDS)
    print(f"{make_pairs(options.out, seeds)} pairs made in {options.out}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
