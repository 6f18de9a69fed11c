"""Sizes and switches of the network, and the window every image passes through; frozen, checked, to and from JSON.

Two profiles share one architecture and differ only in what :class:`NetworkConfig` holds: ``paper`` (Darknet-53,
ResNet-101, a 64-channel U-Net) and ``compact`` (two million parameters, for a laptop's CPU). One default, one place:
flags and widgets read theirs from here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

from OsteoJointLib.errors import Reason, UsageError

MOST_CHANNELS = 8192
"""No network here has more channels, blocks or units in a place: beyond it a manifest is damaged (chosen)."""
_LARGEST_IMAGE_PX = 4096


@dataclass(frozen=True)
class WindowConfig:
    """The soft-tissue window that maps HU to the network's [0, 1]."""

    center_hu: float = 40.0
    """HU in the middle of the window (a usual abdominal soft-tissue window; the paper's mediastinal window)."""
    width_hu: float = 400.0
    """HU between black and white; [-160, 240] HU becomes [0, 1]."""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.center_hu) and math.isfinite(self.width_hu) and self.width_hu > 0):
            raise UsageError(
                Reason.USAGE,
                f"A window with center {self.center_hu} and width {self.width_hu} shows nothing. Give a finite center "
                "and a width above 0 HU, for example 40 and 400.",
            )

    @property
    def low_hu(self) -> float:
        """The HU that becomes 0."""
        return self.center_hu - self.width_hu / 2

    @property
    def high_hu(self) -> float:
        """The HU that becomes 1."""
        return self.center_hu + self.width_hu / 2


class ReferenceTissue(IntEnum):
    """Tissues whose HU tell of the scan rather than of the bone, in the order of the segmenter's further masks."""

    FAT = 1
    """Under the skin and in the cavity."""
    MUSCLE = 2
    """The trunk's wall, back muscles, quadratus, psoas and crura."""
    BLOOD = 3
    """In the aorta and the common iliac arteries, without the wall."""


Anchors = tuple[tuple[tuple[float, float], ...], ...]
"""Per stride (8, 16, 32), the (width, height) in pixels of its anchors."""

VERTEBRA_ANCHORS: Anchors = (
    ((41.0, 40.0), (45.0, 37.0), (48.0, 43.0)),
    ((52.0, 47.0), (60.0, 49.0), (56.0, 54.0)),
    ((65.0, 59.0), (74.0, 60.0), (74.0, 68.0)),
)
"""Nine anchors clustered by ``python -m training anchors`` on 1134 boxes of training pairs (pixels of 0.55 to 0.98 mm):
the mean IoU with the best one is .917, and no nine that were tried reach .92."""


@dataclass(frozen=True)
class NetworkConfig:
    """All that decides the shape of a :class:`OsteoJointLib.network.multitask.MultitaskNetwork`."""

    profile: str
    """Name of the profile these sizes belong to: "compact", "paper" or an experiment's own."""
    localizer: str
    """Localizer backbone: "darknet53" (Ultralytics yolov3.yaml) or "tiny" (yolov3-tiny.yaml with three scales)."""
    localizer_width: float
    """Factor on the backbone's channel counts (Ultralytics' width_multiple)."""
    segmenter_channels: tuple[int, ...]
    """Channels of the U-Net's six scales, 224, 112, 56, 28, 14 and 7 pixels wide."""
    classifier_stem: int
    """Channels of the ResNet's first convolution; 64 in ResNet-101."""
    classifier_planes: tuple[int, ...]
    """Inner channels of the four ResNet stages; a stage puts out four times as many."""
    classifier_blocks: tuple[int, ...]
    """Bottlenecks of the four ResNet stages; (3, 4, 23, 3) in ResNet-101."""
    fusion_hidden: int
    """Hidden units of the two-layer perceptron that scores a vertebra (Eq. 17)."""
    anchors: Anchors = VERTEBRA_ANCHORS
    """Anchors per stride 8, 16, 32: (width, height) in pixels of the 512x512 slice; re-clustered on training boxes."""
    slice_px: int = 512
    """Edge length of the localizer's input (paper, section 3.3)."""
    crop_px: int = 224
    """Edge length of the crop that segmenter and classifier see (paper, section 3.3)."""
    score_threshold: float = 0.1
    """Detections with less objectness than this are dropped before suppression; chosen, low: the point decides."""
    nms_iou: float = 0.45
    """Boxes that overlap a better one by more than this IoU are dropped (YOLOv3's value)."""
    batch_norm_momentum: float = 0.03
    """How fast BatchNorm's running statistics follow a batch; low, since a batch has two to eight cases; chosen."""
    layered_fusion: bool = True
    """Feed both decoders' features into every ResNet stage (Eq. 16). Off: plain ResNet."""
    gated_convolution: bool = True
    """Gate the input of each stage's first bottleneck (Eq. 12-15). Off: no gate."""
    feature_fusion: bool = True
    """Learn W1 and W2 of the two vertebrae (Eq. 17). Off: W1 = W2 = 1/2."""
    boundary_branch: bool = True
    """Have the heat-map decoder. Off: one decoder, no heat map."""
    mask_guidance: bool = True
    """Ours: the body's mask, predicted or drawn, is one more fused channel a scale, and weighs a second pooling."""
    ordinal_head: bool = True
    """Ours: mean and SD of BMD from the fused vector, whose normal distribution is parted at 80 and 120 mg/cm3."""
    reference_tissues: bool = True
    """Ours: the segmenter's mask head learns fat, muscle and blood too."""
    header_facts: bool = True
    """Ours: tube voltage and contrast, where they are known, adapt the vertebrae's features before the fusion."""
    class_from: str = "mean"
    """Where the probabilities come from: "softmax", the "areas" of the ordinal head, or their "mean"; "softmax" where
    there is no ordinal head."""
    bmd_sd_factor: float = 1.0
    """On the ordinal head's standard deviation: a network that learned from scans beyond the plausible is surer on
    plausible ones than it says (``python -m training export --calibrate``)."""

    def __post_init__(self) -> None:
        _expect(self.localizer in ("darknet53", "tiny"), "localizer", self.localizer, '"darknet53" or "tiny"')
        _expect(0 < self.localizer_width <= 16, "localizer_width", self.localizer_width, "a factor above 0, at most 16")
        sizes = {"segmenter_channels": 6, "classifier_planes": 4, "classifier_blocks": 4}
        for name, length in sizes.items():
            value = getattr(self, name)
            _expect(len(value) == length and all(map(_is_count, value)), name, value, f"{length} integers above 0")
        kinds = ("softmax", "areas", "mean")
        _expect(self.class_from in kinds, "class_from", self.class_from, '"softmax", "areas" or "mean"')
        _expect(0 < self.bmd_sd_factor < math.inf, "bmd_sd_factor", self.bmd_sd_factor, "a factor above 0")
        _expect(_is_count(self.classifier_stem), "classifier_stem", self.classifier_stem, "an integer above 0")
        _expect(_is_count(self.fusion_hidden), "fusion_hidden", self.fusion_hidden, "an integer above 0")
        anchors_ok = len(self.anchors) == 3 and all(
            len(scale) == 3 and all(len(a) == 2 and 0 < min(a) <= max(a) < math.inf for a in scale)
            for scale in self.anchors
        )
        _expect(anchors_ok, "anchors", self.anchors, "three scales of three (width, height) above 0 px")
        for name in ("slice_px", "crop_px"):
            value = getattr(self, name)
            wanted = f"a multiple of 32 above 0, at most {_LARGEST_IMAGE_PX}"
            _expect(isinstance(value, int) and 0 < value <= _LARGEST_IMAGE_PX and value % 32 == 0, name, value, wanted)
        for name in ("score_threshold", "nms_iou", "batch_norm_momentum"):
            _expect(0.0 <= getattr(self, name) <= 1.0, name, getattr(self, name), "a number from 0 to 1")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON-able values; tuples become lists."""
        return {f.name: _listed(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> NetworkConfig:
        """Build a config from what :meth:`to_json` gave.

        Args:
            values: one entry per field, none missing without a default, none unknown.

        Raises:
            UsageError: a field is missing, unknown or out of range.
        """
        known = {f.name for f in fields(cls)}
        unknown = sorted(set(values) - known)
        if unknown:
            raise UsageError(
                Reason.USAGE,
                f"This version knows no network setting named {', '.join(unknown)}. Use the version of OsteoJoint that "
                "wrote it, or remove it.",
            )
        try:
            return cls(**{name: _tupled(value) for name, value in values.items()})
        except TypeError as error:
            raise UsageError(
                Reason.USAGE, f"The network's settings are incomplete or of the wrong type: {error}. Check them."
            ) from error


def network_config(profile: str) -> NetworkConfig:
    """Return the sizes of a profile.

    Args:
        profile: "compact" or "paper".

    Raises:
        UsageError: no such profile.
    """
    if profile == "compact":
        return NetworkConfig(
            profile="compact",
            localizer="tiny",
            localizer_width=0.25,
            segmenter_channels=(16, 32, 48, 64, 64, 96),
            classifier_stem=16,
            classifier_planes=(16, 32, 48, 64),
            classifier_blocks=(1, 1, 2, 1),
            fusion_hidden=64,
        )
    if profile == "paper":
        return NetworkConfig(
            profile="paper",
            localizer="darknet53",
            localizer_width=1.0,
            segmenter_channels=(64, 128, 256, 512, 1024, 1024),
            classifier_stem=64,
            classifier_planes=(64, 128, 256, 512),
            classifier_blocks=(3, 4, 23, 3),
            fusion_hidden=512,
            mask_guidance=False,
            ordinal_head=False,
            reference_tissues=False,
            header_facts=False,
        )
    raise UsageError(Reason.USAGE, f'There is no network profile named "{profile}". Take "compact" or "paper".')


def _is_count(value: object) -> bool:
    return isinstance(value, int) and 0 < value <= MOST_CHANNELS


def _expect(ok: bool, name: str, value: object, wanted: str) -> None:
    if not ok:
        raise UsageError(Reason.USAGE, f"The network can't be built with {name} = {value!r}. Give {wanted}.")


def _listed(value: Any) -> Any:
    return [_listed(v) for v in value] if isinstance(value, tuple) else value


def _tupled(value: Any) -> Any:
    return tuple(_tupled(v) for v in value) if isinstance(value, list | tuple) else value
