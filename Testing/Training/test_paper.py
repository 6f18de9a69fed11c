"""The paper's experiment: what its config says, and that its network takes steps."""

import json
import math
from dataclasses import replace

import pytest
import torch

from OsteoJointLib.config import network_config
from OsteoJointLib.network.losses.weighting import TERMS
from training.checkpoint import load_checkpoint, start
from training.configs.paper import get_config
from training.loop import train
from training.schedule import Budget, learning_rate


def test_the_config_is_the_paper_s():
    config = get_config()
    assert config.network == network_config("paper")
    assert (config.network.localizer, config.network.classifier_blocks) == ("darknet53", (3, 4, 23, 3))
    assert (config.data.mixup_alpha, config.data.mix_labels, config.data.evolved_share) == (0.1, "one-hot", 0.5)
    rates = {learning_rate(progress, config.optimizer) for progress in (0.0, 0.01, 0.5, 1.0)}
    assert rates == {0.001}
    assert config.task().cases_a_batch == 16
    assert Budget(epochs=300).in_steps(524, 16).steps == 300 * math.ceil(524 / 16)


def small(config):
    """The same experiment with the fewest rows and the smallest crops: the network keeps its sizes."""
    data = replace(config.data, rows=2, class_rows=2, images=1, minimum_pairs=4)
    return replace(config, data=data, windows_px=((1.0, 64),), compile=False)


def narrow(config):
    """The same with a thin network."""
    network = replace(
        config.network,
        localizer="tiny",
        localizer_width=0.0625,
        segmenter_channels=(4, 4, 4, 8, 8, 8),
        classifier_stem=4,
        classifier_planes=(2, 2, 2, 2),
        classifier_blocks=(1, 1, 1, 1),
        fusion_hidden=4,
    )
    return replace(small(config), network=network)


def rows_of(folder):
    header, *rows = [line.split(",") for line in (folder / "log.csv").read_text().splitlines()]
    return [dict(zip(header, row, strict=True)) for row in rows]


def assert_trains(config, pair_folder, watched_pairs, out, steps):
    task = config.task()
    cases = task.batches(pair_folder).cases()
    epochs = steps / math.ceil(cases / task.cases_a_batch)
    run = train(task, pair_folder, out, Budget(epochs=epochs), watched_pairs, workers=0, threads=1)
    rows = rows_of(out)
    assert run.step == steps == len(rows)
    assert all(math.isfinite(float(row[term])) for row in rows for term in ("total", *TERMS))
    assert {row["rate"] for row in rows} == {"0.001"}
    before = start(task).module
    for part, parameters in run.module.parts().items():
        assert any(not torch.equal(a, b) for a, b in zip(parameters, before.parts()[part], strict=True)), part
    assert load_checkpoint(out / "best.pt").step == steps
    scores = json.loads((out / "validation.jsonl").read_text().splitlines()[-1])
    assert scores["n"] == 3 and 0.0 <= scores["dice"] <= 1.0


def test_a_thin_one_takes_two_epochs_of_a_step(pair_folder, watched_pairs, tmp_path):
    assert_trains(narrow(get_config()), pair_folder, watched_pairs, tmp_path, steps=2)


@pytest.mark.slow
def test_the_whole_one_takes_two_steps(pair_folder, watched_pairs, tmp_path):
    assert_trains(small(get_config()), pair_folder, watched_pairs, tmp_path, steps=2)


@pytest.mark.slow
def test_a_compiled_step_is_the_plain_one(pair_folder, tmp_path):
    """In float32; needs a C++ compiler."""
    totals = []
    for compiled in (False, True):
        config = replace(narrow(get_config()), compile=compiled, precision="32-true", log_every=1)
        out = tmp_path / str(compiled)
        train(config.task(), pair_folder, out, Budget(steps=2), workers=0, threads=1)
        totals.append([float(row["total"]) for row in rows_of(out)])
    assert totals[1] == pytest.approx(totals[0], rel=1e-3)
