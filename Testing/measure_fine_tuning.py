"""What ten corrected CTs of a new kind teach the shipped network, and what it forgets: ``--out DIR --replay PAIRS``.

The kind: a cone beam's CTs, as an operating room makes them. They have noise, rings, streaks and shading, and their
gray values are no HU, so that nobody knows a class: outlines alone are taught. They are made of phantoms here, of other
ones for teaching and for judging. The ten are saved as Slicer's section *Labels* saves them, checked, cut into pairs,
trained on beside the pairs of ``--replay``, exported, and read by the pipeline. Compared are the weights before and
after: the whole chain from the true points on ten other CTs of the kind, and pairs of phantoms (``--phantoms``, of
``training pairs --seed 800000``). A run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import cv2
import numpy as np

from OsteoJointLib.dataset.checking import open_case
from OsteoJointLib.dataset.manifest import Manifest
from OsteoJointLib.errors import InputRefused
from OsteoJointLib.frames import Grid, flip_lps_ras, plane_to_mask
from OsteoJointLib.io.nrrd import image_on_grid, write_image
from OsteoJointLib.phantom.cases import Phantom, make_phantom
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.pipeline.settings import ReadOptions
from OsteoJointLib.records import CtVolume, Level, SourceInfo
from OsteoJointLib.worker.requests import Label
from OsteoJointLib.worker.saving import label
from training.__main__ import main as training
from training.evaluation.metrics import Overlap
from training.evaluation.pair_scores import score_pairs

TAUGHT_FROM, JUDGED_FROM, COUNT = 790_000, 900_500, 10  # seeds of training and of evaluation
LOOK = Grid.axis_aligned((20, 20, 20), (15.0, 15.0, 15.0), (-140.0, -140.0, -150.0))  # to see where the levels are
PIXELS, PIXEL_MM, SLICE_MM, BEYOND_MM, BACK_MM = 512, 0.7, 2.5, 22.0, 55.0  # of a slab through both bodies; chosen
GAIN, OFFSET_HU, SHADING_HU, NOISE_HU, GRAIN_PX, BLUR_PX = 0.6, 12.0, 240.0, 130.0, 1.0, 0.8  # chosen
RING_HU, STREAK_HU, STREAKS, STREAK_PX = 45.0, 110.0, 40, (1.0, 4.0)  # chosen
AIR_BELOW_HU = -400.0


def slab(seed: int) -> Phantom:
    """Make a phantom about L1 and L2 alone, which is all that is needed."""
    centers = make_phantom(seed, grid=LOOK).truth.centers_lps_mm
    top, low = centers[Level.L1.verse_label], centers[Level.L2.verse_label]
    slices = round((top[2] - low[2] + 2 * BEYOND_MM) / SLICE_MM)
    half = 0.5 * PIXEL_MM * (PIXELS - 1)
    origin = (low[0] - half, low[1] - half - BACK_MM, low[2] - BEYOND_MM)
    return make_phantom(seed, grid=Grid.axis_aligned((slices, PIXELS, PIXELS), (PIXEL_MM, PIXEL_MM, SLICE_MM), origin))


def cone_beam(volume: CtVolume, seed: int) -> CtVolume:
    """Make a cone beam's image of a CT: less contrast, shading, noise, rings about the axis, streaks."""
    rng, size = np.random.default_rng(seed), PIXELS
    y, x = np.mgrid[:size, :size].astype(np.float32) - size / 2
    radius = np.hypot(x, y)
    out = np.empty_like(volume.hu)
    for index, plane in enumerate(volume.hu.astype(np.float32)):
        shading = SHADING_HU * ((radius / size) ** 2 * 2 - 0.15)
        noise = cv2.GaussianBlur(rng.standard_normal((size, size)).astype(np.float32), (0, 0), GRAIN_PX)
        rings = rng.standard_normal(size).astype(np.float32)[np.minimum(radius.astype(int), size - 1)]
        streaks = np.zeros_like(plane)
        for _ in range(STREAKS):
            angle, off, wide = rng.uniform(0, np.pi), rng.uniform(-size / 3, size / 3), rng.uniform(*STREAK_PX)
            streaks += rng.choice([-1, 1]) * np.exp(-0.5 * ((x * np.cos(angle) + y * np.sin(angle) - off) / wide) ** 2)
        seen = GAIN * plane + OFFSET_HU + shading + NOISE_HU * noise / noise.std()
        seen = cv2.GaussianBlur(seen + RING_HU * rings + STREAK_HU * streaks.astype(np.float32), (0, 0), BLUR_PX)
        out[index] = np.clip(np.where(plane < AIR_BELOW_HU, plane, seen), -1000, 3000)
    return CtVolume(out, volume.grid, SourceInfo("memory", kvp=110.0, contrast=False))


def save_label(folder: Path, seed: int, work: Path) -> None:
    """Save one case as Slicer's section Labels does, with the true masks for corrected ones."""
    name = f"case-{seed}"
    if (folder / name).exists():
        return
    phantom = slab(seed)
    volume = cone_beam(phantom.volume, seed)
    drawn = work / f"{name}.nrrd"
    write_image(image_on_grid(phantom.labels.astype(np.uint8), volume.grid), drawn)
    points = {level: tuple(phantom.truth.centers_lps_mm[level.verse_label]) for level in Level}
    ras = {level: tuple(flip_lps_ras(np.array(point)).tolist()) for level, point in points.items()}
    request = Label(
        case="", folder=folder, name=name, patient=f"P{seed}", segmentation=dict.fromkeys(Level, drawn), points=ras
    )
    label(volume, None, None, request, points)
    drawn.unlink()
    print(name, flush=True)


def chain(weights: str, judged: Path) -> dict[str, float]:
    """Read the kind from the true points, and compare the masks with the true ones; a refused case counts 0."""
    reader, dice, refused = load_reader(weights, threads=1), [], 0
    cases = Manifest(judged).read()
    for entry in cases:
        case = open_case(judged, entry)
        points = {level: entry.levels[level].center_lps_mm for level in Level}
        try:
            result = reader.read(case.volume, points=points, options=ReadOptions(gradcam=False, volume=False))
        except InputRefused:
            refused += 1
            dice += [0.0] * len(Level)
            continue
        for reading in result.readings:
            axial = reading.axial
            plane = case.masks[reading.point.level].mask.plane(axial.slice_index, case.volume.grid.shape_zyx[1:])
            dice.append(Overlap.of(reading.segmentation.mask, plane_to_mask(plane, axial)).dice)
    return {"dice": round(float(np.mean(dice)), 4), "refused": refused, "n": len(cases)}


def measured(out: Path, name: str, weights: str, phantoms: Path, watched: int) -> dict[str, dict[str, float]]:
    """Measure weights, or read what was measured before."""
    path = out / f"{name}.json"
    if not path.exists():
        network = load_reader(weights, threads=1).network
        numbers = {
            "chain": chain(weights, out / "judged_labels"),
            "pairs": score_pairs(network, out / "judged_pairs", COUNT, 2.0),
            "phantoms": score_pairs(network, phantoms, watched, 2.0),
        }
        path.write_text(json.dumps(numbers), encoding="utf-8")
    print(name, path.read_text(encoding="utf-8"), flush=True)
    return json.loads(path.read_text(encoding="utf-8"))


def main() -> None:
    """Run the story and write ``fine_tuning.json``."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--replay", type=Path, required=True)
    parser.add_argument("--phantoms", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--watched", type=int, default=60)
    options = parser.parse_args()
    out, pairs, run = (options.out / name for name in ("", "pairs", "run"))
    out.mkdir(parents=True, exist_ok=True)
    taught, judged = (range(first, first + COUNT) for first in (TAUGHT_FROM, JUDGED_FROM))
    for name, seeds, per_case in (("", taught, 6), ("judged_", judged, 1)):
        labels = out / f"{name}labels"
        for seed in seeds:
            save_label(labels, seed, out)
        assert training(["check", str(labels)]) == 0
        cut = ["pairs", "--cases", str(labels), "--out", str(out / f"{name}pairs")]
        assert training([*cut, "--per-case", str(per_case)]) == 0
    begin = ["train", "--from", "compact", "--data", str(pairs), "--replay", str(options.replay), "--out", str(run)]
    assert training([*begin, "--steps", str(options.steps), "--threads", "1", "--workers", "0"]) == 0
    ship = ["export", "--multitask", str(run / "last.pt"), "--levels", "compact", "--out", str(out / "weights")]
    assert training([*ship, "--name", "taught", "--replace"]) == 0
    taught_weights = str(out / "weights" / "taught.safetensors")
    numbers = {
        name: measured(out, name, weights, options.phantoms, options.watched)
        for name, weights in (("before", "compact"), ("after", taught_weights))
    }
    document = {"steps": options.steps, "cases": COUNT, **numbers}
    (out / "fine_tuning.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
