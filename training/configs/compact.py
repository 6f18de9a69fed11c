"""The multitask network of the shipped weights: the compact profile, all six terms, all switches, on phantom pairs.

Command: python -m training pairs --out runs/pairs --seed 0 --count 12000        (one core, beside the training)
         python -m training pairs --out runs/validation --seed 800000 --count 400
         python -m training train --config compact --data runs/pairs --validation runs/validation --minutes 240 \\
             --threads 1 --workers 1
Hardware: two cores of a Xeon with AMX (bfloat16), no GPU: one trains, one makes batches and pairs.
Time: to be measured by the run; a run that is stopped goes on by the same command. ``best.pt`` holds the weights of the
    validation with the least cross-entropy.
Why so: a crop of 224 pixels takes the segmenter 150 ms there and back on one busy core, 18 ms for the features alone,
    and the classifier 15 ms. A case for masks costs 0.33 s, one for the class alone 0.07 s: of 28 cases 4 are for masks
    (half of which may teach the class too), 2 at any height, and 22 for the class alone. That is 45 % of a step's time
    for the class, which was 7 %.
Result: none yet; these settings have not been run to their end.
"""

from __future__ import annotations

from training.data.pair_batches import PairBatchConfig
from training.run_config import OptimizerConfig
from training.tasks.multitask import MultitaskConfig


def get_config() -> MultitaskConfig:
    """Return the experiment."""
    return MultitaskConfig(
        name="compact",
        data=PairBatchConfig(rows=4, further_rows=2, class_rows=22, images=6, localizer_every=3),
        optimizer=OptimizerConfig(name="sgd", learning_rate=0.05),
        windows_px=((0.6, 160), (1.0, 224)),
        validation_cases=200,
    )
