"""Public datasets brought into the project's own format, one module a dataset.

Each module finds a dataset's cases (:class:`training.importers.found.FoundCase`);
:mod:`~training.importers.bringing` reads, judges and writes them all alike.
"""
