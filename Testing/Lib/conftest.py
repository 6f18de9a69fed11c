"""A tiny CT with two bodies and a reader that can read it, for the tests of the chain."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from OsteoJointLib.errors import Reason
from OsteoJointLib.frames import Grid
from OsteoJointLib.records import (
    BodyEvidence,
    CtVolume,
    Flag,
    Level,
    LevelPoint,
    LevelsFound,
    ModelInfo,
    PointSource,
    SourceInfo,
)

BODY_HU, TISSUE_HU, AIR_HU = 180, 30, -1000
SPACING_MM = (2.0, 2.0, 5.0)
CENTERS_LPS_MM = {Level.L1: (6.0, 20.0, 60.0), Level.L2: (4.0, 16.0, 25.0)}
SEMI_AXES_MM = (22.0, 16.0)


def body_plane(grid: Grid, center_lps_mm, semi_axes_mm=SEMI_AXES_MM) -> np.ndarray:
    """(y, x) bool: an ellipse about a center, on the planes of an axis-aligned grid."""
    _, center_y, center_x = grid.lps_to_index(np.asarray(center_lps_mm))
    y, x = np.mgrid[: grid.shape_zyx[1], : grid.shape_zyx[2]]
    semi_x, semi_y = (axis / spacing for axis, spacing in zip(semi_axes_mm, grid.spacing_xyz_mm, strict=False))
    return ((x - center_x) / semi_x) ** 2 + ((y - center_y) / semi_y) ** 2 <= 1


def make_ct() -> CtVolume:
    """A box of soft tissue with an elliptic column of bone at L1 and L2, 25 mm high each; every doubt ruled out."""
    grid = Grid.axis_aligned((18, 90, 120), SPACING_MM, (-119.0, -89.0, 0.0))
    hu = np.full(grid.shape_zyx, AIR_HU, dtype=np.int16)
    hu[:, 10:80, 10:110] = TISSUE_HU
    heights_mm = np.arange(grid.shape_zyx[0]) * SPACING_MM[2]
    for center in CENTERS_LPS_MM.values():
        hu[np.abs(heights_mm - center[2]) <= 12.5] = np.where(
            body_plane(grid, center), BODY_HU, hu[np.abs(heights_mm - center[2]) <= 12.5]
        )
    source = SourceInfo("memory", ("tiny.nrrd",), "0" * 64, 120.0, "B30f", False, 5.0)
    return CtVolume(hu, grid, source)


def found_levels() -> LevelsFound:
    """What a level network would say of the tiny CT."""
    return LevelsFound(*(LevelPoint(level, CENTERS_LPS_MM[level], 0.97, PointSource.AUTO) for level in Level))


def doubtful_levels() -> LevelsFound:
    """The same, where the names are in doubt."""
    found = found_levels()
    l1, l2 = (replace(point, confidence=0.72) for point in (found.l1, found.l2))
    centers = [(7.0, 24.0, 80.0), *CENTERS_LPS_MM.values()]
    column = tuple(BodyEvidence(center, 0.9, (0.0, 0.0), (True, True), False, False) for center in centers)
    doubt = Flag(Reason.LEVELS_UNCERTAIN, "They are right with 72 %, and with 28 % L1 is the body called T12 here.")
    return LevelsFound(l1, l2, column, ("T12", "L1", "L2"), (0.72,) * 3, (doubt,))


def make_reader(seed: int = 0, **changes):
    """A reader whose classifier is real (random weights) and whose localizer and segmenter see what is bright."""
    import torch
    from torch import nn

    from OsteoJointLib.config import network_config
    from OsteoJointLib.network.detection import Detections
    from OsteoJointLib.network.multitask import MultitaskNetwork
    from OsteoJointLib.network.segmenter import SegmenterOutput
    from OsteoJointLib.pipeline.reader import Reader

    class BrightSegmenter(nn.Module):
        """The real features, but a mask of what is brighter than 100 HU; counts its calls."""

        def __init__(self, real: nn.Module):
            super().__init__()
            self.real, self.calls = real, 0

        def forward(self, crops):
            self.calls += 1
            output = self.real(crops)
            logits = 200 * (crops - 0.65)
            return SegmenterOutput(logits, output.heatmap, output.features, torch.sigmoid(logits))

    def detect(images) -> list[Detections]:
        found = []
        for image in images[:, 0]:
            rows, columns = torch.where(image > 0.65)
            edges = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            box = torch.tensor([[float(edge) for edge in edges]])
            found.append(Detections(box, torch.tensor([[0.5, 0.2]]), torch.tensor([0.9])))
        return found

    torch.manual_seed(seed)
    sizes = {"segmenter_channels": (2, 2, 4, 4, 4, 4), "classifier_stem": 4, "classifier_planes": (4, 4, 4, 4)}
    config = replace(network_config("compact"), **sizes, classifier_blocks=(1, 1, 1, 1), fusion_hidden=4)
    network = MultitaskNetwork(config, with_localizer=False)
    network.segmenter = BrightSegmenter(network.segmenter)
    network.eval().requires_grad_(False)
    model = ModelInfo("random", "compact", "f" * 64, "nothing")
    reader = Reader(network, detect, lambda volume: found_levels(), model, torch.device("cpu"))
    return replace(reader, **changes)


@pytest.fixture(scope="session")
def chain() -> SimpleNamespace:
    """The makers and the constants of this file, and one result that several tests look at."""
    reader = make_reader()
    doubtful = replace(reader, finder=lambda volume: doubtful_levels()).read(make_ct())
    return SimpleNamespace(
        doubtful=doubtful,
        make_ct=make_ct,
        make_reader=make_reader,
        body_plane=body_plane,
        found_levels=found_levels,
        centers_lps_mm=CENTERS_LPS_MM,
        semi_axes_mm=SEMI_AXES_MM,
        body_hu=BODY_HU,
        reader=reader,
        result=reader.read(make_ct()),
    )


def plain_body(slices: int, rows: int = 32, columns: int = 40) -> np.ndarray:
    """(slices, rows, columns) int16: an ellipse of muscle in fat in air, with bone that moves from slice to slice."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    plane = np.where((x / 0.8) ** 2 + (y / 0.6) ** 2 < 1, -100.0, -1000.0)
    plane[(x / 0.65) ** 2 + (y / 0.45) ** 2 < 1] = 50.0
    hu = plane + np.random.default_rng(2).normal(0, 12, (slices, rows, columns))
    for index in range(slices):
        hu[index, rows // 2 - 2 : rows // 2 + 1, columns // 4 + index // 4] = 700.0 + index
    return np.clip(hu, -1024, 3071).astype(np.int16)


@pytest.fixture(scope="session")
def make_body():
    """See :func:`plain_body`."""
    return plain_body


@pytest.fixture(scope="session")
def write_series():
    """Write a small axial DICOM series of pixels of 8 mm; ``tags`` change the source record."""
    from OsteoJointLib.phantom.writing import write_dicom_series

    def write(folder, slices: int, step_mm: float, seed: int = 1, **tags):
        said = {"kvp": 120.0, "kernel": "B30f", "contrast": False, "slice_thickness_mm": step_mm} | tags
        grid = Grid.axis_aligned((slices, 32, 40), (8.0, 8.0, step_mm), (-156.0, -124.0, -20.0))
        volume = CtVolume(plain_body(slices), grid, SourceInfo("phantom", **said))
        return write_dicom_series(SimpleNamespace(volume=volume, truth=SimpleNamespace(seed=seed)), folder)

    return write


class WorkerClient:
    """A worker in this process that reads the tiny CT, whatever the path says, with the tiny reader."""

    def __init__(self):
        from OsteoJointLib.worker.session import Session

        self.reader, self.loads, self.stages = make_reader(), 0, []
        self.session = Session(self._load)

    def ask(self, op: str, **fields) -> dict:
        """Send one request; return its last event."""
        from OsteoJointLib.worker.lines import event_line
        from OsteoJointLib.worker.serving import serve

        events: list[dict] = []
        line = json.dumps({"id": 1, "op": op, **fields}) + "\n"
        serve(io.StringIO(line), lambda event: events.append(json.loads(event_line(event))), self.session)
        self.stages += [event["stage"] for event in events if event["event"] == "progress"]
        return events[-1]

    def done(self, op: str, **fields) -> dict:
        """Send one request that must succeed."""
        answer = self.ask(op, **fields)
        assert answer["event"] == "done", answer
        return answer

    def _load(self, **_):
        self.loads += 1
        return self.reader


@pytest.fixture
def client(monkeypatch) -> WorkerClient:
    """A worker to ask line by line; ``stages`` gathers what it said it did."""
    monkeypatch.setattr("OsteoJointLib.io.ct_input.read_ct", lambda path, **settings: make_ct())
    return WorkerClient()
