"""Darknet-53 with its feature pyramid, and its tiny sister, from Ultralytics' model files.

The only file that imports ultralytics (AGPL-3.0, installed by the user, never bundled). Ultralytics probes the
network, can install packages, writes a settings file, changes print options, OpenCV's threads, environment variables,
Pillow's ``Image.open`` and ``torch.save`` when it is imported; :func:`_quiet_import` turns the first three off and
puts the rest back.

``darknet53`` is ``yolov3.yaml`` without its Detect row, its bottlenecks given the kernels of Darknet-53 (1x1, then 3x3;
Ultralytics' default of 3x3 twice has 68 million parameters where Darknet-53 has 41). Activations are Ultralytics' SiLU,
not YOLOv3's leaky ReLU. ``tiny`` is ``yolov3-tiny.yaml`` with four changes:
the first convolution has stride 2 in place of the pooling after it (the full-resolution map was half the cost); the
widest layer, 1024 channels, has 512 like the one before; the neck goes one scale further, in the way it reaches P4
(1x1 convolution to half the channels, enlarge, concatenate the backbone's map at stride 8, 3x3 convolution), so that
P3 exists and a body 30 pixels deep spans several cells; Detect is left out.
"""

from __future__ import annotations

import importlib
import os
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from OsteoJointLib.errors import ModelRefused, Reason

STRIDES = (8, 16, 32)
"""Pixels of the image per cell of the three maps."""


class Backbone(nn.Module):
    """Layers of an Ultralytics model file, run in order.

    Args:
        rows: the parsed model file: "backbone" and "head" rows without Detect.
        outputs: indices of the layers that are put out, finest first.
        in_channels: of the image.
    """

    strides = STRIDES

    def __init__(self, rows: dict[str, Any], outputs: tuple[int, ...], in_channels: int = 1):
        super().__init__()
        with _quiet_import():
            parse_model = importlib.import_module("ultralytics.nn.tasks").parse_model
            layers, kept = parse_model(rows, ch=in_channels, verbose=False)
        self.layers = nn.ModuleList(layers)
        self.sources = tuple(layer.f for layer in layers)
        self.outputs = outputs
        self.kept = frozenset(kept) | frozenset(outputs)
        self.in_channels = in_channels
        self.out_channels = tuple(_channels_out(self.layers[i]) for i in outputs)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eps = 1e-3  # as Ultralytics sets it for its own models

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Map (B, in_channels, H, W) to three (B, out_channels[i], H / strides[i], W / strides[i]) maps."""
        kept: dict[int, Tensor] = {}
        for index, (layer, source) in enumerate(zip(self.layers, self.sources, strict=True)):
            if isinstance(source, list):
                x = layer([x if j == -1 else kept[j % index] for j in source])
            else:
                x = layer(x if source == -1 else kept[source % index if source < 0 else source])
            if index in self.kept:
                kept[index] = x
        return tuple(kept[i] for i in self.outputs)


def build_backbone(name: str, width: float = 1.0, in_channels: int = 1) -> Backbone:
    """Build a backbone with its neck.

    Args:
        name: "darknet53" or "tiny".
        width: factor on every layer's channels (rounded up to a multiple of 8 by Ultralytics).
        in_channels: of the image.

    Returns:
        A network with random weights; maps at strides 8, 16 and 32.

    Raises:
        ModelRefused: ultralytics is not installed.
    """
    if name == "darknet53":
        rows, outputs = _with_darknet_kernels(_model_file("yolov3.yaml")), (27, 22, 15)
    else:
        rows, outputs = _tiny_with_p3(_model_file("yolov3-tiny.yaml")), (23, 19, 15)
    rows["head"] = [row for row in rows["head"] if row[2] != "Detect"]
    rows["width_multiple"] = width
    return Backbone(rows, outputs, in_channels)


def _with_darknet_kernels(rows: dict[str, Any]) -> dict[str, Any]:
    def changed(row: list[Any]) -> list[Any]:
        source, repeats, kind, (channels, *shortcut) = row
        if kind != "Bottleneck":
            return row
        return [source, repeats, kind, [channels, *(shortcut or [True]), 1, [1, 3]]]  # groups 1, kernels 1x1 and 3x3

    return {**rows, "backbone": [changed(r) for r in rows["backbone"]], "head": [changed(r) for r in rows["head"]]}


def _tiny_with_p3(rows: dict[str, Any]) -> dict[str, Any]:
    backbone, head = rows["backbone"], rows["head"]
    backbone[0] = [-1, 1, "Conv", [16, 3, 2]]
    backbone[1] = [-1, 1, "nn.Identity", []]
    head[0] = [-1, 1, "Conv", [512, 3, 1]]
    p3 = [
        [-1, 1, "Conv", [64, 1, 1]],
        [-1, 1, "nn.Upsample", ["None", 2, "nearest"]],
        [[-1, 6], 1, "Concat", [1]],
        [-1, 1, "Conv", [128, 3, 1]],
    ]
    return {**rows, "head": head[:-1] + p3 + head[-1:]}


def _model_file(name: str) -> dict[str, Any]:
    with _quiet_import():
        package, yaml = importlib.import_module("ultralytics"), importlib.import_module("yaml")
    path = Path(str(package.__file__)).parent / "cfg" / "models" / "v3" / name
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _channels_out(layer: nn.Module) -> int:
    convolutions = [m for m in layer.modules() if isinstance(m, nn.Conv2d)]
    return convolutions[-1].out_channels


@contextmanager
def _quiet_import() -> Iterator[None]:
    """Import ultralytics inside this: offline, no installing, settings in a folder that goes again, globals put back.

    Raises:
        ModelRefused: ultralytics is not installed.
    """
    import cv2
    import numpy as np
    from PIL import Image

    environment = dict(os.environ)
    save, open_image, threads = torch.save, Image.open, cv2.getNumThreads()
    folders = tempfile.TemporaryDirectory(prefix="osteojoint-yolo-")
    with folders as folder, np.printoptions(), warnings.catch_warnings():
        os.environ.update(YOLO_OFFLINE="true", YOLO_AUTOINSTALL="false", YOLO_CONFIG_DIR=folder, YOLO_VERBOSE="false")
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        try:
            yield
        except ModuleNotFoundError as error:
            raise ModelRefused(
                Reason.DEPENDENCY_MISSING,
                f"Finding the vertebral body needs the package ultralytics (AGPL-3.0), and {error.name} is not "
                "installed. Run: pip install ultralytics; or place the levels by hand.",
            ) from error
        finally:
            torch.save, Image.open = save, open_image
            torch.set_printoptions(profile="default")
            cv2.setNumThreads(threads)
            os.environ.clear()
            os.environ.update(environment)
