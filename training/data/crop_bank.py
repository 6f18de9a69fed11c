"""Crops of training pairs, cut once and kept on disk: what makes dozens of small trainings affordable on a CPU.

Every pair that doesn't depart from physics gives its two crops as the chain sees them, and a few augmented views. The
arrays are read through memory maps, so that memory stays flat. A bank's folder bears the hash of what decides about it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.atomic import write_folder_whole, write_text_whole
from OsteoJointLib.network.facts import header_facts
from OsteoJointLib.records import STATUSES, Status
from training.data.augment import AugmentConfig
from training.data.pair_batches import PairBatch, PairBatchConfig, PairBatches, RowDraw, joined, one_hot
from training.data.pair_rows import Row, augmented_row, plain_row
from training.data.pairs import UNKNOWN_PHASE, PairFolder, StoredPair, load_pair
from training.data.sampling import draw_rows
from training.seeds import TRAINING_SEEDS

_NARROW = AugmentConfig(center_jitter_px=4.0, center_limit_px=8.0, scale=(0.8, 1.2))
"""Less than a training of the whole network draws: the largest bodies must stay inside a window of 96 pixels."""
_PRINTED_CASES = 50


@dataclass(frozen=True)
class BankConfig:
    """What is kept of a case."""

    window_px: int = 96
    """Edge of the middle of the crop; the largest body is 74 pixels wide. A multiple of 32."""
    views: int = 3
    """Augmented ones of each case, beside the plain one."""
    seed: int = 0
    """Of the augmentation."""
    augment: AugmentConfig = field(default_factory=lambda: _NARROW)
    """Its ranges."""


@dataclass(frozen=True)
class BankCase:
    """One case of a bank: where its crops lie, and what the pair's file said of it."""

    index: int
    name: str
    patient: str
    status: Status
    bmd_mg_cm3: float
    kvp: float | None
    phase: str
    pixel_mm: float
    baseline: dict[str, Any]
    """What rules of HU are told, as JSON of ``training.evaluation.case_rows.facts.BaselineFacts``; {} if unmeasured."""

    @property
    def header(self) -> tuple[float | None, bool | None]:
        """As that of a :class:`StoredPair`."""
        return self.kvp, None if self.phase == UNKNOWN_PHASE else self.phase != "none"


class CropBank:
    """The crops of a folder of pairs.

    Args:
        folder: that :func:`make_bank` filled.
    """

    def __init__(self, folder: Path):
        self.folder = folder
        rows = json.loads((folder / "cases.json").read_text(encoding="utf-8"))
        self.cases = tuple(BankCase(**{**row, "status": Status(row["status"])}) for row in rows)

    @cached_property
    def crops(self) -> np.ndarray:
        """(N, 1 + views, 2, H, W) float16 in [0, 1]; view 0 is the plain one."""
        return np.load(self.folder / "crops.npy", mmap_mode="r")

    @cached_property
    def mask_bits(self) -> np.ndarray:
        """(N, 1 + views, 2, H, W / 8) uint8, packed true masks."""
        return np.load(self.folder / "masks.npy", mmap_mode="r")

    @property
    def statuses(self) -> np.ndarray:
        """(N,) class indices."""
        return np.array([STATUSES.index(case.status) for case in self.cases], dtype=np.intp)

    def indices(self, names: Sequence[str]) -> np.ndarray:
        """Return where the cases of these names lie."""
        place = {case.name: case.index for case in self.cases}
        return np.array([place[name] for name in names], dtype=np.intp)

    def row(self, index: int, view: int) -> Row:
        """Return one view of a case; there are no tissues and no heat maps in a bank."""
        crops = self.crops[index, view].astype(np.float32)
        masks = np.unpackbits(self.mask_bits[index, view], axis=-1).astype(bool)
        return Row(crops, masks, np.zeros(masks.shape, np.uint8), np.zeros_like(crops))


def make_bank(pairs: Path, config: BankConfig, into: Path, baseline_of: Any) -> CropBank:
    """Cut the crops of a folder of pairs, or find them where they were cut before.

    Args:
        pairs: folder of training pairs; those that depart from physics are passed over.
        config: what is kept.
        into: folder of banks.
        baseline_of: takes a :class:`StoredPair` and returns what rules of HU are told of it.
    """
    listed = PairFolder.listed(pairs, TRAINING_SEEDS)
    found = zip(listed.paths, listed.patients, listed.lawful, strict=True)
    paths = {path: patient for path, patient, lawful in found if lawful}
    told = json.dumps([[path.name for path in paths], asdict(config)])
    folder = into / f"bank-{hashlib.sha256(told.encode()).hexdigest()[:16]}"
    if not folder.is_dir():
        into.mkdir(parents=True, exist_ok=True)
        with write_folder_whole(folder) as temporary:
            _fill(temporary, paths, config, baseline_of)
    return CropBank(folder)


def _fill(folder: Path, paths: Mapping[Path, str], config: BankConfig, baseline_of: Any) -> None:
    views, size = 1 + config.views, config.window_px
    shape = (len(paths), views, 2, size, size)
    crops = np.lib.format.open_memmap(folder / "crops.npy", "w+", np.float16, shape)
    masks = np.lib.format.open_memmap(folder / "masks.npy", "w+", np.uint8, (*shape[:-1], size // 8))
    rows = []
    for index, (path, patient) in enumerate(paths.items()):
        pair = load_pair(path)
        for view, row in enumerate(_views(pair, config)):
            crops[index, view] = _middle(row.crops, size)
            masks[index, view] = np.packbits(_middle(row.masks, size), axis=-1)
        assert pair.status is not None, "it is lawful"
        about: dict[str, Any] = {"patient": patient, "status": pair.status.value}
        about |= {"bmd_mg_cm3": pair.bmd_mg_cm3, "kvp": pair.kvp, "phase": pair.phase}
        about |= {"pixel_mm": pair.pixel_mm, "baseline": baseline_of(pair)}
        rows.append({"index": index, "name": pair.name, **about})
        if index % _PRINTED_CASES == 0:
            print(f"{index} of {len(paths)} cases cut", flush=True)
    crops.flush()
    masks.flush()
    write_text_whole(folder / "cases.json", json.dumps(rows))


def _views(pair: StoredPair, config: BankConfig) -> list[Row]:
    # of a labeled CT's pairs the name decides
    own = pair.seed if pair.seed is not None else int.from_bytes(hashlib.sha256(pair.name.encode()).digest()[:4])
    generator = np.random.default_rng((config.seed, own))
    drawn = (
        augmented_row(pair, generator, config.augment, None, 1.0, with_heatmaps=False) for _ in range(config.views)
    )
    return [plain_row(pair, sigma_px=1.0), *drawn]


def _middle(images: np.ndarray, size: int) -> np.ndarray:
    margin = (images.shape[-1] - size) // 2
    return images[..., margin : margin + size, margin : margin + size]


class BankBatches(PairBatches):
    """Batches of class rows from a bank, by the number of their step: as :class:`PairBatches` draws and mixes them.

    Args:
        bank: of crops.
        train: names of the cases that may be drawn.
        seed: of the run.
        data: sizes and mixing.
    """

    def __init__(self, bank: CropBank, train: Sequence[str], seed: int, data: PairBatchConfig):
        self.bank, self.train, self.seed, self.data = bank, bank.indices(train), seed, data
        self.augment = _NARROW

    def __getitem__(self, step: int) -> PairBatch:
        generator = np.random.default_rng((self.seed, step))
        rows: list[RowDraw] = []
        for draw in draw_rows(self.bank.statuses[self.train], self.data.class_rows, generator, self.data.mixup_alpha):
            indices = (draw.instance, draw.balanced) if draw.pure is None else (draw.pure,)
            cases = [self.bank.cases[self.train[index]] for index in indices]
            rows.append(self.class_row(cases, draw.mix, generator))
        return joined(rows)

    def class_crops(self, pair: StoredPair | BankCase, generator: np.random.Generator) -> Row:
        """Draw one of the case's views."""
        assert isinstance(pair, BankCase)
        return self.bank.row(pair.index, int(generator.integers(0, self.bank.crops.shape[1])))


def plain_batch(bank: CropBank, indices: Sequence[int]) -> PairBatch:
    """Return cases as the chain sees them, with a full header and the true masks for guides."""
    rows = []
    for index in indices:
        case, row = bank.cases[index], bank.row(index, 0)
        facts = header_facts(*case.header)
        status = one_hot(case.status)
        rows.append(
            RowDraw(row, False, status, case.bmd_mg_cm3, True, row.masks, True, facts, (False, False), case.name)
        )
    return joined(rows)
