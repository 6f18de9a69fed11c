"""Where the jobs of an experiment run: one after another here, or each as a task of a Ray cluster.

Both give the same rows: a job's seed decides about everything in it. Rows are written as they come, so that a run can
be stopped and given again; what is there isn't trained twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path

from training.experiments.experiment import Experiment
from training.experiments.running import Job, Place, current, jobs_of, run_job
from training.experiments.trials import Trial, add_trials, read_trials


class Engine(Enum):
    """What works on the jobs."""

    SEQUENCE = "sequence"
    RAY = "ray"

    def __str__(self) -> str:
        return self.value


def complete(experiment: Experiment, place: Place, out: Path, engine: Engine, apart: bool = False) -> list[Trial]:
    """Train what is missing.

    Args:
        experiment: the whole.
        place: crops and segmenter.
        out: JSON lines of the experiment.
        engine: what works on the jobs.
        apart: train each setting by itself; Ray always does.

    Returns:
        The rows of this recipe, in the order of the settings, seeds and folds.
    """
    jobs = jobs_of(experiment, place, read_trials(out), apart or engine is Engine.RAY)
    for made in _on_ray(jobs, place) if engine is Engine.RAY else (run_job(job, place) for job in jobs):
        add_trials(out, made)
    return current(experiment, place, read_trials(out))


def _on_ray(jobs: Sequence[Job], place: Place) -> Iterator[list[Trial]]:
    """Work on a Ray cluster: RAY_ADDRESS's, or one of this machine's own cores that ends with the run."""
    if not jobs:
        return
    import ray

    started = not ray.is_initialized()
    if started:
        ray.init(include_dashboard=False, log_to_driver=False, configure_logging=False)
    try:
        task = ray.remote(num_cpus=1, max_retries=2)(run_job)
        waiting = [task.remote(job, place) for job in jobs]
        while waiting:
            ready, waiting = ray.wait(waiting)
            yield from ray.get(ready)
    finally:
        if started:
            ray.shutdown()
