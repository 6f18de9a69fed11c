"""The table of switches: what is trained, what stays, what is compared, and what is not done twice."""

import json
from dataclasses import replace

import pytest
import torch

from OsteoJointLib.config import network_config
from OsteoJointLib.network.multitask import MultitaskNetwork
from training.checkpoint import load_checkpoint, recipe_of, save_checkpoint, start
from training.data.pairs import save_pair
from training.schedule import Budget
from training.tasks import ablation
from training.tasks.ablation import VARIANTS, WHOLE, AblationConfig, Variant, ablate, ablation_table
from training.tasks.multitask import MultitaskConfig

MULTITASK = MultitaskConfig(
    name="tiny",
    network=replace(
        network_config("compact"),
        localizer_width=0.0625,
        segmenter_channels=(4, 4, 4, 8, 8, 8),
        classifier_stem=4,
        classifier_planes=(2, 2, 2, 2),
        classifier_blocks=(1, 1, 1, 1),
        fusion_hidden=4,
    ),
)
CONFIG = AblationConfig(steps=2, rows=2, window_px=96)


@pytest.fixture(scope="module")
def places(tmp_path_factory, make_pair):
    """A checkpoint, sixteen training pairs and six to validate on."""
    folder = tmp_path_factory.mktemp("ablation")
    for name, seeds in (("data", range(16)), ("validation", range(800_000, 800_006))):
        (folder / name).mkdir()
        for seed in seeds:
            save_pair(make_pair(seed), folder / name)
    task = MULTITASK.task()
    save_checkpoint(start(task), recipe_of(task, Budget(steps=1)), folder / "last.pt")
    return folder


def run(places, out, seeds=(0,)):
    return ablate(places / "last.pt", places / "data", places / "validation", seeds, out, CONFIG, workers=0)


def test_every_variant_is_measured_on_the_same_cases_and_no_seed_twice(places, tmp_path, monkeypatch, capsys):
    out = tmp_path / "rows.jsonl"
    rows = run(places, out)
    assert len(rows) == len(VARIANTS)
    assert {row["variant"] for row in rows} == {variant.name for variant in VARIANTS}
    assert {row["n"] for row in rows} == {6}
    assert "mask guidance off" in capsys.readouterr().out
    more = run(places, out, seeds=(0, 1))
    assert more[: len(rows)] == rows
    assert [json.loads(line) for line in out.read_text().splitlines()] == more
    monkeypatch.setattr(ablation, "_train", lambda *arguments: pytest.fail("trained a seed again"))
    assert run(places, out, seeds=(0, 1)) == more


def test_the_segmenter_stays_and_the_rest_is_trained(places):
    kept = load_checkpoint(places / "last.pt").average
    frozen = MultitaskNetwork(MULTITASK.network, with_localizer=False)
    frozen.load_state_dict({name: value for name, value in kept.items() if not name.startswith("localizer.")})
    frozen.eval().requires_grad_(False)
    for one in ablation._train(frozen, MULTITASK.network, places / "data", 0, CONFIG, workers=0):
        begun = ablation._start(
            frozen, replace(MULTITASK.network, **one.variant.network), one.variant, 0, CONFIG.optimizer
        )
        before, after = begun.network.state_dict(), one.network.state_dict()
        moved = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
        assert moved == {"classifier", "fusion"}
        assert one.network.segmenter is frozen.segmenter


def test_each_variant_differs_from_the_whole_by_what_it_says():
    whole, *others = VARIANTS
    assert whole == Variant(WHOLE)
    for variant in others:
        changed = {**variant.network, **variant.data}
        assert len(changed) == 1
        defaults = {**MULTITASK.network.to_json(), "mix_labels": "bmd", "mixup_alpha": 0.1}
        assert all(defaults[name] != value for name, value in changed.items())


def test_changes_are_to_the_whole_of_the_same_seed():
    rows = [
        {"seed": seed, "variant": name, "accuracy": accuracy, "cross_entropy": 1.0}
        for seed, name, accuracy in ((0, WHOLE, 0.5), (0, "x", 0.6), (1, WHOLE, 0.9), (1, "x", 1.0))
    ]
    assert "+0.100 ± 0.000" in ablation_table(rows)
