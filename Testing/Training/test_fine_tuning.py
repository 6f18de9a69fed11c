"""A mask corrected in Slicer becomes a network: label export, check, pairs, training from weights, export, use."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from OsteoJointLib.config import network_config
from OsteoJointLib.errors import UsageError
from OsteoJointLib.frames import Grid, flip_lps_ras
from OsteoJointLib.io.nrrd import image_on_grid, write_image
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.network.losses.dice import dice_loss
from OsteoJointLib.pipeline.loading import load_reader
from OsteoJointLib.records import CtVolume, Level, SourceInfo
from OsteoJointLib.weights import load_weights
from OsteoJointLib.worker.requests import Label
from OsteoJointLib.worker.saving import label
from training.__main__ import main
from training.checkpoint import load_checkpoint, recipe_of, save_checkpoint, start
from training.configs import finetune
from training.data.pair_batches import PairBatchConfig
from training.data.pairs import UNKNOWN_TISSUE
from training.schedule import Budget
from training.tasks.export import export
from training.tasks.finished import continued, multitask_part
from training.tasks.levels import LevelConfig
from training.tasks.multitask import MultitaskConfig, windowed

CENTERS_LPS_MM = {Level.L1: (10.0, 20.0, 72.0), Level.L2: (14.0, 26.0, 36.0)}
NETWORK = replace(
    network_config("compact"),
    profile="tiny",
    localizer_width=0.0625,
    segmenter_channels=(4, 4, 4, 8, 8, 8),
    classifier_stem=4,
    classifier_planes=(2, 2, 2, 2),
    classifier_blocks=(1, 1, 1, 1),
    fusion_hidden=4,
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights to begin with: both networks, tiny, moved off what a seed draws."""
    folder = tmp_path_factory.mktemp("weights")
    for config in (
        MultitaskConfig(name="tiny", network=NETWORK, seed=7),
        LevelConfig(name="tiny_levels", network=LevelNetConfig(channels=(4, 4)), seed=7),
    ):
        task = config.task()
        run = start(task)
        save_checkpoint(run, recipe_of(task, Budget(steps=1)), folder / f"{task.name}.pt")
    return export(folder / "multitask.pt", folder / "levels.pt", "tiny", folder)


def body_plane(grid: Grid, center) -> np.ndarray:
    z, y, x = np.meshgrid(*map(np.arange, grid.shape_zyx), indexing="ij")
    points = grid.index_to_lps(np.stack([z, y, x], axis=-1)) - np.array(center)
    return ((points[..., 0] / 22) ** 2 + (points[..., 1] / 16) ** 2 <= 1) & (np.abs(points[..., 2]) <= 12)


def label_case(folder, number: int, work) -> None:
    """Save a corrected case as Slicer's Save label does: the worker's operation on the CT and a file of masks."""
    grid = Grid.axis_aligned((26, 90, 120), (2.0, 2.0, 4.0), (-110.0, -70.0, 4.0))
    hu = np.random.default_rng(number).integers(30, 50, grid.shape_zyx).astype(np.int16)
    labels = np.zeros(grid.shape_zyx, np.uint8)
    for level, center in CENTERS_LPS_MM.items():
        labels[body_plane(grid, center)] = level.verse_label
    hu[labels > 0] += 110
    write_image(image_on_grid(labels, grid), work / "masks.nrrd")
    ras = {level: tuple(flip_lps_ras(np.array(center)).tolist()) for level, center in CENTERS_LPS_MM.items()}
    known = {"bmd": {Level.L1: 90.0, Level.L2: 110.0}, "bmd_method": "QCT"} if number % 2 else {}
    request = Label(
        case="", folder=folder, name=f"case-{number:04d}", patient=f"P{number:03d}", **known,
        segmentation=dict.fromkeys(Level, work / "masks.nrrd"), points=ras,
    )  # fmt: skip
    label(CtVolume(hu, grid, SourceInfo("memory", kvp=120.0)), None, None, request, CENTERS_LPS_MM)


@pytest.fixture
def tiny_finetune(monkeypatch):
    """The experiment, on tiny crops and few rows; its network is what it begins with."""
    config = replace(
        finetune.get_config(),
        data=PairBatchConfig(rows=2, further_rows=1, class_rows=2, images=1, localizer_every=2, minimum_pairs=1),
        windows_px=((1.0, 64),),
        precision="32-true",
    )
    monkeypatch.setattr(finetune, "get_config", lambda: config)


def test_from_labels_in_slicer_to_weights_that_the_pipeline_reads_with(
    tmp_path, monkeypatch, weights, pair_folder, tiny_finetune, capsys
):
    monkeypatch.setattr("OsteoJointLib.io.volume_files.check_hu", lambda *_: ())
    labels, pairs, run, out = (tmp_path / name for name in ("labels", "pairs", "run", "out"))
    for number in range(3):
        label_case(labels, number, tmp_path)
    assert main(["check", str(labels)]) == 0
    assert "3 cases, and nothing wrong with them." in capsys.readouterr().out
    assert main(["pairs", "--cases", str(labels), "--out", str(pairs), "--per-case", "2"]) == 0
    names = {path.name for path in pairs.iterdir()}
    assert {"P000.case-0000-unknown.npz", "P001.case-0001-osteopenia.npz", "P002.case-0002_1-unknown.npz"} < names
    train = ["train", "--from", str(weights), "--data", str(pairs), "--replay", str(pair_folder), "--out", str(run)]
    assert main([*train, "--steps", "3", "--threads", "1", "--workers", "0"]) == 0
    checkpoint = load_checkpoint(run / "last.pt", "multitask")
    assert checkpoint.recipe["data"]["replay"] == str(pair_folder)
    assert checkpoint.recipe["beginning"]["from"] == f"tiny {load_weights(weights).info.sha256}"
    ship = ["export", "--multitask", str(run / "last.pt"), "--levels", str(weights), "--out", str(out)]
    assert main([*ship, "--name", "taught"]) == 0
    taught, before = load_weights(out / "taught.safetensors"), load_weights(weights)
    for name, value in taught.part("multitask.").items():
        torch.testing.assert_close(value.float(), checkpoint.average[name].float(), rtol=2e-3, atol=1e-5)
    moved = [key for key, value in taught.state.items() if not torch.equal(value, before.state[key])]
    assert any("segmenter" in key for key in moved) and not any(key.startswith("levels.") for key in moved)
    entry = json.loads((out / "manifest.json").read_text())["weights"][0]
    assert entry["trained_on"].startswith("3 multitask steps on pairs of its owner's, begun with tiny ")
    assert "on synthetic phantoms and on what its owner added, never validated" in entry["intended_use"]
    assert load_reader(str(out / "taught.safetensors")).model.name == "taught"


def test_training_begins_with_the_weights_and_not_with_a_seed(weights):
    task, beginning = continued(finetune.get_config().task(), str(weights))
    assert task.config.network == NETWORK and task.config.name == "finetune"
    module = start(task).module
    began = {name: value.clone() for name, value in module.network.state_dict().items()}
    beginning(module)
    given = multitask_part(weights).state
    for name, value in module.network.state_dict().items():
        torch.testing.assert_close(value, given[name].to(value.dtype), rtol=0, atol=0)
    assert any(not torch.equal(module.network.state_dict()[name], value) for name, value in began.items())
    with pytest.raises(UsageError, match="--from begins with a multitask network, and tiny_levels trains another"):
        continued(LevelConfig(name="tiny_levels").task(), str(weights))


def test_a_run_that_began_with_other_weights_is_not_gone_on_with(tmp_path, weights, pair_folder, tiny_finetune, capsys):
    train = ["train", "--data", str(pair_folder), "--out", str(tmp_path), "--threads", "1", "--workers", "0"]
    first = ["--from", str(weights), "--steps", "1"]
    assert main([*train, *first]) == 0
    other = load_checkpoint(tmp_path / "last.pt")
    assert main([*train, *first]) == 0  # ended already, and nothing to do
    assert main([*train, "--config", "finetune", "--steps", "1"]) == 2
    assert "beginning.from was 'tiny" in capsys.readouterr().err
    assert load_checkpoint(tmp_path / "last.pt").step == other.step == 1


def test_tissues_that_nobody_labeled_teach_the_tissues_nothing(pair_folder):
    config = MultitaskConfig(
        name="tiny", network=NETWORK, windows_px=((1.0, 64),),
        data=PairBatchConfig(rows=2, further_rows=0, class_rows=0, images=1, minimum_pairs=1),
    )  # fmt: skip
    task = config.task()
    batch, module = task.batches(pair_folder)[1], start(task).module
    window = windowed(batch, 64)
    said = module.network.segmenter(window.crops.flatten(0, 1).contiguous())
    bodies_alone = dice_loss(said.mask_logits, window.masks.flatten(0, 1))
    unknown, nothing = (batch._replace(tissues=torch.full_like(batch.tissues, value)) for value in (UNKNOWN_TISSUE, 0))
    torch.testing.assert_close(module(module.planned(unknown), 0.0).mask, bodies_alone)
    assert module(module.planned(nothing), 0.0).mask > bodies_alone
    half = unknown.tissues.clone()
    half[0] = 0  # one of the two cases is labeled, and shows no such tissue
    shown = dice_loss(said.tissue_logits[:2], torch.zeros_like(said.tissue_logits[:2]))
    both = module(module.planned(batch._replace(tissues=half)), 0.0)
    torch.testing.assert_close(both.mask, bodies_alone + 0.2 * shown)


def test_batch_norms_keep_their_statistics_where_the_network_is_to_move_a_little(pair_folder):
    config = MultitaskConfig(
        name="tiny", network=NETWORK, windows_px=((1.0, 64),),
        data=PairBatchConfig(rows=2, further_rows=0, class_rows=1, images=1, localizer_every=1, minimum_pairs=1),
    )  # fmt: skip
    for frozen in (True, False):
        task = replace(config, frozen_statistics=frozen).task()
        module = start(task).module.train()
        before = {name: value.clone() for name, value in module.named_buffers() if "running" in name}
        module(module.planned(task.batches(pair_folder)[0]), 0.0)
        kept = [torch.equal(value, before[name]) for name, value in module.named_buffers() if name in before]
        assert kept and (all(kept) if frozen else not any(kept))
        assert module.training and module.network.segmenter.training
