"""The whole network, composed from published sizes; the only file that reads :class:`NetworkConfig`.

Localizer, segmenter, classifier and fusion (Figure 2 of the paper). Between localizer and segmenter lies a crop, which
is made outside (``preprocess``), so the parts are called one by one or, from the crops on, by :meth:`classify`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from OsteoJointLib.config import NetworkConfig
from OsteoJointLib.errors import Reason, UsageError
from OsteoJointLib.network.backbone import build_backbone
from OsteoJointLib.network.detection import Localizer
from OsteoJointLib.network.fusion import FeatureFusion
from OsteoJointLib.network.gated_resnet import GatedResNet
from OsteoJointLib.network.segmenter import Segmenter, SegmenterOutput


@dataclass(frozen=True, eq=False)
class ClassifierOutput:
    """What is said of B cases.

    Args:
        logits: (B, 3) in the order of ``records.STATUSES``.
        weights: (B, 2), W1 (L1) and W2 (L2) of Eq. 17.
        segmentation: of the 2B crops, first all L1, then all L2.
        features: (2B, F) feature vectors in the same order.
    """

    logits: Tensor
    weights: Tensor
    segmentation: SegmenterOutput
    features: Tensor


class MultitaskNetwork(nn.Module):
    """Localizer, segmenter, classifier and fusion of one profile.

    Args:
        config: sizes and switches.
        with_localizer: False leaves the localizer out, and with it the need for ultralytics.

    Raises:
        ModelRefused: a localizer is wanted and ultralytics is not installed.
    """

    def __init__(self, config: NetworkConfig, with_localizer: bool = True):
        super().__init__()
        self.config = config
        self.localizer: Localizer | None = None
        if with_localizer:
            self.localizer = Localizer(build_backbone(config.localizer, config.localizer_width), len(config.anchors[0]))
        evidence = config.grey_evidence and config.layered_fusion
        self.segmenter = Segmenter(
            config.segmenter_channels, boundary_branch=config.boundary_branch, grey_evidence=evidence
        )
        self.classifier = GatedResNet(
            config.classifier_stem,
            config.classifier_planes,
            config.classifier_blocks,
            fused_channels=self.segmenter.feature_channels if config.layered_fusion else None,
            gated=config.gated_convolution,
            evidence=evidence,
        )
        self.fusion = FeatureFusion(self.classifier.out_channels, config.fusion_hidden, learned=config.feature_fusion)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = config.batch_norm_momentum

    def classify(self, crops_l1: Tensor, crops_l2: Tensor) -> ClassifierOutput:
        """Segment and classify pairs of crops.

        Args:
            crops_l1, crops_l2: (B, 1, 224, 224) in [0, 1].

        Returns:
            Logits, fusion weights, segmentation and features.

        Raises:
            UsageError: the two batches differ in shape.
        """
        if crops_l1.shape != crops_l2.shape:
            raise UsageError(
                Reason.USAGE,
                f"Classification needs as many crops of L1 as of L2, all of one size; these are "
                f"{tuple(crops_l1.shape)} and {tuple(crops_l2.shape)}. Give pairs.",
            )
        crops = torch.cat((crops_l1, crops_l2))
        return self.fuse(crops, self.segmenter(crops))

    def fuse(self, crops: Tensor, segmentation: SegmenterOutput) -> ClassifierOutput:
        """Classify 2B crops (first all L1, then all L2) whose segmentation is there already."""
        features = self.classifier(crops, segmentation.features)
        fused = self.fusion(*features.chunk(2))
        return ClassifierOutput(fused.logits, fused.weights, segmentation, features)
