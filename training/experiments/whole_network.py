"""The whole network on the tested cases of the experiments' split: boxes, masks, class, and where the class comes from.

It is read as :mod:`training.evaluation.pair_scores` reads it: the slice to the localizer, a crop about the true body to
segmenter and classifier. Masks are measured a case and pooled, both, because the paper's IoU of 0.972 and Dice of 0.983
belong to no single mask. Of right and wrong cases of every class a picture is drawn with the map of Grad-CAM, which the
paper shows (Figures 11 and 12), and of HiResCAM, which the product shows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from OsteoJointLib.atomic import write_text_whole, write_whole
from OsteoJointLib.config import WindowConfig
from OsteoJointLib.device import set_threads
from OsteoJointLib.hu_window import to_unit_range
from OsteoJointLib.network.detection import detect
from OsteoJointLib.network.facts import header_facts
from OsteoJointLib.network.multitask import ClassifierOutput, MultitaskNetwork
from OsteoJointLib.pipeline.explanation import explained_layer, influence_maps, scaled_pair
from OsteoJointLib.records import STATUSES, ExplanationMethod, Level
from OsteoJointLib.weights import load_weights
from training.data.augment import box_of
from training.data.pair_rows import plain_row
from training.data.pairs import PairFolder, StoredPair, load_pair
from training.data.splits import Part, make_split
from training.evaluation.chain.localizer_numbers import localizer_numbers
from training.evaluation.metrics import Overlap, bootstrap_interval, box_iou
from training.evaluation.rows import Row
from training.experiments.trials import per_mille
from training.seeds import TRAINING_SEEDS

FILE = "whole_network.json"
"""Under which the report looks for it."""
_RIGHT, _WRONG = 3, 2
"""Cases of a class of which pictures are drawn."""
_PICTURE_PX = 128
"""Edge of the middle of the crop in a picture."""
_MAP_OPACITY = 0.55
_QUALITY = 60  # of a WebP, chosen: 20 kB a picture
_PRINTED = 50


@dataclass(frozen=True, eq=False)
class _Read:
    """One case as it was read."""

    pair: StoredPair
    crops: torch.Tensor
    facts: torch.Tensor
    output: ClassifierOutput
    row: Row


def measure_whole(weights: str, pairs: Path, path: Path, split_seed: int = 0) -> dict[str, Any]:
    """Measure weights on the tested cases of a folder of pairs.

    Args:
        weights: name or path.
        pairs: folder.
        path: of the JSON; the pictures go into the folder ``explained`` beside it.
        split_seed: as the experiments'.

    Returns:
        What was written.
    """
    set_threads(1)
    loaded = load_weights(weights)
    network = MultitaskNetwork(loaded.config)
    network.load_state_dict({key: value.float() for key, value in loaded.part("multitask.").items()})
    network.eval().requires_grad_(False)
    listed = PairFolder.listed(pairs, TRAINING_SEEDS)
    found = [one for one in zip(listed.paths, listed.patients, listed.statuses, listed.lawful, strict=True) if one[3]]
    split = make_split({patient: STATUSES[status] for _, patient, status, _ in found}, split_seed)
    tested = set(split.parts[Part.TEST])
    rows: list[Row] = []
    drawn: dict[tuple[int, bool], list[Mapping[str, Any]]] = {}
    for pair in (load_pair(place) for place, patient, _, _ in found if patient in tested):
        read = _read(network, pair)
        rows.append(read.row)
        kind = _kind(read.row)
        if len(drawn.setdefault(kind, [])) < (_RIGHT if kind[1] else _WRONG):
            drawn[kind].append(_draw(network, read, path.parent / "explained"))
        if len(rows) % _PRINTED == 0:
            print(f"{len(rows)} cases read", flush=True)
    numbers = {
        "weights": weights,
        "weights_sha256": loaded.info.sha256,
        "masks": mask_numbers(rows),
        "boxes": localizer_numbers([row["levels"] for row in rows]),
        "true": [row["true"] for row in rows],
        "per_mille": [row["per_mille"] for row in rows],
        "bmd_off": [row["bmd_off"] for row in rows],
        "pictures": [picture for of in drawn.values() for picture in of],
    }
    write_text_whole(path, json.dumps(numbers) + "\n")
    return numbers


def mask_numbers(rows: Sequence[Row]) -> dict[str, Any]:
    """Take Dice and IoU of the bodies: mean and standard deviation of the masks, interval over cases, and pooled."""
    overlaps = [[Overlap(*level["overlap"]) for level in row["levels"].values()] for row in rows]
    numbers: dict[str, Any] = {"cases": len(rows), "masks": sum(len(of) for of in overlaps)}
    total = sum((overlap for of in overlaps for overlap in of), Overlap(0, 0, 0))
    for name in ("dice", "iou"):
        of_case = np.array([np.mean([getattr(overlap, name) for overlap in of]) for of in overlaps])
        each = np.array([getattr(overlap, name) for of in overlaps for overlap in of])
        numbers[name] = {
            "mean": float(each.mean()),
            "sd": float(each.std()),
            "least": float(each.min()),
            "interval": bootstrap_interval(lambda i, of=of_case: float(of[i].mean()), len(of_case)),  # type: ignore[misc]
            "pooled": getattr(total, name),
        }
    return numbers


def _read(network: MultitaskNetwork, pair: StoredPair) -> _Read:
    row = plain_row(pair, sigma_px=1.0)
    crops = torch.from_numpy(row.crops)[:, None]
    facts = torch.tensor([header_facts(*pair.header)])
    images = torch.from_numpy(to_unit_range(pair.hu[:2], WindowConfig()))[:, None]
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        output = network.fuse(crops, network.segmenter(crops), facts)
        assert network.localizer is not None
        found = detect(network.localizer(images), network.config)
    masks = output.segmentation.mask_logits[:, 0].numpy() > 0
    levels = {}
    for index, level in enumerate(Level):
        overlap, box = Overlap.of(masks[index], row.masks[index]), box_of(pair.masks[index])
        detections = _detections(found[index].boxes_xyxy, found[index].label_scores, box)
        levels[level.value] = {
            "overlap": [overlap.both, overlap.only_predicted, overlap.only_true],
            "detections": detections,
            "center_off_mm": _off_mm(found[index].boxes_xyxy, box, pair.pixel_mm),
        }
    assert pair.status is not None
    bmd = None if output.bmd is None else round(float(output.bmd[0, 0]) - pair.bmd_mg_cm3)
    said = {"true": STATUSES.index(pair.status), "per_mille": per_mille(output.probabilities().numpy())[0]}
    return _Read(pair, crops, facts, output, {**said, "bmd_off": bmd, "levels": levels, "name": pair.name})


def _detections(boxes: torch.Tensor, scores: torch.Tensor, true: np.ndarray) -> list[list[float]]:
    overlaps = box_iou(boxes.numpy(), np.broadcast_to(true, boxes.shape)) if len(boxes) else np.zeros(0)
    return [[*(float(s) for s in score), float(iou)] for score, iou in zip(scores, overlaps, strict=True)]


def _off_mm(boxes: torch.Tensor, true: np.ndarray, pixel_mm: float) -> float | None:
    """Distance of the best box's center from the true one's."""
    if not len(boxes):
        return None
    first, second = (0.5 * (box[:2] + box[2:]) for box in (boxes[0].numpy(), np.asarray(true)))
    return float(np.hypot(*(first - second)) * pixel_mm)


def _kind(row: Row) -> tuple[int, bool]:
    """Tell the true class, and whether it was said."""
    return row["true"], int(np.argmax(row["per_mille"])) == row["true"]


def _draw(network: MultitaskNetwork, read: _Read, folder: Path) -> Mapping[str, Any]:
    """Draw L1 over L2: the crop with the body's outline, the map of Grad-CAM, that of HiResCAM; a WebP of 384 x 256."""
    import cv2

    said = int(np.argmax(read.row["per_mille"]))

    def score(crops: torch.Tensor) -> torch.Tensor:
        return network.fuse(crops, read.output.segmentation, read.facts).log_odds(said)[0]

    columns = [_outlined(read)]
    for method in (ExplanationMethod.GRADCAM, ExplanationMethod.HIRESCAM):
        layer = explained_layer(network.classifier, method)
        maps = scaled_pair(influence_maps(score, layer, read.crops, method), method)
        columns.append([_over(read.crops[i, 0].numpy(), one.values) for i, one in enumerate(maps)])
    picture = np.concatenate([np.concatenate(column) for column in columns], axis=1)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{read.row['name']}.webp"
    with write_whole(path) as temporary:
        temporary.write_bytes(cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])[1].tobytes())
    about = {key: read.row[key] for key in ("name", "true", "per_mille", "bmd_off")}
    return about | {
        "file": f"{folder.name}/{path.name}",
        "weights": [round(float(w), 3) for w in read.output.weights[0]],
    }


def _outlined(read: _Read) -> list[np.ndarray]:
    import cv2

    pictures = []
    for crop, logits in zip(read.crops[:, 0].numpy(), read.output.segmentation.mask_logits[:, 0].numpy(), strict=True):
        picture = cv2.cvtColor(np.rint(255 * _middle(crop)).astype(np.uint8), cv2.COLOR_GRAY2BGR)
        outlines, _ = cv2.findContours((_middle(logits) > 0).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
        pictures.append(cv2.drawContours(picture, outlines, -1, (120, 220, 120), 1))
    return pictures


def _over(crop: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Lay a map in [0, 1] over a crop: where it is dark the crop shows."""
    import cv2

    grey = cv2.cvtColor(np.rint(255 * _middle(crop)).astype(np.uint8), cv2.COLOR_GRAY2BGR).astype(np.float32)
    heat = cv2.applyColorMap(np.rint(255 * _middle(values)).astype(np.uint8), cv2.COLORMAP_INFERNO).astype(np.float32)
    opacity = _MAP_OPACITY * np.sqrt(_middle(values))[..., None]
    return np.rint((1 - opacity) * grey + opacity * heat).astype(np.uint8)


def _middle(image: np.ndarray) -> np.ndarray:
    margin = (image.shape[-1] - _PICTURE_PX) // 2
    return np.ascontiguousarray(image[margin : margin + _PICTURE_PX, margin : margin + _PICTURE_PX])
