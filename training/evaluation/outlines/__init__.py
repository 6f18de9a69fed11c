"""How near masks come to the bone: the level set's and libraries' on a slice, and the whole bodies in space.

:mod:`~training.evaluation.outlines.cases` gives slices with a known outline and the masks to start from,
:mod:`~training.evaluation.outlines.rivals` the libraries' methods,
:mod:`~training.evaluation.outlines.comparison` measures them all and makes the table;
:mod:`~training.evaluation.outlines.whole_bodies` does so for the bodies over all slices.
"""
