"""How near a refined mask comes to the bone's surface, for the level set and for what libraries have of its kind.

:mod:`~training.evaluation.outlines.cases` gives slices with a known outline and the masks to start from,
:mod:`~training.evaluation.outlines.rivals` the libraries' methods,
:mod:`~training.evaluation.outlines.comparison` measures them all and makes the table.
"""
