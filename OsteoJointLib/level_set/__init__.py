"""The modified Chan-Vese level set of sections 3.4.1-3.4.2 (Eq. 4-9), which refines a mask within a bound.

:mod:`~OsteoJointLib.level_set.equations` holds one function per equation,
:mod:`~OsteoJointLib.level_set.evolution` puts them together and has ``refine``, all that the other stages need.
"""
