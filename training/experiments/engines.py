"""Where the jobs of an experiment run: one after another here, or each as a task of a Ray cluster.

Both give the same rows: a job's seed decides about everything in it. Rows are written as they come, so that a run can
be stopped and given again; what is there isn't trained twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from pathlib import Path

from OsteoJointLib.batch.ray_cluster import RayOptions, connected
from training.experiments.experiment import Experiment
from training.experiments.running import Job, Place, current, jobs_of, run_job
from training.experiments.trials import Trial, add_trials, read_trials

_TRIES = 2
"""Further ones of a task whose machine died (chosen)."""


class Engine(Enum):
    """What works on the jobs."""

    SEQUENCE = "sequence"
    RAY = "ray"

    def __str__(self) -> str:
        return self.value


def complete(
    experiment: Experiment,
    place: Place,
    out: Path,
    engine: Engine,
    apart: bool = False,
    cluster: RayOptions | None = None,
) -> list[Trial]:
    """Train what is missing.

    Args:
        experiment: the whole.
        place: crops and segmenter.
        out: JSON lines of the experiment.
        engine: what works on the jobs.
        apart: train each setting by itself; Ray always does.
        cluster: which, and what each task gets; None for RAY_ADDRESS's, or one of this machine.

    Returns:
        The rows of the experiment as it now is, in the order of the settings, seeds and folds.
    """
    jobs = jobs_of(experiment, place, read_trials(out), apart or engine is Engine.RAY)
    if engine is Engine.RAY:
        made = _on_ray(jobs, place, cluster or RayOptions())
    else:
        made = (run_job(job, place) for job in jobs)
    for trials in made:
        add_trials(out, trials)
    return current(experiment, place, read_trials(out))


def _on_ray(jobs: Sequence[Job], place: Place, cluster: RayOptions) -> Iterator[list[Trial]]:
    """Work on a Ray cluster, every job a task; one whose machine dies is given to another."""
    if not jobs:
        return
    with connected(cluster):
        import ray

        task = ray.remote(num_cpus=cluster.cpus, max_retries=_TRIES)(run_job)
        waiting = [task.remote(job, place) for job in jobs]
        while waiting:
            ready, waiting = ray.wait(waiting)
            yield from ray.get(ready)
