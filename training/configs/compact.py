"""The multitask network of the shipped weights: the compact profile, all six terms, all switches, on phantom pairs.

Command: python -m training pairs --out runs/pairs --seed 0 --count 6000        (one core, 0.35 to 1.5 s a pair)
         python -m training pairs --out runs/validation --seed 800000 --count 1200
         python -m training train --config compact --data runs/pairs --validation runs/validation --minutes 155 \\
             --threads 1 --workers 1
Hardware: two cores of an EPYC (Zen 4, bfloat16), no GPU: one trains, one makes batches, with other work beside them.
Time: 2849 steps in 140 minutes, 1.6 s a step at 160 pixels and 3.3 s at 224. The run was begun under 240 minutes and
    went on under 155 from minute 49 (the rate fell from 0.046 to 0.040 there); it was ended at minute 140, where the
    rate was 4 % of its top.
Why so: a crop of 224 pixels takes the segmenter 150 ms there and back on one busy core, 18 ms for the features alone,
    and the classifier 15 ms. A case for masks costs 0.33 s, one for the class alone 0.07 s: of 28 cases 4 are for masks
    (half of which may teach the class too), 2 at any height, and 22 for the class alone. That is 45 % of a step's time
    for the class, which was 7 %.
Result: on the 149 pairs that it watched, minutes 64 / 94 / 124 / 139: cross-entropy .217 / .174 / .163 / .163, accuracy
    .913 / .940 / .933 / .940, BMD error 13.3 / 10.3 / 7.9 / 7.9 mg/cm3, Dice .968 / .976 / .982 / .982. Too few: by 566
    pairs the shipped weights, of last.pt, are better than those of best.pt (minute 109): cross-entropy .154 and .168,
    BMD error 7.1 and 8.0. There the mean of softmax and areas is best, too: .154, each by itself .158.
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
        validation_cases=600,
        validate_minutes=20.0,
    )
