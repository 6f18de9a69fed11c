"""The modified Chan-Vese level set of sections 3.4.1-3.4.2 (Eq. 4-9), which refines a mask within a bound.

:func:`OsteoJointLib.level_set.evolution.refine` is all that the other stages need; it puts together the functions of
:mod:`~OsteoJointLib.level_set.equations`, one per equation. SciPy comes with it alone, not with the parameters.
"""
