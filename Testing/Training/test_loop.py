"""Stories of a training: two steps, save, load, predict; resume = straight run; what stops it. One suite a task."""

import csv
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from OsteoJointLib.config import network_config
from OsteoJointLib.errors import InputRefused, ModelRefused, Reason, RunFailed, UsageError
from OsteoJointLib.level_config import LevelNetConfig
from OsteoJointLib.network.losses.bmd import bmd_loss
from OsteoJointLib.network.losses.cross_entropy import soft_cross_entropy
from OsteoJointLib.network.losses.weighting import TERMS
from training.checkpoint import FORMAT, load_checkpoint, start
from training.configs.compact import get_config
from training.data.level_crops import CropSettings
from training.data.pair_batches import PairBatchConfig
from training.evaluation.pair_scores import score_pairs
from training.loop import train
from training.optimizing import decay_groups, update_average
from training.run_config import OptimizerConfig, overridden
from training.run_log import RunLog
from training.schedule import Budget, learning_rate
from training.step_rows import StepRows
from training.tasks.level_losses import LevelLosses
from training.tasks.levels import LevelConfig, load_level_network
from training.tasks.multitask import MultitaskConfig

MULTITASK = MultitaskConfig(
    name="tiny",
    network=replace(
        network_config("compact"),
        profile="tiny",
        localizer_width=0.0625,
        segmenter_channels=(4, 4, 4, 8, 8, 8),
        classifier_stem=4,
        classifier_planes=(2, 2, 2, 2),
        classifier_blocks=(1, 1, 1, 1),
        fusion_hidden=4,
    ),
    data=PairBatchConfig(rows=2, further_rows=1, class_rows=2, images=1, localizer_every=2, minimum_pairs=4),
    windows_px=((0.5, 64), (1.0, 96)),
    precision="32-true",
)
LEVELS = LevelConfig(
    name="tiny_levels",
    network=LevelNetConfig(channels=(4, 8)),
    crops=CropSettings(shape_zyx=(16, 16, 16), shift_vox=(2.0, 2.0)),
    optimizer=OptimizerConfig(name="adamw", learning_rate=2e-3),
    ema_decay=0.0,
)


def log_rows(folder):
    with (folder / "log.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


class TaskSuite:
    """What holds for the training of every task."""

    config: MultitaskConfig | LevelConfig
    parts: tuple[str, ...]

    @pytest.fixture
    def data(self):
        raise NotImplementedError

    @pytest.fixture
    def watched(self):
        raise NotImplementedError

    def run(self, out, data, steps=4, config=None, **changes):
        task = (config or self.config).task()
        return train(task, data, out, Budget(steps=steps), **{"workers": 0, "threads": 1, **changes})

    def test_a_run_moves_every_part_and_leaves_its_files(self, tmp_path, data, watched):
        before = start(self.config.task()).module.state_dict()
        run = self.run(tmp_path, data, steps=2, validation=watched)
        checkpoint = load_checkpoint(tmp_path / "last.pt", self.config.task().name)
        assert checkpoint.step == run.step == 2
        moved = [name for name, value in checkpoint.module.items() if not torch.equal(value, before[name])]
        assert all(any(name.startswith(part) for name in moved) for part in self.parts)
        torch.testing.assert_close(checkpoint.average, run.average, rtol=0, atol=0)
        assert (tmp_path / "validation.jsonl").read_text().count("\n") == 1
        assert (tmp_path / "best.pt").is_file() == bool(self.config.task().watched)

    def test_a_resumed_run_is_the_straight_run(self, tmp_path, data):
        straight = self.run(tmp_path / "straight", data)
        self.run(tmp_path / "resumed", data, stop_after=1)
        self.run(tmp_path / "resumed", data, stop_after=3)
        resumed = self.run(tmp_path / "resumed", data)
        assert resumed.step == straight.step == 4
        for part in ("module", "optimizer"):
            torch.testing.assert_close(
                getattr(resumed, part).state_dict(), getattr(straight, part).state_dict(), rtol=0, atol=0
            )
        torch.testing.assert_close(resumed.average, straight.average, rtol=0, atol=0)
        logs = [log_rows(tmp_path / name) for name in ("resumed", "straight")]
        assert [row["step"] for row in logs[0]] == ["1", "2", "3", "4"]
        for resumed_row, straight_row in zip(*logs, strict=True):
            assert resumed_row | {"elapsed_s": ""} == straight_row | {"elapsed_s": ""}

    def test_going_on_under_other_settings_is_refused_by_name(self, tmp_path, data):
        self.run(tmp_path, data, steps=2, stop_after=1)
        rate = self.config.optimizer.learning_rate
        others = {
            "seed was 0 and would be 5": replace(self.config, seed=5),
            f"optimizer.learning_rate was {rate} and would be 0.5": replace(
                self.config, optimizer=replace(self.config.optimizer, learning_rate=0.5)
            ),
            "ema_decay": replace(self.config, ema_decay=0.5),
        }
        for words, config in others.items():
            with pytest.raises(UsageError, match=words):
                self.run(tmp_path, data, steps=2, config=config)
        with pytest.raises(UsageError, match=r"budget\.steps was 2 and would be 3.*--out"):
            self.run(tmp_path, data, steps=3)
        assert load_checkpoint(tmp_path / "last.pt").step == 1
        assert self.run(tmp_path, data, steps=2, config=replace(self.config, validation_cases=1)).step == 2

    def test_a_card_that_is_not_there_is_refused_before_anything_is_written(self, tmp_path, data):
        with pytest.raises(ModelRefused, match="cuda:9") as refused:
            self.run(tmp_path / "run", data, device="cuda:9")
        assert refused.value.reason is Reason.DEVICE_MISSING
        assert not (tmp_path / "run").exists()

    def test_data_kept_for_something_else_are_refused(self, tmp_path, watched):
        with pytest.raises(InputRefused, match="seed 800000"):
            self.run(tmp_path, watched)

    def test_every_parameter_gets_a_gradient(self, data):
        task = self.config.task()
        module = start(task).module
        losses = module(module.planned(task.batches(data)[0]), 0.5)
        assert losses._fields == task.terms
        losses.total.backward()
        untouched = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
        assert untouched == []
        clipped = [id(parameter) for parameters in module.parts().values() for parameter in parameters]
        assert sorted(clipped) == sorted(id(parameter) for parameter in module.parameters())


class TestMultitask(TaskSuite):
    config = MULTITASK
    parts = ("network.localizer", "network.segmenter", "network.classifier", "network.fusion", "weighting")

    @pytest.fixture
    def data(self, pair_folder):
        return pair_folder

    @pytest.fixture
    def watched(self, watched_pairs):
        return watched_pairs

    def test_a_run_resumed_with_several_workers_is_the_straight_run_without(self, tmp_path, data):
        """Two batches a step, so that the workers' batches and the steps are not the same numbers."""
        config = replace(MULTITASK, batches_a_step=2)
        straight = self.run(tmp_path / "a", data, steps=3, config=config)
        self.run(tmp_path / "b", data, steps=3, config=config, stop_after=1)
        resumed = self.run(tmp_path / "b", data, steps=3, config=config, workers=2)
        for part in ("module", "optimizer"):
            torch.testing.assert_close(
                getattr(resumed, part).state_dict(), getattr(straight, part).state_dict(), rtol=0, atol=0
            )
        torch.testing.assert_close(resumed.average, straight.average, rtol=0, atol=0)

    def test_log_holds_window_and_the_terms_of_each_step(self, tmp_path, data):
        self.run(tmp_path, data)
        rows = log_rows(tmp_path)
        assert [row["window_px"] for row in rows] == ["64", "64", "96", "96"]
        assert [bool(row["box"]) for row in rows] == [True, False, True, False]
        assert {f"weight_{term}" for term in TERMS} < set(rows[0])

    def test_the_averaged_network_predicts(self, tmp_path, data, watched):
        run = self.run(tmp_path, data, steps=2)
        network = run.module.network
        network.load_state_dict(run.average)
        numbers = score_pairs(network.eval(), watched, 2, 2.0)
        assert numbers["n"] == 2 and 0 <= numbers["dice"] <= 1 and 0 <= numbers["ap50"] <= 1
        sources = [numbers[f"cross_entropy_{source}"] for source in ("softmax", "areas", "mean")]
        assert numbers["cross_entropy"] == sources[2] and len(set(sources)) == 3 and numbers["bmd_mae"] > 0

    @pytest.mark.parametrize(
        "switch", ["layered_fusion", "mask_guidance", "ordinal_head", "reference_tissues", "header_facts"]
    )
    def test_every_switch_trains(self, tmp_path, data, switch):
        config = replace(MULTITASK, network=replace(MULTITASK.network, **{switch: False}))
        self.run(tmp_path, data, steps=1, config=config)
        assert float(log_rows(tmp_path)[0]["status"]) > 0

    def test_rows_for_the_class_alone_leave_the_segmenter_as_it_is(self, data):
        module = MULTITASK.task().build()
        batch = MULTITASK.task().batches(data)[1]
        batch = batch._replace(mask_rows=torch.zeros_like(batch.mask_rows))
        module(module.planned(batch), 0.0).status.backward()
        assert all(parameter.grad is None for parameter in module.network.segmenter.parameters())
        assert all(parameter.grad is not None for parameter in module.network.classifier.parameters())

    def test_the_class_term_is_that_of_the_network(self, data):
        """Shared rows and class rows, whatever their order, get what ``classify`` says of them."""
        module = MULTITASK.task().build().eval()
        batches = MULTITASK.task().batches(data)
        batch = next(b for step in range(1, 20) if ((b := batches[step]).mask_rows & b.status_rows).any())
        rows = batch.status_rows.nonzero()[:, 0]
        assert bool((~batch.mask_rows[rows]).any())
        batch = batch._replace(guided_rows=torch.ones_like(batch.guided_rows))
        with torch.no_grad():
            crops = torch.cat((batch.crops[rows, 0], batch.crops[rows, 1]))
            said = module.network.segmenter(crops).with_mask(torch.cat((batch.guides[rows, 0], batch.guides[rows, 1])))
            output = module.network.fuse(crops, said, batch.facts[rows], batch.left_out[rows])
            expected = soft_cross_entropy(output.logits, batch.status[rows]) + bmd_loss(output.bmd, batch.bmd[rows])
            whole = replace(MULTITASK, windows_px=((1.0, 224),))
            module.config = whole
            torch.testing.assert_close(module(module.planned(batch), 0.0).status, expected, rtol=1e-4, atol=1e-5)

    def test_no_decay_on_gates_norms_and_loss_weights(self):
        module = MULTITASK.task().build()
        decayed, free = decay_groups(module, 0.1)
        free_ids = {id(p) for p in free["params"]}
        assert decayed["weight_decay"] == 0.1 and free["weight_decay"] == 0.0
        for name, parameter in module.named_parameters():
            assert (id(parameter) in free_ids) == (parameter.ndim == 1 or ".gates." in name), name

    def test_window_follows_progress(self):
        config = replace(MULTITASK, windows_px=((0.6, 160), (1.0, 224)))
        assert [config.window_px(p) for p in (0.0, 0.59, 0.6, 1.0)] == [160, 160, 224, 224]
        with pytest.raises(UsageError, match="multiples of 32"):
            replace(MULTITASK, windows_px=((1.0, 100),))


class TestLevels(TaskSuite):
    config = LEVELS
    parts = ("network",)

    @pytest.fixture
    def data(self, sample_folder):
        return sample_folder

    @pytest.fixture
    def watched(self, watched_samples):
        return watched_samples

    def test_the_checkpoint_holds_a_network_that_loads(self, tmp_path, data):
        run = self.run(tmp_path, data, steps=2)
        network = load_level_network(tmp_path / "last.pt")
        assert network.config == LEVELS.network
        torch.testing.assert_close(dict(network.state_dict()), dict(run.module.network.state_dict()), rtol=0, atol=0)
        kept = load_checkpoint(tmp_path / "last.pt")
        name = next(iter(kept.average))  # no second copy of weights that aren't averaged
        assert kept.average[name].data_ptr() == kept.module[f"network.{name}"].data_ptr()


def test_the_least_score_is_the_best(tmp_path):
    log, said = RunLog(tmp_path, [], 0), []
    for step, score in enumerate((0.5, 0.7, 0.4, 0.4, 0.41)):
        log.add_validation(step, 0.0, {"cross_entropy": score, "dice": -score})
        said.append(log.is_least("cross_entropy"))
    assert said == [True, False, True, True, False]


def test_a_loss_that_is_no_number_names_terms_and_cases():
    nan, fine = torch.tensor(float("nan")), [torch.tensor(0.1)] * 4
    losses = LevelLosses(nan, nan, torch.tensor(0.5), *fine)
    rows = StepRows(LevelLosses._fields, [])
    good = LevelLosses(*[torch.tensor(0.5)] * len(LevelLosses._fields))
    for step, of in ((6, good), (7, losses), (8, losses)):
        rows.hold(step, 0.0, 0.1, [of], {}, ("level_00000003", f"level_0000000{step + 1}"))
    with pytest.raises(RunFailed, match=r"step 7.*cross_entropy.*nan.*'dice': 0.5.*level_00000003, level_00000008"):
        rows.read(SimpleNamespace(world_size=1))


def test_what_is_no_checkpoint_is_refused(tmp_path, sample_folder):
    with pytest.raises(InputRefused, match="no checkpoint .* Train first"):
        load_checkpoint(tmp_path / "none.pt")
    (tmp_path / "junk.pt").write_bytes(b"junk")
    with pytest.raises(InputRefused, match="damaged"):
        load_checkpoint(tmp_path / "junk.pt")
    torch.save({"format": FORMAT + "0"}, tmp_path / "other.pt")
    with pytest.raises(InputRefused, match="another version|not written by this version"):
        load_checkpoint(tmp_path / "other.pt")
    train(LEVELS.task(), sample_folder, tmp_path, Budget(steps=1), workers=0, threads=1)
    with pytest.raises(InputRefused, match="task levels, and one of the task multitask"):
        load_checkpoint(tmp_path / "last.pt", "multitask")


def test_schedule_rises_then_falls():
    config = OptimizerConfig(learning_rate=1.0, warmup=0.1, final_fraction=0.01)
    rates = [learning_rate(p, config) for p in (0.0, 0.05, 0.1, 0.55, 1.0)]
    assert rates == pytest.approx([0.1, 0.55, 1.0, 0.505, 0.01])


def test_budget_is_steps_or_minutes():
    assert Budget(steps=10).progress(5, 1e9) == 0.5
    assert Budget(minutes=2.0).progress(10**6, 60.0) == 0.5
    for wrong in ({}, {"steps": 1, "minutes": 1.0}, {"steps": 0}, {"minutes": -1.0}, {"epochs": 0.0}):
        with pytest.raises(UsageError, match="--epochs, --steps or --minutes"):
            Budget(**wrong)


def test_an_epoch_has_as_many_draws_as_there_are_cases(tmp_path, pair_folder):
    task = replace(MULTITASK, batches_a_step=2).task()  # 12 cases, 2 batches of 4 cases a step: 2 steps an epoch
    run = train(task, pair_folder, tmp_path, Budget(epochs=1), workers=0, threads=1)
    assert run.step == 2
    kept = load_checkpoint(tmp_path / "last.pt").recipe["budget"]
    assert (kept["epochs"], kept["steps"]) == (1, 2)
    with pytest.raises(UsageError, match=r"budget\.epochs was 1 and would be 2"):
        train(task, pair_folder, tmp_path, Budget(epochs=2), workers=0, threads=1)


def test_the_paper_s_rate_does_not_fall():
    config = OptimizerConfig(learning_rate=1.0, warmup=0.1, schedule="constant")
    assert [learning_rate(p, config) for p in (0.05, 0.1, 0.5, 1.0)] == pytest.approx([0.55, 1.0, 1.0, 1.0])
    with pytest.raises(UsageError, match='"cosine" or "constant"'):
        OptimizerConfig(schedule="stairs")


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
