"""Weights on disk: written whole, vouched for, refused when anything is off."""

import hashlib
import json
import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from OsteoJointLib import weights_manifest as module
from OsteoJointLib.config import network_config
from OsteoJointLib.errors import ExitCode, ModelRefused, Reason, UsageError
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.weights import load_weights, save_weights

FIELDS = {
    "config": network_config("compact").to_json(),
    "level_config": LevelNetConfig().to_json(),
    "trained_on": "phantoms 0 to 9",
    "metrics": {"dice": {"value": 0.9, "on": "phantoms 10 to 19"}},
    "intended_use": "research only",
    "licence": "Apache-2.0",
}


def state() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return {
        "multitask.conv.weight": torch.randn(4, 3, 3, 3, generator=generator),
        "multitask.norm.running_var": torch.tensor([1e-9, 1e5]),
        "multitask.norm.num_batches_tracked": torch.tensor(7),
        "levels.bias": torch.randn(5, generator=generator),
    }


@pytest.fixture
def saved(tmp_path) -> Path:
    return save_weights(tmp_path, "mine", state(), FIELDS)


def refusal(path: str | Path) -> ModelRefused:
    with pytest.raises(ModelRefused) as caught:
        load_weights(path)
    assert caught.value.exit_code == ExitCode.MODEL_REFUSED
    assert caught.value.message.endswith(".")
    return caught.value


def edit_manifest(path: Path, **changes) -> None:
    manifest = json.loads((path.parent / "manifest.json").read_text())
    for key, value in changes.items():
        (manifest if key == "format" else manifest["weights"][0])[key] = value
    (path.parent / "manifest.json").write_text(json.dumps(manifest))


def vouch(path: Path) -> None:
    edit_manifest(path, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def test_what_was_saved_is_loaded(saved):
    loaded = load_weights(saved)
    assert loaded.info.name == "mine"
    assert loaded.info.profile == "compact"
    assert loaded.info.trained_on == "phantoms 0 to 9"
    assert loaded.info.sha256 == hashlib.sha256(saved.read_bytes()).hexdigest()
    assert loaded.config == network_config("compact")
    assert loaded.level_config == LevelNetConfig()
    assert set(loaded.state) == set(state())
    for key, value in state().items():
        assert loaded.state[key].dtype == value.dtype
    # matrices lose 2^-11 at most; vectors, statistics and counts nothing
    torch.testing.assert_close(
        loaded.state["multitask.conv.weight"], state()["multitask.conv.weight"], rtol=2**-11, atol=1e-7
    )
    for key in ("multitask.norm.running_var", "multitask.norm.num_batches_tracked", "levels.bias"):
        torch.testing.assert_close(loaded.state[key], state()[key], rtol=0, atol=0)
    assert set(loaded.part("levels.")) == {"bias"}


def test_single_precision_on_demand_is_exact(tmp_path):
    loaded = load_weights(save_weights(tmp_path, "exact", state(), FIELDS, half=False))
    for key, value in state().items():
        torch.testing.assert_close(loaded.state[key], value, rtol=0, atol=0)


def test_same_state_same_bytes(tmp_path):
    a, b = (save_weights(tmp_path / name, "mine", state(), FIELDS).read_bytes() for name in "ab")
    assert a == b


def test_shared_and_strided_tensors_are_stored_apart(tmp_path):
    base = torch.randn(6, 6)
    loaded = load_weights(
        save_weights(tmp_path, "views", {"levels.a": base, "levels.b": base.T, "levels.c": base[0]}, FIELDS, half=False)
    )
    torch.testing.assert_close(loaded.state["levels.b"], base.T, rtol=0, atol=0)
    torch.testing.assert_close(loaded.state["levels.c"], base[0], rtol=0, atol=0)


def test_manifest_keeps_other_entries_and_replaces_its_own(saved):
    save_weights(saved.parent, "other", state(), {**FIELDS, "note": "second"})
    save_weights(saved.parent, "mine", state(), {**FIELDS, "trained_on": "more"})
    manifest = json.loads((saved.parent / "manifest.json").read_text())
    assert [entry["name"] for entry in manifest["weights"]] == ["mine", "other"]
    assert manifest["weights"][1]["note"] == "second"
    assert load_weights(saved).info.trained_on == "more"
    assert load_weights(saved.parent / "other.safetensors").info.name == "other"
    assert sorted(p.name for p in saved.parent.iterdir()) == ["manifest.json", "mine.safetensors", "other.safetensors"]


def test_the_manifest_is_written_last(saved, monkeypatch):
    def broken(path):
        raise OSError("disk full")

    before = (saved.parent / "manifest.json").read_bytes()
    monkeypatch.setattr("OsteoJointLib.weights.write_whole", broken)
    with pytest.raises(OSError, match="disk full"):
        save_weights(saved.parent, "other", state(), FIELDS)
    assert (saved.parent / "manifest.json").read_bytes() == before


def test_by_name_from_the_projects_own(saved, monkeypatch):
    monkeypatch.setattr(module, "resource_path", lambda *parts: saved.parent / parts[-1])
    assert load_weights("mine").info.name == "mine"
    refused = refusal("nobody")
    assert refused.reason == Reason.WEIGHTS_NOT_FOUND
    assert "['mine']" in refused.message


def test_a_changed_byte_is_refused(saved):
    data = bytearray(saved.read_bytes())
    data[-1] ^= 1
    saved.write_bytes(data)
    refused = refusal(saved)
    assert refused.reason == Reason.WEIGHTS_HASH
    assert "sha256" in refused.message


def test_a_file_nobody_vouches_for_is_refused(saved):
    stranger = saved.with_name("stranger.safetensors")
    stranger.write_bytes(saved.read_bytes())
    assert refusal(stranger).reason == Reason.WEIGHTS_HASH
    (saved.parent / "manifest.json").unlink()
    assert refusal(saved).reason == Reason.WEIGHTS_NOT_FOUND


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".ckpt", ".pkl", ".bin"])
def test_a_pickle_is_never_opened(tmp_path, suffix):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    path = tmp_path / f"weights{suffix}"
    path.write_bytes(pickle.dumps(Trap()))
    refused = refusal(path)
    assert refused.reason == Reason.WEIGHTS_FORMAT
    assert "can run code" in refused.message
    assert not (tmp_path / "sprung").exists()


def test_a_pickle_under_the_right_name_is_refused_even_when_vouched_for(saved):
    saved.write_bytes(pickle.dumps({"levels.a": 1}))
    vouch(saved)
    assert refusal(saved).reason == Reason.WEIGHTS_FORMAT


def test_a_file_of_another_format_is_refused(saved):
    save_file({"levels.a": torch.zeros(1)}, saved, metadata={"format": "pt"})
    vouch(saved)
    refused = refusal(saved)
    assert refused.reason == Reason.WEIGHTS_FORMAT
    assert '"pt"' in refused.message


def test_tensors_of_no_network_are_refused(saved):
    save_file({"optimizer.a": torch.zeros(1)}, saved, metadata={"format": module.FORMAT})
    vouch(saved)
    assert "optimizer.a" in refusal(saved).message


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"format": "osteojoint.weights/9"}, "osteojoint.weights/9"),
        ({"config": {"profile": "compact"}}, "incomplete"),
        ({"config": {**FIELDS["config"], "wings": 2}}, "wings"),
        ({"level_config": {"legs": 4}}, "legs"),
        ({"file": "../elsewhere.safetensors"}, "damaged"),
    ],
)
def test_a_manifest_of_another_version_is_refused(saved, change, word):
    edit_manifest(saved, **change)
    refused = refusal(saved)
    assert refused.reason == Reason.WEIGHTS_FORMAT
    assert word in refused.message


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "osteojoint.weights/1"}', '{"weights": []}'])
def test_a_damaged_manifest_is_refused(saved, text):
    (saved.parent / "manifest.json").write_text(text)
    refused = refusal(saved)
    assert refused.reason == Reason.WEIGHTS_FORMAT
    assert "damaged" in refused.message


def test_missing_files_are_named(tmp_path):
    refused = refusal(tmp_path / "none.safetensors")
    assert refused.reason == Reason.WEIGHTS_NOT_FOUND
    assert "none.safetensors" in refused.message


def test_saving_is_strict(tmp_path):
    with pytest.raises(UsageError, match="licence"):
        save_weights(tmp_path, "a", state(), {k: v for k, v in FIELDS.items() if k != "licence"})
    with pytest.raises(UsageError, match="prefix"):
        save_weights(tmp_path, "a", {"conv.weight": torch.zeros(1)}, FIELDS)
    with pytest.raises(UsageError, match="can.t be named"):
        save_weights(tmp_path, "../a", state(), FIELDS)
    with pytest.raises(UsageError, match=r"levels\.x"):
        save_weights(tmp_path, "a", {"levels.x": torch.tensor([float("nan")])}, FIELDS)
    with pytest.raises(UsageError, match="half=False"):
        save_weights(tmp_path, "a", {"levels.x": torch.full((1, 1), 1e6)}, FIELDS)
    assert list(tmp_path.iterdir()) == []


def test_the_header_carries_the_format(saved):
    with safe_open(saved, "pt") as file:
        assert file.metadata() == {"format": "osteojoint.weights/1"}


def test_shipped_weights_are_whole_and_small(repository):
    manifest = repository / "Resources" / "Weights" / "manifest.json"
    if not manifest.exists():
        pytest.skip("No weights are shipped yet.")
    for entry in json.loads(manifest.read_text())["weights"]:
        assert load_weights(entry["name"]).info.sha256 == entry["sha256"]
        assert (manifest.parent / entry["file"]).stat().st_size <= 10e6


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"levels.bias": torch.tensor([0.0, float("nan")])}, "levels.bias holds numbers that are not finite"),
        ({"levels.bias": torch.tensor([float("inf")])}, "not finite"),
        ({"multitask.conv.weight": torch.full((4, 3, 3, 3), 1e9)}, "beyond any that a training ends with"),
        ({"multitask.norm.running_var": torch.tensor([-1.0, 1.0])}, "a variance below 0"),
        ({"multitask.conv.weight": torch.zeros(4, 3, 3, 3)}, "most of the network multitask is zeros"),
    ],
)
def test_numbers_that_no_training_ends_with_are_refused(saved, change, words):
    save_file(state() | change, saved, metadata={"format": module.FORMAT})
    vouch(saved)
    error = refusal(saved)
    assert (error.reason, words in error.message) == (Reason.WEIGHTS_FORMAT, True)


@pytest.mark.parametrize(
    "changes",
    [
        {"config": FIELDS["config"] | {"segmenter_channels": [10**9] * 6}},
        {"config": FIELDS["config"] | {"segmenter_channels": [1.5] * 6}},
        {"config": FIELDS["config"] | {"localizer_width": float("inf")}},
        {"config": FIELDS["config"] | {"bmd_sd_factor": float("nan")}},
        {"config": FIELDS["config"] | {"crop_px": 32 * 10**6}},
        {"config": FIELDS["config"] | {"crop_px": "224"}},
        {"config": []},
        {"level_config": FIELDS["level_config"] | {"spacing_mm": float("nan")}},
        {"level_config": FIELDS["level_config"] | {"spacing_mm": 1e-3}},
        {"level_config": FIELDS["level_config"] | {"channels": [10**9, 4]}},
        {"level_config": FIELDS["level_config"] | {"channels": [float("inf"), 4]}},
        {"level_config": FIELDS["level_config"] | {"windows_hu": [[float("nan"), 1]]}},
        {"level_config": "nothing"},
        {"sha256": 5},
        {"name": None},
    ],
)
def test_an_absurd_manifest_ends_in_a_sentence(saved, changes):
    edit_manifest(saved, **changes)
    assert refusal(saved).reason is Reason.WEIGHTS_FORMAT


@pytest.mark.parametrize("depth", [100_000])
def test_a_manifest_and_a_header_as_deep_as_they_like_are_damaged(saved, depth):
    deep = "[" * depth
    saved.write_bytes(len(deep).to_bytes(8, "little") + deep.encode())
    vouch(saved)
    assert refusal(saved).reason is Reason.WEIGHTS_FORMAT
    (saved.parent / "manifest.json").write_text(deep)
    assert refusal(saved).reason is Reason.WEIGHTS_FORMAT
