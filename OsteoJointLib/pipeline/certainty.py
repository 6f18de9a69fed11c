"""Whether the class is certain enough to be said alone, or "indeterminate": another one is possible too.

With an estimate of BMD: where its 90 % interval holds 80 or 120 mg/cm³. Without: where the likeliest class has less
than 90 % of the probability. Input that makes the class unreliable widens the interval: the standard deviation counts
twofold, and without an estimate of BMD the likeliest class needs 99 %. The numbers themselves stay the network's.
"""

from __future__ import annotations

from dataclasses import replace

from OsteoJointLib.records import NORMAL_ABOVE_MG_CM3, OSTEOPOROSIS_BELOW_MG_CM3, Classification

INTERVAL_PERCENT = 90
_DOUBT_WIDENS = 2.0
"""Factor on the standard deviation: chosen, the HU of a body move by its own size (8 mg/cm3) and more when contrast,
metal or a shifted scale is not what the network takes it for."""
_LEAST_SURE, _LEAST_SURE_IN_DOUBT = 0.90, 0.99
"""Of the likeliest class: what the interval holds, and what becomes of it when the log-odds are halved (chosen)."""


def is_indeterminate(said: Classification, reliable: bool) -> bool:
    """Say whether a class is indeterminate.

    Args:
        said: the classification.
        reliable: whether no doubt about the input speaks against it.

    >>> from OsteoJointLib.records import BmdEstimate, Status
    >>> said = Classification(Status.OSTEOPENIA, (0.01, 0.98, 0.01), 0.5, 0.5, BmdEstimate(100.0, 8.0))
    >>> is_indeterminate(said, reliable=True), is_indeterminate(said, reliable=False)  # 87 to 113, 74 to 126
    (False, True)
    """
    if said.bmd is None:
        return max(said.probabilities) < (_LEAST_SURE if reliable else _LEAST_SURE_IN_DOUBT)
    sd = said.bmd.sd_mg_cm3 * (1.0 if reliable else _DOUBT_WIDENS)
    low, high = replace(said.bmd, sd_mg_cm3=sd).interval_mg_cm3(INTERVAL_PERCENT)
    return any(low <= threshold <= high for threshold in (OSTEOPOROSIS_BELOW_MG_CM3, NORMAL_ABOVE_MG_CM3))
