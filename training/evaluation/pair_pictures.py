"""A picture of what the multitask network says of a few validation pairs: the first thing to look at in a training.

A row is a case, L1 then L2. Each has its crop with the true outline (green) and the predicted one (magenta), the
predicted boundary heat map, and the slice with the true box (green) and the best predicted one (magenta).
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from OsteoJointLib.config import WindowConfig
from OsteoJointLib.device import in_its_precision
from OsteoJointLib.hu_window import to_unit_range
from OsteoJointLib.network.detection import detect
from OsteoJointLib.network.facts import header_facts
from OsteoJointLib.network.multitask import MultitaskNetwork
from OsteoJointLib.records import STATUSES
from training.data.augment import box_of
from training.data.pair_rows import CROP_SIZE, plain_row
from training.data.pairs import PairFolder, StoredPair, load_pair
from training.seeds import VALIDATION_SEEDS

_CASES = 4
"""In a picture, chosen: one of each class, most often, and still to be read on a screen."""
_TRUE, _PREDICTED, _TEXT = (60, 220, 90), (255, 60, 220), (255, 255, 255)
"""RGB."""
_CAPTION_PX = 22


@torch.no_grad()
def draw_pairs(network: MultitaskNetwork, folder: Path, cases: int = _CASES) -> np.ndarray:
    """Draw the first cases of a folder.

    Args:
        network: in eval mode; its device computes.
        folder: of validation pairs.
        cases: how many, at most.

    Returns:
        (y, x, 3) uint8 RGB.
    """
    listed = PairFolder.listed(folder, VALIDATION_SEEDS)
    return np.concatenate([_row(network, load_pair(path)) for path in listed.paths[:cases]])


def _row(network: MultitaskNetwork, pair: StoredPair) -> np.ndarray:
    row, device = plain_row(pair, sigma_px=1.0), next(network.parameters()).device
    crops = torch.from_numpy(row.crops)[:, None].to(device)
    slices = to_unit_range(pair.hu[:2], WindowConfig())
    with in_its_precision(device):
        output = network.classify(crops[:1], crops[1:], torch.tensor([header_facts(*pair.header)], device=device))
        found = None
        if network.localizer is not None:
            images = torch.from_numpy(slices)[:, None].to(device)
            found = [one.boxes_xyxy.cpu().numpy() for one in detect(network.localizer(images), network.config)]
    said = output.segmentation
    masks = said.mask_logits[:, 0].cpu().numpy() > 0
    heatmaps = None if said.heatmap is None else said.heatmap[:, 0].float().cpu().numpy()
    parts = []
    for index, (crop, true, mask) in enumerate(zip(row.crops, row.masks, masks, strict=True)):
        parts.append(_outlined(_outlined(_rgb(crop), true, _TRUE), mask, _PREDICTED))
        parts.append(_rgb(np.zeros_like(crop) if heatmaps is None else heatmaps[index]))
        boxes = np.zeros((0, 4)) if found is None else found[index][:1]
        parts.append(_boxed(slices[index], box_of(pair.masks[index]), boxes))
    probabilities = ", ".join(
        f"{status.value} {p:.2f}" for status, p in zip(STATUSES, output.probabilities()[0].tolist(), strict=True)
    )
    bmd = "" if output.bmd is None else f", BMD {float(output.bmd[0, 0]):.0f}"
    caption = np.zeros((_CAPTION_PX, CROP_SIZE * len(parts), 3), np.uint8)
    text = f"{pair.name}: {_true(pair)}. Predicted: {probabilities}{bmd}"
    cv2.putText(caption, text, (6, _CAPTION_PX - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.45, _TEXT, 1, cv2.LINE_AA)
    return np.concatenate((caption, np.concatenate(parts, axis=1)))


def _true(pair: StoredPair) -> str:
    status = "class unknown" if pair.status is None else pair.status.value
    return f"{status}, BMD {pair.bmd_mg_cm3:.0f} mg/cm3" if np.isfinite(pair.bmd_mg_cm3) else status


def _rgb(image: np.ndarray) -> np.ndarray:
    """Turn (y, x) in [0, 1] into RGB bytes."""
    return np.repeat(np.rint(255.0 * image).astype(np.uint8)[..., None], 3, axis=2)


def _outlined(picture: np.ndarray, mask: np.ndarray, color: tuple[int, int, int]) -> np.ndarray:
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(picture, outlines, -1, color, 1)


def _boxed(image: np.ndarray, true: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    scale = CROP_SIZE / image.shape[0]
    picture = _rgb(cv2.resize(image, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA))
    for box, color in ((true, _TRUE), *((box, _PREDICTED) for box in predicted)):
        corner, other = (tuple(int(v * scale) for v in box[part]) for part in (slice(0, 2), slice(2, 4)))
        cv2.rectangle(picture, corner, other, color, 1)
    return picture
