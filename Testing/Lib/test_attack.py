"""A short attack on the reading of inputs; ``make attack`` is the long one."""

from __future__ import annotations

import subprocess
import sys


def test_damaged_inputs_end_in_a_volume_or_a_sentence(repository, tmp_path):
    attack = [sys.executable, "-m", "Testing.attack.inputs", "--count", "240", "--seed", "1", "--out", str(tmp_path)]
    done = subprocess.run(attack, cwd=repository, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 faults in 240 inputs" in done.stdout
