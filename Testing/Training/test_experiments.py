"""Experiments: what differs between settings, one step of each, the same rows however they are run, nothing twice."""

import importlib.util
import json
import os
import pickle
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from OsteoJointLib.config import network_config
from OsteoJointLib.errors import UsageError
from OsteoJointLib.records import STATUSES
from training.__main__ import main
from training.checkpoint import recipe_of, save_checkpoint, start
from training.data.crop_bank import BankBatches, BankConfig, make_bank, plain_batch
from training.data.pair_batches import PairBatchConfig
from training.data.pair_rows import plain_row
from training.data.pairs import load_pair
from training.experiments import engines, modules, own_switches, roi_baselines, running
from training.experiments.engines import Engine, complete
from training.experiments.experiment import PAPER_DATA, PAPER_NETWORK, Setting, experiment_of
from training.experiments.hu_rules import pair_facts, rule_trials
from training.experiments.learners import Meeting, RoiLearner, frozen_network, make_learner
from training.experiments.outline_trials import complete_outlines, read_outline_trials
from training.experiments.running import Job, Place, cases_of, jobs_of, run_job
from training.experiments.trials import Trial, add_trials, read_trials
from training.schedule import Budget
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
BANK = BankConfig(views=1)
ON_RAY = """
import pickle, sys
from pathlib import Path
from training.experiments import engines
experiment, place, out = pickle.loads(Path(sys.argv[1]).read_bytes())
engines.complete(experiment, place, out, engines.Engine.RAY)
"""
CLASS_EXPERIMENTS = ("learning_rates", "modules", "own_switches", "ten_folds")


def short(name, **changes):
    """An experiment of one step and one seed."""
    config = import_module(f"training.experiments.{name}").get_config()
    return replace(config, **{"steps": 1, "rows": 2, "curve_points": 1, "seeds": (0,), "bank": BANK, **changes})


SWITCHES = own_switches.get_config().settings
THREE = short("own_switches", steps=2, settings=(SWITCHES[0], SWITCHES[3], SWITCHES[8]))


@pytest.fixture(scope="module")
def place(tmp_path_factory, pair_folder):
    """The bank of the twelve pairs, and a checkpoint of a tiny network."""
    folder = tmp_path_factory.mktemp("experiments")
    task = MULTITASK.task()
    save_checkpoint(start(task), recipe_of(task, Budget(steps=1)), folder / "last.pt")
    bank = make_bank(pair_folder, BANK, folder, pair_facts)
    return Place.of(bank.folder, folder / "last.pt")


@pytest.fixture(scope="module")
def bank(place):
    return running.CropBank(place.bank)


def test_a_bank_holds_what_the_chain_sees_and_is_cut_once(bank, pair_folder, tmp_path, monkeypatch):
    pair = load_pair(sorted(pair_folder.iterdir())[5])
    index = bank.indices([pair.name])[0]
    row, middle = plain_row(pair, sigma_px=1.0), np.s_[:, 64:160, 64:160]
    np.testing.assert_allclose(bank.row(index, 0).crops, row.crops[middle], atol=5e-4)  # half precision
    np.testing.assert_array_equal(bank.row(index, 0).masks, row.masks[middle])
    assert not np.array_equal(bank.row(index, 1).crops, bank.row(index, 0).crops)
    assert bank.cases[index].bmd_mg_cm3 == pair.bmd_mg_cm3 and bank.cases[index].status is pair.status
    monkeypatch.setattr("training.data.crop_bank._fill", lambda *arguments: pytest.fail("cut again"))
    assert make_bank(pair_folder, BANK, bank.folder.parent, pair_facts).folder == bank.folder


def test_batches_draw_training_cases_only_and_mix_them_as_eq_2_says(bank):
    train = [case.name for case in bank.cases[:4]]
    data = PairBatchConfig(class_rows=32, mixup_alpha=1.0, mix_labels="one-hot")
    batch = BankBatches(bank, train, 0, data)[0]
    drawn = {name.split("*")[0] for name in batch.case_ids} | {name.split("+")[-1] for name in batch.case_ids}
    assert drawn == {*train}
    mixed = next(i for i, name in enumerate(batch.case_ids) if "*" in name)
    first, _, rest = batch.case_ids[mixed].partition("*")
    share, _, second = rest.partition("+")
    expected = np.zeros(3)
    for name, part in ((first, float(share)), (second, 1 - float(share))):
        expected[bank.statuses[bank.indices([name])[0]]] += part
    np.testing.assert_allclose(batch.status[mixed].numpy(), expected, atol=1e-3)
    assert bool(batch.status_rows.all()) and not bool(batch.mask_rows.any())
    again = BankBatches(bank, train, 0, data)[0]
    torch.testing.assert_close(again.crops, batch.crops)


def test_the_split_is_by_patient_and_every_patient_is_tested_in_one_fold(bank):
    split = cases_of(bank, 0, None)
    assert {*split.train} | {*split.watched} | {*split.test} == {case.name for case in bank.cases}
    assert len(split.train) + len(split.watched) + len(split.test) == len(bank.cases)
    tested = [name for fold in range(10) for name in cases_of(bank, 0, fold).test]
    assert sorted(tested) == sorted(case.name for case in bank.cases)
    assert all(not {*cases_of(bank, 0, k).train} & {*cases_of(bank, 0, k).test} for k in range(10))
    assert cases_of(bank, 0, None).sha256 == split.sha256 != cases_of(bank, 1, None).sha256


def test_the_eight_combinations_differ_by_their_modules_alone():
    *eight, with_ours = modules.get_config().settings
    assert next(setting.name for setting in eight) == modules.NONE and len(eight) == 8
    for setting in eight:
        on = {name for name, field in modules.FIELDS.items() if setting.network[field]}
        assert on == ({*setting.name.split(" + ")} - {modules.NONE})
        rest = {key: value for key, value in setting.network.items() if key not in modules.FIELDS.values()}
        assert rest == PAPER_NETWORK and setting.data == PAPER_DATA and not setting.optimizer
    assert not {"layered_fusion", "gated_convolution", "feature_fusion"} & {*with_ours.network}


def test_each_own_switch_is_one_field_that_is_no_default():
    whole, *others = own_switches.get_config().settings
    assert whole == Setting(own_switches.WHOLE)
    defaults = {**MULTITASK.network.to_json(), **vars(PairBatchConfig())}
    for setting in others:
        ((name, value),) = {**setting.network, **setting.data}.items()
        assert defaults[name] != value


def test_five_rates_differ_by_the_rate_alone():
    settings = import_module("training.experiments.learning_rates").get_config().settings
    assert [setting.optimizer["learning_rate"] for setting in settings] == [0.1, 0.01, 0.001, 0.0001, 0.00001]
    assert len({json.dumps([dict(s.network), dict(s.data)]) for s in settings}) == 1


@pytest.mark.parametrize("name", CLASS_EXPERIMENTS)
def test_one_step_of_each_experiment(name, place, tmp_path):
    experiment = short(name)
    if experiment.folds:
        trials = run_job(Job(experiment, tuple(s.name for s in experiment.settings), 0, 3), place)
    else:
        trials = complete(experiment, place, tmp_path / "rows.jsonl", Engine.SEQUENCE)
        assert read_trials(tmp_path / "rows.jsonl") == trials
    assert [trial.setting for trial in trials] == [setting.name for setting in experiment.settings]
    for trial in trials:
        assert np.isfinite(trial.curve[0].loss) and trial.scores.sum(axis=1) == pytest.approx(1.0, abs=0.005)
        assert len(trial.true) == len(trial.per_mille) > 0


def test_one_step_of_the_eight_baselines_and_the_rules(place, bank, tmp_path):
    experiment = short("roi_baselines", roi_px=64)
    trials = complete(experiment, Place(place.bank), tmp_path / "rows.jsonl", Engine.SEQUENCE)
    assert [trial.setting for trial in trials] == [*roi_baselines.NETWORKS]
    assert trials[1].parameters > 100e6 > trials[0].parameters > 50e6 > trials[6].parameters  # VGG, AlexNet, ShuffleNet
    rules = {trial.setting: trial for trial in rule_trials(bank, experiment)}
    assert {*rules} == {"hu", "hu_header"}  # these pairs have no fat, so that tissues can't be told
    assert rules["hu"].right.all()  # the bodies of the three classes are 50, 120 and 200 HU


def test_baselines_see_nothing_but_the_bodies(bank):
    learner = RoiLearner("shufflenet_v2_x1_0", 64).eval()
    batch = plain_batch(bank, range(3))
    outside = torch.where(batch.masks > 0, batch.crops, torch.rand_like(batch.crops))
    inside = torch.where(batch.masks > 0, torch.rand_like(batch.crops), batch.crops)
    with torch.no_grad():
        said, same, other = (
            learner.say(Meeting(batch._replace(crops=crops), None))[0] for crops in (batch.crops, outside, inside)
        )
    torch.testing.assert_close(same, said)
    assert not torch.allclose(other, said, rtol=1e-9)


def test_the_segmenter_stays_and_the_rest_is_trained(place):
    frozen = frozen_network(place.multitask)
    experiment = short("own_switches")
    learner = make_learner(experiment.settings[0], 0, 64, frozen.config)
    assert {name.split(".")[0] for name, _ in learner.named_parameters()} == {"classifier", "fusion"}
    assert not any(parameter.requires_grad for parameter in frozen.parameters())
    again = make_learner(experiment.settings[0], 0, 64, frozen.config)
    torch.testing.assert_close(learner.state_dict(), again.state_dict())
    other = make_learner(experiment.settings[0], 1, 64, frozen.config)
    assert not torch.equal(learner.fusion.classify.weight, other.fusion.classify.weight)


def plain(trials):
    """Rows without their seconds, in one order."""
    return sorted((replace(trial, seconds=0.0) for trial in trials), key=lambda t: (t.setting, t.seed, t.fold or 0))


def test_side_by_side_and_apart_give_the_same_rows(place, tmp_path):
    together = complete(THREE, place, tmp_path / "together.jsonl", Engine.SEQUENCE)
    apart = complete(THREE, place, tmp_path / "apart.jsonl", Engine.SEQUENCE, apart=True)
    assert plain(apart) == plain(together)


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray trains on many machines")
@pytest.mark.skipif(sys.platform != "linux", reason="Ray's cluster of one machine is for Linux")
def test_a_ray_cluster_gives_the_same_rows_and_goes_on(place, tmp_path):
    together = complete(THREE, place, tmp_path / "together.jsonl", Engine.SEQUENCE)
    out = tmp_path / "ray.jsonl"
    add_trials(out, together[:1])  # of a run that was stopped
    (tmp_path / "told").write_bytes(pickle.dumps((THREE, place, out)))
    # a process of its own, since Ray asks the network who it is, and lives on in the one that loaded it
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    ended = subprocess.run([sys.executable, "-c", ON_RAY, tmp_path / "told"], env=environment, capture_output=True)
    assert ended.returncode == 0, ended.stderr.decode()[-2000:]
    assert plain(read_trials(out)) == plain(together)


def test_what_is_there_is_not_trained_again_but_what_changed_is(place, tmp_path, monkeypatch):
    out = tmp_path / "rows.jsonl"
    experiment = short("own_switches", settings=SWITCHES[:1])
    first = complete(experiment, place, out, Engine.SEQUENCE)
    wider = replace(experiment, settings=SWITCHES[:2])
    assert [job.settings for job in jobs_of(wider, place, first, apart=False)] == [(SWITCHES[1].name,)]
    with monkeypatch.context() as patch:
        patch.setattr(engines, "run_job", lambda *arguments: pytest.fail("trained again"))
        assert complete(experiment, place, out, Engine.SEQUENCE) == first
    longer = replace(experiment, steps=2)
    changed = replace(experiment, settings=(replace(SWITCHES[0], network={"ordinal_head": False}),))
    for other in (longer, changed):
        assert len(jobs_of(other, place, first, apart=False)) == 1
    elsewhere = replace(place, multitask_sha256="another segmenter")
    assert len(jobs_of(experiment, elsewhere, first, apart=False)) == 1


def test_dropout_follows_the_seed_and_not_who_trains_beside(place, tmp_path):
    two = tuple(s for s in roi_baselines.get_config().settings if s.name in ("AlexNet", "ShuffleNet"))
    small = tuple(replace(s, roi_network={"AlexNet": "squeezenet1_1"}.get(s.name, s.roi_network)) for s in two)
    experiment = short("roi_baselines", settings=small)  # SqueezeNet drops out as AlexNet does
    bare = Place(place.bank)
    both = complete(experiment, bare, tmp_path / "both.jsonl", Engine.SEQUENCE)
    alone = complete(
        replace(experiment, settings=small[::-1]), bare, tmp_path / "one.jsonl", Engine.SEQUENCE, apart=True
    )
    assert plain(both) == plain(alone)


def test_one_step_of_the_outlines_and_what_differs(bank, tmp_path):
    experiment = short("outlines")
    trials = complete_outlines(experiment, bank, tmp_path / "outlines.jsonl")
    assert [trial.setting for trial in trials] == [setting.name for setting in experiment.settings]
    assert read_outline_trials(tmp_path / "outlines.jsonl") == trials
    base, alone, evolved = experiment.settings
    assert replace(alone, name=base.name, boundary_branch=True) == base
    assert replace(evolved, name=base.name, evolved_share=0.0) == base
    assert all(len(trial.dice) == len(cases_of(bank, 0, None).test) for trial in trials)
    assert complete_outlines(experiment, bank, tmp_path / "outlines.jsonl") == trials


def test_experiments_and_fields_that_are_none_are_refused():
    with pytest.raises(UsageError, match="no experiment"):
        experiment_of("nothing", [])
    with pytest.raises(UsageError, match="no field"):
        experiment_of("modules", ["step=1"])
    assert experiment_of("modules", ["steps=7"]).steps == 7


def test_the_command_writes_rows_about_and_a_table(place, pair_folder, tmp_path, capsys):
    command = ["ablate", "--config", "own_switches", "--data", str(pair_folder), "--multitask", str(place.multitask)]
    command += ["--out", str(tmp_path), "--set", "steps=1", "--set", "rows=2", "--set", "seeds=(0,)"]
    command += ["--set", "bank.views=1"]
    assert main(command) == 0
    assert "mask guidance off" in capsys.readouterr().out
    assert len(read_trials(tmp_path / "own_switches.jsonl")) == 9
    about = json.loads((tmp_path / "about.json").read_text())
    assert np.sum(about["classes"]) == 12 and len(about["classes"][0]) == len(STATUSES)


def trial(setting="a", seed=0, true=(0, 1, 2, 2), said=(0, 1, 2, 1), fold=None):
    """A trial that says one class with certainty."""
    rows = tuple(tuple(1000 * (index == k) for k in range(3)) for index in said)
    return Trial("x", setting, seed, fold, "", "", 1, 1, 1, 1.0, tuple(true), rows)


def test_rows_of_wrong_shape_are_no_trials(tmp_path):
    (tmp_path / "rows.jsonl").write_text('{"setting": "x"}\n')
    with pytest.raises(ValueError, match="experiment"):
        read_trials(tmp_path / "rows.jsonl")
    assert trial().right.tolist() == [True, True, True, False]
