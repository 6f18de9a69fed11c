"""Batches of training rows from a folder of pairs.

A row is two crops of a case with masks and boundary heat maps, its class and its BMD. Rows at any height carry the mask
terms only, and so do those whose intensities were changed or whose tissues no patient has; the others for masks carry
the class term too, so that one forward pass serves every term. Rows for the class alone (Balanced-MixUp, maybe mixed)
cost less: no gradient enters the segmenter. Every ``localizer_every``-th step also brings whole slices with boxes.

The class term's rows are guided by the predicted mask or by an imperfect true one, lack a vertebra now and then, and
have headers that lack something as often.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from OsteoJointLib.config import NetworkConfig, WindowConfig
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.hu_window import to_unit_range
from OsteoJointLib.network.facts import header_facts
from OsteoJointLib.records import STATUSES, Status
from training.data.augment import AugmentConfig, Intensity, box_of, degrade, draw_image_placement
from training.data.contours import HIDDEN
from training.data.guides import imperfect
from training.data.pair_rows import FURTHER, MIDDLES, Row, augmented_row
from training.data.pairs import PairFolder, StoredPair, load_pair
from training.data.sampling import draw_rows
from training.seeds import TRAINING_SEEDS
from training.step_batches import StepBatches

IMAGE_SIZE = NetworkConfig.slice_px


@dataclass(frozen=True)
class PairBatchConfig:
    """What a batch is made of.

    Args:
        rows: unmixed cases a step for masks, and for the class where they can; each gives two crops.
        further_rows: the same at any height, for masks.
        class_rows: more cases, for the class alone.
        images: whole slices of a localizer step.
        localizer_every: steps from one localizer step to the next.
        mixup_alpha: of Beta(alpha, beta); None turns Balanced-MixUp off.
        mixup_beta: of it.
        mix_labels: "bmd" labels a mixture by its mixed BMD, "one-hot" mixes the two labels as the paper does.
        guided_share: of the rows that an imperfect true mask guides, not the predicted one; chosen.
        left_out_share: of the rows that lack one of the two vertebrae; chosen.
        unknown_share: of the headers that lack the tube voltage, and of those that lack the contrast; chosen.
        heatmap_sigma_px: of the boundary target.
        evolved_share: of the level set's contour in that target; 0: no guidance. The compact network is without it.
        contours: folder where these contours are kept; empty for a hidden one in that of the pairs.
        minimum_pairs: fewer in the folder refuse to start.
        replay: a second folder of pairs, such as the phantoms that a network was trained on before; empty for none.
        replay_share: of what is drawn, from that folder.
    """

    rows: int = 8
    further_rows: int = 2
    class_rows: int = 8
    images: int = 4
    localizer_every: int = 4
    mixup_alpha: float | None = 0.1
    mixup_beta: float = 1.0
    mix_labels: str = "bmd"
    guided_share: float = 0.5
    left_out_share: float = 0.15
    unknown_share: float = 0.3
    heatmap_sigma_px: float = 2.0
    evolved_share: float = 0.0
    contours: str = ""
    minimum_pairs: int = 16
    replay: str = ""
    replay_share: float = 0.5

    def __post_init__(self) -> None:
        if min(self.rows, self.images, self.localizer_every, self.minimum_pairs) < 1:
            raise UsageError(Reason.USAGE, f"A batch needs at least 1 of everything, got {self}. Change the config.")
        if not 0.0 <= self.evolved_share <= 1.0:
            raise UsageError(Reason.USAGE, f"evolved_share is 0 to 1, not {self.evolved_share}. Change the config.")
        if not 0.0 <= self.replay_share < 1.0 or self.mixup_beta <= 0.0 or (self.mixup_alpha or 1.0) <= 0.0:
            raise UsageError(
                Reason.USAGE,
                f"replay_share is 0 to 1, mixup_alpha and mixup_beta are above 0, not as in {self}. Change the config.",
            )
        if self.mix_labels not in ("bmd", "one-hot") or min(self.further_rows, self.class_rows) < 0:
            raise UsageError(
                Reason.USAGE,
                f'mix_labels is "bmd" or "one-hot", and rows are 0 or more, not as in {self}. Change the config.',
            )


class PairBatch(NamedTuple):
    """One step's rows; a named tuple, because Fabric moves those between devices and refuses frozen dataclasses.

    Args:
        crops: (B, 2, 1, 224, 224) float32 in [0, 1], L1 then L2, or two further slices.
        masks: (B, 2, 1, 224, 224) float32, 0 or 1.
        tissues: (B, 2, 1, 224, 224) uint8 reference tissues; UNKNOWN_TISSUE somewhere in those that nobody labeled.
        heatmaps: (B, 2, 1, 224, 224) float32 in [0, 1].
        mask_rows: (B,) bool, rows that carry the mask and boundary terms.
        status: (B, 3) float32, soft one-hot in the order of ``STATUSES``.
        bmd: (B,) float32, mg/cm3; no number where it isn't known.
        status_rows: (B,) bool, rows that carry the class term.
        guides: (B, 2, 1, 224, 224) float32, 0 or 1: imperfect masks.
        guided_rows: (B,) bool, rows that these guide in the place of the predicted masks.
        facts: (B, 4) float32, what the header says.
        left_out: (B, 2) bool, which vertebra is left out.
        images: (N, 1, 512, 512) float32 in [0, 1] for the localizer; N = 0 on other steps.
        boxes_xyxy: (N, 4) float32, one body an image.
        labels: (N,) int64, 0 for L1, 1 for L2.
        case_ids: what each row was made of.
    """

    crops: torch.Tensor
    masks: torch.Tensor
    tissues: torch.Tensor
    heatmaps: torch.Tensor
    mask_rows: torch.Tensor
    status: torch.Tensor
    bmd: torch.Tensor
    status_rows: torch.Tensor
    guides: torch.Tensor
    guided_rows: torch.Tensor
    facts: torch.Tensor
    left_out: torch.Tensor
    images: torch.Tensor
    boxes_xyxy: torch.Tensor
    labels: torch.Tensor
    case_ids: tuple[str, ...]


class RowDraw(NamedTuple):
    """One row of a batch.

    Args:
        row: crops, masks, tissues, heat maps.
        masks_count: whether it carries the mask and boundary terms.
        status: (3,) soft one-hot.
        bmd: in mg/cm3.
        status_counts: whether it carries the class term.
        guides: (2, 224, 224) bool.
        guided: whether these guide it.
        facts: what the header says.
        left_out: whether L1 and L2 are left out.
        case_id: what it was made of.
    """

    row: Row
    masks_count: bool
    status: np.ndarray
    bmd: float
    status_counts: bool
    guides: np.ndarray
    guided: bool
    facts: tuple[float, ...]
    left_out: tuple[bool, bool]
    case_id: str


class SliceDraw(NamedTuple):
    """One slice for the localizer: (512, 512) image in [0, 1], (4,) box, 0 for L1 or 1 for L2."""

    image: np.ndarray
    box_xyxy: np.ndarray
    label: int


class PairBatches(StepBatches[PairFolder, PairBatch]):
    """Batches of a folder of training pairs.

    Args:
        folder: of pairs.
        seed: of the run.
        data: sizes.
        augment: ranges.
    """

    def __init__(self, folder: Path, seed: int, data: PairBatchConfig, augment: AugmentConfig):
        self.folder, self.seed, self.data, self.augment = Path(folder), seed, data, augment
        super().__init__()

    def listed(self) -> PairFolder:
        """List the pairs that are there now, with those that are replayed."""
        own = PairFolder.listed(self.folder, TRAINING_SEEDS, self.data.minimum_pairs)
        if not self.data.replay:
            return own
        return own.beside(PairFolder.listed(Path(self.data.replay), TRAINING_SEEDS), self.data.replay_share)

    def drawn(self, step: int, cases: PairFolder) -> PairBatch:
        """Draw the batch of a step."""
        data, generator = self.data, np.random.default_rng((self.seed, step))
        lawful = np.flatnonzero(cases.lawful)
        rows = [self.mask_row(pair, generator) for pair in _some(cases, data.rows, generator)]
        weights = None if cases.weights is None else cases.weights[lawful]
        statuses, mixup = cases.statuses[lawful], (data.mixup_alpha, data.mixup_beta)
        for draw in draw_rows(statuses, data.class_rows, generator, *mixup, weights=weights):
            indices = (draw.instance, draw.balanced) if draw.pure is None else (draw.pure,)
            pairs = [load_pair(cases.paths[lawful[index]]) for index in indices]
            rows.append(self.class_row(pairs, draw.mix, generator))
        rows += [self.further_row(pair, generator) for pair in _some(cases, data.further_rows, generator)]
        slices = []
        if step % data.localizer_every == 0:
            slices = [self.slice(pair, generator) for pair in _some(cases, data.images, generator)]
        return joined(rows, slices)

    def mask_row(self, pair: StoredPair, generator: np.random.Generator) -> RowDraw:
        """Draw the row of one case for the mask terms, and for the class term where its grey values are a patient's."""
        changed = generator.random() < self.augment.intensity_probability
        intensity = Intensity.drawn(generator) if changed else None
        row = self._outlined(pair, generator, intensity, MIDDLES)
        counts = pair.status is not None and not (changed or pair.departing)
        case = (row, True, one_hot(pair.status), pair.bmd_mg_cm3, counts)
        return self._class_row(*case, pair.header, pair.name, generator)

    def _outlined(
        self, pair: StoredPair, generator: np.random.Generator, intensity: Intensity | None, which: slice
    ) -> Row:
        data = self.data
        return augmented_row(
            pair,
            generator,
            self.augment,
            intensity,
            data.heatmap_sigma_px,
            which=which,
            evolved_share=data.evolved_share,
            contours=Path(data.contours or self.folder / HIDDEN),
        )

    def class_crops(self, pair: Any, generator: np.random.Generator) -> Row:
        """Draw the crops of one case for the class term."""
        sigma_px = self.data.heatmap_sigma_px
        return augmented_row(pair, generator, self.augment, None, sigma_px, with_heatmaps=False)

    def class_row(self, pairs: Sequence[Any], mix: float, generator: np.random.Generator) -> RowDraw:
        """Draw the row of one case for the class term, or ``mix`` of the first of two and the rest of the second."""
        data, first, second = self.data, pairs[0], pairs[-1]
        rows = [self.class_crops(pair, generator) for pair in pairs]
        weight = np.float32(mix)
        row = replace(rows[0 if mix > 0.5 else -1], crops=weight * rows[0].crops + (1 - weight) * rows[-1].crops)
        bmd = float(mix * first.bmd_mg_cm3 + (1.0 - mix) * second.bmd_mg_cm3)
        status = weight * one_hot(first.status) + (1 - weight) * one_hot(second.status)
        if data.mix_labels == "bmd" and np.isfinite(bmd) and first is not second:
            status = one_hot(Status.from_bmd(bmd))
        header = tuple(a if a == b else None for a, b in zip(first.header, second.header, strict=True))
        name = first.name if first is second else f"{first.name}*{mix:.3f}+{second.name}"
        return self._class_row(row, False, status, bmd, True, header, name, generator)

    def _class_row(
        self,
        row: Row,
        masks_count: bool,
        status: np.ndarray,
        bmd: float,
        status_counts: bool,
        header: tuple[Any, ...],
        name: str,
        generator: np.random.Generator,
    ) -> RowDraw:
        """Draw what the class term meets beside the image: guides, a header with gaps, a vertebra that is left out."""
        guides = np.stack([imperfect(mask, generator) for mask in row.masks])
        guided = bool(generator.random() < self.data.guided_share)
        kvp, contrast = (None if generator.random() < self.data.unknown_share else value for value in header)
        left_out = (False, False)
        if generator.random() < self.data.left_out_share:
            left_out = (True, False) if generator.random() < 0.5 else (False, True)
        facts = header_facts(kvp, contrast)
        return RowDraw(row, masks_count, status, bmd, status_counts, guides, guided, facts, left_out, name)

    def further_row(self, pair: StoredPair, generator: np.random.Generator) -> RowDraw:
        """Draw a row at two heights, for the mask terms."""
        changed = generator.random() < self.augment.intensity_probability
        intensity = Intensity.drawn(generator) if changed else None
        row = self._outlined(pair, generator, intensity, FURTHER)
        rest = (row.masks, False, header_facts(None, None), (False, False), f"{pair.name}+heights")
        return RowDraw(row, True, one_hot(pair.status), pair.bmd_mg_cm3, False, *rest)

    def slice(self, pair: StoredPair, generator: np.random.Generator) -> SliceDraw:
        """Draw a whole slice of one of the two levels, with its body's box."""
        label = int(generator.integers(0, 2))
        mask = pair.masks[label]
        placement = draw_image_placement(mask, bool(generator.random() < 0.5), self.augment, generator)
        image, moved = placement.image(pair.hu[label], IMAGE_SIZE), placement.mask(mask, IMAGE_SIZE)
        if generator.random() < self.augment.intensity_probability:
            image = Intensity.drawn(generator).on_hu(image, moved)
        image = degrade(image[None], self.augment, generator)[0]
        return SliceDraw(to_unit_range(image, WindowConfig()), box_of(moved), label)


def _some(cases: PairFolder, count: int, generator: np.random.Generator) -> Iterator[StoredPair]:
    if cases.weights is None:
        indices = generator.integers(0, len(cases), count)
    else:
        indices = generator.choice(len(cases), count, p=cases.weights)
    return (load_pair(cases.paths[index]) for index in indices)


def one_hot(status: Status | None) -> np.ndarray:
    """Mark a class, (3,); none where it isn't known."""
    if status is None:
        return np.zeros(3, dtype=np.float32)
    return np.eye(3, dtype=np.float32)[STATUSES.index(status)]


def joined(rows: Sequence[RowDraw], slices: Sequence[SliceDraw] = ()) -> PairBatch:
    """Put rows, and slices for the localizer, into one batch."""

    def stacked(arrays: list[np.ndarray], kind: type = np.float32) -> torch.Tensor:
        return torch.from_numpy(np.stack(arrays).astype(kind))[:, :, None]

    shape = (0, 1, IMAGE_SIZE, IMAGE_SIZE)
    return PairBatch(
        crops=stacked([drawn.row.crops for drawn in rows]),
        masks=stacked([drawn.row.masks for drawn in rows]),
        tissues=stacked([drawn.row.tissues for drawn in rows], np.uint8),
        heatmaps=stacked([drawn.row.heatmaps for drawn in rows]),
        mask_rows=torch.tensor([drawn.masks_count for drawn in rows]),
        status=torch.from_numpy(np.stack([drawn.status for drawn in rows])),
        bmd=torch.tensor([drawn.bmd for drawn in rows], dtype=torch.float32),
        status_rows=torch.tensor([drawn.status_counts for drawn in rows]),
        guides=stacked([drawn.guides for drawn in rows]),
        guided_rows=torch.tensor([drawn.guided for drawn in rows]),
        facts=torch.tensor([drawn.facts for drawn in rows]),
        left_out=torch.tensor([drawn.left_out for drawn in rows]),
        images=torch.from_numpy(np.stack([s.image for s in slices])[:, None]) if slices else torch.zeros(shape),
        boxes_xyxy=torch.from_numpy(np.stack([s.box_xyxy for s in slices])) if slices else torch.zeros(0, 4),
        labels=torch.tensor([s.label for s in slices], dtype=torch.int64),
        case_ids=tuple(drawn.case_id for drawn in rows),
    )
