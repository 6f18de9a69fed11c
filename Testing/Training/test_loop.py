"""Stories of the training: two steps, save, load, predict; resume = straight run; what stops it."""

import csv
from dataclasses import replace

import pytest
import torch

from OsteoJointLib.config import network_config
from OsteoJointLib.errors import InputRefused, RunFailed, UsageError
from OsteoJointLib.network.losses.weighting import TERMS
from OsteoJointLib.network.multitask import MultitaskNetwork
from training.__main__ import main
from training.configs.compact import get_config
from training.data.pair_batches import DataConfig, TrainingBatches
from training.evaluation.pair_scores import validate
from training.loop import (
    Budget,
    learning_rate,
    load_checkpoint,
    require_finite,
    start,
    train,
    update_average,
    window_px,
)
from training.run_config import OptimizerConfig, TrainConfig, overridden
from training.tasks.multitask import MultitaskStep, decay_groups

TINY_NETWORK = replace(
    network_config("compact"),
    profile="tiny",
    localizer_width=0.0625,
    segmenter_channels=(4, 4, 4, 8, 8, 8),
    classifier_stem=4,
    classifier_planes=(2, 2, 2, 2),
    classifier_blocks=(1, 1, 1, 1),
    fusion_hidden=4,
)
TINY = TrainConfig(
    name="tiny",
    network=TINY_NETWORK,
    data=DataConfig(rows=2, images=1, localizer_every=2, minimum_pairs=4),
    windows_px=((0.5, 64), (1.0, 96)),
    precision="32-true",
)


def run(folder, pairs, steps=4, **changes):
    return train(TINY, pairs, folder, Budget(steps=steps), workers=0, **changes)


def test_two_steps_save_load_predict(tmp_path, pair_folder):
    before = start(TINY).average
    state = run(tmp_path, pair_folder, steps=2, validation=pair_folder)
    content = load_checkpoint(tmp_path / "last.pt")
    assert content["step"] == state.step == 2
    moved = [name for name, value in content["average"].items() if not torch.equal(value, before[name])]
    assert any(name.startswith("localizer") for name in moved)
    assert any(name.startswith("segmenter") for name in moved)
    assert any(name.startswith("fusion") for name in moved)
    network = MultitaskNetwork(TINY_NETWORK)
    network.load_state_dict(content["average"])
    numbers = validate(network, pair_folder, 3, 2.0)
    assert numbers["n"] == 3 and 0 <= numbers["dice"] <= 1 and 0 <= numbers["ap50"] <= 1
    assert (tmp_path / "validation.jsonl").read_text().count("\n") == 1


def test_a_resumed_run_is_the_straight_run(tmp_path, pair_folder):
    straight = run(tmp_path / "straight", pair_folder)
    run(tmp_path / "resumed", pair_folder, stop_after=1)
    run(tmp_path / "resumed", pair_folder, stop_after=3)
    resumed = run(tmp_path / "resumed", pair_folder)
    assert resumed.step == straight.step == 4
    for module in ("step_module", "optimizer"):
        torch.testing.assert_close(
            getattr(resumed, module).state_dict(), getattr(straight, module).state_dict(), rtol=0, atol=0
        )
    torch.testing.assert_close(resumed.average, straight.average, rtol=0, atol=0)
    with (tmp_path / "resumed" / "log.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["step"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["window_px"] for row in rows] == ["64", "64", "96", "96"]
    assert [bool(row["box"]) for row in rows] == [True, False, True, False]


def test_batches_from_a_worker_process_are_the_same(tmp_path, pair_folder):
    one = train(TINY, pair_folder, tmp_path / "a", Budget(steps=2), workers=1)
    two = train(TINY, pair_folder, tmp_path / "b", Budget(steps=2), workers=0)
    torch.testing.assert_close(one.average, two.average, rtol=0, atol=0)


def test_a_step_trains_all_six_terms(pair_folder):
    module = start(TINY).step_module
    batch = TrainingBatches(pair_folder, 0, replace(TINY.data, rows=4), TINY.augment)[0]
    output = module(batch, 96)
    assert tuple(output.terms) == TERMS
    output.total.backward()
    untouched = [name for name, p in module.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()]
    assert untouched == []


def test_no_decay_on_gates_norms_and_loss_weights():
    module = MultitaskStep(MultitaskNetwork(TINY_NETWORK))
    decayed, free = decay_groups(module, 0.1)
    free_ids = {id(p) for p in free["params"]}
    assert decayed["weight_decay"] == 0.1 and free["weight_decay"] == 0.0
    for name, parameter in module.named_parameters():
        wanted = parameter.ndim == 1 or ".gates." in name
        assert (id(parameter) in free_ids) == wanted, name


def test_a_loss_that_is_no_number_names_terms_and_cases():
    total = torch.tensor(float("nan"))
    output = type("Output", (), {"total": total, "values": lambda self: {"mask": float("nan")}})()
    with pytest.raises(RunFailed, match=r"step 7.*mask.*0000001-normal"):
        require_finite(output, ("0000001-normal",), 7)


def test_schedule_rises_then_falls():
    config = OptimizerConfig(learning_rate=1.0, warmup=0.1, final_fraction=0.01)
    rates = [learning_rate(p, config) for p in (0.0, 0.05, 0.1, 0.55, 1.0)]
    assert rates == pytest.approx([0.1, 0.55, 1.0, 0.505, 0.01])


def test_window_follows_progress():
    config = replace(TINY, windows_px=((0.6, 160), (1.0, 224)))
    assert [window_px(p, config) for p in (0.0, 0.59, 0.6, 1.0)] == [160, 160, 224, 224]
    with pytest.raises(UsageError, match="multiples of 32"):
        replace(TINY, windows_px=((1.0, 100),))


def test_budget_is_steps_or_minutes():
    assert Budget(steps=10).progress(5, 1e9) == 0.5
    assert Budget(minutes=2.0).progress(10**6, 60.0) == 0.5
    with pytest.raises(UsageError, match="--minutes"):
        Budget(steps=1, minutes=1.0)


def test_average_follows_the_weights():
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, 1.0)
    average = {"weight": torch.zeros(1, 1)}
    update_average(average, layer, step=0, decay=0.998)
    assert float(average["weight"]) == pytest.approx(0.9)
    update_average(average, layer, step=10**6, decay=0.998)
    assert float(average["weight"]) == pytest.approx(0.9 + 0.1 * 0.002)


def test_overrides_are_strict():
    config = get_config()
    assert overridden(config, "data.rows", "12").data.rows == 12
    assert overridden(config, "optimizer.learning_rate", "1").optimizer.learning_rate == 1.0
    assert overridden(config, "optimizer.name", "adamw").optimizer.name == "adamw"
    assert overridden(config, "data.mixup_alpha", "None").data.mixup_alpha is None
    for path, value in (("data.row", "1"), ("data.rows", "1.5"), ("data.rows", "many"), ("data.rows.x", "1")):
        with pytest.raises(UsageError):
            overridden(config, path, value)


def test_command_line_exit_codes(tmp_path, capsys):
    assert main(["train", "--pairs", str(tmp_path), "--steps", "1", "--out", str(tmp_path / "run")]) == 3
    assert "training.data.pairs" in capsys.readouterr().err
    assert main(["train", "--pairs", str(tmp_path), "--config", "nothing", "--steps", "1"]) == 2
    with pytest.raises(InputRefused, match="Train first"):
        load_checkpoint(tmp_path / "none.pt")
