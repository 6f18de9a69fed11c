"""The stages of a reading, and the clock that times them and tells how far the reading has come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum


class Stage(StrEnum):
    """The stages of a reading, in their order; ``model`` is the loading of the weights."""

    IO = "io"
    MODEL = "model"
    LEVELS = "levels"
    PREPROCESS = "preprocess"
    LOCALIZATION = "localization"
    SEGMENTATION = "segmentation"
    LEVEL_SET = "level_set"
    WHOLE_BODY = "whole_body"
    MEASURE = "measure"
    CLASSIFICATION = "classification"
    EXPLANATION = "explanation"
    OUTPUT = "output"

    @property
    def fraction(self) -> float:
        """How much of a whole reading lies before this stage, 0 to 1, each stage counted alike."""
        order = list(Stage)
        return order.index(self) / len(order)


Progress = Callable[[Stage, float], None]
"""Called as a stage begins, with the fraction of the whole reading that lies before it."""


class StageClock:
    """Times stages and reports their beginning.

    Args:
        progress: called as each stage begins; None for silence.
        earlier: seconds of stages that ran before this clock started.
    """

    def __init__(self, progress: Progress | None = None, earlier: Mapping[str, float] | None = None):
        self._progress = progress
        self._timings_s: dict[str, float] = dict(earlier or {})

    @contextmanager
    def stage(self, stage: Stage) -> Iterator[None]:
        """Report that ``stage`` begins and add the seconds of the block to its time."""
        if self._progress is not None:
            self._progress(stage, stage.fraction)
        begin = time.perf_counter()
        try:
            yield
        finally:
            self._timings_s[stage.value] = self._timings_s.get(stage.value, 0.0) + time.perf_counter() - begin

    @property
    def timings_s(self) -> dict[str, float]:
        """Seconds per stage so far, and their sum as ``total``."""
        return {**self._timings_s, "total": sum(self._timings_s.values())}
