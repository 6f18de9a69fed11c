"""What each switch of the classifier buys: it is trained anew with each one off, side by side on the same batches.

The segmenter of a finished run stays as it is, and its features are computed once a batch for all variants: that is why
a table of nine variants and three seeds takes hours and not days. What changes the segmenter itself (boundary branch,
reference tissues, the level set's guidance) can't be switched this way: train it whole, with
``python -m training train --set network.boundary_branch=False``.

The validation pairs are randomized as those of training are, so its numbers compare variants with each other; how good
the shipped network is on phantoms of a hospital's mix says ``python -m training evaluate``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from OsteoJointLib.atomic import write_text_whole
from OsteoJointLib.cli.text_table import table
from OsteoJointLib.config import NetworkConfig
from OsteoJointLib.device import set_threads
from OsteoJointLib.network.facts import header_facts
from OsteoJointLib.network.multitask import MultitaskNetwork
from OsteoJointLib.network.segmenter import SegmenterOutput
from training.data.pair_batches import PairBatch, PairBatchConfig, PairBatches
from training.data.pair_rows import plain_row
from training.data.pairs import PairFolder, load_pair
from training.evaluation.pair_scores import class_scores
from training.optimizing import make_optimizer
from training.run_config import OptimizerConfig
from training.schedule import learning_rate
from training.seeds import VALIDATION_SEEDS
from training.step_batches import step_loader
from training.tasks.finished import multitask_part
from training.tasks.multitask import MultitaskConfig, frozen_rows, status_loss, windowed

Row = dict[str, Any]

_NEVER = 1_000_000_000
"""Steps between two of the localizer, which is not trained here."""


@dataclass(frozen=True)
class Variant:
    """The network with one thing changed.

    Args:
        name: what is changed.
        network: fields of :class:`NetworkConfig`.
        data: fields of :class:`PairBatchConfig`.
    """

    name: str
    network: Mapping[str, Any] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)


WHOLE = "all on"
VARIANTS = (
    Variant(WHOLE),
    Variant("ordinal head off", {"ordinal_head": False}),
    Variant("header facts off", {"header_facts": False}),
    Variant("mask guidance off", {"mask_guidance": False}),
    Variant("layered fusion off", {"layered_fusion": False}),
    Variant("gated convolution off", {"gated_convolution": False}),
    Variant("feature fusion off", {"feature_fusion": False}),
    Variant("mixtures labeled one-hot", data={"mix_labels": "one-hot"}),
    Variant("no mixing", data={"mixup_alpha": None}),
)


@dataclass(frozen=True)
class AblationConfig:
    """How long and on what each variant is trained.

    Args:
        steps: of each.
        rows: cases a step, for the class alone.
        window_px: edge of the middle of the crops.
        optimizer: of each.
    """

    steps: int = 400
    rows: int = 16
    window_px: int = 160
    optimizer: OptimizerConfig = field(default_factory=OptimizerConfig)


@dataclass(frozen=True, eq=False)
class _Case:
    """A validation case as every variant meets it: (2, 1, H, W) crops with what the frozen segmenter says of them."""

    crops: torch.Tensor
    segmentation: SegmenterOutput
    facts: torch.Tensor
    status: int
    bmd_mg_cm3: float


@dataclass(frozen=True, eq=False)
class _Trained:
    """A variant in training."""

    variant: Variant
    network: MultitaskNetwork
    optimizer: torch.optim.Optimizer

    @property
    def parts(self) -> nn.ModuleList:
        """What is trained."""
        return nn.ModuleList([self.network.classifier, self.network.fusion])


def ablate(
    multitask: Path, data: Path, validation: Path, seeds: Sequence[int], out: Path, config: AblationConfig, workers: int
) -> list[Row]:
    """Train and measure every variant with every seed, and print the table.

    Args:
        multitask: checkpoint or weights file whose segmenter is taken.
        data, validation: folders of pairs.
        seeds: of weights and draws.
        out: JSON lines, one row a variant and seed; a seed whose rows are there isn't trained again.
        config: how long.
        workers: processes that make batches.

    Returns:
        The rows.
    """
    set_threads(1)
    kept = multitask_part(multitask)
    frozen = MultitaskNetwork(kept.config, with_localizer=False)
    frozen.load_state_dict({k: v.float() for k, v in kept.state.items() if not k.startswith("localizer.")})
    frozen.eval().requires_grad_(False)
    rows = _rows_of(out)
    for seed in seeds:
        if any(row["seed"] == seed for row in rows):
            continue
        trained = _train(frozen, kept.config, data, seed, config, workers)
        cases = list(_cases(frozen, validation))
        rows += [{"seed": seed, "variant": one.variant.name, **_measure(one.network, cases)} for one in trained]
        write_text_whole(out, "".join(json.dumps(row) + "\n" for row in rows))
    print(ablation_table(rows))
    return rows


def _rows_of(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def _train(
    frozen: MultitaskNetwork, network: NetworkConfig, data: Path, seed: int, config: AblationConfig, workers: int
) -> list[_Trained]:
    """Train every variant with one seed."""
    everything = PairBatchConfig(rows=1, further_rows=0, class_rows=config.rows, images=1, localizer_every=_NEVER)
    groups: dict[PairBatchConfig, list[_Trained]] = {}
    for variant in VARIANTS:
        groups.setdefault(replace(everything, **variant.data), []).append(
            _start(frozen, replace(network, **variant.network), variant, seed, config.optimizer)
        )
    augment = MultitaskConfig(name="ablation").augment
    loaders = [
        iter(step_loader(PairBatches(data, seed, of, augment), 0, config.steps, min(workers, 1))) for of in groups
    ]
    for step in range(config.steps):
        rate = learning_rate(step / config.steps, config.optimizer)
        for loader, members in zip(loaders, groups.values(), strict=True):
            losses = _step(frozen, members, windowed(next(loader), config.window_px), rate, config.optimizer.clip_norm)
            if step % 20 == 0:
                print(f"seed {seed}, step {step}: {losses}", flush=True)
    return [one for members in groups.values() for one in members]


def _start(
    frozen: MultitaskNetwork, network: NetworkConfig, variant: Variant, seed: int, optimizer: OptimizerConfig
) -> _Trained:
    """Build a variant about the frozen segmenter."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        built = MultitaskNetwork(network, with_localizer=False)
    built.segmenter = frozen.segmenter
    built.to(memory_format=torch.channels_last)
    return _Trained(variant, built, make_optimizer(nn.ModuleList([built.classifier, built.fusion]), optimizer))


def _step(
    frozen: MultitaskNetwork, members: Sequence[_Trained], batch: PairBatch, rate: float, clip_norm: float
) -> dict[str, float]:
    """Take one step with each variant on the same rows; the losses by variant."""
    losses = {}
    with torch.autocast("cpu", torch.bfloat16):
        rows = frozen_rows(frozen.segmenter, batch)
    assert rows is not None
    for one in members:
        one.parts.train()
        with torch.autocast("cpu", torch.bfloat16):
            loss = status_loss(one.network, [rows], batch)
        for group in one.optimizer.param_groups:
            group["lr"] = rate
        one.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(one.parts.parameters(), clip_norm)
        one.optimizer.step()
        losses[one.variant.name] = round(float(loss.detach()), 3)
    return losses


def _cases(frozen: MultitaskNetwork, validation: Path) -> Iterator[_Case]:
    """Read the validation pairs whose grey values are a patient's."""
    listed = PairFolder.listed(validation, VALIDATION_SEEDS)
    for index in np.flatnonzero(listed.lawful):
        pair = load_pair(listed.paths[index])
        crops = torch.from_numpy(plain_row(pair, sigma_px=1.0).crops)[:, None]
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            segmentation = frozen.segmenter(crops)
        facts = torch.tensor([header_facts(pair.kvp, pair.phase != "none")])
        yield _Case(crops, segmentation, facts, int(listed.statuses[index]), pair.bmd_mg_cm3)


def _measure(network: MultitaskNetwork, cases: Sequence[_Case]) -> Row:
    """Measure a variant on every case: the means, and which cases were right."""
    network.eval()
    scores = []
    for case in cases:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            output = network.fuse(case.crops, case.segmentation, case.facts)
        scores.append(class_scores(output, case.status, case.bmd_mg_cm3))
    means = {name: round(float(np.mean([score[name] for score in scores])), 4) for name in scores[0]}
    return {**means, "n": len(scores), "right": [int(score["accuracy"]) for score in scores]}


def ablation_table(rows: Sequence[Row]) -> str:
    """Put the rows into a table: means over the seeds, and what each change costs against the whole network.

    The cost is the mean over seeds of the difference to the whole network of the same seed, with its standard error.
    """
    whole = {row["seed"]: row for row in rows if row["variant"] == WHOLE}
    lines = [["variant", "seeds", "accuracy", "its change", "cross-entropy", "its change", "BMD MAE, mg/cm³"]]
    for variant in dict.fromkeys(row["variant"] for row in rows):
        of = [row for row in rows if row["variant"] == variant]
        mae = [row["bmd_mae"] for row in of if "bmd_mae" in row]
        line = [variant, str(len(of))]
        for name in ("accuracy", "cross_entropy"):
            changes = [row[name] - whole[row["seed"]][name] for row in of]
            line += [f"{np.mean([row[name] for row in of]):.3f}", "" if variant == WHOLE else _change(changes)]
        lines.append([*line, f"{np.mean(mae):.1f}" if mae else "–"])
    return table(lines)


def _change(values: Sequence[float]) -> str:
    """Write a mean with its standard error."""
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.nan
    return f"{np.mean(values):+.3f} ± {error:.3f}"
