"""The command line: what it lists, what it refuses, and with which exit code."""

import pytest
import torch

from training.__main__ import build_parser, main
from training.commands.fit import chosen_task

COMMANDS = (
    "phantoms",
    "pairs",
    "samples",
    "train",
    "anchors",
    "thresholds",
    "evaluate",
    "evaluate-levels",
    "export",
    "sweep",
    "ablate",
    "baselines",
    "crossval",
)


def test_help_lists_every_command_and_says_which_seeds_are_kept(capsys):
    text = " ".join(build_parser().format_help().split())
    assert all(f" {command} " in text for command in COMMANDS)
    assert "900000 to 999999 for the evaluation alone" in text
    for command in COMMANDS:
        with pytest.raises(SystemExit, match="0"):
            main([command, "--help"])
        shown = " ".join(capsys.readouterr().out.split())
        assert ("900000 to 999999" in shown) == (command != "export")


@pytest.mark.parametrize(
    "command",
    [
        "phantoms --out {} --seed 900000 --count 1",
        "pairs --out {} --seed 899999 --count 2",
        "samples --out {} --seed 900003 --count 1",
        "thresholds --out {}/t.json --seed 950000 --count 1",
        "thresholds --out {}/t.json --seed 800000 --count 1",
        "evaluate --json {}/e.json --seed 899999 --phantoms 1",
    ],
)
def test_seeds_kept_for_something_else_are_refused(command, tmp_path, capsys):
    assert main(command.format(tmp_path).split()) == 2
    assert "kept for something else" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_folders_of_kept_seeds_are_refused(watched_pairs, watched_samples, tmp_path, capsys):
    out = ["--out", str(tmp_path), "--steps", "1", "--workers", "0"]
    for arguments in (
        ["anchors", "--data", str(watched_pairs)],
        ["train", "--data", str(watched_pairs), "--set", "data.minimum_pairs=1", *out],
        ["train", "--config", "compact_levels", "--data", str(watched_samples), *out],
    ):
        assert main(arguments) == 3
        assert "seed 800000, which is kept" in capsys.readouterr().err


def test_usage_and_input_have_their_exit_codes(tmp_path, capsys):
    run = ["train", "--data", str(tmp_path / "none"), "--out", str(tmp_path / "run")]
    assert main([*run, "--steps", "1"]) == 3
    assert "python -m training pairs" in capsys.readouterr().err
    for wrong, words in (
        (["--steps", "1", "--config", "nothing"], "training/configs"),
        ([], "--epochs, --steps or --minutes"),
        (["--steps", "1", "--set", "data.rows"], "FIELD=VALUE"),
        (["--steps", "1", "--set", "data.rows=0"], "at least 1"),
        (["--steps", "1", "--set", "precision=16"], "bf16-mixed"),
        (
            ["--steps", "1", "--config", "compact_levels", "--set", "network.spacing_mm=-1"],
            "must lie between 0.5 and 20",
        ),
    ):
        assert main([*run, *wrong]) == 2
        assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    "wrong", ["--steps 0", "--minutes nan", "--minutes x", "--workers -1", "--threads 0", "--seed 1.5", "--device gpu"]
)
def test_numbers_that_can_not_be_are_refused_by_name(wrong, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(["train", "--data", "x", *wrong.split()])
    assert f"argument {wrong.split()[0]}" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
@pytest.mark.parametrize("config", ["compact", "compact_levels"])
def test_a_missing_card_is_device_missing(config, tmp_path, capsys):
    assert main(["train", "--config", config, "--data", str(tmp_path), "--steps", "1", "--device", "cuda"]) == 4
    assert "[device_missing]" in capsys.readouterr().err


def test_a_missing_package_is_named(monkeypatch, tmp_path, capsys):
    monkeypatch.setitem(__import__("sys").modules, "lightning_fabric", None)
    monkeypatch.delitem(__import__("sys").modules, "training.loop", raising=False)
    assert main(["train", "--data", str(tmp_path), "--steps", "1"]) == 4
    assert "[dependency_missing]" in capsys.readouterr().err


def test_seed_and_fields_reach_the_task():
    task = chosen_task("compact", ["data.rows=3", "optimizer.learning_rate=0.5"], seed=9)
    assert (task.config.seed, task.config.data.rows, task.config.optimizer.learning_rate) == (9, 3, 0.5)
    assert chosen_task("compact_levels", [], None).config.seed == 0


@pytest.mark.parametrize(
    ("options", "count", "paper"), [("", 400, 100), ("--phantoms 40", 40, 10), ("--phantoms 40 --paper 3", 40, 3)]
)
def test_how_much_is_measured_reaches_the_evaluation(options, count, paper, tmp_path, monkeypatch):
    from training.evaluation.chain import whole_chain

    asked = []
    monkeypatch.setattr(whole_chain, "evaluate", lambda *given: asked.append(given))
    assert main(["evaluate", "--json", str(tmp_path / "e.json"), "--fitted-on", "30", *options.split()]) == 0
    ((weights, extent, path, processes, diagram),) = asked
    assert extent == whole_chain.Extent(900_000, count, paper, 30)
    assert (weights, path.name, processes, diagram) == ("compact", "e.json", 2, None)
