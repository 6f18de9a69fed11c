"""One device and several: the same run, in one process after the other or side by side."""

import csv
import os
import socket
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from OsteoJointLib.errors import UsageError
from training.checkpoint import load_checkpoint, start
from training.commands.fit import chosen_task
from training.configs.compact import get_config
from training.loop import clipped, train
from training.machines import Machines, start_fabric
from training.schedule import Budget
from training.step_rows import StepRows
from training.tasks.level_losses import LevelLosses

TINY = {
    "network.localizer_width": 0.0625,
    "network.segmenter_channels": (4, 4, 4, 8, 8, 8),
    "network.classifier_stem": 4,
    "network.classifier_planes": (2, 2, 2, 2),
    "network.classifier_blocks": (1, 1, 1, 1),
    "network.fusion_hidden": 4,
    "data.rows": 2,
    "data.further_rows": 0,
    "data.class_rows": 2,
    "data.images": 1,
    "data.localizer_every": 2,
    "data.minimum_pairs": 4,
    "windows_px": ((1.0, 64),),
    "precision": "32-true",
    "batches_a_step": 2,
}
SET = [word for name, value in TINY.items() for word in ("--set", f"{name}={value}".replace(" ", ""))]


def command(repository, data, out, *more, **environment):
    words = ["train", "--config", "compact", "--data", str(data), "--out", str(out), "--workers", "0", "--steps", "2"]
    env = os.environ | {"OMP_NUM_THREADS": "1", **environment}
    return subprocess.Popen(
        [sys.executable, "-m", "training", *words, *SET, *more],
        cwd=repository,
        env=env,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def tiny_task(*changes):
    return chosen_task("compact", [*(f"{name}={value}" for name, value in TINY.items()), *changes], None)


def rows_of(out):
    with (out / "log.csv").open(newline="") as stream:
        return [{k: v for k, v in row.items() if k != "elapsed_s"} for row in csv.DictReader(stream)]


def finished(*processes):
    for process in processes:
        said = process.communicate(timeout=400)[0]
        assert process.returncode == 0, said


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@pytest.fixture(scope="module")
def alone(pair_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("alone")
    train(tiny_task(), pair_folder, out, Budget(steps=2), workers=0, threads=1)
    return out


def assert_same_run(one, other):
    assert len(rows_of(one)) == 2
    for a, b in zip(rows_of(one), rows_of(other), strict=True):
        assert {k for k, v in a.items() if v} == {k for k, v in b.items() if v}
        for name, value in a.items():
            if value:
                assert float(b[name]) == pytest.approx(float(value), rel=1e-3), name
    weights = [load_checkpoint(out / "last.pt").module for out in (one, other)]
    for name, value in weights[0].items():
        if "running" not in name and "num_batches" not in name:  # of batch normalization: each process's own rows
            torch.testing.assert_close(weights[1][name], value, rtol=1e-3, atol=1e-4)


def test_two_processes_take_the_steps_of_one(repository, pair_folder, tmp_path, alone):
    finished(command(repository, pair_folder, tmp_path, "--devices", "2"))
    assert_same_run(alone, tmp_path)


def test_two_machines_take_the_steps_of_one(repository, pair_folder, tmp_path, alone):
    """Both are this one, under one address; only the first writes."""
    address = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "GLOO_SOCKET_IFNAME": "lo"}
    outs = [tmp_path / "first", tmp_path / "second"]
    finished(
        *(
            command(repository, pair_folder, out, "--machines", "2", NODE_RANK=str(rank), **address)
            for rank, out in enumerate(outs)
        )
    )
    assert_same_run(alone, outs[0])
    assert not outs[1].exists()


def test_batches_that_can_not_be_shared_evenly_are_refused():
    with pytest.raises(UsageError, match=r"3 batches a step .* 2 devices. Set batches_a_step to 2"):
        start_fabric(Machines(devices=2), replace(get_config(), batches_a_step=3))


def test_a_step_of_two_batches_has_the_mean_of_their_gradients(pair_folder, tmp_path):
    """SGD from the same weights, without clipping and momentum: the step is the mean of the two steps."""
    task = tiny_task("optimizer.clip_norm=1e9", "optimizer.weight_decay=0.0", "ema_decay=0.0")
    begun = start(task).module
    both = train(task, pair_folder, tmp_path, Budget(steps=1), workers=0, threads=1)
    gradients = []
    for number in (0, 1):
        module = start(task).module
        module(module.planned(task.batches(pair_folder)[number]), 0.0).total.backward()
        gradients.append({name: p.grad for name, p in module.named_parameters()})
    rate, momentum = 0.1 * task.config.optimizer.learning_rate, 1.9  # Nesterov's first step is g + 0.9 g
    for name, parameter in begun.named_parameters():
        mean = sum(g[name] if g[name] is not None else torch.zeros_like(parameter) for g in gradients) / 2
        expected = parameter - rate * momentum * mean
        torch.testing.assert_close(both.module.get_parameter(name), expected, rtol=1e-4, atol=1e-6)


def test_terms_are_means_over_the_batches_that_have_them():
    rows = StepRows(("total", "box"), ("norm",))
    losses = [SimpleNamespace(_asdict=lambda v=v, b=b: {"total": v, "box": b}, total=v) for v, b in
              ((torch.tensor(1.0), torch.tensor(4.0)), (torch.tensor(2.0), None))]  # fmt: skip
    rows.hold(1, 0.5, 0.1, losses, {"norm": 3.0}, ("a",))
    rows.hold(2, 0.7, 0.1, losses[1:], {"norm": torch.tensor(5.0)}, ("b",))
    one, two = rows.read(SimpleNamespace(world_size=1))
    assert one.losses == {"total": 1.5, "box": 4.0} and one.notes == {"norm": 3.0}
    assert two.losses == {"total": 2.0, "box": None} and two.notes == {"norm": 5.0}
    assert rows.read(SimpleNamespace(world_size=1)) == []


class Waits(TorchDispatchMode):
    """Lists what makes a card wait for an answer: values that Python asks for, sizes that follow from values."""

    ASKING = ("_local_scalar_dense", "nonzero", "masked_select", "is_nonzero", "repeat_interleave", "unique", "equal")

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.__name__.split(".")[0]
        masked = name in ("index", "index_put", "index_put_", "_index_put_impl_") and any(
            isinstance(i, torch.Tensor) and i.dtype in (torch.bool, torch.uint8) for i in args[1]
        )
        if name in self.ASKING or masked:
            self.found.append(str(func))
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("kind", ["multitask", "levels"])
def test_a_step_asks_nothing_of_the_device(kind, pair_folder, sample_folder):
    if kind == "multitask":
        task = tiny_task()
        batch = task.batches(pair_folder)[0]
    else:
        task = chosen_task("compact_levels", ["network.channels=(4,8)", "crops.shape_zyx=(16,16,16)"], None)
        batch = task.batches(sample_folder)[0]
    run = start(task)
    plan, rows = run.module.planned(batch), StepRows(task.terms, [])
    with Waits() as waits:
        losses = run.module(plan, 0.5)
        losses.total.backward()
        clipped(run.module, 5.0)
        run.optimizer.step()
        run.module.notes(0.5)
        rows.hold(1, 0.0, 0.1, [losses], {}, ())
    assert waits.found == []
    assert isinstance(losses, LevelLosses) == (kind == "levels")
    with Waits() as waits:
        float(losses.total.detach())
    assert len(waits.found) == 1
