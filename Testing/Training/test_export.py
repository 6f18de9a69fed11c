"""Two checkpoints become one weights file that the library loads."""

import json
from dataclasses import replace

import pytest
import torch

from OsteoJointLib.config import network_config
from OsteoJointLib.errors import InputRefused
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.network.level_net import LevelNet
from OsteoJointLib.network.multitask import MultitaskNetwork
from OsteoJointLib.weights import load_weights
from training.export import evaluation_metrics, export
from training.loop import save_checkpoint, start
from training.run_config import TrainConfig
from training.tasks.levels import save_weights as save_level_weights


def checkpoints(folder, network):
    config = TrainConfig(name="tiny", network=network)
    state = start(config)
    save_checkpoint(state, config, folder / "last.pt")
    level_network = LevelNet(LevelNetConfig(channels=(4, 4)))
    save_level_weights(folder / "levels.safetensors", level_network)
    return state, level_network


def test_export_holds_both_networks(tmp_path):
    network = replace(network_config("compact"), profile="tiny", localizer_width=0.0625)
    state, level_network = checkpoints(tmp_path, network)
    path = export(tmp_path / "last.pt", tmp_path / "levels.safetensors", "tiny", tmp_path / "weights", {"dice": 0.5})
    loaded = load_weights(path)
    assert loaded.config == network and loaded.level_config == level_network.config
    rebuilt = MultitaskNetwork(loaded.config)
    rebuilt.load_state_dict(loaded.part("multitask."))
    for name, value in rebuilt.state_dict().items():
        torch.testing.assert_close(value, state.average[name], rtol=2e-3, atol=1e-6)
    again = LevelNet(loaded.level_config)
    again.load_state_dict(loaded.part("levels."))
    manifest = json.loads((tmp_path / "weights" / "manifest.json").read_text())
    assert manifest["weights"][0]["metrics"] == {"dice": 0.5}
    assert "Research only" in manifest["weights"][0]["intended_use"]


def test_weights_too_large_to_ship_are_refused(tmp_path):
    wide = replace(network_config("compact"), profile="wide", localizer_width=1.0)
    checkpoints(tmp_path, wide)
    with pytest.raises(InputRefused, match="10 MB"):
        export(tmp_path / "last.pt", tmp_path / "levels.safetensors", "wide", tmp_path / "weights")


def test_metrics_come_from_an_evaluation_only(tmp_path):
    (tmp_path / "other.json").write_text("{}")
    with pytest.raises(InputRefused, match="training evaluate"):
        evaluation_metrics(tmp_path / "other.json")
