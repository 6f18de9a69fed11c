"""Speed, profile and ablation of the paper's network on a CUDA machine, in ten minutes, into one JSON file.

Run it from the root of a checkout:

    python Testing/gpu_training.py --out out/gpu.json                on the machine with the card
    python Testing/gpu_training.py --out out/gpu.json --small        in small, on any CPU: does it run?

It needs PyTorch, torchvision, Lightning (or lightning-fabric), OpenCV and SciPy; not ultralytics, captum, SimpleITK or
pydicom: Darknet-53 is the twin of Testing/darknet_twin.py. The JSON is written anew after each part, so that a machine
that is taken away leaves what was measured.

* ``data``: phantom pairs, made here by all cores, or those of ``--data`` and ``--validation``.
* ``speed``: all six terms forth and back, per second: a plain step (float32, eager, contiguous, a number asked of every
  term), the training's own (bfloat16, channels-last, TF32, fused, nothing asked), and that compiled; beside them
  torchvision's ResNet-101 alone, on as many crops. ``share_of_peak`` is the work done a second over what the card's
  maker says for bfloat16 without sparsity, ``share_of_matmul`` over what a large product reaches here.
* ``waits``: what of a step made the host wait for the card, as CUDA tells it; there should be nothing.
* ``profile``: the kernels that take most of the card's time, and the share of time in which it computed.
* ``ablation``: Table 3, layered fusion x gated convolution x feature fusion, on the same batches from the same seed,
  for as many steps as the time allows; a trial of the machinery, not a result.
"""

import argparse
import importlib.util
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import warnings
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "Testing")]
os.environ["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])

import torch  # noqa: E402

if not importlib.util.find_spec("lightning_fabric"):  # the package lightning has it by another name
    for name in ("", ".strategies"):
        sys.modules[f"lightning_fabric{name}"] = importlib.import_module(f"lightning.fabric{name}")
import lightning_fabric  # noqa: E402
from darknet_twin import Darknet53  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from OsteoJointLib.network.detection import Localizer  # noqa: E402
from training.configs.paper import get_config  # noqa: E402
from training.evaluation.pair_scores import score_pairs  # noqa: E402
from training.loop import clipped, descend  # noqa: E402
from training.optimizing import decay_groups, make_optimizer  # noqa: E402
from training.step_batches import step_loader  # noqa: E402
from training.step_rows import StepRows  # noqa: E402
from training.tasks.multitask import MultitaskStep  # noqa: E402

PEAK_TFLOPS = {"H200": 989.0, "H100": 989.0, "A100": 312.0, "L40S": 362.0, "RTX 4090": 165.0, "RTX 3090 Ti": 80.0}
"""Of bfloat16 with float32 sums, dense, by the makers' data sheets."""
SWITCHES = ("layered_fusion", "gated_convolution", "feature_fusion")
NARROW = {
    "segmenter_channels": (4, 4, 4, 8, 8, 8),
    "classifier_stem": 4,
    "classifier_planes": (2, 2, 2, 2),
    "classifier_blocks": (1, 1, 1, 1),
    "fusion_hidden": 4,
}


class Timer:
    """What is left of the minutes."""

    def __init__(self, minutes):
        self._end = time.monotonic() + 60.0 * minutes

    def left_s(self):
        return self._end - time.monotonic()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="JSON")
    parser.add_argument("--minutes", type=float, default=9.0, metavar="N", help="in all (default: 9)")
    parser.add_argument("--data", type=Path, metavar="DIR", help="training pairs, instead of fresh ones")
    parser.add_argument("--validation", type=Path, metavar="DIR", help="validation pairs, instead of fresh ones")
    parser.add_argument("--workers", type=int, default=max((os.cpu_count() or 2) - 2, 1), metavar="N")
    parser.add_argument("--small", action="store_true", help="thin networks and few steps: a trial")
    parser.add_argument("--compile", choices=("yes", "no"), default="yes", help="measure compiled steps, too")
    options = parser.parse_args()
    timer, device = Timer(options.minutes), torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and not options.small:
        sys.exit("There is no CUDA card here. Say --small to try the script on the CPU.")
    found = {"machine": machine(device), "small": options.small}

    def keep(**parts):
        found.update(parts, seconds_left=round(timer.left_s()))
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(json.dumps(found, indent=1, allow_nan=False) + "\n")
        print(f"{sorted(parts)} done, {timer.left_s():.0f} s left", flush=True)

    with tempfile.TemporaryDirectory(prefix="osteojoint-gpu-") as scratch:
        data, validation, told = pairs(options, Path(scratch), timer)
        keep(data=told)
        config = small_config() if options.small else get_config()
        sizes = [config] if options.small else [config, larger(config, 4)]
        keep(matmul_tflops=matmul_tflops(device))
        drawn = {
            rows_of(size): batches_of(size, data, 1 if options.small else 3, options.workers, device) for size in sizes
        }
        speed = {f"{rows} cases a batch": {} for rows in drawn}
        for kind in ("plain", "ours"):
            for size in sizes:
                speed[f"{rows_of(size)} cases a batch"][kind] = measured(
                    kind, size, drawn[rows_of(size)], device, found
                )
        keep(speed=speed)
        keep(waits=waits(config, drawn[rows_of(config)], device), profile=profile(sizes[-1], drawn, device))
        keep(resnet101=resnets(("plain", "ours"), sizes, device, found))
        steps = 1 if options.small else ablation_steps(speed, config, timer)
        keep(ablation=ablation(config, data, validation, steps, options.workers, device))
        if options.compile == "yes":
            for size in sizes[::-1]:
                speed[f"{rows_of(size)} cases a batch"]["ours, compiled"] = measured(
                    "compiled", size, drawn[rows_of(size)], device, found
                )
                keep(speed=with_ratios(speed))
            keep(resnet101=found["resnet101"] | resnets(("compiled",), sizes[-1:], device, found))
        keep(speed=with_ratios(speed))


def machine(device):
    told = {
        "device": device.type,
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "lightning_fabric": lightning_fabric.__version__,
    }
    if device.type == "cuda":
        card = torch.cuda.get_device_properties(device)
        peak = next((peak for name, peak in PEAK_TFLOPS.items() if name in card.name), None)
        told |= {"card": card.name, "memory_gib": round(card.total_memory / 2**30), "peak_tflops": peak}
    return told


def pairs(options, scratch, timer):
    """Make pairs by all cores for a sixth of the time, or take those there are."""
    if options.data and options.validation:
        told = {"data": str(options.data), "validation": str(options.validation)}
        return options.data, options.validation, told
    data, validation = scratch / "pairs", scratch / "validation"
    began, cores = time.monotonic(), os.cpu_count() or 1
    wanted = (8, 3) if options.small else (100_000, 10_000)
    for folder, first, count, seconds in (
        (data, 0, wanted[0], timer.left_s() / 6),
        (validation, 800_000, wanted[1], timer.left_s() / 30),
    ):
        stop, share = time.monotonic() + (1e6 if options.small else seconds), -(-count // cores)
        makers = [
            subprocess.Popen(
                [
                    *(sys.executable, "-m", "training", "pairs", "--out", str(folder)),
                    *("--seed", str(first + share * i), "--count", str(min(share, count - share * i))),
                ],
                env=os.environ | {"OMP_NUM_THREADS": "1"},
                stdout=subprocess.DEVNULL,
                cwd=ROOT,
            )
            for i in range(cores)
            if share * i < count
        ]
        for maker in makers:
            try:
                maker.wait(max(stop - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                maker.kill()
                maker.wait()
    told = {"pairs": len(list(data.glob("*.npz"))), "validation": len(list(validation.glob("*.npz")))}
    return data, validation, told | {"seconds": round(time.monotonic() - began, 1)}


def small_config():
    config = get_config()
    data = replace(config.data, rows=1, class_rows=1, images=1, minimum_pairs=1)
    network = replace(config.network, **NARROW)
    return replace(config, network=network, data=data, windows_px=((1.0, 64),))


def larger(config, factor):
    data = config.data
    data = replace(data, rows=factor * data.rows, class_rows=factor * data.class_rows, images=factor * data.images)
    return replace(config, data=data)


def small(config):
    """Say whether a config is that of the trial."""
    return config.network.fusion_hidden == NARROW["fusion_hidden"]


def rows_of(config):
    return config.data.rows + config.data.class_rows


def crops_of(config):
    return 2 * rows_of(config)


def batches_of(config, data, count, workers, device):
    """Draw batches into memory, so that what is measured is the network."""
    with tempfile.TemporaryDirectory() as contours:
        of = replace(config, data=replace(config.data, contours=contours, minimum_pairs=1))
        batches = of.task().batches(data)
        workers = 0 if small(config) else min(workers, count)
        return list(step_loader(batches, 0, count, workers, pinned=device.type == "cuda"))


class Stepper:
    """A network with its optimizer, which takes steps of one kind.

    "plain" is what one writes first; "ours" is what training/loop.py does; "compiled" is that with torch.compile.
    """

    def __init__(self, kind, config, device, localizer=True):
        self.kind, self.config, self.device = kind, config, device
        plain = kind == "plain"
        for place in (torch.backends.cuda.matmul, torch.backends.cudnn):
            place.allow_tf32 = not plain
        torch.backends.cudnn.benchmark = not plain
        torch.manual_seed(config.seed)
        self.step = MultitaskStep(replace(config, localizer=False))
        if localizer:
            self.step.network.localizer = Localizer(Darknet53(1 / 16 if small(config) else 1.0), 3)
        if not plain:
            self.step.to(memory_format=torch.channels_last)
        self.fabric = lightning_fabric.Fabric(
            accelerator=device.type, devices=1, precision="32-true" if plain else config.precision
        )
        rate = config.optimizer.learning_rate
        if plain:
            groups = decay_groups(self.step, config.optimizer.weight_decay)
            optimizer = torch.optim.SGD(groups, lr=rate, momentum=config.optimizer.momentum, nesterov=True)
        else:
            optimizer = make_optimizer(self.step, config.optimizer)
        if kind == "compiled":
            self.step.compile_networks()
        self.module, self.optimizer = self.fabric.setup(self.step, optimizer)
        self.module.train()
        self.rows, self.taken = StepRows(config.task().terms, []), 0

    def take(self, batch, progress=0.99):
        rate = self.config.optimizer.learning_rate
        losses = descend(self.fabric, self.module, self.step, self.optimizer, [batch], rate, progress)
        clipped(self.step, self.config.optimizer.clip_norm)
        self.optimizer.step()
        self.taken += 1
        if self.kind == "plain":
            return [float(value.detach()) for value in losses[0] if value is not None]
        self.rows.hold(self.taken, 0.0, rate, losses, {}, batch.case_ids)
        return None

    def read(self):
        return self.rows.read(self.fabric)


def wait(device):
    if device.type == "cuda":
        torch.cuda.synchronize()


def seconds_a_step(take, batches, device, at_least_s, warm=3):
    """Time steps until enough seconds are over; returns seconds of one."""
    for _ in range(warm):
        for batch in batches:
            take(batch)
    wait(device)
    began, steps = time.monotonic(), 0
    while steps < len(batches) or time.monotonic() - began < at_least_s:
        for batch in batches:
            take(batch)
            steps += 1
        wait(device)  # once for all batches: the host may run ahead among them
    return (time.monotonic() - began) / steps


def measured(kind, config, batches, device, found):
    began = time.monotonic()
    stepper = Stepper(kind, config, device)
    with FlopCounterMode(display=False) as counter:
        if kind != "compiled":  # whose kernels it can't count: the eager step's work is the same
            stepper.take(batches[0])
    seconds = seconds_a_step(
        stepper.take, batches, device, 0.0 if small(config) else 6.0, warm=0 if small(config) else 3
    )
    stepper.read()
    told = {
        "seconds_a_step": seconds,
        "cases_a_second": rows_of(config) / seconds,
        "crops_a_second": crops_of(config) / seconds,
        "slices_a_second": config.data.images / seconds,
        "tera_operations_a_step": counter.get_total_flops() / 1e12 or None,
        "seconds_in_all": round(time.monotonic() - began, 1),
    }
    if device.type == "cuda":
        told["memory_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2)
        torch.cuda.reset_peak_memory_stats()
    return shares(told, found)


def shares(told, found):
    work, seconds = told["tera_operations_a_step"], told["seconds_a_step"]
    if work:
        told["tflops"] = work / seconds
        peak = found["machine"].get("peak_tflops")
        told |= {
            "share_of_peak": peak and work / seconds / peak,
            "share_of_matmul": work / seconds / found["matmul_tflops"],
        }
    return told


def with_ratios(speed):
    """Add how many times as fast as the plain step each kind is, and what work the compiled one does."""
    for kinds in speed.values():
        work, plain = kinds["ours"]["tera_operations_a_step"], kinds["plain"]["seconds_a_step"]
        for told in kinds.values():
            told["times_plain"] = plain / told["seconds_a_step"]
            if not told["tera_operations_a_step"]:
                told["tera_operations_a_step"] = work
                told["tflops"] = work / told["seconds_a_step"]
                for name in ("share_of_peak", "share_of_matmul"):
                    of = kinds["ours"][name]
                    told[name] = of and of * kinds["ours"]["seconds_a_step"] / told["seconds_a_step"]
    return speed


def matmul_tflops(device, size=8192):
    """Measure what a large bfloat16 product reaches here."""
    size = size if device.type == "cuda" else 256
    a, b = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    seconds = seconds_a_step(lambda _: a @ b, [None] * 5, device, 1.0 if device.type == "cuda" else 0.0)
    return 2 * size**3 / seconds / 1e12


def waits(config, batches, device):
    """List where a step of ours makes the host wait, by CUDA's own sync debug mode; None without a card."""
    if device.type != "cuda":
        return None
    stepper = Stepper("ours", config, device)
    for batch in batches:
        stepper.take(batch)
    torch.cuda.synchronize()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        stepper.take(batches[0])
        torch.cuda.set_sync_debug_mode("default")
    return [
        f"{Path(one.filename).name}:{one.lineno}: {one.message}" for one in said if "synchroniz" in str(one.message)
    ]


def profile(config, drawn, device):
    """Tell what takes the card's (or the CPU's) time in a step of ours."""
    from torch.profiler import ProfilerActivity

    batches, stepper = drawn[rows_of(config)], Stepper("ours", config, device)
    on_card = device.type == "cuda"
    for batch in batches if on_card else ():
        stepper.take(batch)
    wait(device)
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if on_card else [])]
    began = time.monotonic()
    with torch.profiler.profile(activities=activities) as profiler:
        for batch in batches:
            stepper.take(batch)
        wait(device)
    seconds = time.monotonic() - began

    def own_us(event):
        return event.self_device_time_total if on_card else event.self_cpu_time_total

    events = [event for event in profiler.key_averages() if not on_card or str(event.device_type).endswith("CUDA")]
    whole = sum(map(own_us, events)) or 1.0
    top = sorted(events, key=own_us, reverse=True)[:25]
    return {
        "steps": len(batches),
        "busy_share": whole / 1e6 / seconds,
        "kernels": [{"name": e.key[:120], "share": own_us(e) / whole, "calls": e.count} for e in top],
    }


def resnets(kinds, sizes, device, found):
    """Measure torchvision's ResNet-101 in training, by itself, on as many crops as a step of ours has."""
    from torchvision.models import resnet18, resnet101

    told = {}
    for config, kind in itertools.product(sizes, kinds):
        plain, crops, edge = kind == "plain", crops_of(config), config.window_px(0.99)
        for place in (torch.backends.cuda.matmul, torch.backends.cudnn):
            place.allow_tf32 = not plain
        network = (resnet18 if small(config) else resnet101)().to(device).train()
        images, labels = torch.rand(crops, 3, edge, edge, device=device), torch.arange(crops, device=device) % 3
        if not plain:
            network, images = (x.to(memory_format=torch.channels_last) for x in (network, images))
        optimizer = torch.optim.SGD(network.parameters(), lr=1e-3, momentum=0.9, fused=not plain)
        run = torch.compile(network) if kind == "compiled" else network

        def take(_, run=run, images=images, labels=labels, optimizer=optimizer, plain=plain):
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast(device.type, torch.bfloat16, enabled=not plain):
                loss = torch.nn.functional.cross_entropy(run(images), labels)
            loss.backward()
            optimizer.step()
            if plain:
                float(loss.detach())

        with FlopCounterMode(display=False) as counter:
            if kind != "compiled":
                take(None)
        seconds = seconds_a_step(take, [None] * 3, device, 4.0 if device.type == "cuda" else 0.0, warm=1)
        work = counter.get_total_flops() / 1e12 or None
        one = {"seconds_a_step": seconds, "crops_a_second": crops / seconds, "tera_operations_a_step": work}
        told[f"{crops} crops, {kind}"] = shares(one, found)
    return told


def ablation_steps(speed, config, timer):
    """Choose how many steps each of the eight gets: all together half of what is left."""
    seconds = speed[f"{rows_of(config)} cases a batch"]["ours"]["seconds_a_step"]
    return int(max(min(timer.left_s() / 2 / 8 / seconds, 400), 10))


def ablation(config, data, validation, steps, workers, device):
    """Train all eight combinations of Table 3 on the same batches, without the localizer, and score each."""
    cases = 3 if small(config) else 100
    without = replace(config, data=replace(config.data, localizer_every=10**9), validation_cases=cases)
    batches = batches_of(without, data, steps, workers, device)
    rows = []
    for on in itertools.product((False, True), repeat=3):
        network = replace(config.network, **dict(zip(SWITCHES, on, strict=True)))
        stepper = Stepper("ours", replace(without, network=network), device, localizer=False)
        began = time.monotonic()
        for batch in batches:
            stepper.take(batch)
        losses = [row.losses["total"] for row in stepper.read()]
        wait(device)
        seconds = time.monotonic() - began
        scores = score_pairs(
            stepper.step.network.eval(), validation, without.validation_cases, config.data.heatmap_sigma_px
        )
        switches = dict(zip(SWITCHES, on, strict=True))
        numbers = {name: value for name, value in scores.items() if value == value}  # no AP without a localizer
        rows.append({**switches, "seconds": seconds, "first_loss": losses[0], "last_loss": losses[-1], **numbers})
    return {"steps": steps, "cases_a_step": rows_of(config), "rows": rows}


if __name__ == "__main__":
    main()
