"""Weights become a reader, with or without Ultralytics."""

import importlib.util

import pytest
import torch

from OsteoJointLib.cli.doctor import examine, findings_text
from OsteoJointLib.config import network_config
from OsteoJointLib.errors import ModelRefused, Reason
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.network.level_net import LevelNet
from OsteoJointLib.network.multitask import MultitaskNetwork
from OsteoJointLib.pipeline import loading
from OsteoJointLib.weights import save_weights

FIELDS = {
    "config": network_config("compact").to_json(),
    "level_config": LevelNetConfig().to_json(),
    "trained_on": "nothing",
    "metrics": {},
    "intended_use": "tests",
    "licence": "Apache-2.0",
}


def state(with_localizer: bool) -> dict[str, torch.Tensor]:
    network = MultitaskNetwork(network_config("compact"), with_localizer=with_localizer)
    levels = LevelNet(LevelNetConfig())
    return {f"multitask.{k}": v for k, v in network.state_dict().items()} | {
        f"levels.{k}": v for k, v in levels.state_dict().items()
    }


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    if importlib.util.find_spec("ultralytics") is None:
        pytest.skip("Ultralytics isn't installed, so no weights with a localizer can be made.")
    return save_weights(tmp_path_factory.mktemp("weights"), "random", state(with_localizer=True), FIELDS)


def test_a_reader_is_ready_to_read(random_weights):
    reader = loading.load_reader(str(random_weights), "cpu", threads=1)
    assert (reader.model.name, reader.model.trained_on, str(reader.device)) == ("random", "nothing", "cpu")
    assert not reader.network.training
    assert not any(parameter.requires_grad for parameter in reader.network.parameters())
    (found,) = reader.detector(torch.zeros(1, 1, 512, 512))
    assert found.boxes_xyxy.shape[1] == 4


def test_without_ultralytics_the_rest_is_loaded(random_weights, monkeypatch):
    monkeypatch.setattr(loading, "has_ultralytics", lambda: False)
    reader = loading.load_reader(str(random_weights), "cpu", threads=1)
    assert reader.detector is None
    assert reader.network.localizer is None


def test_weights_that_don_t_fit_their_config_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(loading, "has_ultralytics", lambda: False)
    incomplete = state(with_localizer=False)
    del incomplete["multitask.fusion.classify.weight"]
    path = save_weights(tmp_path, "incomplete", incomplete, FIELDS)
    with pytest.raises(ModelRefused, match="don't") as refusal:
        loading.load_reader(str(path), "cpu", threads=1)
    assert refusal.value.reason is Reason.WEIGHTS_FORMAT


def test_the_doctor_names_versions_device_and_weights(random_weights, tmp_path):
    findings = examine(str(random_weights))
    assert findings.fit
    assert findings.packages["torch"] == torch.__version__.split("+")[0] or findings.packages["torch"]
    assert findings.weights["sha256"] in findings_text(findings)
    assert findings.devices[0].startswith("cpu (")
    missing = examine(str(tmp_path / "nowhere.safetensors"))
    assert not missing.fit
    assert "weights_not_found" in findings_text(missing)
    assert "Not fit" in findings_text(missing)
