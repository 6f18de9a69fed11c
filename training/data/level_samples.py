"""Level samples on disk: one phantom a file, on the coarse grid of the level network.

A file is ``level_<seed>.npz``; it appears whole, so that a reader may list the folder at any moment.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from OsteoJointLib.atomic import write_whole
from OsteoJointLib.errors import InputRefused, Reason
from OsteoJointLib.levels.resampling import resample_coarse
from OsteoJointLib.phantom.cases import make_level_scan
from OsteoJointLib.phantom.scanner.rendering import render_classes
from training.data.filling import fill
from training.seeds import refuse_other_seeds

S1 = 26
"""VerSe's number of the sacrum, here of its first body."""

_GROWN = 0.25
"""Of a voxel, by which thin bone is grown, lest it be lost (chosen)."""

_NAME = re.compile(r"^level_(\d{8})\.npz$")


@dataclass(frozen=True, eq=False)
class CachedSample:
    """One phantom on the coarse grid.

    Args:
        hu: (z, y, x) int16.
        classes: (z, y, x) uint8 in the order of :class:`OsteoJointLib.level_config.Tissue`.
        centers_index_zyx: (N, 3) float32 centers of all bodies and of the first sacral one, top to bottom, in view or
            not.
        names: N VerSe labels; S1 is 26.
        rib_heads_index_zyx: (M, 3) float32 centers of the costovertebral joints, in view or not.
        spacing_mm: of the grid.
        seed: what the phantom was made from.
    """

    hu: np.ndarray
    classes: np.ndarray
    centers_index_zyx: np.ndarray
    names: tuple[int, ...]
    rib_heads_index_zyx: np.ndarray
    spacing_mm: float
    seed: int

    def in_view(self) -> dict[int, np.ndarray]:
        """Index of each body whose center lies in the sample, by VerSe label, without the sacrum."""
        last = np.asarray(self.hu.shape) - 0.5
        return {
            name: center
            for name, center in zip(self.names, self.centers_index_zyx, strict=True)
            if name != S1 and np.all(center >= -0.5) and np.all(center <= last)
        }


def sample_path(folder: Path, seed: int) -> Path:
    """Return where the sample of a seed lies."""
    return folder / f"level_{seed:08d}.npz"


def save_sample(path: Path, sample: CachedSample) -> None:
    """Write one sample; the file appears whole.

    Args:
        path: the .npz; its folder exists.
        sample: what to write.
    """
    with write_whole(path) as temporary:
        np.savez_compressed(
            temporary,
            hu=sample.hu.astype(np.int16),
            classes=sample.classes.astype(np.uint8),
            centers=sample.centers_index_zyx.astype(np.float32),
            names=np.asarray(sample.names, np.uint8),
            rib_heads=sample.rib_heads_index_zyx.astype(np.float32),
            spacing_mm=np.float32(sample.spacing_mm),
            seed=np.int64(sample.seed),
        )


def load_sample(path: Path) -> CachedSample:
    """Read one sample written by :func:`save_sample`.

    Raises:
        InputRefused: when the file is not such a one.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            return CachedSample(
                file["hu"],
                file["classes"],
                file["centers"].reshape(-1, 3),
                tuple(int(name) for name in file["names"]),
                file["rib_heads"].reshape(-1, 3),
                float(file["spacing_mm"]),
                int(file["seed"]),
            )
    except (OSError, ValueError, KeyError) as error:
        raise InputRefused(
            Reason.UNREADABLE, f"{path} is damaged or no level sample. Delete it and make it again."
        ) from error


def list_samples(folder: Path, seeds: range) -> list[Path]:
    """List the samples there now, sorted by seed.

    Args:
        folder: of samples.
        seeds: those that may be in it.

    Raises:
        InputRefused: when it holds none, or one of another seed.
    """
    paths = _found(folder)
    refuse_other_seeds(folder, paths, seeds)
    if not paths:
        raise InputRefused(
            Reason.NOT_FOUND,
            f"There are no level samples in {folder}. Make them with: "
            f"python -m training samples --out {folder} --seed {seeds.start} --count 100",
        )
    return list(paths.values())


def _found(folder: Path) -> dict[int, Path]:
    """Find the samples of a folder by seed, ascending; none where there is no folder."""
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return {int(match[1]): path for path in paths if (match := _NAME.match(path.name))}


def make_sample(seed: int, spacing_mm: float) -> CachedSample:
    """Make the phantom of a seed, scan it, and carry it to the coarse grid as the level stage does."""
    scan = make_level_scan(seed)
    column, (coarse, _) = scan.patient.column, resample_coarse(scan.volume, spacing_mm)
    centers = np.concatenate([column.centers_lps_mm, column.sacrum.center[None]])
    heads = [head for pair in scan.patient.rib_heads_mm.values() for head in pair if head is not None]
    return CachedSample(
        np.clip(np.rint(coarse.hu), -1024, 3071).astype(np.int16),
        render_classes(scan.patient.scene, coarse.grid, grow_mm=_GROWN * spacing_mm),
        coarse.grid.lps_to_index(centers),
        (*(v.sizes.verse_label for v in column.vertebrae), S1),
        coarse.grid.lps_to_index(np.array(heads).reshape(-1, 3)),
        spacing_mm,
        seed,
    )


def make_samples(folder: Path, seeds: range, spacing_mm: float) -> int:
    """Make the samples of the seeds that are not there yet; returns how many were made."""

    def write(seed: int) -> None:
        save_sample(sample_path(folder, seed), make_sample(seed, spacing_mm))

    return fill(folder, seeds, set(_found(folder)), write, "level samples")
