"""The network of Zhang et al. 2023, trained as the paper says: its sizes, six terms, its sampling, 300 epochs of SGD.

Command: python -m training train --config paper --data runs/pairs --validation runs/validation --device cuda \\
             --epochs 300 --workers 12
         with --set network.gated_convolution=False and the like for the rows of Table 3, with --set
         data.evolved_share=0.0 without the level set's guidance, with --imagenet resnet101.pth not from random.
Hardware: the paper had two RTX 3090 Ti, 2 minutes an epoch of 524 cases, 10 hours. Needs a card; on a CPU two
         steps are a test (Testing/Training/test_paper.py).
As the paper: SGD at a constant rate of 0.001 (§4.4; §4.2 names no fall of it), 300 epochs, mixing by
    Beta(0.1, 1) of images and one-hot labels (§3.2), mid-slices of L1 and L2 alone, flips, rotation and scaling (§4.1),
    the level set's contour as a further boundary target (§3.4.2), the last weights and no average of them.
What it does not say, chosen: momentum 0.9 (Nesterov) and decay 1e-4; 8 cases for masks and boxes and 8 mixed ones for
    the class a batch; no warm-up. Validation, not the 300th epoch, chooses among the weights (best.pt).
Result: none here yet: no card was at hand. Testing/gpu_training.py measures its speed in ten minutes.
"""

from __future__ import annotations

from OsteoJointLib.config import network_config
from training.data.augment import AugmentConfig
from training.data.pair_batches import PairBatchConfig
from training.run_config import OptimizerConfig
from training.tasks.multitask import MultitaskConfig


def get_config() -> MultitaskConfig:
    """Return the experiment."""
    return MultitaskConfig(
        name="paper",
        network=network_config("paper"),
        data=PairBatchConfig(
            rows=8,
            further_rows=0,
            class_rows=8,
            images=8,
            localizer_every=1,
            mixup_alpha=0.1,
            mix_labels="one-hot",
            guided_share=0.0,
            left_out_share=0.0,
            unknown_share=0.0,
            evolved_share=0.5,
        ),
        augment=AugmentConfig(
            noise_probability=0.0,
            blur_probability=0.0,
            sharpen_probability=0.0,
            coarse_probability=0.0,
            object_probability=0.0,
            intensity_probability=0.0,
        ),
        optimizer=OptimizerConfig(name="sgd", learning_rate=0.001, schedule="constant", warmup=0.0),
        ema_decay=0.0,
        compile=True,
        validation_cases=600,
    )
