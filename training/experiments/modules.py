"""Table 3 and Figure 13: layered fusion (LF), gated convolution (GC), feature fusion (FF), in all eight combinations.

The base is what the paper describes, in compact size: no ordinal head, no header, no mask guidance, mixtures labeled as
Eq. 2 says. The segmenter is that of the shipped weights, frozen. Each setting differs from the first by its name alone,
but for the last, which turns our own switches on as well.

Command: python -m training ablate --config modules --data runs/pool --out runs/experiments
Hardware: half a core of an EPYC, 29 November 2026.
Time: 5 CPU-minutes a seed.
Result: accuracy on 420 cases, three seeds: .899 to .910 for all eight, none .909; LF adds -.003 (-.016 to .011), GC
    -.001 (-.011 to .010), FF .003 (-.009 to .015). With our switches .842: so few steps don't teach the ordinal head.
"""

from __future__ import annotations

from itertools import product

from training.experiments.experiment import PAPER_DATA, PAPER_NETWORK, Experiment, Setting

FIELDS = {"LF": "layered_fusion", "GC": "gated_convolution", "FF": "feature_fusion"}
NONE, ALL, WITH_OURS = "none", "LF + GC + FF", "LF + GC + FF and ours"


def get_config() -> Experiment:
    """Return the experiment."""
    return Experiment(
        name="modules",
        settings=(
            *(_setting(on) for on in sorted(product((False, True), repeat=len(FIELDS)), key=sum)),
            Setting(WITH_OURS, {"class_from": "mean"}, {"unknown_share": 0.3, "left_out_share": 0.15}),
        ),
    )


def _setting(on: tuple[bool, ...]) -> Setting:
    chosen = dict(zip(FIELDS, on, strict=True))
    name = " + ".join(name for name, is_on in chosen.items() if is_on) or NONE
    return Setting(name, {**PAPER_NETWORK, **{FIELDS[key]: is_on for key, is_on in chosen.items()}}, PAPER_DATA)
