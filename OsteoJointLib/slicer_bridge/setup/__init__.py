"""Packages, weights and the Python that the worker needs, and how they are installed."""
