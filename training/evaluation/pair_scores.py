"""What is watched while the multitask network trains: a few held-out pairs, without augmentation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from OsteoJointLib.config import WindowConfig
from OsteoJointLib.network.detection import detect
from OsteoJointLib.network.multitask import MultitaskNetwork
from OsteoJointLib.pipeline.preprocess import to_unit_range
from training.data.augment import box_of
from training.data.pair_batches import plain_row
from training.data.pairs import PairFolder, StoredPair, load_pair
from training.evaluation.metrics import AP_IOU, Overlap, average_precision, box_iou
from training.seeds import VALIDATION_SEEDS


@torch.no_grad()
def score_pairs(network: MultitaskNetwork, folder: Path, cases: int, sigma_px: float) -> dict[str, float]:
    """Measure a network on the first pairs of a folder.

    Args:
        network: in eval mode; its device computes.
        folder: of pairs.
        cases: how many, at most.
        sigma_px: of the boundary target.

    Returns:
        dice, iou (means over crops), heatmap_mse, accuracy, cross_entropy, ap50 and n.
    """
    listed = PairFolder.listed(folder, VALIDATION_SEEDS)
    rows = [
        _measure(network, load_pair(path), int(status), sigma_px)
        for path, status in zip(listed.paths[:cases], listed.statuses[:cases], strict=True)
    ]
    scores = np.concatenate([row.pop("scores") for row in rows])
    hits = np.concatenate([row.pop("hits") for row in rows])
    numbers = {name: float(np.mean([row[name] for row in rows])) for name in rows[0]}
    ap50 = average_precision(scores, hits, 2 * len(rows)) if network.localizer is not None else float("nan")
    return {name: round(value, 5) for name, value in {**numbers, "ap50": ap50}.items()} | {"n": len(rows)}


def _measure(network: MultitaskNetwork, pair: StoredPair, status: int, sigma_px: float) -> dict[str, Any]:
    row, device = plain_row(pair, sigma_px), _device_of(network)
    crops = torch.from_numpy(row.crops)[:, None].to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=torch.backends.mkldnn.is_available()):
        output = network.classify(crops[:1], crops[1:])
    masks = output.segmentation.mask_logits[:, 0].cpu().numpy() > 0
    overlaps = [Overlap.of(mask, true) for mask, true in zip(masks, row.masks, strict=True)]
    probabilities = torch.log_softmax(output.logits[0], dim=0)
    heatmap = output.segmentation.heatmap
    scores, hits = _boxes(network, pair)
    return {
        "dice": float(np.mean([overlap.dice for overlap in overlaps])),
        "iou": float(np.mean([overlap.iou for overlap in overlaps])),
        "heatmap_mse": float("nan")
        if heatmap is None
        else float(np.mean((heatmap[:, 0].cpu().numpy() - row.heatmaps) ** 2)),
        "accuracy": float(int(probabilities.argmax()) == status),
        "cross_entropy": -float(probabilities[status]),
        "scores": scores,
        "hits": hits,
    }


def _boxes(network: MultitaskNetwork, pair: StoredPair) -> tuple[np.ndarray, np.ndarray]:
    """Return scores and hits of the best box of each slice."""
    if network.localizer is None:
        return np.zeros(0), np.zeros(0, dtype=bool)
    images = torch.from_numpy(to_unit_range(pair.hu[:2], WindowConfig()))[:, None].to(_device_of(network))
    found = detect(network.localizer(images), network.config)
    scores, hits = [], []
    for detections, mask in zip(found, pair.masks[:2], strict=True):
        if len(detections.scores):
            scores.append(float(detections.scores[0]))
            hits.append(bool(box_iou(detections.boxes_xyxy[0].cpu().numpy(), box_of(mask)) >= AP_IOU))
    return np.array(scores), np.array(hits, dtype=bool)


def _device_of(network: MultitaskNetwork) -> torch.device:
    return next(network.parameters()).device
