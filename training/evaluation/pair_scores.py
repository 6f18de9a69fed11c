"""What is watched while the multitask network trains: a few held-out pairs, without augmentation."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from OsteoJointLib.config import WindowConfig
from OsteoJointLib.hu_window import to_unit_range
from OsteoJointLib.network.detection import detect
from OsteoJointLib.network.facts import header_facts
from OsteoJointLib.network.multitask import ClassifierOutput, MultitaskNetwork
from training.data.augment import box_of
from training.data.pair_rows import FURTHER, plain_row
from training.data.pairs import PairFolder, StoredPair, load_pair
from training.evaluation.metrics import AP_IOU, Overlap, average_precision, box_iou
from training.seeds import VALIDATION_SEEDS

_LEAST_PROBABILITY = 1e-6
"""Bounds what one wrong and certain case costs."""


@torch.no_grad()
def score_pairs(network: MultitaskNetwork, folder: Path, cases: int, sigma_px: float) -> dict[str, float]:
    """Measure a network on the first pairs of a folder that do not depart from physics.

    What isn't known of a pair, class or BMD, isn't measured on it.

    Args:
        network: in eval mode; its device computes.
        folder: of pairs.
        cases: how many, at most.
        sigma_px: of the boundary target.

    Returns:
        dice, iou (means over crops), heatmap_mse; dice_further at other heights; accuracy, cross_entropy (of what is
        shipped, and by where the probabilities may come from) and bmd_mae; ap50 and n.
    """
    listed = PairFolder.listed(folder, VALIDATION_SEEDS)
    chosen = np.flatnonzero(~listed.departing)[:cases]
    rows = [_measure(network, load_pair(listed.paths[i]), int(listed.statuses[i]), sigma_px) for i in chosen]
    scores = np.concatenate([row.pop("scores") for row in rows])
    hits = np.concatenate([row.pop("hits") for row in rows])
    numbers = {name: _mean([row[name] for row in rows]) for name in rows[0]}
    ap50 = average_precision(scores, hits, 2 * len(rows)) if network.localizer is not None else float("nan")
    return {name: round(value, 5) for name, value in {**numbers, "ap50": ap50}.items()} | {"n": len(rows)}


def _measure(network: MultitaskNetwork, pair: StoredPair, status: int, sigma_px: float) -> dict[str, Any]:
    row, further, device = plain_row(pair, sigma_px), plain_row(pair, sigma_px, FURTHER), _device_of(network)
    crops, others = (torch.from_numpy(part.crops)[:, None].to(device) for part in (row, further))
    facts = torch.tensor([header_facts(*pair.header)], device=device)
    with torch.autocast(device.type, torch.bfloat16, enabled=torch.backends.mkldnn.is_available()):
        output = network.classify(crops[:1], crops[1:], facts)
        elsewhere = network.segmenter(others).mask_logits
    masks, further_masks = (logits[:, 0].cpu().numpy() > 0 for logits in (output.segmentation.mask_logits, elsewhere))
    overlaps = [Overlap.of(mask, true) for mask, true in zip(masks, row.masks, strict=True)]
    at_heights = [_dice_or_empty(mask, true) for mask, true in zip(further_masks, further.masks, strict=True)]
    heatmap = output.segmentation.heatmap
    scores, hits = _boxes(network, pair)
    return {
        "dice": float(np.mean([overlap.dice for overlap in overlaps])),
        "iou": float(np.mean([overlap.iou for overlap in overlaps])),
        "heatmap_mse": float("nan")
        if heatmap is None
        else float(np.mean((heatmap[:, 0].cpu().numpy() - row.heatmaps) ** 2)),
        "dice_further": float(np.mean(at_heights)),
        **class_scores(output, status, pair.bmd_mg_cm3),
        "scores": scores,
        "hits": hits,
    }


def _dice_or_empty(mask: np.ndarray, true: np.ndarray) -> float:
    """Return the Dice of a mask; of one that should be empty, whether it is."""
    return Overlap.of(mask, true).dice if true.any() else float(not mask.any())


def _mean(values: list[float]) -> float:
    """Return the mean of the numbers among some values; none of none."""
    known = [value for value in values if not math.isnan(value)]
    return float(np.mean(known)) if known else math.nan


def class_scores(output: ClassifierOutput, status: int, bmd_mg_cm3: float) -> dict[str, float]:
    """Measure what is said of one case: accuracy, cross_entropy (shipped, and by source) and bmd_mae.

    A ``status`` of -1 is not known, and what it decides is no number.
    """
    shipped = output.probabilities()[0]
    right = math.nan if status < 0 else float(int(shipped.argmax()) == status)
    numbers = {"accuracy": right, "cross_entropy": _surprise(shipped, status)}
    if output.bmd is not None:
        numbers["bmd_mae"] = abs(float(output.bmd[0, 0]) - bmd_mg_cm3)
        for source in ("softmax", "areas", "mean"):
            numbers[f"cross_entropy_{source}"] = _surprise(
                replace(output, class_from=source).probabilities()[0], status
            )
    return numbers


def _surprise(probabilities: torch.Tensor, status: int) -> float:
    return math.nan if status < 0 else -math.log(max(float(probabilities[status]), _LEAST_PROBABILITY))


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
