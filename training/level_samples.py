"""Samples for the level network, cached on disk so that a generator and a trainer can run side by side.

Run: ``python -m training.level_samples --out runs/level_samples --first 0 --count 2000``. Each seed gives one
compressed .npz of a phantom on the coarse grid. Files appear whole (temporary name, then rename) and those that are
there are kept, so that the generator can be stopped and started again; several may run on disjoint seeds.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from OsteoJointLib.atomic import write_whole

VALIDATION_EVERY = 20
"""Seeds divisible by this are never trained on."""


@dataclass(frozen=True, eq=False)
class CachedSample:
    """One phantom on the coarse grid.

    Args:
        hu: (z, y, x) int16.
        classes: (z, y, x) uint8 in the order of :class:`OsteoJointLib.level_config.Tissue`.
        centers_index_zyx: (N, 3) float32 centers of all bodies in view, top to bottom.
        names: N VerSe labels.
        spacing_mm: of the grid.
        seed: what the phantom was made from.
    """

    hu: np.ndarray
    classes: np.ndarray
    centers_index_zyx: np.ndarray
    names: tuple[int, ...]
    spacing_mm: float
    seed: int


def sample_path(folder: Path, seed: int) -> Path:
    """Where the sample of a seed lies."""
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
            spacing_mm=np.float32(sample.spacing_mm),
            seed=np.int64(sample.seed),
        )


def load_sample(path: Path) -> CachedSample:
    """Read one sample written by :func:`save_sample`."""
    with np.load(path, allow_pickle=False) as file:
        return CachedSample(
            file["hu"],
            file["classes"],
            file["centers"].reshape(-1, 3),
            tuple(int(name) for name in file["names"]),
            float(file["spacing_mm"]),
            int(file["seed"]),
        )


def list_samples(folder: Path, validation: bool) -> list[Path]:
    """The samples there now, sorted by seed; either those for validation or those for training."""
    paths = sorted(folder.glob("level_*.npz"))
    return [path for path in paths if (int(path.stem.split("_")[1]) % VALIDATION_EVERY == 0) == validation]


def make_sample(seed: int, spacing_mm: float) -> CachedSample:
    """Make the phantom of a seed on the coarse grid."""
    from OsteoJointLib.phantom.cases import make_level_sample

    made = make_level_sample(seed, spacing_mm=spacing_mm)
    hu = np.clip(np.rint(made.hu), -1024, 3071).astype(np.int16)
    return CachedSample(hu, made.classes, np.asarray(made.centers_index_zyx), tuple(made.names), spacing_mm, seed)


def main(arguments: list[str] | None = None) -> int:
    """Write the samples of seeds FIRST to FIRST + COUNT - 1 that are not there yet."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder of the samples")
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--count", type=int, required=True, help="how many seeds")
    parser.add_argument("--spacing-mm", type=float, default=4.0, help="edge of the coarse voxels")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    started, written = time.monotonic(), 0
    for seed in range(options.first, options.first + options.count):
        path = sample_path(options.out, seed)
        if path.exists():
            continue
        save_sample(path, make_sample(seed, options.spacing_mm))
        written += 1
        if written % 20 == 0:
            print(f"seed {seed}: {(time.monotonic() - started) / written:.2f} s a sample", flush=True)
    print(f"{written} samples written to {options.out}", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
