"""Two checkpoints become one weights file that the library loads."""

import json
from dataclasses import replace

import pytest
import torch

from OsteoJointLib.config import network_config
from OsteoJointLib.errors import InputRefused, Reason, UsageError
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.network.level_net import LevelNet
from OsteoJointLib.network.multitask import MultitaskNetwork
from OsteoJointLib.resources import resource_path
from OsteoJointLib.weights import load_weights
from training.checkpoint import recipe_of, save_checkpoint, start
from training.schedule import Budget
from training.tasks.export import evaluation_metrics, export
from training.tasks.levels import LevelConfig
from training.tasks.multitask import MultitaskConfig


def checkpoints(folder, network):
    """Checkpoints of both tasks whose averages differ from the weights of their last step."""
    runs = []
    for config in (
        MultitaskConfig(name="tiny", network=network),
        LevelConfig(name="tiny_levels", network=LevelNetConfig(channels=(4, 4))),
    ):
        task = config.task()
        run = start(task)
        for value in run.average.values():
            value += 1
        save_checkpoint(run, recipe_of(task, Budget(steps=1)), folder / f"{task.name}.pt")
        runs.append(run)
    return runs


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    network = replace(network_config("compact"), profile="tiny", localizer_width=0.0625)
    return folder, network, checkpoints(folder, network)


def exported(folder, out, **options):
    return export(folder / "multitask.pt", folder / "levels.pt", "tiny", out, **options)


def test_export_holds_the_averages_of_both_networks(trained, tmp_path):
    folder, network, runs = trained
    loaded = load_weights(exported(folder, tmp_path))
    assert loaded.config == network and loaded.level_config == LevelNetConfig(channels=(4, 4))
    for rebuilt, prefix, run in zip(
        (MultitaskNetwork(loaded.config), LevelNet(loaded.level_config)), ("multitask.", "levels."), runs, strict=True
    ):
        rebuilt.load_state_dict(loaded.part(prefix))
        for name, value in rebuilt.state_dict().items():
            torch.testing.assert_close(value, run.average[name], rtol=2e-3, atol=1e-6)
    entry = json.loads((tmp_path / "manifest.json").read_text())["weights"][0]
    assert entry["metrics"] == {} and entry["training"]["experiment"]["name"] == "tiny"
    assert "Research only" in entry["intended_use"]


def test_the_multitask_network_of_weights_is_kept_beside_new_levels(trained, tmp_path):
    folder = trained[0]
    first = exported(folder, tmp_path)
    again = load_weights(export(first, folder / "levels.pt", "again", tmp_path))
    for name, value in load_weights(first).part("multitask.").items():
        torch.testing.assert_close(again.part("multitask.")[name], value)
    old, new = (json.loads((tmp_path / "manifest.json").read_text())["weights"][i] for i in (1, 0))
    assert (old["name"], new["name"]) == ("tiny", "again") and new["training"] == old["training"]
    assert new["level_training"]["experiment"]["name"] == "tiny_levels"


def test_weights_that_are_there_are_replaced_only_when_told(trained, tmp_path):
    folder = trained[0]
    path = exported(folder, tmp_path)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="--replace") as refused:
        export(folder / "multitask.pt", folder / "levels.pt", "tiny", tmp_path)
    assert refused.value.reason is Reason.OUTPUT_EXISTS and path.read_bytes() == before
    exported(folder, tmp_path, replace=True)
    shipped = resource_path("Weights", "compact.safetensors")
    before = shipped.read_bytes()
    with pytest.raises(UsageError, match="--replace"):
        export(folder / "multitask.pt", folder / "levels.pt", "compact", shipped.parent)
    assert shipped.read_bytes() == before


def test_checkpoints_of_the_wrong_task_are_refused(trained, tmp_path):
    folder = trained[0]
    with pytest.raises(InputRefused, match="task levels, and one of the task multitask"):
        export(folder / "levels.pt", folder / "multitask.pt", "tiny", tmp_path)


def test_weights_too_large_to_ship_are_refused(tmp_path):
    checkpoints(tmp_path, replace(network_config("compact"), profile="wide", localizer_width=1.0))
    with pytest.raises(InputRefused, match="10 MB"):
        exported(tmp_path, tmp_path / "weights")


NUMBERS = dict.fromkeys(
    (
        *("end_to_end", "levels_within_10mm", "dice", "iou", "pooled", "status", "baselines", "image", "bmd"),
        *("explanation", "localizer"),
    ),
    0.5,
) | {
    "n": 4,
    "first_seed": 900_000,
    "levels": {"right": 4, "by_stratum": {}},
    "versus": {"hu": {"p": 0.01, "by_stratum": {}}},
}


def test_metrics_are_of_these_very_weights(trained, tmp_path):
    folder, numbers = trained[0], tmp_path / "numbers.json"
    loaded = load_weights(exported(folder, tmp_path))
    sha256, config = loaded.info.sha256, loaded.config.to_json()
    numbers.write_text(json.dumps(NUMBERS | {"weights_sha256": sha256, "network": config}))
    exported(folder, tmp_path, evaluation=numbers, replace=True)
    entry = json.loads((tmp_path / "manifest.json").read_text())["weights"][0]
    assert (entry["metrics"]["dice"], entry["metrics"]["levels"], entry["sha256"]) == (0.5, {"right": 4}, sha256)
    assert entry["metrics"]["versus"] == {"hu": {"p": 0.01}}
    for measured in (("of others", config), (sha256, config | {"bmd_sd_factor": 0.5})):
        numbers.write_text(json.dumps(NUMBERS | dict(zip(("weights_sha256", "network"), measured, strict=True))))
        with pytest.raises(InputRefused, match="other weights"):
            exported(folder, tmp_path, evaluation=numbers, replace=True)


@pytest.mark.parametrize(
    ("numbers", "kind", "words"),
    [
        ({}, InputRefused, "training evaluate"),
        (NUMBERS | {"weights_sha256": "a", "network": {}, "first_seed": 7}, UsageError, "seeds 900000 to 999999"),
    ],
)
def test_metrics_come_from_an_evaluation_only(tmp_path, numbers, kind, words):
    (tmp_path / "numbers.json").write_text(json.dumps(numbers))
    with pytest.raises(kind, match=words):
        evaluation_metrics(tmp_path / "numbers.json")


def test_how_sure_the_network_may_be_is_chosen_and_moves_no_weight(trained, tmp_path, monkeypatch):
    folder, network, _ = trained
    sha256 = load_weights(exported(folder, tmp_path)).info.sha256
    chosen = "training.tasks.calibration.choose"
    monkeypatch.setattr(chosen, lambda said: (0.5 if len(said.statuses) == 2 else 2.0, "areas"))
    calibrated = load_weights(exported(folder, tmp_path, replace=True, calibrate=2))
    assert calibrated.config == replace(network, bmd_sd_factor=0.5, class_from="areas")
    assert calibrated.info.sha256 == sha256
