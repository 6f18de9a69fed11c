"""Explanation maps of phantoms and of real CT, held against the network that they explain: one row a case."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from OsteoJointLib.frames import plane_to_mask
from OsteoJointLib.io.ct_input import read_ct
from OsteoJointLib.phantom.cases import make_phantom
from OsteoJointLib.pipeline.case import CaseResult
from OsteoJointLib.pipeline.classification import classify_pair, facts_tensor, run_segmenter
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.pipeline.reader import Reader
from OsteoJointLib.pipeline.settings import PipelineConfig
from OsteoJointLib.pipeline.vertebra import VertebraReading
from OsteoJointLib.records import STATUSES, ExplanationMethod, Level
from training.evaluation.case_rows.explanation_row import explanation_row
from training.evaluation.faithfulness import hiding_curves
from training.evaluation.rows import Row
from training.seeds import EVALUATION_SEEDS, VALIDATION_SEEDS, require_seeds

Bodies = Mapping[Level, np.ndarray]
"""Masks of both bodies, (512, 512) bool in the frame of their slices."""


def explained_cases(
    weights: str, method: ExplanationMethod, inputs: Sequence[Path], first_seed: int, phantoms: int
) -> list[Row]:
    """Read cases and measure their maps.

    Args:
        weights: name or path.
        method: how the maps are made.
        inputs: CTs, read as any; the bodies are those that the chain segmented.
        first_seed, phantoms: of the phantoms, read at their true centers; the bodies are their truth.
    """
    reader = load_reader(weights, config=PipelineConfig(explanation=method))
    read = chain(_read_inputs(reader, inputs), _read_phantoms(reader, first_seed, phantoms))
    return [explained_row(reader, name, result, bodies) for name, result, bodies in read]


def _read_inputs(reader: Reader, inputs: Iterable[Path]) -> Iterator[tuple[str, CaseResult, Bodies]]:
    for path in inputs:
        result = reader.read(read_ct(path))
        yield str(path), result, {reading.level: reading.segmentation.mask for reading in result.readings}


def _read_phantoms(reader: Reader, first_seed: int, count: int) -> Iterator[tuple[str, CaseResult, Bodies]]:
    seeds = require_seeds(first_seed, count, VALIDATION_SEEDS, EVALUATION_SEEDS) if count else ()
    for seed in seeds:
        phantom = make_phantom(seed)
        centers = {level: phantom.truth.centers_lps_mm[level.verse_label] for level in Level}
        result = reader.read(phantom.volume, points=centers)
        yield (
            f"phantom {seed}",
            result,
            {
                reading.level: plane_to_mask(
                    phantom.labels[reading.axial.slice_index] == reading.level.verse_label, reading.axial
                )
                for reading in result.readings
            },
        )


def explained_row(reader: Reader, name: str, result: CaseResult, bodies: Bodies) -> Row:
    """Measure the maps of one case; a row of plain values, with null where there is no class or a blank map."""
    said = result.classification
    row: Row = {"case": name, "status": said and said.status.value}
    if said is None:
        return row
    row["levels"] = {reading.level.value: _level(reading, bodies[reading.level]) for reading in result.readings}
    crops, facts = [reading.crop for reading in result.readings], facts_tensor(result.volume, reader.device)

    def probabilities(images: np.ndarray) -> np.ndarray:
        changed = [replace(crop, image=image) for crop, image in zip(crops, images, strict=True)]
        said = run_segmenter(reader.network, changed, reader.device)
        return np.array(classify_pair(reader.network, said, facts).probabilities)

    maps = np.stack([reading.explanation.values for reading in result.readings if reading.explanation is not None])
    images = np.stack([crop.image for crop in crops])
    curves = hiding_curves(probabilities, images, maps, STATUSES.index(said.status))
    return row | {
        "curves": curves and asdict(curves),
        "deletion_gain": curves and curves.deletion_gain,
        "insertion_gain": curves and curves.insertion_gain,
    }


def _level(reading: VertebraReading, body: np.ndarray) -> Row:
    assert reading.explanation is not None, "there is a class, so there is a map"
    row = explanation_row(reading.explanation.values, body, reading.crop, reading.axial.pixel_mm)
    return {"share": reading.explanation.share, **row}


def summarize(rows: Sequence[Row]) -> dict[str, Any]:
    """Take the means over cases and levels with a class, and count them; a blank map has its peak nowhere."""
    explained = [row for row in rows if row.get("curves")]
    levels = [level for row in rows for level in row.get("levels", {}).values()]

    def mean(values: Sequence[float]) -> float | None:
        return round(float(np.mean(values)), 4) if values else None

    return {
        "cases": len(rows),
        "explained": len(explained),
        "levels": len(levels),
        "energy_inside": mean([level["energy_inside"] for level in levels if level["energy_inside"] is not None]),
        "peak_inside": mean([level["peak_inside"] for level in levels]),
        **{gain: mean([row[gain] for row in explained]) for gain in ("deletion_gain", "insertion_gain")},
        "deletion_gained": mean([row["deletion_gain"] > 0 for row in explained]),
        "insertion_gained": mean([row["insertion_gain"] > 0 for row in explained]),
    }
