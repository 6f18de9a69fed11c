"""CPU-seconds of a training step here and in another checkout, side by side, with their ratio.

    git worktree add ../before COMMIT
    python Testing/training_bench.py --data runs/pairs --before ../before

Both train the compact network from the same seed on the same pairs, one thread, batches made in the same process, in
turns. CPU time and not the clock is taken, so that other work on the machine counts little; the first step, which
warms up, is left out. The least of the rounds counts.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]

ONE_RUN = """
import json, sys, tempfile, time
from pathlib import Path
import torch
from training.configs.compact import get_config
from training.loop import train
from training.schedule import Budget

data, steps = Path(sys.argv[1]), int(sys.argv[2])
torch.set_num_threads(1)
task = get_config().task()


def cpu_s(count):
    with tempfile.TemporaryDirectory() as out:
        began = time.process_time()
        train(task, data, Path(out), Budget(steps=100), threads=1, workers=0, stop_after=count)
        return time.process_time() - began


batches, began = task.batches(data), time.process_time()
for number in range(1, 1 + steps):
    batches[number]
batch_s = (time.process_time() - began) / steps
print(json.dumps({"batch_s": batch_s, "step_s": (cpu_s(1 + steps) - cpu_s(1)) / steps}))
"""


def measured(checkout: Path, data: Path, steps: int) -> dict[str, float]:
    """Run a few steps of a checkout's training in a process of its own."""
    env = os.environ | {"PYTHONPATH": str(checkout), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", ONE_RUN, str(data.resolve()), str(steps)]
    done = subprocess.run(command, env=env, cwd=checkout, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"The training of {checkout} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True, metavar="DIR", help="training pairs")
    parser.add_argument("--before", type=Path, required=True, metavar="DIR", help="another checkout")
    parser.add_argument("--steps", type=int, default=6, metavar="N", help="a round (default: 6)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="(default: 3)")
    options = parser.parse_args()
    places = {"before": options.before.resolve(), "here": HERE}
    rounds = [
        {name: measured(place, options.data, options.steps) for name, place in places.items()}
        for _ in range(options.rounds)
    ]
    for part in ("batch_s", "step_s"):
        before, here = (min(one[name][part] for one in rounds) for name in places)
        print(f"{part}: {before:.3f} CPU-s before, {here:.3f} here, {before / here:.2f} times as fast")


if __name__ == "__main__":
    main()
