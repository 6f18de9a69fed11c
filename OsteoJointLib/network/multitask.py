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
from OsteoJointLib.network.facts import FACTS
from OsteoJointLib.network.fusion import FeatureFusion
from OsteoJointLib.network.gated_resnet import GatedResNet
from OsteoJointLib.network.ordinal import class_areas, log_area
from OsteoJointLib.network.segmenter import Segmenter, SegmenterOutput


@dataclass(frozen=True, eq=False)
class ClassifierOutput:
    """What is said of B cases.

    Args:
        logits: (B, 3) in the order of ``records.STATUSES``.
        weights: (B, 2), W1 (L1) and W2 (L2) of Eq. 17.
        segmentation: of the 2B crops, first all L1, then all L2.
        features: (2B, F) feature vectors in the same order.
        bmd: (B, 2) float32, mean and SD of the case's BMD in mg/cm3; None without the ordinal head.
        class_from: as the config's.
    """

    logits: Tensor
    weights: Tensor
    segmentation: SegmenterOutput
    features: Tensor
    bmd: Tensor | None = None
    class_from: str = "softmax"

    def probabilities(self) -> Tensor:
        """Return the (B, 3) float64 probabilities that are shipped, in the order of ``records.STATUSES``."""
        softmax = torch.softmax(self.logits.double(), dim=1)
        if self.bmd is None or self.class_from == "softmax":
            return softmax
        areas = class_areas(self.bmd.double())
        return areas if self.class_from == "areas" else 0.5 * (softmax + areas)

    def log_odds(self, target: int) -> Tensor:
        """Return the (B,) float64 log-odds of one class, from the probabilities that are shipped.

        They and their gradient go on where the probability is 1 in float64, so a class beyond doubt can be
        explained. A softmax's logit alone would also move where all three move alike, which changes no class.
        """
        logits = self.logits.double()
        norm, others = logits.logsumexp(dim=1), torch.cat((logits[:, :target], logits[:, target + 1 :]), dim=1)
        softmax = logits[:, target] - norm, others.logsumexp(dim=1) - norm
        if self.bmd is None or self.class_from == "softmax":
            return softmax[0] - softmax[1]
        areas = log_area(self.bmd.double(), target)
        if self.class_from == "areas":
            return areas[0] - areas[1]
        return torch.logaddexp(softmax[0], areas[0]) - torch.logaddexp(softmax[1], areas[1])


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
        self.segmenter = Segmenter(
            config.segmenter_channels,
            boundary_branch=config.boundary_branch,
            reference_tissues=config.reference_tissues,
        )
        self.classifier = GatedResNet(
            config.classifier_stem,
            config.classifier_planes,
            config.classifier_blocks,
            fused_channels=self.segmenter.feature_channels if config.layered_fusion else None,
            gated=config.gated_convolution,
            guided=config.mask_guidance,
        )
        self.fusion = FeatureFusion(
            self.classifier.out_channels,
            config.fusion_hidden,
            learned=config.feature_fusion,
            ordinal=config.ordinal_head,
            facts=FACTS if config.header_facts else 0,
            sd_factor=config.bmd_sd_factor,
        )
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = config.batch_norm_momentum

    def classify(
        self, crops_l1: Tensor, crops_l2: Tensor, facts: Tensor | None = None, left_out: Tensor | None = None
    ) -> ClassifierOutput:
        """Segment and classify pairs of crops.

        Args:
            crops_l1, crops_l2: (B, 1, 224, 224) in [0, 1].
            facts, left_out: as :meth:`fuse` takes them.

        Returns:
            What is said of the cases.

        Raises:
            UsageError: the two batches differ in shape, or both vertebrae of a case are left out.
        """
        if crops_l1.shape != crops_l2.shape:
            raise UsageError(
                Reason.USAGE,
                f"Classification needs as many crops of L1 as of L2, all of one size; these are "
                f"{tuple(crops_l1.shape)} and {tuple(crops_l2.shape)}. Give pairs.",
            )
        crops = torch.cat((crops_l1, crops_l2))
        return self.fuse(crops, self.segmenter(crops), facts, left_out)

    def fuse(
        self,
        crops: Tensor,
        segmentation: SegmenterOutput,
        facts: Tensor | None = None,
        left_out: Tensor | None = None,
    ) -> ClassifierOutput:
        """Classify 2B crops (first all L1, then all L2) whose segmentation is there already.

        Args:
            crops: (2B, 1, 224, 224) in [0, 1].
            segmentation: of them.
            facts: (B, 4) of :func:`OsteoJointLib.network.facts.header_facts`; None for all unknown.
            left_out: (B, 2) bool, which of L1 and L2 is left out; None for neither.
        """
        features = self.classifier(crops, segmentation.features, segmentation.body)
        fused = self.fusion(*features.chunk(2), facts, left_out)
        return ClassifierOutput(fused.logits, fused.weights, segmentation, features, fused.bmd, self.config.class_from)
