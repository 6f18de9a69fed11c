"""Table 2: eight networks of torchvision, from random weights, on crops that show the bodies alone by their true masks.

The paper gives them 512-pixel images cut out by hand; here it is the middle 96 pixels of the crop, resized to 64. They
get the cases as they come, without mixing, and AdamW at one rate. Beside them, fitted on the same training cases: three
rules of mean HU.

Command: python -m training baselines --config roi_baselines --data runs/pool --out runs/experiments
Hardware: half a core of an EPYC, 29 November 2026.
Time: 14 CPU-minutes a seed, two fifths of it VGG-19's.
Result: accuracy on 420 cases, one seed: DenseNet-121 .873, GoogLeNet, ResNet-50 and ResNet-101 close by, ShuffleNet and
    EfficientNet behind; AlexNet and VGG-19, which have no batch norm, stay at chance in 200 steps. Mean HU .812.
"""

from __future__ import annotations

from training.experiments.experiment import Experiment, Setting
from training.run_config import OptimizerConfig

NETWORKS = {
    "AlexNet": "alexnet",
    "VGG-19": "vgg19",
    "GoogLeNet": "googlenet",
    "ResNet-50": "resnet50",
    "ResNet-101": "resnet101",
    "DenseNet-121": "densenet121",
    "ShuffleNet": "shufflenet_v2_x1_0",
    "EfficientNet": "efficientnet_b0",
}


def get_config() -> Experiment:
    """Return the experiment."""
    no_mixing = {"mixup_alpha": None, "left_out_share": 0.0}
    return Experiment(
        name="roi_baselines",
        settings=tuple(Setting(name, data=no_mixing, roi_network=maker) for name, maker in NETWORKS.items()),
        optimizer=OptimizerConfig(name="adamw", learning_rate=3e-4),
        rows=8,
        steps=200,
        curve_points=4,
    )
