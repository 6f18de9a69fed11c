"""Table 1: the paper's network (LF, GC and FF on, our switches off) at five learning rates, 0.1 to 0.00001.

Command: python -m training sweep --config learning_rates --data runs/pool --out runs/experiments
Hardware: half a core of an EPYC, 29 November 2026.
Time: 3 CPU-minutes a seed.
Result: accuracy on 420 cases, two seeds: .905, .898, .658, .464, .340 from 0.1 to 0.00001.
"""

from __future__ import annotations

from training.experiments.experiment import PAPER_DATA, PAPER_NETWORK, Experiment, Setting

RATES = (0.1, 0.01, 0.001, 0.0001, 0.00001)


def get_config() -> Experiment:
    """Return the experiment."""
    settings = (Setting(f"{rate:g}", PAPER_NETWORK, PAPER_DATA, {"learning_rate": rate}) for rate in RATES)
    return Experiment(name="learning_rates", settings=tuple(settings))
