"""What a run leaves in its folder beside its weights: record, log, pictures, TensorBoard's files."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from OsteoJointLib.config import network_config
from OsteoJointLib.network.multitask import MultitaskNetwork
from training import run_log
from training.data.pair_batches import PairBatchConfig
from training.evaluation.pair_pictures import draw_pairs
from training.loop import train
from training.run_log import RunLog
from training.run_record import commit, data_of
from training.schedule import Budget
from training.step_rows import StepRow
from training.tasks.multitask import MultitaskConfig

NETWORK = replace(
    network_config("compact"),
    segmenter_channels=(4, 4, 4, 8, 8, 8),
    classifier_stem=4,
    classifier_planes=(2, 2, 2, 2),
    classifier_blocks=(1, 1, 1, 1),
    fusion_hidden=4,
)
CONFIG = MultitaskConfig(
    name="tiny",
    localizer=False,
    network=NETWORK,
    data=PairBatchConfig(rows=2, further_rows=0, class_rows=1, localizer_every=1000, minimum_pairs=4),
    windows_px=((1.0, 64),),
    precision="32-true",
    log_every=1,
)


@pytest.fixture(scope="module")
def folder(pair_folder, watched_pairs, tmp_path_factory) -> Path:
    """Of a run of three steps, which was stopped once."""
    out = tmp_path_factory.mktemp("run")
    for stop in (2, None):
        train(CONFIG.task(), pair_folder, out, Budget(steps=3), watched_pairs, workers=0, threads=1, stop_after=stop)
    return out


def test_the_record_says_by_what_and_of_what_it_was_made(folder, pair_folder):
    record = json.loads((folder / "run.json").read_text())
    assert record["ended"] is True and record["step"] == 3
    assert record["recipe"]["optimizer"]["learning_rate"] == CONFIG.optimizer.learning_rate
    assert [start["from_step"] for start in record["starts"]] == [0, 2]
    last = record["starts"][-1]
    assert last["data"] == data_of(pair_folder) and last["data"]["files"] == 12
    assert (last["commit"], last["processes"]) == (commit()["commit"], 1)
    assert last["versions"]["torch"] and last["hardware"]["cores"] >= 1 and last["hardware"]["device"] == "cpu"


def test_the_data_s_hash_follows_names_sizes_and_manifests(tmp_path):
    (tmp_path / "a.npz").write_bytes(b"12")
    (tmp_path / "cases.jsonl").write_text("{}")
    seen = [data_of(tmp_path)["sha256"]]
    (tmp_path / ".contours").mkdir()
    (tmp_path / ".contours" / "c.npy").write_bytes(b"1")
    assert data_of(tmp_path) == {"folder": str(tmp_path), "files": 2, "sha256": seen[0]}
    for name, content in (("a.npz", b"123"), ("b.npz", b""), ("cases.jsonl", b"[]")):
        (tmp_path / name).write_bytes(content)
        seen.append(data_of(tmp_path)["sha256"])
    assert len(set(seen)) == 4


def test_pictures_come_after_the_first_steps_and_with_each_validation(folder):
    pictures = sorted(path.name for path in (folder / "pictures").iterdir())
    assert pictures == ["0000001.png", "0000002.png", "0000003.png"]
    image = cv2.imread(str(folder / "pictures" / "0000003.png"))
    assert image.shape == (3 * (224 + 22), 6 * 224, 3) and image.std() > 10


def test_a_picture_has_the_true_outline_where_the_body_is(watched_pairs):
    network = MultitaskNetwork(NETWORK, with_localizer=False).eval()
    picture = draw_pairs(network, watched_pairs, cases=1)
    green = np.argwhere((picture[22:, :224] == (60, 220, 90)).all(axis=-1))
    assert len(green) > 40
    np.testing.assert_allclose((green.max(axis=0) + green.min(axis=0)) / 2, (112, 112), atol=3)  # the crop's middle


def test_tensorboard_reads_every_step_once(folder):
    events = EventAccumulator(str(folder / run_log.BOARD)).Reload()
    assert [event.step for event in events.Scalars("loss/total")] == [1, 2, 3]
    assert {"validation/dice", "run/rate", "run/weight_mask"} <= set(events.Tags()["scalars"])
    assert events.Tags()["images"] == ["predictions"]


def test_without_tensorboard_the_log_is_all_there_is(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(run_log, "find_spec", lambda name: None)
    log = RunLog(tmp_path, ["total"], 0)
    log.add_steps([StepRow(1, 60.0, 0.1, {"total": 0.5}, {})], 0.25)
    log.close()
    said = capsys.readouterr().out
    assert "TensorBoard is not installed" in said
    assert "step 1, 1.0 min, about 3 min left, rate 0.1: total 0.5" in said
    assert [path.name for path in tmp_path.iterdir()] == ["log.csv"]
